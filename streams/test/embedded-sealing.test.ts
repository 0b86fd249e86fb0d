import { beforeEach, describe, expect, it } from "vitest";
import { MERGE_FAN_IN } from "../src/limits.js";
import { isLandfallError } from "../src/model/errors.js";
import { OFFSET_AHEAD_MS_MAX } from "../src/limits.js";
import { openEmbeddedStore } from "../src/store/embedded-store.js";
import { verifyFolder } from "../src/store/verify-folder.js";
import { ManualEnv } from "../testing/manual-env.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { openMemoryStore } from "../testing/memory-store.js";
import { describeStoreContract } from "../testing/store-contract.js";
import {
  CONTAINERS,
  FOREIGN,
  SHIPS,
  START_MS,
  fillGaps,
  foreignBatch,
  reading,
  sync,
  text,
} from "../testing/store-fixture.js";
import type { EmbeddedStore, EmbeddedStoreOptions } from "../src/store/embedded-store.js";
import type { TopicName } from "../src/model/names.js";
import type { Seq, StoredRecord } from "../src/model/record.js";

// Every few records a new journal, so that almost everything is sealed and merged while the test runs.
describeStoreContract("The embedded store, sealing and merging all the time", async (options) => {
  const disk = new MemoryDisk();
  const small = { journalFileBytes: 700, cacheBytes: 20_000, windowBytes: 2_000 };
  return {
    open: () => openEmbeddedStore({ ...options, folder: "/data", disk, ...small }),
    dispose: async () => {},
  };
});

let disk: MemoryDisk;
let env: ManualEnv;
beforeEach(() => {
  disk = new MemoryDisk();
  env = new ManualEnv(START_MS);
});

const open = (over?: Partial<EmbeddedStoreOptions>): Promise<EmbeddedStore> => openMemoryStore(disk, env, over);

const valueOf = ({ value }: StoredRecord): string => new TextDecoder().decode(value);
const topic = (name: string): TopicName => name as TopicName;

/** Records of ten topics, own and foreign, sealed several times. */
async function fill(store: EmbeddedStore, rounds = 12): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    env.nowMs += 1000;
    await store.append(
      CONTAINERS,
      Array.from({ length: 20 }, (_, i) =>
        reading(`t${i % 10}`, `own ${round}.${i}`, { headers: { round: `${round}` } }),
      ),
    );
    await store.append(SHIPS, [reading("9321483.position", `ship ${round}`)]);
    await store.apply(foreignBatch(round * 2, [`foreign ${round * 2}`, `foreign ${round * 2 + 1}`]));
    await store.sealNow();
  }
}

async function everything(store: EmbeddedStore): Promise<string[]> {
  const { records } = await store.readStream(CONTAINERS, undefined, 10_000);
  return records
    .map((r) =>
      JSON.stringify([r.topic, r.offset, r.origin, r.seq, r.timestamp, r.received, r.arrived, valueOf(r), r.headers]),
    )
    .sort();
}

const segmentsOf = async (): Promise<string[]> =>
  (await disk.list("/data")).filter((name) => name.endsWith(".lfs")).sort();

