import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DIGEST_CHUNK_RECORDS } from "../src/limits.js";
import { topicName } from "../src/model/names.js";
import { openEmbeddedStore } from "../src/store/embedded-store.js";
import { compareSites } from "../src/verify/compare-sites.js";
import { ManualEnv } from "../testing/manual-env.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { testSeed } from "../testing/seeded-random.js";
import { CONTAINERS, FOREIGN, START_MS, foreignBatch, text } from "../testing/store-fixture.js";
import { storeView } from "../testing/store-view.js";
import type { GapReason } from "../src/model/gap.js";
import type { OriginRecord, Seq, TimestampMs } from "../src/model/record.js";
import type { EmbeddedStore } from "../src/store/embedded-store.js";
import type { SiteComparison } from "../src/verify/comparison.js";

const seed = testSeed();
const RUNS = 24;
const RECORDS_MAX = 700;

/** How a history came to a store: in pieces of some size, with something done after each. */
type Step = readonly [size: number, then: "nothing" | "seal" | "reopen" | "digest"];

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.tuple(fc.integer({ min: 1, max: 250 }), fc.constantFrom("nothing", "nothing", "seal", "seal", "reopen", "digest")),
  { minLength: 1, maxLength: 6 },
);
/** What one record of the second store has that the first one's has not. */
const CHANGES: Record<string, (record: OriginRecord) => OriginRecord> = {
  value: (record) => {
    const value = record.value.slice();
    value[value.byteLength - 1] = (value.at(-1) as number) ^ 1;
    return { ...record, value };
  },
  longer: (record) => ({ ...record, value: Buffer.concat([record.value, text(" ")]) }),
  timestamp: (record) => ({ ...record, timestamp: (record.timestamp + 1) as TimestampMs }),
  received: (record) => ({ ...record, received: (record.received + 1) as TimestampMs }),
  topic: (record) => ({ ...record, topic: topicName(`${record.topic}X`) }),
  header: (record) => ({ ...record, headers: { ...record.headers, kind: "event" } }),
};
const history = fc.record({
  /** Where the history begins, so that a chunk may end anywhere in it. */
  first: fc.integer({ min: 2 * DIGEST_CHUNK_RECORDS - RECORDS_MAX, max: 2 * DIGEST_CHUNK_RECORDS }),
  count: fc.integer({ min: 1, max: RECORDS_MAX }),
  topics: fc.integer({ min: 1, max: 40 }),
  at: steps,
  other: steps,
  deep: fc.boolean(),
  share: fc.double({ min: 0, max: 0.999, noNaN: true }),
});
type History = typeof history extends fc.Arbitrary<infer H> ? H : never;

class Store {
  private store: EmbeddedStore | undefined;
  private readonly disk = new MemoryDisk();
  private readonly env = new ManualEnv(START_MS);

  constructor(private readonly site: string) {}

  async open(): Promise<EmbeddedStore> {
    await this.store?.close();
    const { site, env } = this;
    this.store = await openEmbeddedStore({ folder: "/data", site, node: "a", env, disk: this.disk.boot() });
    return this.store;
  }

  /** Takes records in, in the steps' pieces over and over; `skip` is a gap for a reason. */
  async take(
    first: number,
    records: readonly OriginRecord[],
    all: readonly Step[],
    skip?: [Seq, GapReason],
  ): Promise<void> {
    let store = await this.open();
    await store.noteGap(CONTAINERS, FOREIGN, { from: 0 as Seq, to: first as Seq, reason: "missed" });
    for (let at = 0, turn = 0; at < records.length; turn++) {
      const [size, then] = all[turn % all.length] as Step;
      const piece = records.slice(at, at + size);
      at += piece.length;
      for (const part of skip === undefined ? [piece] : around(piece, skip[0])) {
        const [begin] = part;
        if (begin === undefined) continue;
        if (begin.seq === skip?.[0]) {
          await store.noteGap(CONTAINERS, FOREIGN, { from: begin.seq, to: (begin.seq + 1) as Seq, reason: skip[1] });
        } else await store.apply({ stream: CONTAINERS, origin: FOREIGN, firstSeq: begin.seq, records: part });
      }
      if (then === "seal") await store.sealNow();
      else if (then === "reopen") store = await this.open();
      else if (then === "digest") {
        await store.digests(CONTAINERS, FOREIGN, [{ from: 0, to: first + records.length, step: 65_536 }], false);
      }
    }
  }

  get view() {
    return storeView(this.store as EmbeddedStore, this.site);
  }

  async close(): Promise<void> {
    await this.store?.close();
  }
}

function around(piece: readonly OriginRecord[], seq: number): OriginRecord[][] {
  const before = piece.filter((record) => record.seq < seq);
  const after = piece.filter((record) => record.seq > seq);
  return [before, piece.filter((record) => record.seq === seq), after];
}

