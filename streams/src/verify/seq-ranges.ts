import type { SeqRange } from "../model/record.js";

/** Lists of ranges of seqs, each [from, to), in order and apart. */
export type SeqRanges = readonly SeqRange[];

/** How many seqs. */
export function sizeOf(ranges: SeqRanges): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from, 0);
}

/** Any ranges, put in order and joined. */
export function joined(ranges: SeqRanges): SeqRange[] {
  const result: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (from >= to) continue;
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else result.push([from, to]);
  }
  return result;
}

/** What of `ranges` is not in `others`. */
export function without(ranges: SeqRanges, others: SeqRanges): SeqRange[] {
  const result: SeqRange[] = [];
  let i = 0;
  for (const [from, to] of ranges) {
    while (i > 0 && (others[i - 1] as SeqRange)[1] > from) i--;
    let at = from;
    for (; i < others.length && (others[i] as SeqRange)[0] < to; i++) {
      const [start, end] = others[i] as SeqRange;
      if (end <= at) continue;
      if (start > at) result.push([at, start]);
      at = end;
    }
    if (at < to) result.push([at, to]);
  }
  return result;
}

/** What is in both. */
export function within(ranges: SeqRanges, others: SeqRanges): SeqRange[] {
  return without(ranges, without(ranges, others));
}
