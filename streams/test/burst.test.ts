import { beforeEach, expect, it } from "vitest";
import { BURST_JOURNALS, BURST_REST_MS, JOURNAL_FILE_BYTES } from "../src/limits.js";
import { Burst } from "../src/store/burst.js";
import { ManualEnv } from "../testing/manual-env.js";

let env: ManualEnv;
let begun: number;
let burst: Burst;
beforeEach(() => {
  env = new ManualEnv(0);
  begun = 0;
  burst = new Burst(env, () => begun++);
});

/** A journal that took so long to fill. */
function full(tookMs: number, waiting: number, bytes = JOURNAL_FILE_BYTES): boolean {
  env.advance(tookMs);
  return burst.holds(bytes, waiting);
}

it("waits while journals fill fast, and begins when no further one is full for a while", () => {
  expect([full(200, 1), full(BURST_REST_MS - 1, 2)]).toEqual([true, true]);
  env.advance(BURST_REST_MS - 1);
  expect(begun).toBe(0);
  env.advance(1);
  expect(begun).toBe(1);
});

it("waits for no more journals than make a burst", () => {
  for (let waiting = 1; waiting < BURST_JOURNALS; waiting++) expect(full(100, waiting)).toBe(true);
  expect(full(100, BURST_JOURNALS)).toBe(false);
  env.advance(BURST_REST_MS);
  expect(begun).toBe(0);
});

it("does not wait for journals that fill slowly, or are small", () => {
  expect(full(1_001, 1)).toBe(false);
  expect(full(10, 1, 1_000_000)).toBe(false);
});

it("is over when somebody has sealing begin", () => {
  expect(full(100, 1)).toBe(true);
  burst.end();
  env.advance(BURST_REST_MS);
  expect(begun).toBe(0);
});

it("rests when a folder was opened, until somebody asks or a burst would be over", () => {
  burst.rest();
  env.advance(BURST_REST_MS - 1);
  expect(begun).toBe(0);
  env.advance(1);
  expect(begun).toBe(1);
  burst.rest();
  burst.end();
  env.advance(BURST_REST_MS);
  expect(begun).toBe(1);
});
