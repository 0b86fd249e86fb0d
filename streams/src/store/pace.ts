import type { Env, TimerHandle } from "../env.js";

/** So many journals wait while appends come exactly as fast as they are sealed; with more, they are held up for longer. */
export const JOURNALS_IN_BALANCE = 12;
/** With fewer, nobody is held up. */
const JOURNALS_MIN = 10;
/** With more, sealing is much slower than appending: then shorter waits do not suffice, and longer ones are still better than none left. */
const JOURNALS_CROWDED = 13;
/** One append is held up for so long at most; what is left is for the next ones. Short, because to its caller it is a pause. */
const HOLD_MS_MAX = 15;
const HOLD_CROWDED_MS_MAX = 100;
/** More is not made up for, whatever the last measurement said. */
const DEBT_MS_MAX = 100;
/** Timers do no better. */
const HOLD_MS_MIN = 1;

/**
 * Holds up who appends faster than journals are sealed: many for a few milliseconds, instead of some for as long as it takes
 * to seal a journal. What was appended is durable before; only the answer waits.
 */
export class Pace {
  private bytesPerMs = Infinity;
  private freeAt = -Infinity;

  /** @param progress resolves when the next journal is sealed, or none will be */
  constructor(
    private readonly env: Env,
    private readonly progress: () => Promise<void>,
  ) {}

  /** A journal of so many bytes took so long to seal. */
  sealed(bytes: number, ms: number): void {
    if (ms <= 0) return;
    const measured = bytes / ms;
    this.bytesPerMs = this.bytesPerMs === Infinity ? measured : (this.bytesPerMs * 3 + measured) / 4;
  }

  /** @param work appends so many bytes, while so many journals wait to be sealed */
  async hold<T>(work: Promise<T>, bytes: number, waiting: number): Promise<T> {
    if (waiting < JOURNALS_MIN) return work;
    const now = this.env.monotonic();
    const cost = (bytes / this.bytesPerMs) * (waiting / JOURNALS_IN_BALANCE);
    this.freeAt = Math.min(Math.max(this.freeAt, now) + cost, now + DEBT_MS_MAX);
    const until = Math.min(this.freeAt, now + (waiting > JOURNALS_CROWDED ? HOLD_CROWDED_MS_MAX : HOLD_MS_MAX));
    const result = await work;
    const rest = until - this.env.monotonic();
    if (rest >= HOLD_MS_MIN) await this.wait(rest);
    return result;
  }

  private async wait(ms: number): Promise<void> {
    let timer: TimerHandle | undefined;
    const over = new Promise<void>((resolve) => {
      timer = this.env.setTimer(ms, resolve);
    });
    await Promise.race([over, this.progress()]);
    timer?.cancel();
  }
}
