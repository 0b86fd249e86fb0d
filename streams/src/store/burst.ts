import { BURST_JOURNALS, BURST_REST_MS, JOURNAL_FILE_BYTES } from "../limits.js";
import type { Env, TimerHandle } from "../env.js";

/** A journal that filled more slowly than this is none of a burst: sealing keeps up with it beside everything else. */
const BURST_BYTES_PER_MS = JOURNAL_FILE_BYTES / 1000;

/**
 * Whether so many bytes of a journal came so fast that they are part of a burst.
 * @param fileBytes a whole journal has: small ones are those of tests, and what is left of large ones when a node is asked to seal what it has
 */
export function isBurst(bytes: number, ms: number, fileBytes: number): boolean {
  return fileBytes >= JOURNAL_FILE_BYTES / 2 && bytes >= ms * BURST_BYTES_PER_MS;
}

/**
 * Whether sealing waits: a burst is taken at the disk's pace when nothing else is done meanwhile, and is sealed once it is over, or
 * once so many journals wait that it is no burst.
 */
export class Burst {
  private lastFull: number;
  private timer: TimerHandle | undefined;

  /** @param over called when sealing may begin */
  constructor(
    private readonly env: Pick<Env, "monotonic" | "setTimer">,
    private readonly over: () => void,
  ) {
    this.lastFull = env.monotonic();
  }

  /** A journal of so many bytes is full, and with it so many wait. Sealing has not begun. */
  holds(bytes: number, waiting: number): boolean {
    const now = this.env.monotonic();
    const took = now - this.lastFull;
    this.lastFull = now;
    this.end();
    if (!isBurst(bytes, took, bytes) || waiting >= BURST_JOURNALS) return false;
    this.rest();
    return true;
  }

  /** Sealing waits until it is plain what comes first. */
  rest(): void {
    this.end();
    this.timer = this.env.setTimer(BURST_REST_MS, this.over);
  }

  /** Sealing has begun for another reason. */
  end(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }
}
