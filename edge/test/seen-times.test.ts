import * as fc from "fast-check";
import { expect, test } from "vitest";
import { knownBelow, mayBeStored, withTime } from "../src/ingest/seen-times.js";
import { SEEN_TIMES_MAX } from "../src/limits.js";

test("whatever was stored, in any order, is never taken for new", () => {
  const time = fc.integer({ min: 0, max: 60 });
  fc.assert(
    fc.property(time, fc.array(time, { minLength: 1, maxLength: 60 }), (from, later) => {
      const stored = Array.from({ length: from }, (_, i) => i);
      let seen = knownBelow(from);
      for (const one of later) {
        seen = withTime(seen, one);
        stored.push(one);
        for (const other of stored) expect(mayBeStored(seen, other)).toBe(true);
        expect(seen.recent.length).toBeLessThanOrEqual(SEEN_TIMES_MAX);
      }
    }),
  );
});

test("readings that come in order are known to be new without a look into the store", () => {
  let seen = knownBelow(100);
  for (let time = 100; time < 200; time++) {
    expect(mayBeStored(seen, time)).toBe(false);
    seen = withTime(seen, time);
  }
});

test("two sensors of one container whose clocks differ a little are both known to be new", () => {
  let seen = knownBelow(0);
  for (let time = 100; time < 200; time += 2) {
    for (const one of [time, time - 7]) {
      expect(mayBeStored(seen, one)).toBe(false);
      seen = withTime(seen, one);
    }
  }
});