describe("sealing and merging", () => {
  it("S1, O1: changes where records lie, and nothing of them", async () => {
    const plain = await open({ folder: "/plain", sealing: false });
    await fill(plain);
    env.nowMs = START_MS;
    const store = await open();
    await fill(store);
    const strip = (lines: string[]): string[] => lines.map((line) => line.replaceAll(/tokyo\.a~\w+/g, "own")).sort();
    expect(strip(await everything(store))).toEqual(strip(await everything(plain)));
    expect(store.spread(CONTAINERS).journals).toBeLessThanOrEqual(1);
    await store.close();
    const again = await open();
    expect(strip(await everything(again))).toEqual(strip(await everything(plain)));
    expect(again.stats().topics).toBe(12);
    const ships = await again.readTopic(SHIPS, topic("9321483.position"), { limit: 2, reverse: true });
    expect(ships.map(valueOf)).toEqual(["ship 11", "ship 10"]);
  });

  it("S4: the runs a topic is spread over stay few", async () => {
    const store = await open();
    await fill(store, 70);
    // Two origins, of each less than a full tier on every level.
    expect(store.spread(CONTAINERS).runs).toBeLessThan(2 * 2 * MERGE_FAN_IN);
    expect((await store.readTopic(CONTAINERS, topic("t3"), { limit: 1000 })).length).toBe(140);
  });

  it("S5: a journal that several ask for is sealed once, and the next ones after it", async () => {
    const store = await open({ retention: () => ({ ageMs: 10_000 }) });
    for (let round = 0; round < 3; round++) {
      await store.append(CONTAINERS, [reading("a", `${round}`)]);
      env.nowMs += 20_000;
      // Expiry wants what is old to be sealed, each time it looks.
      await Promise.all([store.expire(), store.expire(), store.sealNow()]);
      await store.sealNow();
      expect(store.spread(CONTAINERS).journals).toBe(0);
    }
    await store.expire();
    expect(await everything(store)).toEqual([]);
    await store.close();
  });

  it("S5: a journal that is to be sealed just when the sealing of others ends is not forgotten", async () => {
    const retention = (): object => ({ ageMs: 10_000 });
    for (let turns = 0; turns < 8; turns++) {
      let store = await open({ retention });
      await store.append(CONTAINERS, [reading("a", `${turns}`)]);
      await store.close();
      env.nowMs += 20_000;
      // Opening looks for what is left to be sealed; meanwhile expiry asks for the last journal.
      store = await open({ retention });
      for (let i = 0; i < turns; i++) await Promise.resolve();
      const expired = store.expire();
      await store.sealNow();
      await expired;
      expect(`${turns} ${store.spread(CONTAINERS).journals}`).toBe(`${turns} 0`);
      await store.close();
    }
  });

  it("leaves no file behind that no manifest names", async () => {
    const store = await open();
    await fill(store, 20);
    await store.close();
    const report = await verifyFolder(disk, "/data", false);
    expect(report.findings).toEqual([]);
    expect(report.records).toBe(20 * 23);
  });
});