function recordsOf({ first, count, topics }: History): OriginRecord[] {
  const batch = foreignBatch(
    first,
    Array.from({ length: count }, (_, i) => `{"temperatureC":${(i % 70) - 20},"n":${i}}`),
  );
  return batch.records.map((record, i) => ({
    ...record,
    topic: topicName(`CSQU${(i * 7) % topics}`),
    headers: i % 3 === 0 ? { kind: "telemetry" } : {},
  }));
}

/** Two stores with this history, the second one with a change; what comparing them says. */
async function compared(
  one: History,
  others: readonly OriginRecord[],
  skip?: [Seq, GapReason],
): Promise<SiteComparison> {
  const [a, b] = [new Store("tokyo"), new Store("sydney")];
  try {
    await a.take(one.first, recordsOf(one), one.at);
    await b.take(one.first, others, one.other, skip);
    const options = { deep: one.deep, includes: () => true, pause: () => Promise.resolve() };
    return await compareSites([a.view, b.view], options);
  } finally {
    await a.close();
    await b.close();
  }
}

/** The record that the share names. */
function pick({ first, count, share }: History): number {
  return first + Math.floor(share * count);
}

describe(`two sites compared, at any chunking and sealing (seed ${seed}, LANDFALL_SEED repeats it)`, () => {
  const check = (property: (one: History) => Promise<void>): Promise<void> =>
    fc.assert(fc.asyncProperty(history, property), { seed, numRuns: RUNS });

  it("R1: that hold the same are equal", async () => {
    await check(async (one) => {
      const { verdict, origins } = await compared(one, recordsOf(one));
      const absent = [{ from: 0, to: one.first, reason: "missed" }];
      expect([verdict, origins]).toEqual([
        "equal",
        [{ stream: CONTAINERS, origin: FOREIGN, same: one.count, differences: [], absent }],
      ]);
    });
  }, 240_000);

  it("R1: a single record that is another one is found and named", async () => {
    const changed = fc.constantFrom(...Object.keys(CHANGES));
    await fc.assert(
      fc.asyncProperty(history, changed, async (one, what) => {
        const seq = pick(one);
        const records = recordsOf(one);
        const change = CHANGES[what] as (record: OriginRecord) => OriginRecord;
        const others = records.map((record) => (record.seq === seq ? change(record) : record));
        const { verdict, origins } = await compared(one, others);
        const of = (list: readonly OriginRecord[]): object => {
          const { topic, offset } = list[seq - one.first] as OriginRecord;
          return { topic, offset };
        };
        expect([what, verdict, origins[0]?.same]).toEqual([what, "different", one.count - 1]);
        expect(origins[0]?.differences).toEqual([
          { kind: "different", seq, at: { tokyo: of(records), sydney: of(others) } },
        ]);
      }),
      { seed, numRuns: 2 * RUNS },
    );
  }, 240_000);

  it.each(["missed", "damaged"] as const)(
    "R1: a single record that is %s at one is found and named",
    async (reason) => {
      await fc.assert(
        fc.asyncProperty(history, async (one) => {
          const seq = pick(one) as Seq;
          const { verdict, origins } = await compared(one, recordsOf(one), [seq, reason]);
          expect([verdict, origins[0]?.same]).toEqual(["different", one.count - 1]);
          expect(origins[0]?.differences).toEqual([
            { kind: "lacking", site: "sydney", from: seq, to: seq + 1, reason },
          ]);
        }),
        { seed, numRuns: RUNS / 2 },
      );
    },
    240_000,
  );

  it.each(["expired", "superseded"] as const)(
    "R1: what has %s at one is named, and no difference",
    async (reason) => {
      await fc.assert(
        fc.asyncProperty(history, async (one) => {
          const seq = pick(one) as Seq;
          const { verdict, origins } = await compared(one, recordsOf(one), [seq, reason]);
          expect([verdict, origins[0]?.same]).toEqual(["equal", one.count - 1]);
          expect(origins[0]?.absent).toContainEqual({ site: "sydney", from: seq, to: seq + 1, reason });
        }),
        { seed, numRuns: RUNS / 4 },
      );
    },
    240_000,
  );

  it("R1: a site that lacks the end is behind, by so many records", async () => {
    await check(async (one) => {
      const seq = pick(one);
      const { verdict, origins } = await compared(one, recordsOf(one).slice(0, seq - one.first));
      const behind = { site: "sydney", records: one.first + one.count - seq, from: seq };
      expect([verdict, origins[0]?.behind, origins[0]?.differences]).toEqual(["behind", behind, []]);
    });
  }, 240_000);
});
