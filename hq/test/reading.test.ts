import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MEASUREMENT_FIELDS, pickMeasurements } from "../src/view/measurements.js";
import { combine, compareKeys, measurementsOf, type Latest, type Reading } from "../src/view/reading.js";

const someReading: fc.Arbitrary<Reading> = fc
  .record({
    time: fc.integer({ min: 0, max: 5 }),
    offset: fc.integer({ min: 0, max: 1_000_000 }),
    origin: fc.constantFrom("ship-1.a~1", "yard.a~1"),
    temperatureC: fc.option(fc.integer({ min: -30, max: 30 }), { nil: undefined }),
    doorOpen: fc.option(fc.boolean(), { nil: undefined }),
    position: fc.option(fc.tuple(fc.integer({ min: -90, max: 90 }), fc.integer({ min: -180, max: 180 })), {
      nil: undefined,
    }),
  })
  .map(({ time, offset, origin, position, ...rest }) => ({
    time,
    offset,
    origin,
    seq: offset,
    arrived: 0,
    measurements: pickMeasurements({ ...rest, latitude: position?.[0], longitude: position?.[1] }),
  }));
const someReadings = fc.uniqueArray(someReading, {
  minLength: 1,
  maxLength: 12,
  selector: ({ time, offset, origin }) => `${time} ${offset} ${origin}`,
});
const fold = (readings: readonly Latest[]): Latest => readings.reduce((a, b) => combine(a, b));

describe("the latest of each measurement", () => {
  it("is what the newest reading that has it says, in whatever order they come", () => {
    fc.assert(
      fc.property(someReadings, fc.func(fc.nat()), (readings, order) => {
        const shuffled = readings.toSorted((a, b) => order(a.offset) - order(b.offset));
        const latest = fold(shuffled);
        const byAge = readings.toSorted(compareKeys);
        expect(compareKeys(latest, byAge.at(-1) as Reading)).toBe(0);
        for (const field of MEASUREMENT_FIELDS) {
          const newest = byAge.findLast(({ measurements }) => measurements[field] !== undefined);
          expect(measurementsOf(latest)[field], field).toBe(newest?.measurements[field]);
        }
      }),
    );
  });

  it("is the same however readings are grouped, and however often one comes", () => {
    fc.assert(
      // No two of all of them at the same place: which of them counts would be a matter of their order.
      fc.property(someReadings, fc.nat(), (readings, cut) => {
        const at = readings.length < 2 ? 1 : 1 + (cut % (readings.length - 1));
        const [left, right] = [readings.slice(0, at), readings.length < 2 ? readings : readings.slice(at)];
        const all = measurementsOf(fold([...left, ...right]));
        expect(measurementsOf(combine(fold(left), fold(right)))).toEqual(all);
        expect(measurementsOf(fold([...right, ...left, ...right]))).toEqual(all);
      }),
    );
  });
});

describe("what counts as a measurement", () => {
  it("leaves out what is of another kind, and half positions", () => {
    expect(
      pickMeasurements({ temperatureC: "4", doorOpen: 1, latitude: 10, shockG: Number.NaN, o2Pct: 21, secret: 1 }),
    ).toEqual({ o2Pct: 21 });
    expect(pickMeasurements({ latitude: 91, longitude: 0, powered: false })).toEqual({ powered: false });
    expect(pickMeasurements({ latitude: -90, longitude: 180 })).toEqual({ latitude: -90, longitude: 180 });
  });
});