describe("damage in a sealed run", () => {
  it("S3: is never served, is reported, and is healed by a peer", async () => {
    const peer = await openEmbeddedStore({
      folder: "/peer",
      site: "sydney",
      node: "a",
      slot: 2,
      env,
      disk: disk.boot(),
    });
    await peer.append(
      CONTAINERS,
      Array.from({ length: 50 }, (_, i) => reading(`t${i % 5}`, `sydney ${i}`)),
    );
    let store = await open({ cacheBytes: 0 });
    await sync(peer, store, CONTAINERS);
    await store.sealNow();
    const [name] = await segmentsOf();
    const path = `/data/${name}`;
    const bytes = Buffer.from(disk.bytes(path));
    bytes[60] = (bytes[60] as number) ^ 1;
    disk.replace(path, bytes);
    const found = await store.readTopic(CONTAINERS, topic("t1"), { limit: 100 }).catch((error: unknown) => error);
    expect(isLandfallError(found, "CORRUPT_BLOCK")).toBe(true);
    expect(store.stats().corruptBlocks).toBe(1);
    const lost = [{ origin: peer.origin, from: 0, to: 50, reason: "damaged" }];
    expect(store.gaps(CONTAINERS)).toEqual(lost);
    await store.settled();
    await store.close();
    const report = await verifyFolder(disk, "/data", false);
    expect(report.findings.length).toBe(1);
    expect(report.findings[0]?.what).toMatch(/bigblue\.containers, sydney\.a~\w+, seqs 0 to 49/);

    store = await open({ cacheBytes: 0 });
    expect(store.gaps(CONTAINERS)).toEqual(lost);
    await fillGaps(peer, store, CONTAINERS);
    await store.sealNow();
    expect(store.gaps(CONTAINERS)).toEqual([]);
    expect(store.vector(CONTAINERS)).toEqual(peer.vector(CONTAINERS));
    const healed = await store.readTopic(CONTAINERS, topic("t1"), { limit: 100 });
    expect(healed.map(valueOf)).toEqual(Array.from({ length: 10 }, (_, i) => `sydney ${i * 5 + 1}`));
    await store.close();
    expect((await verifyFolder(disk, "/data", false)).findings).toEqual([]);
  });

  it("S2: of its own records makes it take a new origin, so that no number is given twice", async () => {
    const store = await open({ cacheBytes: 0 });
    await store.append(CONTAINERS, [reading("a", "one"), reading("b", "two")]);
    await store.sealNow();
    await store.close();
    const [name] = await segmentsOf();
    const bytes = Buffer.from(disk.bytes(`/data/${name}`));
    bytes[50] = (bytes[50] as number) ^ 4;
    disk.replace(`/data/${name}`, bytes);
    const report = await verifyFolder(disk, "/data", true);
    expect(report.findings.map(({ repaired }) => repaired)).toEqual(["marked: peers are asked for it"]);
    const again = await open();
    expect(again.origin).not.toBe(store.origin);
    const [next] = await again.append(CONTAINERS, [reading("a", "three")]);
    expect(next?.seq).toBe(0);
  });

  it.each(["missing", "cut short", "without its footer"])(
    "S3: a segment that is %s costs only itself",
    async (what) => {
      const store = await open();
      await fill(store, 3);
      await store.close();
      const names = await segmentsOf();
      const path = `/data/${names[1]}`;
      if (what === "missing") await disk.remove(path);
      else if (what === "cut short") disk.replace(path, disk.bytes(path).subarray(0, 100));
      else disk.replace(path, disk.bytes(path).fill(0, disk.bytes(path).length - 20));
      const again = await open();
      expect(again.origin).not.toBe(store.origin);
      expect(again.stats().corruptBlocks).toBe(1);
      expect((await again.readTopic(CONTAINERS, topic("t1"), { limit: 100 })).length).toBe(4);
      const lacking = await again.readOrigin(CONTAINERS, FOREIGN, 2 as Seq, 1000);
      expect(lacking).toEqual([]);
    },
  );
});

describe("expiry", () => {
  it("S5, R6, O2: frees whole runs, leaves gaps, and never gives an offset again", async () => {
    const retention = { retention: () => ({ ageMs: 5_500 }) };
    const store = await open(retention);
    await fill(store, 5);
    const [last] = await store.append(CONTAINERS, [reading("only-once", "x")]);
    await store.sealNow();
    const used = store.stats().bytesOnDisk;
    const vector = store.vector(CONTAINERS);
    env.nowMs += 3_000;
    const gone = await store.expire();
    expect(gone).toBeGreaterThan(40);
    expect(store.stats().bytesOnDisk).toBeLessThan(used);
    expect(store.vector(CONTAINERS)).toEqual(vector);
    const own = store.gaps(CONTAINERS).find(({ origin }) => origin === store.origin);
    expect(own).toMatchObject({ from: 0, reason: "expired" });
    const { records, cursor } = await store.readStream(CONTAINERS, undefined, 10_000);
    expect(records.find(({ origin }) => origin === store.origin)?.seq).toBe(own?.to);
    expect(cursor.next).toEqual(vector);
    env.nowMs += 60_000;
    await store.expire();
    expect(await everything(store)).toEqual([]);
    await store.close();
    const again = await open(retention);
    expect(again.vector(CONTAINERS)).toEqual(vector);
    expect(again.gaps(CONTAINERS)).toEqual(
      [
        { origin: FOREIGN, from: 0, to: 10, reason: "expired" },
        { origin: store.origin, from: 0, to: 101, reason: "expired" },
      ].sort((a, b) => (a.origin < b.origin ? -1 : 1)),
    );
    env.nowMs = START_MS;
    const [next] = await again.append(CONTAINERS, [reading("only-once", "y")]);
    expect(next?.offset).toBeGreaterThan(last?.offset ?? 0);
    expect(next?.seq).toBe(101);
    expect((await verifyFolder(disk, "/other", false).catch((error: unknown) => error)) as Error).toMatchObject({
      code: "NOT_FOUND",
    });
  });
});

