import { beforeEach, describe, expect, it } from "vitest";
import { openEmbeddedStore } from "../src/store/embedded-store.js";
import { ManualEnv } from "../testing/manual-env.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { seededRandom } from "../testing/seeded-random.js";
import { CONTAINERS, START_MS, reading } from "../testing/store-fixture.js";
import { until } from "../testing/until.js";
import { APPEND_RECORDS_MAX, MERGE_FAN_IN, PREPARE_RECORDS_MIN } from "../src/limits.js";
import type { EmbeddedStore, EmbeddedStoreOptions } from "../src/store/embedded-store.js";
import type { Seq, StoredRecord } from "../src/model/record.js";
import type { Committed, SealedRunReader, SealedRunWriter } from "../src/store/store.js";

/** Small parts, so that a run takes many. */
const PART_BYTES = 1;
const RECORDS = 3000;
/** Of a journal: some 20,000 short records. */
const JOURNAL_BYTES = 1_200_000;
/** Long, so that the run has several blocks. */
const filler = "temperature ".repeat(40);

let ship: Site;
let port: Site;

class Site {
  readonly env = new ManualEnv(START_MS);
  readonly disk = new MemoryDisk();
  store!: EmbeddedStore;

  constructor(
    readonly name: string,
    readonly slot: number,
  ) {}

  async open(over: Partial<EmbeddedStoreOptions> = {}): Promise<EmbeddedStore> {
    const { name: site, slot, env, disk } = this;
    this.store = await openEmbeddedStore({ folder: "/data", site, node: "a", slot, env, disk: disk.boot(), ...over });
    return this.store;
  }
}

beforeEach(async () => {
  ship = new Site("morgenroed", 1);
  port = new Site("tokyo", 2);
  await ship.open();
  await port.open();
  for (let i = 0; i < RECORDS; i += 500) {
    ship.env.nowMs += 60_000;
    const voyage = { headers: { voyage: "26W" } };
    const batch = Array.from({ length: 500 }, (_, j) =>
      reading(`MSKU${1000 + ((i + j) % 70)}`, `${i + j} ${filler.slice(j % 50)}`, voyage),
    );
    await ship.store.append(CONTAINERS, batch);
  }
  await ship.store.sealNow();
  port.env.nowMs = ship.env.nowMs + 3_600_000;
});

async function append(site: Site, records: number): Promise<void> {
  for (let left = records; left > 0; left -= APPEND_RECORDS_MAX) {
    const batch = Array.from({ length: Math.min(left, APPEND_RECORDS_MAX) }, (_, j) =>
      reading(`MSKU${j % 90}`, `later ${j}`),
    );
    await site.store.append(CONTAINERS, batch);
  }
}

async function segments({ disk }: Site): Promise<string[]> {
  return (await disk.list("/data")).filter((one) => one.endsWith(".lfs"));
}

async function send(from: Site, seq = 0): Promise<SealedRunReader> {
  const reader = await from.store.openSealed(CONTAINERS, ship.store.origin, seq as Seq);
  if (reader === undefined) throw new Error("there is no sealed run to send");
  return reader;
}

async function transfer(reader: SealedRunReader, writer: SealedRunWriter, until = Infinity): Promise<void> {
  for (let block = writer.blocks; block < Math.min(reader.run.blocks, until);) {
    const part = await reader.read(block, PART_BYTES);
    await writer.add(part.bytes);
    block = part.next;
  }
}

async function histories({ store }: Site): Promise<string[]> {
  const { records } = await store.readStream(CONTAINERS, undefined, 10_000);
  return records.map(line).sort();
}

async function lastOf({ store }: Site): Promise<string[]> {
  const records = await store.latest(CONTAINERS, { limit: 1000 });
  return records.map(line);
}

/** All of a record but when it arrived, which each site knows for itself. */
function line({ topic, offset, origin, seq, timestamp, received, headers, value }: StoredRecord): string {
  return JSON.stringify([topic, offset, origin, seq, timestamp, received, headers, Buffer.from(value).toString()]);
}

