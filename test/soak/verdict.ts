/** Readings' way from being sent to PUBACK: less than this for 99 of 100. */
const ACK_MS_99_MAX = 250;
/** What the last third of the run may hold more than the middle third, as a share: both are medians, so that a peak is no growth. */
const GROWTH_MAX = 0.1;

/** What a run of honest sensors came to. */
export interface SoakResult {
  /** How long each PUBACK took, of readings that were sent while the others misbehaved. */
  readonly ackMs: readonly number[];
  /** Readings whose publish ended with an error, and those that nobody ever answered. */
  readonly failed: number;
  readonly unanswered: number;
  /** Connections of honest sensors that ended without being asked to. */
  readonly cuts: number;
  /** Readings that were acknowledged and are not stored, or are stored twice. */
  readonly lost: number;
  readonly doubled: number;
  /** Resident memory of the edge, evenly over the run, and how many times it was to be looked at. */
  readonly rssBytes: readonly number[];
  readonly rssWanted: number;
}

/** Medians of the middle third of a run and of the last; the first third fills caches. */
export interface Memory {
  readonly middleBytes: number;
  readonly lastBytes: number;
  /** Of the middle; 0.1 is a tenth more. NaN where nothing was measured. */
  readonly growth: number;
}

export function memoryOf(rssBytes: readonly number[]): Memory {
  const third = Math.floor(rssBytes.length / 3);
  const lastBytes = quantile(rssBytes.slice(rssBytes.length - third), 0.5);
  const middleBytes = quantile(rssBytes.slice(rssBytes.length - 2 * third, rssBytes.length - third), 0.5);
  return { middleBytes, lastBytes, growth: lastBytes / middleBytes - 1 };
}

/** What is wrong with a run, in words; nothing when it was good. */
export function problemsOf(result: SoakResult): string[] {
  const { ackMs, failed, unanswered, cuts, lost, doubled, rssBytes, rssWanted } = result;
  const { growth } = memoryOf(rssBytes);
  const p99 = quantile(ackMs, 0.99);
  const found: readonly (readonly [boolean, string])[] = [
    [ackMs.length === 0, "nothing was acknowledged"],
    [failed > 0, `${failed} publishes failed`],
    [unanswered > 0, `${unanswered} readings were never acknowledged`],
    [cuts > 0, `${cuts} connections of honest sensors were cut`],
    [lost > 0, `${lost} acknowledged readings are not stored`],
    [doubled > 0, `${doubled} readings are stored twice`],
    [p99 >= ACK_MS_99_MAX, `p99 of the PUBACKs is ${p99.toFixed(0)} ms, want less than ${ACK_MS_99_MAX}`],
    // Half of them may be missed by a machine that has better things to do.
    [
      rssBytes.length < Math.max(3, rssWanted / 2),
      `memory was measured ${rssBytes.length} times, want ${Math.floor(rssWanted)}`,
    ],
    [growth > GROWTH_MAX, `memory grew by ${(growth * 100).toFixed(1)} %, want at most ${GROWTH_MAX * 100} %`],
  ];
  return found.filter(([isWrong]) => isWrong).map(([, what]) => what);
}

/** @returns 0 where there are no values */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
