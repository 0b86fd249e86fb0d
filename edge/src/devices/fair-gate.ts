/**
 * Lets so many in at the same time. The others wait, and addresses take turns: whoever sends a thousand makes a
 * thousand of his own wait, and delays anybody else by one.
 */
export class FairGate {
  readonly #atOnce: number;
  readonly #waitingMax: number;
  #running = 0;
  #waitingCount = 0;
  /** In the order in which addresses are served. */
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(atOnce: number, waitingMax: number) {
    this.#atOnce = atOnce;
    this.#waitingMax = waitingMax;
  }

  get waiting(): number {
    return this.#waitingCount;
  }

  /** Resolves with what `work` does, or with undefined at once when too many wait. */
  async run<T>(address: string, work: () => Promise<T>): Promise<T | undefined> {
    if (this.#running >= this.#atOnce) {
      if (this.#waitingCount >= this.#waitingMax) return undefined;
      await this.#turn(address);
    } else this.#running++;
    try {
      return await work();
    } finally {
      this.#handOn();
    }
  }

  async #turn(address: string): Promise<void> {
    const queue = this.#waiting.get(address) ?? [];
    this.#waiting.set(address, queue);
    this.#waitingCount++;
    await new Promise<void>((resolve) => queue.push(resolve));
  }

  /** Who leaves hands its place to the address that has waited longest for a turn. */
  #handOn(): void {
    for (const [address, queue] of this.#waiting) {
      this.#waiting.delete(address);
      const next = queue.shift();
      if (queue.length > 0) this.#waiting.set(address, queue);
      if (next === undefined) continue;
      this.#waitingCount--;
      return next();
    }
    this.#running--;
  }
}
