import { SEEN_TIMES_MAX } from "../limits.js";

/**
 * Which times of one topic may already be stored. Most readings are newer than all before, and that alone proves
 * that they are no repetition; only the others need a look into the store.
 *
 * Invariant: every stored time above `floor` is in `recent`; `recent` may hold times that were never stored.
 */
export interface SeenTimes {
  readonly floor: number;
  /** Ascending. */
  readonly recent: readonly number[];
}

/** Nothing is known yet, e.g. after a start: every time may be stored. */
export const UNKNOWN_TIMES: SeenTimes = { floor: Number.POSITIVE_INFINITY, recent: [] };

/** False only when nothing of this time can be stored. */
export function mayBeStored(seen: SeenTimes, time: number): boolean {
  return time <= seen.floor || seen.recent.includes(time);
}

/** After something of this time was handed to the store. */
export function withTime(seen: SeenTimes, time: number): SeenTimes {
  if (mayBeStored(seen, time)) return seen;
  return trimmed(seen.floor, insert(seen.recent, time));
}

/** After the store said that it holds nothing from `from` on, and nothing of then is on its way to it. */
export function knownBelow(from: number): SeenTimes {
  return { floor: from - 1, recent: [] };
}

export function isUnknown(seen: SeenTimes): boolean {
  return seen.floor === Number.POSITIVE_INFINITY;
}

function insert(ascending: readonly number[], time: number): number[] {
  const last = ascending.at(-1);
  const all = [...ascending, time];
  if (last !== undefined && time < last) all.sort((a, b) => a - b);
  return all;
}

function trimmed(floor: number, recent: readonly number[]): SeenTimes {
  const excess = recent.length - SEEN_TIMES_MAX;
  return excess <= 0 ? { floor, recent } : { floor: recent[excess - 1] as number, recent: recent.slice(excess) };
}
