import type { GapsReply } from "@landfall/proto/api";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { streamName, topicName } from "../src/model/names.js";
import { retentionOf } from "../src/node/retention.js";
import { tokenDigest } from "../src/replication/gate.js";
import type { SiteEntry } from "../src/settings/node-settings.js";
import { openEmbeddedStore, type EmbeddedStore, type EmbeddedStoreOptions } from "../src/store/embedded-store.js";
import { freePort } from "../testing/free-ports.js";
import { ManualEnv } from "../testing/manual-env.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { CONTAINERS, FOREIGN, START_MS, foreignBatch, reading } from "../testing/store-fixture.js";
import { startTestNode, type TestNode } from "./support/test-node.js";

const MINUTE_MS = 60_000;
const LATEST = "bigblue.latest";

describe("rules of retention", () => {
  it("S5: the first that matches a stream counts; without one it is kept for ever", () => {
    const of = retentionOf([
      { stream: "bigblue.metrics", days: 7, megabytes: 500 },
      { stream: "*.metrics", days: 1 },
      { stream: "*.latest", minutes: 10 },
    ]);
    expect(of(streamName("bigblue.metrics"))).toEqual({ ageMs: 7 * 24 * 60 * MINUTE_MS, bytes: 500_000_000 });
    expect(of(streamName("duckworks.metrics"))).toEqual({ ageMs: 24 * 60 * MINUTE_MS });
    expect(of(streamName(LATEST))).toEqual({ ageMs: 10 * MINUTE_MS });
    expect(of(CONTAINERS)).toBeUndefined();
  });
});

describe("what was not handed over", () => {
  let disk: MemoryDisk;
  let env: ManualEnv;
  beforeEach(() => {
    disk = new MemoryDisk();
    env = new ManualEnv(START_MS);
  });

  /** Two sealed runs of own records, seqs 0 to 9 and 10 to 19, and a foreign one, all of them too old. */
  async function overdue(options: Partial<EmbeddedStoreOptions>): Promise<EmbeddedStore> {
    const retention = (): { ageMs: number } => ({ ageMs: 10 * MINUTE_MS });
    const store = await openEmbeddedStore({
      folder: "/data",
      site: "tokyo",
      node: "a",
      env,
      disk: disk.boot(),
      retention,
      ...options,
    });
    for (let run = 0; run < 2; run++) {
      await store.append(
        CONTAINERS,
        Array.from({ length: 10 }, (_, i) => reading("a", `${run}.${i}`)),
      );
      await store.sealNow();
    }
    await store.apply(foreignBatch(0, ["foreign"]));
    await store.sealNow();
    env.nowMs += 11 * MINUTE_MS;
    return store;
  }

  it("S6: does not expire, however old, run by run", async () => {
    let next = 0;
    const store = await overdue({ handedOver: (_, origin) => (origin === FOREIGN ? 1 : next) });
    expect(await store.expire()).toBe(1);
    next = 19;
    expect(await store.expire()).toBe(10);
    expect(store.gaps(CONTAINERS).filter(({ origin }) => origin === store.origin)).toEqual([
      { origin: store.origin, from: 0, to: 10, reason: "expired" },
    ]);
    next = 20;
    expect(await store.expire()).toBe(10);
  });

  it("S6: expires all the same once the disk is used beyond its high-water mark", async () => {
    const store = await overdue({ handedOver: () => 0, diskPercentMax: 80 });
    // Far larger than the store.
    const ballast = await disk.open("/ballast", "create");
    await ballast.write(new Uint8Array(1_000_000), 0);
    disk.faults.capacity = 1_000_000 / 0.7;
    expect(await store.expire()).toBe(0);
    disk.faults.capacity = 1_000_000 / 0.9;
    expect(await store.expire()).toBe(21);
  });
});

describe("retention at a node", () => {
  const secretOf = (site: string): string => `secret of ${site}`;
  const entry = (site: string, kind: SiteEntry["kind"]): SiteEntry => ({
    site,
    kind,
    name: site,
    owner: "bigblue",
    groups: ["bigblue-sites"],
    tokenSha256: tokenDigest(secretOf(site)),
  });
  const SITES = [entry("ship-9321483", "ship"), entry("tokyo", "port")];
  const common = {
    sites: SITES,
    access: [{ stream: "bigblue.*", read: "g:bigblue-ops", replicate: "g:bigblue-sites" }],
    retention: [{ stream: "*.latest", minutes: 10 }],
  };

  const put = (node: TestNode, value: string): Promise<unknown> =>
    node.store.append(streamName(LATEST), [{ ...reading("MSKU9070323", value), topic: topicName("MSKU9070323") }]);
  const gapsAt = async (node: TestNode): Promise<GapsReply["gaps"]> =>
    ((await (await node.ask(`/api/streams/${LATEST}/gaps`, { as: "ops" })).json()) as GapsReply).gaps;

  it("S5, R6: records expire by its settings, and its API says which and why", async () => {
    const env = new ManualEnv(START_MS);
    const node = await startTestNode({ ...common, site: "tokyo" }, { env });
    await put(node, "one");
    await put(node, "two");
    const path = `/api/streams/${LATEST}/topics/MSKU9070323/records`;
    env.advance(9 * MINUTE_MS);
    expect((await node.ask(path, { as: "ops" })).status).toBe(200);
    expect(await gapsAt(node)).toEqual([]);
    await vi.waitFor(async () => {
      env.advance(MINUTE_MS);
      expect(await gapsAt(node)).toEqual([{ origin: node.store.origin, from: 0, to: 2, reason: "expired" }]);
    }, 20_000);
    expect((await node.ask(path, { as: "ops" })).status).toBe(404);
    // To anybody else the stream does not exist (A3).
    expect((await node.ask(`/api/streams/${LATEST}/gaps`, { as: "ducky" })).status).toBe(404);
  });

  it("S6: a ship keeps what no port has, and lets it go when one has", async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const env = new ManualEnv(Date.now());
    const link = { id: "ship~tokyo", to: "tokyo", class: "port" as const, address, carries: ["*"] };
    const ship = await startTestNode(
      {
        ...common,
        site: "ship-9321483",
        links: [link],
        replication: { token: secretOf("ship-9321483"), wants: [] },
      },
      { env },
    );
    await put(ship, "at sea");
    for (let minute = 0; minute < 30; minute++) {
      env.advance(MINUTE_MS);
      expect(await gapsAt(ship)).toEqual([]);
    }
    expect(ship.replication.handedOver(streamName(LATEST), ship.store.origin)).toBe(0);
    const tokyo = await startTestNode({
      ...common,
      retention: [],
      site: "tokyo",
      replication: { listen: address, token: secretOf("tokyo"), wants: ["*"] },
    });
    await vi.waitFor(async () => {
      env.advance(1_000);
      expect(tokyo.store.vector(streamName(LATEST))).toEqual({ [ship.store.origin]: 1 });
      expect(ship.replication.handedOver(streamName(LATEST), ship.store.origin)).toBe(1);
    }, 20_000);
    await vi.waitFor(async () => {
      env.advance(MINUTE_MS);
      expect(await gapsAt(ship)).toEqual([{ origin: ship.store.origin, from: 0, to: 1, reason: "expired" }]);
    }, 20_000);
    expect(await gapsAt(tokyo)).toEqual([]);
  });
});
