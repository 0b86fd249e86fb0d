import type { SiteException } from "@landfall/proto/api";

/** Wide enough that a burst is one bar. */
const BUCKET_S = 60;

/** How many exceptions were reported in each minute between the first and the last, those that were left out included. */
export function exceptionCounts(exceptions: readonly Pick<SiteException, "time" | "suppressed">[]): {
  /** Seconds since 1970. */
  readonly times: number[];
  readonly values: number[];
} {
  const counts = new Map<number, number>();
  for (const { time, suppressed = 0 } of exceptions) {
    const bucket = Math.floor(Date.parse(time) / 1000 / BUCKET_S);
    if (Number.isFinite(bucket)) counts.set(bucket, (counts.get(bucket) ?? 0) + 1 + suppressed);
  }
  if (counts.size === 0) return { times: [], values: [] };
  const buckets = [...counts.keys()];
  const [first, last] = [Math.min(...buckets), Math.max(...buckets)];
  const all = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  return { times: all.map((bucket) => bucket * BUCKET_S), values: all.map((bucket) => counts.get(bucket) ?? 0) };
}
