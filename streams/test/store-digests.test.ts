import { beforeEach, describe, expect, it } from "vitest";
import { DIGEST_CHUNK_RECORDS, MERGE_FAN_IN } from "../src/limits.js";
import { originId, topicName } from "../src/model/names.js";
import { openEmbeddedStore } from "../src/store/embedded-store.js";
import { NO_RECORDS, addDigests, digestOf } from "../src/store/record-digest.js";
import { ManualEnv } from "../testing/manual-env.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { openMemoryStore } from "../testing/memory-store.js";
import { CONTAINERS, FOREIGN, START_MS, foreignBatch, reading, sync, text } from "../testing/store-fixture.js";
import type { Offset, OriginRecord, Seq, TimestampMs } from "../src/model/record.js";
import type { OriginId } from "../src/model/names.js";
import type { EmbeddedStore, EmbeddedStoreOptions } from "../src/store/embedded-store.js";

const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER, step: Number.MAX_SAFE_INTEGER };
let disk: MemoryDisk;
let env: ManualEnv;
beforeEach(() => {
  disk = new MemoryDisk();
  env = new ManualEnv(START_MS);
});

const open = (over?: Partial<EmbeddedStoreOptions>): Promise<EmbeddedStore> => openMemoryStore(disk, env, over);

async function segments(folder = "/data"): Promise<string[]> {
  return (await disk.list(folder)).filter((name) => name.endsWith(".lfs")).map((name) => `${folder}/${name}`);
}

function flip(path: string, at: number): void {
  const bytes = Buffer.from(disk.bytes(path));
  bytes[at] = (bytes[at] as number) ^ 1;
  disk.replace(path, bytes);
}

/** From the records alone. */
async function summed(store: EmbeddedStore, origin: OriginId, from = 0, to = Infinity): Promise<object> {
  let sum = NO_RECORDS;
  let count = 0;
  for (let at = from; at < to;) {
    const records = await store.readOrigin(CONTAINERS, origin, at as Seq, 1024 * 1024);
    if (records.length === 0) break;
    for (const record of records.slice(0, to - at)) {
      sum = addDigests(sum, digestOf(record));
      count++;
    }
    at += records.length;
  }
  return { count, ...sum };
}

describe("the digest of a record", () => {
  const record: OriginRecord = {
    seq: 7 as Seq,
    offset: 1_767_999_600_001_025 as Offset,
    timestamp: 1_767_999_600_000 as TimestampMs,
    received: 1_767_999_600_123 as TimestampMs,
    topic: topicName("CSQU3054383"),
    headers: {},
    value: text('{"temperatureC":4.5}'),
  };

  it("is the same for ever: sites of all versions compare it", () => {
    const of = (over: Partial<OriginRecord>): object => digestOf({ ...record, ...over });
    expect(of({})).toEqual({ high: 3_273_835_287, low: 3_704_769_498 });
    expect(of({ value: text("") })).toEqual({ high: 2_846_978_149, low: 3_879_093_011 });
    expect(of({ headers: { kind: "telemetry", booking: "2" } })).toEqual({ high: 4_231_979_289, low: 4_029_119_830 });
    const odd = { headers: { 'é"': "ü\n" }, value: Uint8Array.of(0, 255, 1, 2, 3) };
    expect(of(odd)).toEqual({ high: 3_073_436_761, low: 3_688_713_937 });
    const other = { seq: 0 as Seq, timestamp: -1 as TimestampMs, topic: topicName("a"), value: text("abc") };
    expect(of(other)).toEqual({ high: 3_861_926_936, low: 539_982_104 });
  });

  it("does not depend on what was digested before, nor on where the value lies, nor on the order of headers", () => {
    const long = { ...record, topic: topicName("x".repeat(255)), headers: { big: "h".repeat(2_000) } };
    const digests = [record, long, record].map(digestOf);
    expect(digests[2]).toEqual(digests[0]);
    for (let shift = 0; shift < 5; shift++) {
      const value = Buffer.concat([Buffer.alloc(shift), record.value]).subarray(shift);
      expect(digestOf({ ...record, value })).toEqual(digests[0]);
    }
    const there = digestOf({ ...record, headers: { a: "1", b: "2" } });
    expect(digestOf({ ...record, headers: { b: "2", a: "1" } })).toEqual(there);
    expect(there).not.toEqual(digests[0]);
  });
});

