import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeIntegers, encodeIntegers } from "../src/codec/integers.js";
import { seededRandom, testSeed } from "../testing/seeded-random.js";

const seed = testSeed(53);

function roundTrip(values: readonly number[]): number {
  const packed = encodeIntegers(values);
  // Adding 0: whole numbers have no −0.
  expect([...decodeIntegers(packed, values.length)]).toEqual(values.map((value) => value + 0));
  expect(encodeIntegers(Float64Array.from(values))).toEqual(packed);
  return packed.length;
}

describe("columns of whole numbers", () => {
  it("come back: any", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.nat(3))), (values) => {
        roundTrip(values);
      }),
      { seed, numRuns: 1000 },
    );
  });

  it("come back: a base, even steps, a unit and jitter of any size", () => {
    const exponent = fc.integer({ min: 0, max: 50 });
    fc.assert(
      fc.property(
        fc.tuple(exponent, exponent, exponent),
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { maxLength: 200 }),
        fc.constantFrom(1, 1000, 1024),
        ([base, step, jitter], noise, unit) => {
          const values = noise.map((n, i) => unit * Math.round(2 ** base + i * 2 ** step + n * 2 ** jitter));
          roundTrip(values.filter(Number.isSafeInteger));
        },
      ),
      { seed, numRuns: 1000 },
    );
  });

  it("holds the extremes", () => {
    const most = Number.MAX_SAFE_INTEGER;
    roundTrip([]);
    roundTrip([-0]);
    roundTrip([most]);
    roundTrip([-most]);
    roundTrip([most, -most, 0, most]);
    roundTrip([0, 2 ** 49, -(2 ** 49), 2 ** 49 - 1]);
    roundTrip([most, most - 1, most - 5]);
  });

  it("takes next to nothing for what is even, and its bits for jitter", () => {
    const random = seededRandom(seed);
    const rows = Array.from({ length: 5000 }, (_, i) => i);
    expect(roundTrip(rows)).toBeLessThan(16);
    expect(roundTrip(rows.map((i) => 1.79e15 + i * 900_000_000 - ((i * 900_000_000) % 1024)))).toBeLessThan(5000);
    // 512 values are 9 bits; a start, a smallest and a width for each group of 64 come on top.
    const late = rows.map((i) => 1_790_000_000_000 + i * 900_000 + Math.floor(random() * 512));
    expect(roundTrip(late)).toBeLessThan((5000 * 11.5) / 8);
  });

  it("divides by what divides all: offsets of one writer lie multiples of 1,024 apart", () => {
    const random = seededRandom(seed);
    let last = 1_790_000_000_000_000 - (1_790_000_000_000_000 % 1024) + 17;
    const offsets = Array.from({ length: 2000 }, () => (last += 1024 * Math.floor(random() * 128)));
    expect(roundTrip(offsets)).toBeLessThan((2000 * 8) / 8 + 200);
  });

  it("refuses what is not whole", () => {
    for (const value of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(() => encodeIntegers([1, value])).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }) as Error);
    }
  });

  it("refuses another number of numbers", () => {
    for (const values of [[1, 2, 3, 4], [5, 1e15, -3, 7, 2 ** 52], Array.from({ length: 200 }, (_, i) => i * i)]) {
      for (const count of [values.length - 1, values.length + 1, values.length + 100]) {
        expect(() => decodeIntegers(encodeIntegers(values), count)).toThrow(
          expect.objectContaining({ code: "CORRUPT_BLOCK" }) as Error,
        );
      }
    }
  });
});
