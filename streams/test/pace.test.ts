import { expect, it } from "vitest";
import { JOURNALS_IN_BALANCE, Pace } from "../src/store/pace.js";
import { ManualEnv } from "../testing/manual-env.js";

const KILOBYTE = 1000;

/** Whether it has resolved, after everything that can resolve now. */
async function isDone(work: Promise<unknown>): Promise<boolean> {
  let done = false;
  void work.then(() => (done = true));
  for (let i = 0; i < 10; i++) await Promise.resolve();
  return done;
}

function setUp(): { env: ManualEnv; pace: Pace; progress: () => void } {
  const env = new ManualEnv(0);
  let progress = (): void => undefined;
  const pace = new Pace(env, () => new Promise((resolve) => (progress = resolve)));
  // 1 kB in a millisecond.
  pace.sealed(100 * KILOBYTE, 100);
  return { env, pace, progress: () => progress() };
}

it("holds nobody up while few journals wait, or nothing is known of sealing", async () => {
  const { env, pace } = setUp();
  expect(await isDone(pace.hold(Promise.resolve(1), 50 * KILOBYTE, 1))).toBe(true);
  expect(
    await isDone(new Pace(env, () => Promise.resolve()).hold(Promise.resolve(1), KILOBYTE, JOURNALS_IN_BALANCE)),
  ).toBe(true);
});

it("lets appends through as fast as journals are sealed, and slower when more of them wait", async () => {
  const { env, pace } = setUp();
  const [first, second] = [1, 2].map((result) => pace.hold(Promise.resolve(result), 5 * KILOBYTE, JOURNALS_IN_BALANCE));
  env.advance(4);
  expect(await isDone(first as Promise<number>)).toBe(false);
  env.advance(1);
  expect(await first).toBe(1);
  expect(await isDone(second as Promise<number>)).toBe(false);
  env.advance(5);
  expect(await second).toBe(2);
  const crowded = pace.hold(Promise.resolve(3), 10 * KILOBYTE, JOURNALS_IN_BALANCE * 1.5);
  env.advance(14);
  expect(await isDone(crowded)).toBe(false);
  env.advance(1);
  expect(await crowded).toBe(3);
});

it("holds nobody up for long, nor when a journal was sealed meanwhile", async () => {
  const { env, pace, progress } = setUp();
  const large = pace.hold(Promise.resolve(1), 1000 * KILOBYTE, JOURNALS_IN_BALANCE);
  env.advance(15);
  expect(await large).toBe(1);
  env.advance(100);
  const woken = pace.hold(Promise.resolve(2), 50 * KILOBYTE, JOURNALS_IN_BALANCE);
  expect(await isDone(woken)).toBe(false);
  progress();
  expect(await woken).toBe(2);
});

it("what a large append would have to wait for longer is waited for by the next ones, up to a bound", async () => {
  const { env, pace } = setUp();
  const large = pace.hold(Promise.resolve(0), 40 * KILOBYTE, JOURNALS_IN_BALANCE);
  for (const left of [40, 25, 10]) {
    const small = pace.hold(Promise.resolve(left), 0, JOURNALS_IN_BALANCE);
    env.advance(Math.min(left, 15) - 1);
    expect(await isDone(small)).toBe(false);
    env.advance(1);
    expect(await small).toBe(left);
    expect(await large).toBe(0);
  }
  const crowded = pace.hold(Promise.resolve(1), 1000 * KILOBYTE, JOURNALS_IN_BALANCE + 2);
  env.advance(99);
  expect(await isDone(crowded)).toBe(false);
  env.advance(1);
  expect(await crowded).toBe(1);
});

it("hands on what the append failed with", async () => {
  const { pace } = setUp();
  await expect(pace.hold(Promise.reject(new Error("disk full")), KILOBYTE, JOURNALS_IN_BALANCE)).rejects.toThrow(
    "disk full",
  );
});