describe("digests of what a store holds", () => {
  const batch = (from: number, count: number) =>
    foreignBatch(
      from,
      Array.from({ length: count }, (_, i) => `value ${from + i}`),
    );

  it("R1: are the records' own, unsealed, sealed, merged and reopened, at any chunk", async () => {
    let store = await open();
    // So that records lie on both sides of where a chunk ends.
    const first = DIGEST_CHUNK_RECORDS - 100;
    await store.noteGap(CONTAINERS, FOREIGN, { from: 0 as Seq, to: first as Seq, reason: "missed" });
    for (let round = 0; round < MERGE_FAN_IN + 2; round++) {
      await store.append(
        CONTAINERS,
        Array.from({ length: 10 }, (_, i) =>
          reading(`t${i % 3}`, `own ${round}.${i}`, { headers: { kind: `${i % 2}` } }),
        ),
      );
      await store.apply(batch(first + round * 12, 12));
      if (round < MERGE_FAN_IN) await store.sealNow();
    }
    const end = first + 12 * (MERGE_FAN_IN + 2);
    for (const state of ["some unsealed", "reopened", "all sealed"]) {
      if (state === "reopened") {
        await store.close();
        store = await open();
      } else if (state === "all sealed") await store.sealNow();
      for (const origin of [FOREIGN, originId(store.origin)]) {
        const [all] = await store.digests(CONTAINERS, origin, [ALL], false);
        const [deep] = await store.digests(CONTAINERS, origin, [ALL], true);
        const from = origin === FOREIGN ? first : 0;
        expect([state, all?.cells]).toEqual([state, [await summed(store, origin, from)]]);
        expect(deep).toEqual(all);
      }
      const span = { from: first - 50, to: end + 10, step: 64 };
      const [parts] = await store.digests(CONTAINERS, FOREIGN, [span], false);
      let at = span.from;
      for (const cell of parts?.cells ?? []) {
        const to = Math.min(span.to, (Math.floor(at / 64) + 1) * 64);
        expect(cell).toEqual(await summed(store, FOREIGN, Math.max(at, first), to));
        at = to;
      }
      expect(at).toBe(span.to);
    }
    await store.close();
  }, 120_000);

  it("R1: of sealed chunks are not read again; deep reads every byte, finds what has rotted, and has it healed", async () => {
    const store = await open({ cacheBytes: 0 });
    await store.apply(batch(0, 50));
    await store.sealNow();
    const [before] = await store.digests(CONTAINERS, FOREIGN, [ALL], false);
    const [path = ""] = await segments();
    flip(path, 60);
    expect(await store.digests(CONTAINERS, FOREIGN, [ALL], false)).toEqual([before]);
    expect(store.stats().corruptBlocks).toBe(0);
    const [deep] = await store.digests(CONTAINERS, FOREIGN, [ALL], true);
    expect(deep).toMatchObject({ cells: [{ count: 0 }], damaged: [[0, 50]] });
    expect(store.stats().corruptBlocks).toBe(1);
    const lacking = [{ from: 0, to: 50, reason: "damaged" }];
    expect(store.holdings(CONTAINERS)).toEqual([{ origin: FOREIGN, next: 50, gaps: lacking }]);
    // What comes behind it comes as ever.
    await store.apply(batch(50, 5));
    await store.apply(batch(0, 50));
    await store.sealNow();
    expect(await store.digests(CONTAINERS, FOREIGN, [{ ...ALL, to: 50 }], true)).toEqual([{ ...before, next: 50 }]);
    await store.close();
  });

  it("S3: a node takes back what damage has cost of its own records, and nothing else", async () => {
    const peer = await openEmbeddedStore({ folder: "/peer", site: "sydney", node: "a", env, disk: disk.boot() });
    const store = await open({ cacheBytes: 0 });
    await store.append(CONTAINERS, [reading("a", "one"), reading("b", "two")]);
    await sync(store, peer, CONTAINERS);
    await store.sealNow();
    flip((await segments())[0] ?? "", 60);
    expect(await store.repair(CONTAINERS, store.origin, 0 as Seq, 2 as Seq)).toEqual([
      { from: 0, to: 2, reason: "damaged" },
    ]);
    const records = await peer.readOrigin(CONTAINERS, store.origin, 0 as Seq, 64 * 1024);
    await store.apply({ stream: CONTAINERS, origin: store.origin, firstSeq: 0 as Seq, records });
    expect(store.gaps(CONTAINERS)).toEqual([]);
    expect(await summed(store, store.origin)).toEqual(await summed(peer, store.origin));
    const [third] = await store.append(CONTAINERS, [reading("a", "three")]);
    expect(third?.seq).toBe(2);
    const beyond = records.map((record, i) => ({ ...record, seq: (3 + i) as Seq }));
    const wrong = store.apply({ stream: CONTAINERS, origin: store.origin, firstSeq: 3 as Seq, records: beyond });
    await expect(wrong).rejects.toMatchObject({ code: "PROTOCOL_ERROR" });
    await store.close();
    await peer.close();
  });

  it("S3: a block of an unsealed journal that has rotted is given up and taken in again", async () => {
    const store = await open({ cacheBytes: 0 });
    await store.apply(batch(0, 20));
    await store.apply(batch(20, 20));
    const [name] = (await disk.list("/data")).filter((one) => one.startsWith("journal-"));
    flip(`/data/${name}`, 300);
    const lacking = await store.repair(CONTAINERS, FOREIGN, 0 as Seq, 40 as Seq);
    expect(lacking).toEqual([{ from: 0, to: 20, reason: "damaged" }]);
    await store.apply(batch(0, 20));
    expect(await store.repair(CONTAINERS, FOREIGN, 0 as Seq, 40 as Seq)).toEqual([]);
    expect(await summed(store, FOREIGN)).toMatchObject({ count: 40 });
    await store.close();
  });

  it("of a run that another site made are made once, and kept over restarts", async () => {
    const from = await openEmbeddedStore({ folder: "/peer", site: "sydney", node: "a", env, disk: disk.boot() });
    await from.append(
      CONTAINERS,
      Array.from({ length: 60 }, (_, i) => reading(`t${i % 5}`, `sydney ${i}`)),
    );
    await from.sealNow();
    let store = await open({ cacheBytes: 0 });
    const reader = await from.openSealed(CONTAINERS, from.origin, 0 as Seq);
    if (reader === undefined) throw new Error("nothing is sealed");
    const writer = await store.receiveSealed(reader.run);
    await writer.add((await reader.read(0, 1024 * 1024)).bytes);
    await writer.finish();
    const [sent] = await from.digests(CONTAINERS, from.origin, [ALL], false);
    expect(await store.digests(CONTAINERS, from.origin, [ALL], false)).toEqual([sent]);
    await store.close();
    store = await open({ cacheBytes: 0 });
    flip((await segments())[0] ?? "", 60);
    expect(await store.digests(CONTAINERS, from.origin, [ALL], false)).toEqual([sent]);
    // The file says nothing of other runs, and nothing when it is damaged.
    await store.close();
    flip("/data/digests.json", 100);
    store = await open({ cacheBytes: 0 });
    expect(await store.digests(CONTAINERS, from.origin, [ALL], false)).toMatchObject([{ damaged: [[0, 60]] }]);
    await reader.close();
    await store.close();
    await from.close();
  });
});
