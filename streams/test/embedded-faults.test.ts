import { beforeEach, describe, expect, it } from "vitest";
import { JOURNAL_FILES_OPEN_MAX } from "../src/limits.js";
import { streamName } from "../src/model/names.js";
import { openEmbeddedStore } from "../src/store/embedded-store.js";
import { ManualEnv } from "../testing/manual-env.js";
import { MemoryDisk, systemError } from "../testing/memory-disk.js";
import { CONTAINERS, FOREIGN, SHIPS, START_MS, foreignBatch, reading } from "../testing/store-fixture.js";
import { until } from "../testing/until.js";
import type { TopicName } from "../src/model/names.js";
import type { EmbeddedStoreOptions } from "../src/store/embedded-store.js";
import type { StreamStore } from "../src/store/store.js";

let disk: MemoryDisk;
let env: ManualEnv;

beforeEach(() => {
  disk = new MemoryDisk();
  env = new ManualEnv(START_MS);
});

function open(over: Partial<EmbeddedStoreOptions> = {}): Promise<StreamStore> {
  return openEmbeddedStore({ folder: "/data", site: "tokyo", node: "a", env, disk: disk.boot(), ...over });
}

const refused = (code: string): unknown => expect.objectContaining({ name: "LandfallError", code });
const append = (store: StreamStore, value = "x"): Promise<unknown> => store.append(CONTAINERS, [reading("a", value)]);
const count = (store: StreamStore): number => store.vector(CONTAINERS)[store.origin] ?? 0;

function usedBytes(): Promise<number> {
  return disk.list("/data").then((names) => names.reduce((sum, name) => sum + disk.bytes(`/data/${name}`).length, 0));
}

describe("a full disk", () => {
  it("S6, S1: acknowledges nothing more, says so, goes on reading, and recovers when space returns", async () => {
    const store = await open();
    await append(store, "before");
    disk.faults.capacity = (await usedBytes()) + 100;
    for (let i = 0; i < 3; i++) await expect(append(store, "y".repeat(200))).rejects.toEqual(refused("DISK_FULL"));
    await expect(store.apply(foreignBatch(0, ["z".repeat(200)]))).rejects.toEqual(refused("DISK_FULL"));
    expect(store.stats().failed).toMatch(/^DISK_FULL: no space left for .*journal-00000001\.log/);
    expect(store.vector(CONTAINERS)).toEqual({ [store.origin]: 1 });
    expect((await store.readTopic(CONTAINERS, "a" as TopicName, { limit: 9 })).length).toBe(1);
    // What was written in vain was taken off again.
    expect(await usedBytes()).toBeLessThanOrEqual(disk.faults.capacity - 100);

    disk.faults.capacity = Number.POSITIVE_INFINITY;
    await append(store, "after");
    expect(store.stats().failed).toBeUndefined();
    await store.close();
    const again = await open();
    expect(again.origin).toBe(store.origin);
    expect(count(again)).toBe(2);
    expect(again.stats().corruptBlocks).toBe(0);
  });

  it("S2: bytes that could not even be taken off again are never read as records", async () => {
    const store = await open();
    await append(store, "before");
    disk.faults.capacity = (await usedBytes()) + 40_000;
    disk.faults.failTruncate = true;
    // Several frames, the first of them written whole.
    const many = Array.from({ length: 30 }, (_, i) => reading("a", `ghost ${i}`.padEnd(2_000)));
    await expect(store.append(CONTAINERS, many)).rejects.toEqual(refused("DISK_FULL"));
    disk.faults.capacity = Number.POSITIVE_INFINITY;
    await expect(append(store)).rejects.toEqual(refused("DISK_FAILED"));
    disk.faults.failTruncate = false;
    disk.kill();
    const again = await open();
    expect(count(again)).toBe(1);
    await append(again, "after");
    await again.close();
    expect(count(await open())).toBe(2);
  });

  it("S6: on the way to a new file is a full disk like any other", async () => {
    const store = await open({ journalFileBytes: 500 });
    await append(store, "x".repeat(300));
    disk.faults.capacity = (await usedBytes()) + 10;
    await expect(append(store, "y".repeat(300))).rejects.toEqual(refused("DISK_FULL"));
    disk.faults.capacity = Number.POSITIVE_INFINITY;
    await append(store, "z".repeat(300));
    await store.close();
    const again = await open();
    expect(again.origin).toBe(store.origin);
    expect(count(again)).toBe(2);
  });

  it("S6: is said when the folder cannot be opened for it", async () => {
    disk.faults.capacity = 0;
    const store = await open().catch((error: unknown) => error);
    expect(store).toEqual(refused("DISK_FULL"));
  });
});

