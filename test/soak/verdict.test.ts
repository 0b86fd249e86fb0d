import { describe, expect, it } from "vitest";
import { memoryOf, problemsOf, type SoakResult } from "./verdict.js";

const flat = (length: number, bytes = 100): number[] => Array.from({ length }, () => bytes);
const GOOD: SoakResult = {
  ackMs: flat(1_000, 5),
  failed: 0,
  unanswered: 0,
  cuts: 0,
  lost: 0,
  doubled: 0,
  rssBytes: flat(120),
  rssWanted: 120,
};

describe("what a soak of sensors says in the end", () => {
  it("is good when nothing was wrong", () => expect(problemsOf(GOOD)).toEqual([]));

  it.each<[string, Partial<SoakResult>, RegExp]>([
    ["nobody was heard", { ackMs: [] }, /nothing was acknowledged/],
    ["a publish ended with an error", { failed: 1 }, /1 publishes failed/],
    ["a PUBACK never came", { unanswered: 2 }, /2 readings were never acknowledged/],
    ["an honest connection was cut", { cuts: 3 }, /3 connections/],
    ["a reading is lost", { lost: 1 }, /not stored/],
    ["a reading is there twice", { doubled: 1 }, /twice/],
    ["one in fifty took too long", { ackMs: [...flat(980, 5), ...flat(20, 260)] }, /p99 .* is 260 ms/],
    ["memory was never measured", { rssBytes: [] }, /measured 0 times, want 120/],
    ["memory was hardly measured", { rssBytes: flat(50) }, /measured 50 times/],
    [
      "memory grows slowly",
      { rssBytes: Array.from({ length: 120 }, (_, i) => 100 + i * 0.4) },
      /memory grew by 12\.\d %, want at most 10 %/,
    ],
  ])("is bad when %s", (_, wrong, words) => {
    const problems = problemsOf({ ...GOOD, ...wrong });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(words);
  });

  it("takes neither what fills caches at first nor a peak for growth", () => {
    const rssBytes = [...Array.from({ length: 40 }, (_, i) => 20 + i * 2), ...flat(40), ...flat(40)];
    rssBytes[110] = 400;
    expect(memoryOf(rssBytes)).toEqual({ middleBytes: 100, lastBytes: 100, growth: 0 });
    expect(problemsOf({ ...GOOD, rssBytes })).toEqual([]);
  });
});
