import { seededRandom } from "./seeded-random.js";
import type { Env, TimerHandle } from "../src/env.js";

/** A clock that only the test moves, and randomness that a seed repeats. */
export class ManualEnv implements Env {
  /** Uniform in [0, 1), the same every time for the same seed. */
  readonly random: () => number;
  private readonly timers: { at: number; fn: () => void }[] = [];
  private elapsedMs = 0;

  /** @param nowMs wall clock, ms since 1970 */
  constructor(
    public nowMs: number,
    seed = 1,
  ) {
    this.random = seededRandom(seed);
  }

  now(): number {
    return this.nowMs;
  }

  monotonic(): number {
    return this.elapsedMs;
  }

  setTimer(ms: number, fn: () => void): TimerHandle {
    const timer = { at: this.elapsedMs + ms, fn };
    this.timers.push(timer);
    return {
      cancel: () => {
        const at = this.timers.indexOf(timer);
        if (at >= 0) this.timers.splice(at, 1);
      },
    };
  }

  /** Lets time pass: fires what falls due, in order. */
  advance(ms: number): void {
    const end = this.elapsedMs + ms;
    for (;;) {
      const due = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers.splice(this.timers.indexOf(due), 1);
      this.pass(due.at - this.elapsedMs);
      due.fn();
    }
    this.pass(end - this.elapsedMs);
  }

  private pass(ms: number): void {
    this.elapsedMs += ms;
    this.nowMs += ms;
  }
}
