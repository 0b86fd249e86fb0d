import { systemEnv, type Env } from "@landfall/streams/env";

/** Timers and intervals that pass only when the test says so; the wall clock is the real one. */
export class ManualEnv implements Env {
  #at = 0;
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  now(): number {
    return systemEnv.now();
  }
  monotonic(): number {
    return this.#at;
  }
  random(): number {
    return systemEnv.random();
  }
  setTimer(ms: number, run: () => void): { cancel(): void } {
    const timer = { at: this.#at + ms, run };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  advance(ms: number): void {
    this.#at += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#at);
    this.#timers = this.#timers.filter(({ at }) => at > this.#at);
    for (const { run } of due) run();
  }
}