describe("a failed fsync", () => {
  it.each([
    ["of its own", false],
    ["of a write that is to be durable at once", true],
  ])(
    "S6, S1: %s: nothing more is acknowledged, even if the disk seems well again; reading goes on",
    async (_, through) => {
      disk.writesThrough = through;
      const store = await open();
      await append(store, "before");
      disk.faults.onSync = (path) => {
        throw systemError("EIO", path);
      };
      // The second and third wait for the commit that fails.
      const waiting = [append(store), Promise.resolve().then(() => append(store)), append(store)];
      for (const result of await Promise.allSettled(waiting)) {
        expect(result).toMatchObject({ status: "rejected", reason: { code: "DISK_FAILED" } });
      }
      disk.faults.onSync = undefined;
      await expect(append(store)).rejects.toEqual(refused("DISK_FAILED"));
      await expect(store.apply(foreignBatch(0, ["a"]))).rejects.toEqual(refused("DISK_FAILED"));
      expect(store.stats().failed).toMatch(/^DISK_FAILED: the disk did not confirm/);
      expect(count(store)).toBe(1);
      expect((await store.readTopic(CONTAINERS, "a" as TopicName, { limit: 9 })).length).toBe(1);
      await store.close();

      const again = await open();
      await append(again, "after");
      expect(again.stats().failed).toBeUndefined();
    },
  );

  it("S6: a write that fails for another reason than space is final, too", async () => {
    const store = await open();
    disk.faults.onWrite = (path) => {
      if (path.endsWith(".log")) throw systemError("EIO", path);
    };
    await expect(append(store)).rejects.toEqual(refused("DISK_FAILED"));
    disk.faults.onWrite = undefined;
    await expect(append(store)).rejects.toEqual(refused("DISK_FAILED"));
  });

  it("a read that fails is that read's failure only", async () => {
    const store = await open({ cacheBytes: 0 });
    await append(store, "before");
    disk.faults.onRead = (path) => {
      throw systemError("EIO", path);
    };
    await expect(store.readTopic(CONTAINERS, "a" as TopicName, { limit: 9 })).rejects.toEqual(refused("DISK_FAILED"));
    disk.faults.onRead = undefined;
    expect((await store.readTopic(CONTAINERS, "a" as TopicName, { limit: 9 })).length).toBe(1);
    await append(store, "after");
  });
});

describe("group commit", () => {
  it("S2: while the disk works, neither reader nor listener sees what is on its way", async () => {
    const store = await open();
    await append(store);
    const seen: number[] = [];
    let told = 0;
    store.onCommit(() => told++);
    disk.faults.onSync = () => void seen.push(count(store), store.topics(CONTAINERS, { limit: 9 }).length, told);
    await store.append(CONTAINERS, [reading("b", "x")]);
    expect(seen).toEqual([1, 1, 0]);
    expect([count(store), store.topics(CONTAINERS, { limit: 9 }).length, told]).toEqual([2, 2, 1]);
  });

  it("S4: is one sync for everything that arrived meanwhile, over a thousand streams and two origins", async () => {
    const store = await open();
    await append(store);
    let syncs = 0;
    disk.faults.onSync = () => void syncs++;
    const first = append(store);
    await first;
    const streams = Array.from({ length: 1_000 }, (_, i) => streamName(`customer-${i}.containers`));
    const all = streams.map((stream) => store.append(stream, [reading("a", "x")]));
    all.push(store.apply(foreignBatch(0, ["a", "b"])) as never);
    await Promise.all(all);
    expect(syncs).toBe(2);
    expect(store.stats()).toMatchObject({ commits: 3, streams: 1_001 });
    expect(store.vector(CONTAINERS)[FOREIGN]).toBe(2);
    await store.close();
    disk.faults.onSync = undefined;
    expect((await open()).streams().length).toBe(1_001);
  });

  it("is bounded: what waits beyond the limit is refused with OVERLOADED, and later taken again", async () => {
    const store = await open({ pendingBytesMax: 10_000, commitBytes: 3_000 });
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => append(store, "x".repeat(1_000))));
    const rejected = results.filter((result) => result.status === "rejected");
    expect(rejected.length).toBe(11);
    for (const { reason } of rejected) expect(reason).toEqual(refused("OVERLOADED"));
    expect(count(store)).toBe(9);
    expect(store.stats().commits).toBeGreaterThanOrEqual(4);
    await store.append(SHIPS, [reading("a", "x".repeat(50_000))]);
  });
});

describe("open files", () => {
  it("are bounded however often the journal is sealed and merged under readers and writers, and all closed in the end", async () => {
    const store = await open({ journalFileBytes: 300, cacheBytes: 0 });
    for (let i = 0; i < 100; i++) await append(store, `${i}`.padEnd(100));
    const read = (): Promise<unknown[]> => store.readTopic(CONTAINERS, "a" as TopicName, { limit: 1_000 });
    for (const records of await Promise.all([read(), read(), read()])) expect(records.length).toBe(100);
    // And the one that is written to.
    expect(disk.openFiles).toBeLessThanOrEqual(JOURNAL_FILES_OPEN_MAX + 1);
    await store.close();
    expect(disk.openFiles).toBe(0);
    const again = await open({ cacheBytes: 0 });
    // What is still to be sealed is read first.
    await until(() => disk.openFiles === 1);
    expect(count(again)).toBe(100);
    await again.close();
    expect(disk.openFiles).toBe(0);
    disk.replace("/data/identity.json", Buffer.from('{"format": 7}'));
    await expect(open()).rejects.toEqual(refused("UNSUPPORTED_FORMAT"));
    expect(disk.openFiles).toBe(0);
  });
});
