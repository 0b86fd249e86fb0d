const STEP_MS = 50;

/** A scheduler whose clock jumps from event to event: hours of a fleet's life in a second, the same every time. */
export class VirtualTime {
  now = 0;
  /** Events so far. */
  passed = 0;
  #events: { at: number; order: number; run: () => void }[] = [];
  #order = 0;

  after(ms: number, run: () => void): void {
    const event = { at: this.now + ms, order: this.#order++, run };
    // A binary heap on (time, order of scheduling).
    const heap = this.#events;
    let i = heap.push(event) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || before(above, event)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = event;
  }

  /** Runs events until the given time, or until `done` says so. Returns whether it did. */
  run(until: number, done: () => boolean = () => false): boolean {
    for (;;) {
      const next = this.#events[0];
      if (next === undefined || next.at > until) break;
      this.#pop();
      this.now = next.at;
      next.run();
      if (done()) return true;
    }
    this.now = until;
    return done();
  }

  /** The same for events that begin what goes on in promises: each is let go on as far as it can, before the next. */
  async runThrough(until: number, done: () => boolean = () => false): Promise<boolean> {
    for (;;) {
      const next = this.#events[0];
      if (next === undefined || next.at > until) break;
      this.#pop();
      this.now = next.at;
      next.run();
      await settled();
      if (done()) return true;
    }
    this.now = until;
    // Also where nothing happens, whoever waits for something else gets a turn.
    await settled();
    return done();
  }

  /** Lets time pass until the work is done. */
  async through<T>(work: Promise<T>): Promise<T> {
    const state = { isDone: false };
    const ended = () => {
      state.isDone = true;
    };
    work.then(ended, ended);
    while (!state.isDone) await this.runThrough(this.now + STEP_MS, () => state.isDone);
    return work;
  }

  #pop(): void {
    this.passed++;
    const heap = this.#events;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && before(right, heap[child] as typeof right)) child++;
      const lower = heap[child];
      if (lower === undefined || before(last, lower)) break;
      heap[i] = lower;
      i = child;
    }
    heap[i] = last;
  }
}

/** All promises that wait for nothing but each other have gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function before(a: { at: number; order: number }, b: { at: number; order: number }): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
