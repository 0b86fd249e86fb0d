/**
 * Lets results out in the order in which their work began, whenever it ends: MQTT wants acknowledgements of one
 * connection in the order of its publishes (4.6.0-2).
 */
export class InOrder {
  #slots: { release: (() => void) | undefined }[] = [];

  /** `release` is called after that of everything entered before. */
  enter<T>(work: Promise<T>, ok: (result: T) => void, failed: (error: unknown) => void): void {
    const slot: { release: (() => void) | undefined } = { release: undefined };
    this.#slots.push(slot);
    work.then(
      (result) => this.#settle(slot, () => ok(result)),
      (error: unknown) => this.#settle(slot, () => failed(error)),
    );
  }

  #settle(slot: { release: (() => void) | undefined }, release: () => void): void {
    slot.release = release;
    let done = 0;
    while (this.#slots[done]?.release !== undefined) done++;
    if (done === 0) return;
    for (const ready of this.#slots.splice(0, done)) ready.release?.();
  }
}
