import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isFillable } from "../src/model/gap.js";
import { CONTAINERS, FOREIGN, TestSite, foreignBatch, reading } from "./store-fixture.js";
import type { GapReason, Hole } from "../src/model/gap.js";
import type { Cursor, Seq } from "../src/model/record.js";
import type { OpenSite } from "./store-contract.js";
import type { StoreFactory } from "./store-fixture.js";

const seq = (value: number): Seq => value as Seq;
const hole = (from: number, to: number, reason: GapReason): Hole => ({ from: seq(from), to: seq(to), reason });
const batch = (from: number, to: number) =>
  foreignBatch(
    from,
    Array.from({ length: to - from }, (_, i) => `f${from + i}`),
  );

async function seqsOf({ store }: TestSite, cursor?: Cursor): Promise<{ seqs: number[]; cursor: Cursor }> {
  const read = await store.readStream(CONTAINERS, cursor, 1_000);
  // Through JSON, as it travels in an API.
  const after = JSON.parse(JSON.stringify(read.cursor)) as Cursor;
  return { seqs: read.records.filter(({ origin }) => origin === FOREIGN).map((record) => record.seq), cursor: after };
}

const RECORDS = 40;

/** What happens at two sites with the records of one origin; ranges are of its 40 seqs. */
type Step =
  | { do: "receive"; site: number; length: number }
  | { do: "note"; site: number; length: number }
  | { do: "fill"; site: number; from: number; length: number }
  | { do: "read"; site: number }
  | { do: "reopen"; site: number };

const site = fc.nat({ max: 1 });
const length = fc.integer({ min: 1, max: 9 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("receive" as const, "note" as const), site, length }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant("fill" as const), site, from: fc.nat({ max: RECORDS - 1 }), length }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("read" as const), site }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("reopen" as const), site }) },
  ),
  { maxLength: 40 },
);

