/** Counts work that has begun and not ended, for whoever wants to wait until all of it has. */
export class UnderWay {
  #count = 0;
  readonly #waiting = new Set<() => void>();

  enter(): void {
    this.#count++;
  }

  leave(): void {
    if (--this.#count > 0 || this.#waiting.size === 0) return;
    for (const go of this.#waiting) go();
  }

  /** Resolves when nothing is under way, or after `ms` at the latest. */
  async settled(ms: number): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      const go = () => {
        clearTimeout(timer);
        this.#waiting.delete(go);
        resolve();
      };
      const timer = setTimeout(go, ms);
      this.#waiting.add(go);
    });
  }
}
