import type { Env, TimerHandle } from "../src/env.js";
import type { VirtualTime } from "./virtual-time.js";

/** Clock, timers and randomness of one process in virtual time. Its wall clock may be wrong, its monotonic one is not. */
export class SimulatedEnv implements Env {
  readonly random: () => number;
  private readonly bootAt: number;
  private isOver = false;

  /**
   * @param startMs wall clock when virtual time began, ms since 1970
   * @param wrongByMs asked whenever the wall clock is read
   */
  constructor(
    private readonly time: VirtualTime,
    random: () => number,
    private readonly startMs: number,
    private readonly wrongByMs: () => number,
  ) {
    this.random = random;
    this.bootAt = time.now;
  }

  now(): number {
    return this.startMs + this.time.now + this.wrongByMs();
  }

  monotonic(): number {
    return this.time.now - this.bootAt;
  }

  setTimer(ms: number, fn: () => void): TimerHandle {
    let isCancelled = false;
    this.time.after(ms, () => {
      if (!isCancelled && !this.isOver) fn();
    });
    return { cancel: () => void (isCancelled = true) };
  }

  /** The process is gone, and its timers with it. */
  end(): void {
    this.isOver = true;
  }
}
