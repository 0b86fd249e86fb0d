/** Something has happened; who waits is woken once, however often it did. */
export class Signal {
  private isSet = false;
  private wake: (() => void) | undefined;

  set(): void {
    this.isSet = true;
    this.wake?.();
    this.wake = undefined;
  }

  clear(): void {
    this.isSet = false;
  }

  /** At once if it was set since the last `clear`. One waiter at a time. */
  wait(): Promise<void> {
    if (this.isSet) return Promise.resolve();
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}