export function describeGaps(factory: StoreFactory, openSite: OpenSite, seed: number): void {
  describe("gaps", () => {
    it.each(["open", "reopened"])(
      "R6: a noted gap is told, passed, and never taken for records (%s)",
      async (state) => {
        const tokyo = await openSite();
        await tokyo.store.apply(batch(0, 3));
        await tokyo.store.noteGap(CONTAINERS, FOREIGN, hole(3, 7, "missed"));
        await tokyo.store.apply(batch(7, 9));
        if (state === "reopened") await tokyo.reopen();
        const { store } = tokyo;
        expect(store.vector(CONTAINERS)).toEqual({ [FOREIGN]: 9 });
        expect(store.gaps(CONTAINERS)).toEqual([{ origin: FOREIGN, ...hole(3, 7, "missed") }]);
        expect((await store.readOrigin(CONTAINERS, FOREIGN, seq(0), 65_536)).map((r) => r.seq)).toEqual([0, 1, 2]);
        expect(await store.readOrigin(CONTAINERS, FOREIGN, seq(4), 65_536)).toEqual([]);
        expect(await store.holeAt(CONTAINERS, FOREIGN, seq(4))).toEqual(hole(4, 7, "missed"));
        expect(await store.holeAt(CONTAINERS, FOREIGN, seq(2))).toBeUndefined();
        expect(await store.holeAt(CONTAINERS, FOREIGN, seq(9))).toBeUndefined();
        expect((await seqsOf(tokyo)).seqs).toEqual([0, 1, 2, 7, 8]);
      },
    );

    it("R6: a gap begins where this store's records end, and never in what it appends itself", async () => {
      const { store } = await openSite();
      await store.append(CONTAINERS, [reading("a", "own")]);
      const note = (origin: typeof FOREIGN, one: Hole): Promise<void> => store.noteGap(CONTAINERS, origin, one);
      await expect(note(FOREIGN, hole(1, 2, "missed"))).rejects.toMatchObject({ code: "SEQ_GAP" });
      await expect(note(FOREIGN, hole(2, 2, "missed"))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      await expect(note(store.origin, hole(1, 2, "missed"))).rejects.toMatchObject({ code: "PROTOCOL_ERROR" });
      expect(store.gaps(CONTAINERS)).toEqual([]);
      expect(store.vector(CONTAINERS)).toEqual({ [store.origin]: 1 });
    });

    it("R6: records that are here stay when a gap is noted over them", async () => {
      const { store } = await openSite();
      await store.apply(batch(0, 3));
      await store.noteGap(CONTAINERS, FOREIGN, hole(1, 5, "expired"));
      expect(store.gaps(CONTAINERS)).toEqual([{ origin: FOREIGN, ...hole(3, 5, "expired") }]);
      expect((await store.readOrigin(CONTAINERS, FOREIGN, seq(0), 65_536)).length).toBe(3);
    });

    it.each(["missed", "damaged", "expired", "superseded"] as const)(
      "R6: of what turns up later, a gap takes in what it lacks, once, or nothing if it is for good (%s)",
      async (reason) => {
        const tokyo = await openSite();
        const { store } = tokyo;
        await store.noteGap(CONTAINERS, FOREIGN, hole(0, 10, reason));
        await store.apply(batch(10, 12));
        const told: string[] = [];
        store.onCommit((committed) => {
          for (const { firstSeq, nextSeq } of committed) told.push(`${firstSeq}-${nextSeq}`);
        });
        store.onGaps(({ holes }) => told.push(holes.map(({ from, to }) => `gap ${from}-${to}`).join()));
        // Twice at once: the second must see what is on its way.
        await Promise.all([store.apply(batch(3, 6)), store.apply(batch(2, 6))]);
        const isTaken = isFillable(reason);
        expect((await seqsOf(tokyo)).seqs).toEqual(isTaken ? [2, 3, 4, 5, 10, 11].sort((a, b) => a - b) : [10, 11]);
        expect(told).toEqual(isTaken ? ["gap 0-2,gap 6-10", "3-6", "2-3"] : []);
        const left = isTaken ? [hole(0, 2, reason), hole(6, 10, reason)] : [hole(0, 10, reason)];
        expect(store.gaps(CONTAINERS)).toEqual(left.map((one) => ({ origin: FOREIGN, ...one })));
        await tokyo.reopen();
        expect(tokyo.store.gaps(CONTAINERS)).toEqual(left.map((one) => ({ origin: FOREIGN, ...one })));
        expect(tokyo.store.vector(CONTAINERS)).toEqual({ [FOREIGN]: 12 });
      },
    );

    it("O4, R6: a reader that passed a gap gets what fills it, once, at whichever site", async () => {
      const [tokyo, sydney] = [await openSite("tokyo"), await openSite("sydney")];
      await tokyo.store.noteGap(CONTAINERS, FOREIGN, hole(0, 5, "missed"));
      await tokyo.store.apply(batch(5, 8));
      const first = await seqsOf(tokyo);
      expect(first.seqs).toEqual([5, 6, 7]);
      await sydney.store.apply(batch(0, 2));
      const second = await seqsOf(sydney, first.cursor);
      expect(second.seqs).toEqual([0, 1]);
      await tokyo.store.apply(batch(0, 5));
      const third = await seqsOf(tokyo, second.cursor);
      expect(third.seqs).toEqual([2, 3, 4]);
      expect(third.cursor).toEqual({ v: 1, next: { [FOREIGN]: 8 } });
    });

    it("O4: a cursor with gaps that no store would give is refused", async () => {
      const { store } = await openSite();
      for (const ranges of [
        [[3, 1]],
        [[0, 9]],
        [[0, 2, 3]],
        [["0", 1]],
        [
          [2, 3],
          [0, 1],
        ],
        7,
      ]) {
        const cursor = { v: 1, next: { [FOREIGN]: 5 }, gaps: { [FOREIGN]: ranges } } as unknown as Cursor;
        await expect(store.readStream(CONTAINERS, cursor, 1)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      }
    });

    it("O4, R4, R6: whatever is received, missed and filled in which order, a wandering reader sees each record once", async () => {
      await fc.assert(
        fc.asyncProperty(steps, async (steps) => {
          const sites = await Promise.all(["tokyo", "sydney"].map((name, i) => TestSite.open(factory, name, i)));
          try {
            await play(sites as [TestSite, TestSite], steps);
          } finally {
            for (const opened of sites) await opened.dispose();
          }
        }),
        { seed, numRuns: 40 },
      );
    }, 120_000);
  });
}

async function play(sites: readonly [TestSite, TestSite], steps: readonly Step[]): Promise<void> {
  const held = [new Set<number>(), new Set<number>()];
  const seen: number[] = [];
  let cursor: Cursor | undefined;
  for (const step of steps) {
    const at = sites[step.site] as TestSite;
    const here = held[step.site] as Set<number>;
    const next = at.store.vector(CONTAINERS)[FOREIGN] ?? 0;
    if (step.do === "reopen") await at.reopen();
    else if (step.do === "read") {
      const read = await seqsOf(at, cursor);
      seen.push(...read.seqs);
      ({ cursor } = read);
    } else {
      const from = step.do === "fill" ? step.from : next;
      const to = Math.min(from + step.length, step.do === "fill" ? next : RECORDS);
      if (to <= from) continue;
      if (step.do === "note") await at.store.noteGap(CONTAINERS, FOREIGN, hole(from, to, "missed"));
      else {
        await at.store.apply(batch(from, to));
        for (let i = from; i < to; i++) here.add(i);
      }
    }
    const gaps = at.store.gaps(CONTAINERS);
    const end = at.store.vector(CONTAINERS)[FOREIGN] ?? 0;
    for (let i = 0; i < end; i++) expect(gaps.some(({ from, to }) => from <= i && i < to)).toBe(!here.has(i));
  }
  for (const at of sites) {
    await at.store.apply(batch(0, RECORDS));
    expect(at.store.gaps(CONTAINERS)).toEqual([]);
  }
  seen.push(...(await seqsOf(sites[0], cursor)).seqs);
  expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: RECORDS }, (_, i) => i));
}
