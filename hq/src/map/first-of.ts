import type { ContainerState } from "@landfall/proto/api";

/** The first few of a list that is not sorted. */
export interface FirstOf {
  /** How many there are, whatever `after` says. */
  readonly matched: number;
  readonly first: readonly ContainerState[];
  readonly hasMore: boolean;
}

/**
 * The first `limit` containers by number, of those behind `after`; without sorting all of them: of a million, nearly
 * all are looked at once and left.
 */
export function firstOf(states: Iterable<ContainerState>, after: string | undefined, limit: number): FirstOf {
  let matched = 0;
  let behind = 0;
  let kept: ContainerState[] = [];
  /** What is not before it is not among the first. */
  let bound: string | undefined;
  for (const state of states) {
    matched++;
    const { container } = state;
    if (after !== undefined && container <= after) continue;
    behind++;
    if (bound !== undefined && container >= bound) continue;
    kept.push(state);
    if (kept.length < 2 * limit + 64) continue;
    kept = kept.sort(byNumber).slice(0, limit);
    bound = kept.at(-1)?.container;
  }
  const first = kept.sort(byNumber).slice(0, limit);
  return { matched, first, hasMore: behind > first.length };
}

function byNumber(a: ContainerState, b: ContainerState): number {
  return a.container < b.container ? -1 : a.container > b.container ? 1 : 0;
}
