import * as fc from "fast-check";
import { expect, test } from "vitest";
import { mayBeStored, UNKNOWN_TIMES, withNothingFrom, withTime, type SeenTimes } from "../src/ingest/seen-times.js";
import { SEEN_TIMES_MAX } from "../src/limits.js";

test("whatever was stored, in any order, is never taken for new", () => {
  const time = fc.integer({ min: 0, max: 60 });
  fc.assert(
    fc.property(fc.array(time), fc.array(time, { minLength: 1, maxLength: 60 }), (before, later) => {
      const durable = new Set(before);
      let handed: number[] = [];
      let seen: SeenTimes = UNKNOWN_TIMES;
      for (const one of later) {
        if (mayBeStored(seen, one) && ![...durable].some((other) => other >= one)) {
          seen = withNothingFrom(seen, one, handed);
        }
        seen = withTime(seen, one);
        handed.push(one);
        for (const other of [...durable, ...handed]) expect(mayBeStored(seen, other)).toBe(true);
        expect(seen.recent.length).toBeLessThanOrEqual(SEEN_TIMES_MAX);
        if (one % 3 === 0) {
          for (const other of handed) durable.add(other);
          handed = [];
        }
      }
    }),
  );
});

test("readings that come in order are known to be new without a look into the store", () => {
  let seen = withNothingFrom(UNKNOWN_TIMES, 100, []);
  for (let time = 100; time < 200; time++) {
    expect(mayBeStored(seen, time)).toBe(false);
    seen = withTime(seen, time);
  }
});

test("two sensors of one container whose clocks differ a little are both known to be new", () => {
  let seen = withNothingFrom(UNKNOWN_TIMES, 0, []);
  for (let time = 100; time < 200; time += 2) {
    for (const one of [time, time - 7]) {
      expect(mayBeStored(seen, one)).toBe(false);
      seen = withTime(seen, one);
    }
  }
});
