/** A rate with a burst; may go into debt, which is waited off. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #max: number;
  #tokens: number;
  #at: number;

  constructor(perSecond: number, max: number, nowMs: number) {
    this.#perMs = perSecond / 1000;
    this.#max = max;
    this.#tokens = max;
    this.#at = nowMs;
  }

  /** Takes `count` at this (monotonic) time. Returns how many milliseconds to wait before taking more; 0 when none. */
  take(count: number, nowMs: number): number {
    this.#tokens = Math.min(this.#max, this.#tokens + (nowMs - this.#at) * this.#perMs) - count;
    this.#at = nowMs;
    return this.#tokens >= 0 ? 0 : Math.ceil(-this.#tokens / this.#perMs);
  }
}
