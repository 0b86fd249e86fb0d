import { describe, expect, it } from "vitest";
import { MERGE_FAN_IN } from "../src/limits.js";
import { ManualEnv } from "../testing/manual-env.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { openMemoryStore } from "../testing/memory-store.js";
import { CONTAINERS, FOREIGN, SHIPS, START_MS, foreignBatch, reading } from "../testing/store-fixture.js";
import type { Hole } from "../src/model/gap.js";
import type { StreamName, TopicName } from "../src/model/names.js";
import type { Seq } from "../src/model/record.js";
import type { EmbeddedStore, EmbeddedStoreOptions } from "../src/store/embedded-store.js";
import type { Retention } from "../src/store/store.js";

const env = new ManualEnv(START_MS);
const open = (disk: MemoryDisk, over?: Partial<EmbeddedStoreOptions>): Promise<EmbeddedStore> =>
  openMemoryStore(disk, env, over);
const hole = (from: number, to: number, reason: Hole["reason"]): Hole => ({ from: from as Seq, to: to as Seq, reason });
const values = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `f${from + i}`);

describe("gaps in the embedded store's folder", () => {
  it("R6: a gap that was filled and sealed is forgotten; when that expires, it is not filled again", async () => {
    const disk = new MemoryDisk();
    let store = await open(disk);
    await store.noteGap(CONTAINERS, FOREIGN, hole(0, 10, "missed"));
    await store.apply(foreignBatch(10, ["ten"]));
    await store.apply(foreignBatch(2, values(2, 6)));
    await store.sealNow();
    await store.close();
    store = await open(disk, { retention: () => ({ bytes: 0 }) });
    expect(store.gaps(CONTAINERS)).toEqual(
      [hole(0, 2, "missed"), hole(6, 10, "missed")].map((one) => ({ origin: FOREIGN, ...one })),
    );
    await store.expire();
    await store.apply(foreignBatch(0, values(0, 10)));
    const left = [hole(2, 6, "expired"), hole(10, 11, "expired")].map((one) => ({ origin: FOREIGN, ...one }));
    expect(store.gaps(CONTAINERS)).toEqual(left);
    await store.close();
    store = await open(disk);
    expect(store.gaps(CONTAINERS)).toEqual(left);
    const { records } = await store.readStream(CONTAINERS, undefined, 100);
    expect(records.map((record) => record.seq)).toEqual([0, 1, 6, 7, 8, 9]);
  });

  it("S5, R6: by size, the newest so many bytes stay; what is older goes run by run, its file with it, and is a gap", async () => {
    const disk = new MemoryDisk();
    const limit = { bytes: Infinity };
    const retention = (stream: StreamName): Retention | undefined => (stream === CONTAINERS ? limit : undefined);
    let store = await open(disk, { retention });
    const { origin } = store;
    const segments = async (): Promise<string[]> => (await disk.list("/data")).filter((name) => name.endsWith(".lfs"));
    const files: string[] = [];
    // Nothing that could be packed: each run takes about as much as the others.
    const noise = (): Uint8Array => Uint8Array.from({ length: 1_000 }, () => Math.floor(env.random() * 256));
    for (let run = 0; run < 4; run++) {
      const records = Array.from({ length: 10 }, (_, i) => reading(`t${i % 3}`, "", { value: noise() }));
      await store.append(CONTAINERS, records);
      env.nowMs += 1_000;
      await store.sealNow();
      files.push(...(await segments()).filter((name) => !files.includes(name)));
    }
    expect(files).toHaveLength(4);
    await store.append(SHIPS, [reading("9321483.position", "of a stream that is kept")]);
    const sizeOf = (name = ""): number => disk.bytes(`/data/${name}`).byteLength;
    const [, third = "", fourth = ""] = files.slice(1);
    const seqs = async (): Promise<number[]> =>
      (await store.readStream(CONTAINERS, undefined, 100)).records.map(({ seq }) => seq);

    expect(await store.expire()).toBe(0);
    // A file is somewhat more than its run.
    limit.bytes = sizeOf(third) + sizeOf(fourth);
    const used = store.stats().bytesOnDisk;
    const freed = files.slice(0, 2).reduce((sum, name) => sum + sizeOf(name), 0);
    expect(await store.expire()).toBe(20);
    expect(await seqs()).toEqual(Array.from({ length: 20 }, (_, i) => 20 + i));
    expect(store.gaps(CONTAINERS)).toEqual([{ origin, ...hole(0, 20, "expired") }]);
    expect(await segments()).toEqual([third, fourth]);
    expect(used - store.stats().bytesOnDisk).toBe(freed);
    expect(await store.expire()).toBe(0);

    // Room for a part of the third is no room for it.
    limit.bytes = sizeOf(fourth) + sizeOf(third) / 2;
    expect(await store.expire()).toBe(10);
    await store.close();
    store = await open(disk, { retention });
    expect(await seqs()).toEqual(Array.from({ length: 10 }, (_, i) => 30 + i));
    expect(store.gaps(CONTAINERS)).toEqual([{ origin, ...hole(0, 30, "expired") }]);
    expect(store.vector(CONTAINERS)).toEqual({ [origin]: 40 });
    expect(await segments()).toEqual([fourth]);
    expect(store.vector(SHIPS)).toEqual({ [origin]: 1 });
    expect(store.gaps(SHIPS)).toEqual([]);
  });

  it("R6, S1: a power cut right after a gap was noted keeps it, and what was before it", async () => {
    const disk = new MemoryDisk();
    const store = await open(disk);
    await store.apply(foreignBatch(0, values(0, 3)));
    await store.noteGap(CONTAINERS, FOREIGN, hole(3, 9, "damaged"));
    disk.cutPower(() => 0.9);
    const again = await open(disk);
    expect(again.vector(CONTAINERS)).toEqual({ [FOREIGN]: 9 });
    expect(again.gaps(CONTAINERS)).toEqual([{ origin: FOREIGN, ...hole(3, 9, "damaged") }]);
  });

  it("R6: what a compacted stream has dropped is told as superseded, up to the next record that is there", async () => {
    const store = await open(new MemoryDisk(), { retention: () => ({ compact: true }) });
    for (let round = 0; round < MERGE_FAN_IN; round++) {
      const batch = foreignBatch(round * 4, values(round * 4, round * 4 + 4));
      const records = batch.records.map((record, i) => ({ ...record, topic: `t${i}` as TopicName }));
      await store.apply({ ...batch, records });
      await store.sealNow();
    }
    const newest = 4 * (MERGE_FAN_IN - 1);
    expect(await store.holeAt(CONTAINERS, FOREIGN, 5 as Seq)).toEqual(hole(5, newest, "superseded"));
    expect(await store.holeAt(CONTAINERS, FOREIGN, newest as Seq)).toBeUndefined();
  });
});
