import type { HistoryGap } from "@landfall/proto/api";

/** Points in order of time, parted between any two of which a gap covers some of the time in between. */
export function splitAtGaps<P extends { readonly time: string }>(
  points: readonly P[],
  gaps: readonly Pick<HistoryGap, "from" | "to">[],
): P[][] {
  const stretches: P[][] = [];
  let before: P | undefined;
  for (const point of points) {
    const stretch = stretches.at(-1);
    if (stretch === undefined || before === undefined || liesBetween(gaps, before.time, point.time)) {
      stretches.push([point]);
    } else stretch.push(point);
    before = point;
  }
  return stretches;
}

/** Text of RFC 3339 in UTC sorts as time. */
function liesBetween(gaps: readonly Pick<HistoryGap, "from" | "to">[], before: string, after: string): boolean {
  return gaps.some(({ from, to }) => (from === undefined || from < after) && (to === undefined || to > before));
}
