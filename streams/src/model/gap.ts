import type { OriginId } from "./names.js";
import type { Seq } from "./record.js";

/**
 * Why records are not here (R6).
 * - `expired`: they were here, and this site's retention removed them. Never fetched again.
 * - `missed`: they had expired at every holder in reach before they came here. Filled when a holder turns up.
 * - `damaged`: they cannot be read at any holder in reach. Filled when a holder turns up.
 * - `superseded`: the stream is compacted, and newer records of the same topics took their place. Never fetched again.
 */
export const GAP_REASONS = ["expired", "missed", "damaged", "superseded"] as const;
export type GapReason = (typeof GAP_REASONS)[number];

/** Seqs [from, to) of one origin that are not here, and why. */
export interface Hole {
  readonly from: Seq;
  readonly to: Seq;
  readonly reason: GapReason;
}

export interface Gap extends Hole {
  readonly origin: OriginId;
}

/** Whether what is missing is taken in when it turns up later. */
export function isFillable(reason: GapReason): boolean {
  return reason === "missed" || reason === "damaged";
}

/** The hole that covers this seq; `holes` are in order and do not overlap. */
export function holeAt<H extends Pick<Hole, "from" | "to">>(holes: readonly H[], seq: number): H | undefined {
  return holes.find((hole) => hole.from <= seq && seq < hole.to);
}

/** How many seqs of [from, to) lie in holes. */
export function missingIn(holes: readonly Pick<Hole, "from" | "to">[], from: number, to: number): number {
  let missing = 0;
  for (const hole of holes) missing += Math.max(0, Math.min(hole.to, to) - Math.max(hole.from, from));
  return missing;
}

/** In order, without what [from, to) covers. */
export function holesWithout<H extends Hole>(holes: readonly H[], from: number, to: number): H[] {
  return holes.flatMap((hole) => {
    if (hole.to <= from || hole.from >= to) return [hole];
    const parts: H[] = [];
    if (hole.from < from) parts.push({ ...hole, to: from as Seq });
    if (hole.to > to) parts.push({ ...hole, from: to as Seq });
    return parts;
  });
}
