/** How the simulated clock runs. Pure: elapsed time and the real clock are handed in. */

/** Closer than this to the real clock, it has met it. */
const MET_MS = 2_000;
/** A machine that slept, or was too busy, does not leap: at most this much real time passes between two looks. */
const ELAPSED_MS_MAX = 1_000;

export interface ClockReading {
  readonly timeMs: number;
  /** Simulated seconds in one: the pace, or 1 once the real clock is met. */
  readonly speed: number;
}

/** Where the simulated clock stands after `elapsedMs`: never ahead of the real one. */
export function advanceClock(timeMs: number, elapsedMs: number, pace: number, realNowMs: number): ClockReading {
  const elapsed = Math.min(ELAPSED_MS_MAX, Math.max(0, elapsedMs));
  const next = Math.max(timeMs, Math.min(timeMs + elapsed * pace, realNowMs));
  return { timeMs: next, speed: realNowMs - next <= MET_MS ? 1 : pace };
}