describe("following", () => {
  it("the latest record of every topic, page by page", async () => {
    const store = await open();
    await fill(store, 6);
    await store.append(CONTAINERS, [reading("t4", "newest")]);
    const first = await store.latest(CONTAINERS, { limit: 4, prefix: "t" });
    const rest = await store.latest(CONTAINERS, { limit: 100, prefix: "t", after: first.at(-1)?.topic ?? "" });
    expect([...first, ...rest].map((record) => [record.topic, valueOf(record)])).toEqual(
      Array.from({ length: 10 }, (_, i) => [`t${i}`, i === 4 ? "newest" : `own 5.${i + 10}`]),
    );
  });

  it("packs what was sealed in a hurry once there is time", async () => {
    const unsealed = await open({ journalFileBytes: 30_000, commitBytes: 10_000, sealing: false });
    const batch = Array.from({ length: 500 }, (_, i) => reading(`t${i % 7}`, `{"temperatureC":${(i % 40) / 10}}`));
    await Promise.all(Array.from({ length: 6 }, () => unsealed.append(CONTAINERS, batch)));
    await unsealed.close();
    // All journals wait at once, so that the first are not packed when they are sealed.
    const store = await open();
    await store.sealNow();
    const runs: boolean[] = [];
    for (let seq = 0; seq < 3000;) {
      const reader = await store.openSealed(CONTAINERS, store.origin, seq as Seq);
      if (reader === undefined) throw new Error(`no run begins at ${seq}`);
      runs.push(reader.run.packed);
      seq = reader.run.to;
      await reader.close();
    }
    expect(runs.length).toBeGreaterThan(2);
    expect(new Set(runs)).toEqual(new Set([true]));
  });

  it("O4: hands out what is there, then what comes, as fast as it is taken, until it is told to stop", async () => {
    const store = await open();
    await fill(store, 2);
    const stop = new AbortController();
    const seen: string[] = [];
    const following = (async () => {
      for await (const { records } of store.follow(SHIPS, undefined, { signal: stop.signal, limit: 1 })) {
        expect(records.length).toBe(1);
        seen.push(...records.map(valueOf));
        if (seen.length === 2) void store.append(SHIPS, [reading("a", "live"), reading("a", "live too")]);
        if (seen.length === 4) stop.abort();
      }
    })();
    await following;
    expect(seen).toEqual(["ship 0", "ship 1", "live", "live too"]);
    const untilClosed = (async () => {
      for await (const _ of store.follow(SHIPS, { v: 1, next: store.vector(SHIPS) })) throw new Error("nothing comes");
    })();
    await store.close();
    await untilClosed;
  });

  it("O2: a clock far behind what is sealed is made up for topic by topic", async () => {
    const store = await open();
    const [ahead] = await store.append(CONTAINERS, [reading("a", "1", { value: text("1") })]);
    await store.sealNow();
    env.nowMs -= 2 * OFFSET_AHEAD_MS_MAX;
    const [[same], [other]] = await Promise.all([
      store.append(CONTAINERS, [reading("a", "2")]),
      store.append(CONTAINERS, [reading("b", "3")]),
    ]);
    expect(same?.offset).toBeGreaterThan(ahead?.offset ?? 0);
    expect(other?.offset).toBeLessThan(ahead?.offset ?? 0);
  });
});
