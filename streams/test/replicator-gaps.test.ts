import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hole } from "../src/model/gap.js";
import { siteOfOrigin } from "../src/model/names.js";
import type { Seq } from "../src/model/record.js";
import type { LinkSettings } from "../src/settings/node-settings.js";
import { CONTAINERS, FOREIGN, foreignBatch, reading } from "../testing/store-fixture.js";
import { copyFiles, restoreInPlace } from "../testing/restore-in-place.js";
import { startTestNode, testSite, type TestNode } from "../testing/test-node.js";
import { until } from "../testing/until.js";

const hole = (from: number, to: number, reason: Hole["reason"]): Hole => ({ from: from as Seq, to: to as Seq, reason });
const values = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `f${from + i}`);

describe("gaps and forks between real stores over gRPC", () => {
  let folder: string;
  const nodes: TestNode[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "landfall-gaps-"));
  });
  afterEach(async () => {
    for (const node of nodes.splice(0).reverse()) await node.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(site: string, to: readonly TestNode[] = []): Promise<TestNode> {
    const sites = ["tokyo", "singapore", "sydney", siteOfOrigin(FOREIGN)].map((name) => testSite(name));
    const links: LinkSettings[] = to.map((peer) => ({
      id: `${site}~${peer.site}`,
      to: peer.site,
      class: "lan",
      address: `127.0.0.1:${peer.replicator.port}`,
      carries: ["*"],
    }));
    const node = await startTestNode({ site, folder: join(folder, site), sites, links });
    nodes.push(node);
    return node;
  }

  const next = ({ store }: TestNode): number => store.vector(CONTAINERS)[FOREIGN] ?? 0;

  it("R6: what expired everywhere is a gap at who joins late, and is filled when a holder is met", async () => {
    const tokyo = await start("tokyo");
    await tokyo.store.noteGap(CONTAINERS, FOREIGN, hole(0, 10, "expired"));
    await tokyo.store.apply(foreignBatch(10, values(10, 15)));
    const singapore = await start("singapore", [tokyo]);
    await until(() => next(singapore) === 15);
    expect(singapore.store.gaps(CONTAINERS)).toEqual([{ origin: FOREIGN, ...hole(0, 10, "missed") }]);
    const { cursor } = await singapore.store.readStream(CONTAINERS, undefined, 100);

    const sydney = await start("sydney", [singapore]);
    await sydney.store.apply(foreignBatch(0, values(0, 7)));
    await until(() => singapore.store.gaps(CONTAINERS)[0]?.from === 7);
    const filled = await singapore.store.readStream(CONTAINERS, cursor, 100);
    expect(filled.records.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    // This site's own retention has dropped them: they are not taken back.
    expect(tokyo.store.gaps(CONTAINERS)).toEqual([{ origin: FOREIGN, ...hole(0, 10, "expired") }]);
  });

  it("R4: two histories under the same numbers are refused and reported; other origins go on", async () => {
    const tokyo = await start("tokyo");
    await tokyo.store.apply(foreignBatch(0, values(0, 8)));
    const forked = await start("singapore");
    await forked.store.apply(foreignBatch(0, ["f0", "f1", "f2", "another", "history"]));
    await forked.close();
    nodes.splice(nodes.indexOf(forked), 1);
    const singapore = await start("singapore", [tokyo]);
    await tokyo.store.append(CONTAINERS, [reading("MSKU9070323", "goes on")]);
    await until(() => singapore.store.vector(CONTAINERS)[tokyo.store.origin] === 1);
    await until(() => [tokyo, singapore].every(({ reported }) => reported.some(({ code }) => code === "FORK")));
    expect(next(singapore)).toBe(5);
    const kept = await singapore.store.readOrigin(CONTAINERS, FOREIGN, 3 as Seq, 65_536);
    expect(kept.map(({ value }) => Buffer.from(value).toString())).toEqual(["another", "history"]);
  });

  const say = (node: TestNode, ...texts: string[]) =>
    node.store.append(
      CONTAINERS,
      texts.map((text) => reading("MSKU9070323", text)),
    );

  async function stop(node: TestNode): Promise<void> {
    nodes.splice(nodes.indexOf(node), 1);
    await node.close();
  }

  /** All that a node shows of the topic: offset and value. */
  async function shown({ store }: TestNode): Promise<string[]> {
    const records = await store.readTopic(CONTAINERS, "MSKU9070323" as never, { limit: 100 });
    return records.map(({ offset, value }) => `${offset} ${Buffer.from(value).toString()}`);
  }

  it.each([1, 4])(
    "S2: a folder restored in place takes a new origin by itself, nothing is lost or double, all end equal (%d records since)",
    async (since) => {
      const first = await start("tokyo");
      await say(first, "before the backup", "before it, too");
      const { origin } = first.store;
      await stop(first);
      copyFiles(join(folder, "tokyo"), join(folder, "backup"));

      const [singapore, sydney] = [await start("singapore"), await start("sydney")];
      const former = await start("tokyo", [singapore]);
      await say(former, "lost with the folder", "and this", "and that");
      await until(() => singapore.store.vector(CONTAINERS)[origin] === 5);
      await stop(former);
      restoreInPlace(join(folder, "backup"), join(folder, "tokyo"));

      // It does not know; another site takes what it writes now under numbers that were given before.
      const unaware = await start("tokyo", [sydney]);
      expect(unaware.store.origin).toBe(origin);
      await say(unaware, ...Array.from({ length: since }, (_, i) => `since ${i}`));
      await until(() => sydney.store.vector(CONTAINERS)[origin] === 2 + since);
      await stop(unaware);

      const tokyo = await start("tokyo", [sydney, singapore]);
      await say(tokyo, "before it knows");
      await until(() => tokyo.reported.some(({ code }) => code === "RESTORED"));
      await until(() => tokyo.store.origin !== origin);
      await say(tokyo, "under the new origin");
      const all = [tokyo, singapore, sydney];
      const count = 2 + 3 + since + 2;
      await until(async () => (await Promise.all(all.map(shown))).every(({ length }) => length === count));
      const vectors = () =>
        all.map(({ store }) =>
          JSON.stringify(Object.entries(store.vector(CONTAINERS)).toSorted(([a], [b]) => (a < b ? -1 : 1))),
        );
      await until(() => new Set(vectors()).size === 1);
      const [here = [], ...others] = await Promise.all(all.map(shown));
      for (const there of others) expect(there).toEqual(here);
      expect(new Set(here.map((line) => line.split(" ")[0])).size).toBe(count);
      expect(tokyo.store.vector(CONTAINERS)[tokyo.store.origin]).toBe(1);
    },
    60_000,
  );
});
