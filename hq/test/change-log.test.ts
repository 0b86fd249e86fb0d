import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StreamName } from "@landfall/streams/model/names";
import { ChangeLog } from "../src/view/change-log.js";

describe("the change log", () => {
  it("tells of everything that changed after any moment, each once, in order of its last change", () => {
    const someTouch = fc.record({
      kind: fc.constantFrom("container" as const, "ship" as const),
      id: fc.integer({ min: 0, max: 6 }).map(String),
      stream: fc.constantFrom("a" as StreamName, "b" as StreamName),
    });
    fc.assert(
      fc.property(fc.array(someTouch, { maxLength: 300 }), fc.nat(300), (touches, since) => {
        const log = new ChangeLog();
        for (const { kind, id, stream } of touches) log.touch(kind, id, stream);
        expect(log.last).toBe(touches.length);
        const after = touches.slice(since).map((touch) => JSON.stringify(touch));
        const expected = after.filter((touch, i) => after.lastIndexOf(touch) === i);
        const told = [...log.since(since)].map(({ kind, id, stream }) => JSON.stringify({ kind, id, stream }));
        expect(told).toEqual(expected);
      }),
    );
  });
});
