import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compareSites } from "../src/verify/compare-sites.js";
import { repairSites } from "../src/verify/repair-sites.js";
import { CONTAINERS, reading } from "../testing/store-fixture.js";
import { storeView } from "../testing/store-view.js";
import { startTestNode, testSite, type TestNode } from "../testing/test-node.js";
import { until } from "../testing/until.js";
import type { SiteComparison } from "../src/verify/comparison.js";

const RECORDS = 3_000;

describe("damage at a site that runs, over gRPC", () => {
  let folder: string;
  const nodes: TestNode[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "landfall-repair-"));
  });
  afterEach(async () => {
    for (const node of nodes.splice(0).reverse()) await node.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(site: string, to: readonly TestNode[] = []): Promise<TestNode> {
    const sites = ["tokyo", "sydney"].map((name) => testSite(name));
    const links = to.map(({ site: peer, replicator }) => {
      return {
        id: `${site}~${peer}`,
        to: peer,
        class: "lan",
        address: `127.0.0.1:${replicator.port}`,
        carries: ["*"],
      } as const;
    });
    const node = await startTestNode({ site, folder: join(folder, site), sites, links });
    nodes.push(node);
    return node;
  }

  /** Flips a bit of each sealed block of a site that holds the stream. */
  function rot(site: string): void {
    for (const name of readdirSync(join(folder, site)).filter((one) => one.endsWith(".lfs"))) {
      const path = join(folder, site, name);
      const bytes = readFileSync(path);
      bytes[100] = (bytes[100] as number) ^ 4;
      writeFileSync(path, bytes);
    }
  }

  const compare = (a: TestNode, b: TestNode, deep: boolean): Promise<SiteComparison> =>
    compareSites([storeView(a.store, a.site), storeView(b.store, b.site)], { deep, includes: () => true, pause });
  const pause = (ms: number): Promise<void> => sleep(ms);

  it.each(["another site's", "its own"])("R1, S3: is found, and %s records are sent again", async (whose) => {
    const tokyo = await start("tokyo");
    const sydney = await start("sydney", [tokyo]);
    const origin = whose === "its own" ? sydney : tokyo;
    for (let i = 0; i < RECORDS; i += 500) {
      await origin.store.append(
        CONTAINERS,
        Array.from({ length: 500 }, (_, n) => reading(`t${n % 7}`, `${i + n} of ${origin.site}`)),
      );
    }
    for (const { store } of nodes) await until(() => store.vector(CONTAINERS)[origin.store.origin] === RECORDS);
    for (const { store } of nodes) await store.sealNow();
    expect(await compare(tokyo, sydney, true)).toMatchObject({ verdict: "equal", origins: [{ same: RECORDS }] });

    rot("sydney");
    // Stored digests say what was sealed; the bytes say what is there.
    expect((await compare(tokyo, sydney, false)).verdict).toBe("equal");
    const found = await compare(tokyo, sydney, true);
    const lacking = { kind: "lacking", site: "sydney", reason: "damaged", from: 0, to: RECORDS };
    expect(found.origins.flatMap(({ differences }) => differences)).toEqual([lacking]);
    expect(found.verdict).toBe("different");

    const views = [storeView(tokyo.store, "tokyo"), storeView(sydney.store, "sydney")] as const;
    expect(await repairSites(views, found, pause)).toEqual([{ site: "sydney", lacked: RECORDS, left: 0 }]);
    for (const state of ["unsealed", "sealed"]) {
      if (state === "sealed") await sydney.store.sealNow();
      const after = await compare(tokyo, sydney, true);
      expect([state, after.verdict, after.origins[0]?.same]).toEqual([state, "equal", RECORDS]);
    }
    // What comes now comes as ever, both ways.
    await tokyo.store.append(CONTAINERS, [reading("t1", "after")]);
    await sydney.store.append(CONTAINERS, [reading("t1", "after")]);
    await until(() => [tokyo, sydney].every(({ store }) => Object.keys(store.vector(CONTAINERS)).length === 2));
    expect((await compare(tokyo, sydney, true)).verdict).toBe("equal");
    expect(nodes.flatMap(({ reported }) => reported)).toEqual([]);
  });
});
