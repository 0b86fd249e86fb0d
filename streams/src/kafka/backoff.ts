import type { Env } from "../env.js";
import { RETRY_MS_MAX, RETRY_MS_MIN } from "./kafka-limits.js";

/** Waits longer with every failure in a row, up to a second; with a part left to chance, so that nodes do not keep step. */
export class Backoff {
  private ms = RETRY_MS_MIN;
  private isEnded = false;
  private readonly waiting = new Set<() => void>();

  constructor(private readonly env: Pick<Env, "setTimer" | "random">) {}

  reset(): void {
    this.ms = RETRY_MS_MIN;
  }

  wait(): Promise<void> {
    const ms = this.ms * (0.5 + this.env.random() / 2);
    this.ms = Math.min(this.ms * 2, RETRY_MS_MAX);
    return this.pause(ms);
  }

  /** Exactly so long, or until `end`. */
  pause(ms: number): Promise<void> {
    if (this.isEnded) return Promise.resolve();
    return new Promise((resolve) => {
      const go = (): void => {
        timer.cancel();
        this.waiting.delete(go);
        resolve();
      };
      const timer = this.env.setTimer(ms, go);
      this.waiting.add(go);
    });
  }

  /** Nobody waits any more. */
  end(): void {
    this.isEnded = true;
    for (const go of this.waiting) go();
  }
}
