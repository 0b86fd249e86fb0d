/** Reports of one kind that are let through at once. */
const BURST = 5;
/** After a burst, one of a kind passes in this time. */
const REFILL_MS = 10_000;
/** Kinds that are remembered; a flood of new kinds shares one bucket beyond that. */
const KINDS_MAX = 500;
/** All kinds together: reports let through in one second, and at once. */
const TOTAL_PER_SECOND = 20;
const TOTAL_BURST = 100;
const OVERFLOW = "";

interface Bucket<T> {
  tokens: number;
  at: number;
  suppressed: number;
  last?: T;
}

export interface ReportLimiter<T> {
  /** Number of reports of this kind that were left out before this one, or undefined to leave this one out too. */
  admit(kind: string, report: T): number | undefined;
  /** The last of those left out, for every kind that is quiet enough again to be told. */
  flush(): { readonly report: T; readonly suppressed: number }[];
}

/** Token buckets, one for each kind of report and one for all. @param now monotonic milliseconds */
export function createReportLimiter<T>(now: () => number): ReportLimiter<T> {
  const kinds = new Map<string, Bucket<T>>();
  const all: Bucket<T> = { tokens: TOTAL_BURST, at: now(), suppressed: 0 };

  const refill = (bucket: Bucket<T>, perMs: number, max: number): void => {
    const at = now();
    bucket.tokens = Math.min(max, bucket.tokens + (at - bucket.at) * perMs);
    bucket.at = at;
  };
  const bucketOf = (kind: string): Bucket<T> => {
    const known = kinds.get(kind) ?? (kinds.size >= KINDS_MAX ? kinds.get(OVERFLOW) : undefined);
    if (known) return known;
    const made: Bucket<T> = { tokens: BURST, at: now(), suppressed: 0 };
    kinds.set(kinds.size >= KINDS_MAX ? OVERFLOW : kind, made);
    return made;
  };
  /** Takes a token of this kind and of all, if both are there. */
  const take = (bucket: Bucket<T>): boolean => {
    refill(bucket, 1 / REFILL_MS, BURST);
    refill(all, TOTAL_PER_SECOND / 1000, TOTAL_BURST);
    if (bucket.tokens < 1 || all.tokens < 1) return false;
    bucket.tokens -= 1;
    all.tokens -= 1;
    return true;
  };

  return {
    admit(kind, report) {
      const bucket = bucketOf(kind);
      if (!take(bucket)) {
        bucket.suppressed += 1;
        bucket.last = report;
        return undefined;
      }
      const { suppressed } = bucket;
      bucket.suppressed = 0;
      delete bucket.last;
      return suppressed;
    },
    flush() {
      const told: { report: T; suppressed: number }[] = [];
      for (const [kind, bucket] of kinds) {
        if (bucket.last !== undefined && take(bucket)) {
          // The one that is told is no longer left out.
          told.push({ report: bucket.last, suppressed: bucket.suppressed - 1 });
          bucket.suppressed = 0;
          delete bucket.last;
        } else if (bucket.last === undefined) {
          refill(bucket, 1 / REFILL_MS, BURST);
          if (bucket.tokens >= BURST) kinds.delete(kind);
        }
      }
      return told;
    },
  };
}
