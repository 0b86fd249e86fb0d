import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  covers,
  mergeMoves,
  spansAboard,
  unionOfSpans,
  whereabouts,
  withMove,
  type ContainerMove,
} from "../src/view/moves.js";

const move = (type: ContainerMove["type"], time: number, rest: Partial<ContainerMove> = {}): ContainerMove => ({
  type,
  time,
  offset: time,
  origin: "yard.a~1",
  seq: time,
  arrived: time,
  ...rest,
});

describe("moves of a container", () => {
  it("stand in order of their time, however they came, each once, the newest ones where there are too many", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 40 }), (times) => {
        const moves = times.reduce<readonly ContainerMove[]>((all, time) => withMove(all, move("GTIN", time), 10), []);
        // Once the oldest was dropped it may come again: the newest ten are what counts.
        const expected = [...new Set(times)].sort((a, b) => a - b).slice(-10);
        expect(moves.map(({ time }) => time)).toEqual(expected);
      }),
    );
  });

  it("count once where a port's stream has a copy", () => {
    const load = move("LOAD", 5, { vessel: "9321483", location: "JPTYO" });
    const copy = { ...load, offset: 99, arrived: 77 };
    expect(mergeMoves([[load, move("DISC", 9)], [copy]]).map(({ type, time }) => [type, time])).toEqual([
      ["LOAD", 5],
      ["DISC", 9],
    ]);
  });

  it.each<[ContainerMove["type"], object]>([
    ["LOAD", { vessel: "9321483" }],
    ["DISC", { location: "SGSIN" }],
    ["GTIN", { location: "SGSIN" }],
    ["GTOT", {}],
  ])("after %s it is where that left it", (type, where) => {
    expect(
      whereabouts([move("GTIN", 1, { location: "X" }), move(type, 2, { vessel: "9321483", location: "SGSIN" })]),
    ).toEqual(where);
  });

  it("aboard from loading to the next move of any kind", () => {
    const moves = [
      move("GTIN", 1),
      move("LOAD", 2, { vessel: "9321483" }),
      move("DISC", 5, { vessel: "9321483" }),
      move("LOAD", 6, { vessel: "9074729" }),
      move("LOAD", 8, { vessel: "9321483" }),
      move("GTOT", 10),
      move("LOAD", 12, { vessel: "9321483" }),
    ];
    expect(spansAboard(moves)).toEqual([
      { vessel: "9321483", from: 2, to: 5 },
      { vessel: "9074729", from: 6, to: 8 },
      { vessel: "9321483", from: 8, to: 10 },
      { vessel: "9321483", from: 12, to: Number.POSITIVE_INFINITY },
    ]);
  });
});

describe("spans", () => {
  it("joined cover the same times, apart and in order", () => {
    const someSpan = fc.tuple(fc.nat(20), fc.nat(20)).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
    fc.assert(
      fc.property(fc.array(someSpan, { maxLength: 8 }), (spans) => {
        const union = unionOfSpans(spans);
        for (let time = -1; time <= 21; time += 0.5) expect(covers(union, time)).toBe(covers(spans, time));
        for (let i = 1; i < union.length; i++) expect(union[i]?.from).toBeGreaterThan(union[i - 1]?.to ?? 0);
      }),
    );
  });
});
