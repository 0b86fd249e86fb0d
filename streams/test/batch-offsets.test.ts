import * as fc from "fast-check";
import { expect, it } from "vitest";
import { OFFSET_MAX, OFFSET_SLOT_COUNT } from "../src/limits.js";
import { BatchOffsets } from "../src/store/batch-offsets.js";
import { testSeed } from "../testing/seeded-random.js";
import { START_MS } from "../testing/store-fixture.js";

const seed = testSeed();
const SLOT = 17;
const START = START_MS * 1000;

function give(
  batches: BatchOffsets,
  hashes: readonly number[],
  floor: number,
  floorOfEach?: readonly number[],
): readonly number[] {
  batches.begin(hashes.length, START_MS, SLOT, floor, floorOfEach);
  const offsets = hashes.map((hash) => batches.next(hash));
  const given = batches.given();
  expect(typeof given === "number" ? hashes.map(() => given) : Array.from(given)).toEqual(offsets);
  return offsets;
}

const floors = fc.integer({ min: START - 10_000_000, max: START + 10_000_000 });

it(`O2: are above all that the stream holds, and grow within a topic; topics that occur once share the first (seed ${seed})`, () => {
  const batches = new BatchOffsets();
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 300 }), { minLength: 1, maxLength: 3000 }), floors, (topics, floor) => {
      const offsets = give(batches, topics, floor);
      const last = new Map<number, number>();
      const base = offsets[0] as number;
      expect(base).toBeGreaterThan(Math.max(floor, START));
      topics.forEach((topic, i) => {
        const offset = offsets[i] as number;
        expect(offset).toBe(last.has(topic) ? (last.get(topic) as number) + OFFSET_SLOT_COUNT : base);
        expect(offset % OFFSET_SLOT_COUNT).toBe(SLOT);
        last.set(topic, offset);
      });
    }),
    { seed },
  );
});

it(`O2: far behind the stream's, are above what each topic holds (seed ${seed})`, () => {
  const batches = new BatchOffsets();
  const records = fc.array(fc.record({ topic: fc.nat({ max: 20 }), floor: floors }), { minLength: 1, maxLength: 100 });
  fc.assert(
    fc.property(records, (records) => {
      const floorOf = new Map(records.map(({ topic, floor }) => [topic, floor]));
      const own = records.map(({ topic }) => floorOf.get(topic) as number);
      const hashes = records.map(({ topic }) => topic);
      const last = new Map(floorOf);
      give(batches, hashes, 0, own).forEach((offset, i) => {
        const { topic } = records[i] as (typeof records)[number];
        expect(offset).toBeGreaterThan(Math.max(last.get(topic) as number, START));
        last.set(topic, offset);
      });
    }),
    { seed },
  );
});

it("are refused as a whole when the last would lie beyond the year 2200", () => {
  const floor = OFFSET_MAX - 2 * OFFSET_SLOT_COUNT;
  expect(() => give(new BatchOffsets(), [1], floor)).not.toThrow();
  expect(() => give(new BatchOffsets(), [1, 1], floor)).toThrow(expect.objectContaining({ code: "CLOCK_REFUSED" }));
});