describe("a sealed run between two stores", () => {
  it("R1, R4: arrives whole, with the version vector, and as one step", async () => {
    const seen: Committed[] = [];
    port.store.onCommit((committed) => seen.push(...committed));
    const reader = await send(ship);
    const writer = await port.store.receiveSealed(reader.run);
    await transfer(reader, writer);
    expect(await histories(port)).toEqual([]);
    expect(port.store.vector(CONTAINERS)).toEqual({});
    await writer.finish();
    expect(await histories(port)).toEqual(await histories(ship));
    expect(port.store.vector(CONTAINERS)).toEqual(ship.store.vector(CONTAINERS));
    expect(seen).toEqual([{ stream: CONTAINERS, origin: ship.store.origin, firstSeq: 0, nextSeq: RECORDS }]);
    expect(port.store.stats().recordsApplied).toBe(RECORDS);
  });

  it("S1: is there after a power cut", async () => {
    const reader = await send(ship);
    const writer = await port.store.receiveSealed(reader.run);
    await transfer(reader, writer);
    await writer.finish();
    port.disk.cutPower(seededRandom(7));
    await port.open();
    expect(await histories(port)).toEqual(await histories(ship));
  });

  it("says when it arrived here, also once it was merged with what came later", async () => {
    const reader = await send(ship);
    const writer = await port.store.receiveSealed(reader.run);
    await transfer(reader, writer);
    await writer.finish();
    const arrivedAt = async (): Promise<number[]> => {
      const { records } = await port.store.readStream(CONTAINERS, undefined, 10_000);
      return [...new Set(records.filter(({ seq }) => seq < RECORDS).map(({ arrived }) => Number(arrived)))];
    };
    expect(await arrivedAt()).toEqual([port.env.nowMs]);
    const [arrived] = await arrivedAt();
    for (let i = 0; i < MERGE_FAN_IN - 1; i++) {
      ship.env.nowMs = port.env.nowMs += 1000;
      await ship.store.append(
        CONTAINERS,
        Array.from({ length: RECORDS }, () => reading("MSKU1000", "later")),
      );
      const records = await ship.store.readOrigin(CONTAINERS, ship.store.origin, (RECORDS * (i + 1)) as Seq, 1e7);
      await port.store.apply({
        stream: CONTAINERS,
        origin: ship.store.origin,
        firstSeq: (RECORDS * (i + 1)) as Seq,
        records,
      });
      await port.store.sealNow();
    }
    expect(port.store.spread(CONTAINERS).runs).toBe(1);
    expect(await arrivedAt()).toEqual([arrived]);
  });

  it("goes on where it was cut, and travels on from there as the same blocks", async () => {
    const writer = await port.store.receiveSealed((await send(ship)).run);
    await transfer(await send(ship), writer, 3);
    const again = await send(ship);
    expect(again.run.id).toBe(writer.run.id);
    expect(writer.blocks).toBe(3);
    await transfer(again, writer);
    await writer.finish();
    const relayed = await send(port);
    expect(relayed.run.id).toBe(writer.run.id);
    expect((await relayed.read(0, 1e9)).bytes).toEqual((await again.read(0, 1e9)).bytes);
  });

  it("can be read to the end after it was merged", async () => {
    const reader = await send(ship);
    const { bytes } = await reader.read(0, 1e9);
    for (let i = 0; i < MERGE_FAN_IN - 1; i++) {
      await ship.store.append(
        CONTAINERS,
        Array.from({ length: RECORDS }, () => reading("MSKU1000", "later")),
      );
      await ship.store.sealNow();
    }
    expect(ship.store.spread(CONTAINERS).runs).toBe(1);
    expect((await reader.read(0, 1e9)).bytes).toEqual(bytes);
  });

  it("S3: a flipped bit is refused, and nothing of the run stays", async () => {
    const reader = await send(ship);
    const { bytes } = await reader.read(0, 1e9);
    for (const at of [0, 40, bytes.byteLength >> 1, bytes.byteLength - 1]) {
      const writer = await port.store.receiveSealed(reader.run);
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] as number) ^ 4;
      await expect(writer.add(damaged)).rejects.toMatchObject({ code: "CORRUPT_BLOCK" });
      await writer.abandon();
    }
    expect(await histories(port)).toEqual([]);
    expect((await port.disk.list("/data")).filter((name) => name.endsWith(".lfs"))).toEqual([]);
  });

  it("refuses blocks twice, blocks out of order, too few and too many", async () => {
    const reader = await send(ship);
    const first = (await reader.read(0, PART_BYTES)).bytes;
    const second = (await reader.read(1, PART_BYTES)).bytes;
    const refused = async (parts: Uint8Array[], finish: boolean): Promise<void> => {
      const writer = await port.store.receiveSealed(reader.run);
      const all = (async (): Promise<void> => {
        for (const part of parts) await writer.add(part);
        if (finish) await writer.finish();
      })();
      await expect(all).rejects.toMatchObject({ code: "CORRUPT_BLOCK" });
      if (!finish) await writer.abandon();
    };
    await refused([first, first], false);
    await refused([second, first], false);
    await refused([first], true);
    await refused([(await reader.read(0, 1e9)).bytes, second], false);
  });

  it("refuses a run that does not come next, and one whose place was taken meanwhile", async () => {
    const reader = await send(ship);
    const { run } = reader;
    const early = await port.store.receiveSealed(run);
    await transfer(reader, early);
    const records = await ship.store.readOrigin(CONTAINERS, ship.store.origin, 0 as Seq, 1000);
    await port.store.apply({ stream: CONTAINERS, origin: ship.store.origin, firstSeq: 0 as Seq, records });
    await expect(early.finish()).rejects.toMatchObject({ code: "SEQ_GAP" });
    await expect(port.store.receiveSealed(run)).rejects.toMatchObject({ code: "SEQ_GAP" });
    expect(port.store.vector(CONTAINERS)).toEqual({ [ship.store.origin]: records.length });
  });

  it("S3: what is damaged on this disk is not handed on", async () => {
    const reader = await send(ship);
    const name = (await ship.disk.list("/data")).find((one) => one.endsWith(".lfs")) as string;
    const file = await ship.disk.open(`/data/${name}`, "write");
    await file.write(new Uint8Array([1, 2, 3]), 60);
    await expect(reader.read(0, 1e9)).rejects.toMatchObject({ code: "CORRUPT_BLOCK" });
  });

  it("R3: makes a run of what a peer lacks of a run, and of what is not sealed", async () => {
    const { origin } = ship.store;
    for (let i = 0; i < 5; i++) {
      await ship.store.append(
        CONTAINERS,
        Array.from({ length: 8000 }, (_, j) => reading(`MSKU${j % 90}`, `later ${j}`)),
      );
    }
    const inside = 1234 as Seq;
    expect(await ship.store.openSealed(CONTAINERS, origin, inside)).toBeUndefined();
    expect(ship.store.prepareSealed(CONTAINERS, origin, inside), "too few to be worth it").toBeUndefined();
    for (let seq = 0; seq < RECORDS + 500;) {
      const found = await ship.store.readOrigin(CONTAINERS, origin, seq as Seq, 1e6);
      const records = found.slice(0, RECORDS + 500 - seq);
      await port.store.apply({ stream: CONTAINERS, origin, firstSeq: seq as Seq, records });
      seq += records.length;
    }

    const reader = await ship.store.prepareSealed(CONTAINERS, origin, (RECORDS + 500) as Seq);
    expect(reader?.run).toMatchObject({ from: RECORDS + 500, to: RECORDS + 40_000, count: 39_500, packed: true });
    if (reader === undefined) return;
    const writer = await port.store.receiveSealed(reader.run);
    await transfer(reader, writer);
    await writer.finish();
    expect(port.store.vector(CONTAINERS)).toEqual(ship.store.vector(CONTAINERS));
    expect(await lastOf(port)).toEqual(await lastOf(ship));
    const files = await ship.disk.list("/data");
    await reader.close();
    expect((await ship.disk.list("/data")).length).toBe(files.length - 1);
  });

  it("R3: a backlog in many journals goes run by run, packed, and is packed here by then, too", async () => {
    const { origin } = ship.store;
    await ship.store.close();
    await ship.open({ sealing: false, journalFileBytes: JOURNAL_BYTES });
    await append(ship, 3 * PREPARE_RECORDS_MIN);
    await ship.store.close();
    await ship.open({ journalFileBytes: JOURNAL_BYTES });
    const end = RECORDS + 3 * PREPARE_RECORDS_MIN;
    let runs = 0;
    for (let from = RECORDS; end - from >= PREPARE_RECORDS_MIN; runs++) {
      const open = await ship.store.openSealed(CONTAINERS, origin, from as Seq);
      const reader = open?.run.packed === true ? open : await ship.store.prepareSealed(CONTAINERS, origin, from as Seq);
      expect(reader?.run).toMatchObject({ from, packed: true });
      from = reader?.run.to ?? end;
      await reader?.close();
    }
    expect(runs).toBeGreaterThan(1);
    await ship.store.sealNow();
    // What was packed for the peer is what this store has: one run for each journal, besides the first.
    expect(ship.store.spread(CONTAINERS)).toEqual({ runs: 1 + runs, journals: 0 });
    expect(await segments(ship)).toHaveLength(1 + runs);
  });

  it("who follows what is written does not have the journal sealed under it", async () => {
    await append(ship, 2 * PREPARE_RECORDS_MIN);
    const { origin } = ship.store;
    expect(ship.store.prepareSealed(CONTAINERS, origin, RECORDS as Seq, false)).toBeUndefined();
    expect(ship.store.spread(CONTAINERS)).toEqual({ runs: 1, journals: 1 });
  });

  it("nothing is merged while a peer is being sent a backlog; afterwards it is", async () => {
    const { origin } = ship.store;
    await ship.store.close();
    await ship.open({ journalFileBytes: 1 });
    // Each append fills a journal.
    await append(ship, PREPARE_RECORDS_MIN);
    const reader = await ship.store.prepareSealed(CONTAINERS, origin, RECORDS as Seq);
    for (let i = 0; i < 2 * MERGE_FAN_IN; i++) await append(ship, 300);
    await until(() => ship.store.spread(CONTAINERS).journals <= 1);
    const { runs } = ship.store.spread(CONTAINERS);
    expect(runs).toBeGreaterThan(2 * MERGE_FAN_IN);
    await reader?.close();
    ship.env.advance(60_000);
    await until(() => ship.store.spread(CONTAINERS).runs < runs - MERGE_FAN_IN);
  });

  it("refuses a description that no run can have", async () => {
    const { run } = await send(ship);
    const lies = [
      { count: run.count + 1 },
      { to: 1e12 as Seq },
      { blocks: 0 },
      { count: Number.NaN },
      { to: 0 as Seq },
    ];
    for (const lie of lies) {
      await expect(port.store.receiveSealed({ ...run, ...lie })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
  });
});
