import { overlaps, type HistoryModel, type Missing, type Reading } from "./history-model.js";
import { shownIn, type Measure } from "./measures.js";

/** A stretch without readings, epoch milliseconds. */
export interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
  /** The one that reaches until now: what was measured since then has not come in. */
  readonly pending: boolean;
  /** What this site knows to be missing there; absent for a mere silence. */
  readonly missing?: Missing;
}

/** How far a gap without a beginning reaches out of the history, as a share of its length. */
const BEFORE_SHARE = 0.06;

export interface ChartData {
  /** Epoch seconds, ascending; with a point of nothing inside every gap. */
  readonly xs: readonly number[];
  /**
   * For each line of the measure: values known as they happened, then those known later. `null` breaks the line,
   * `undefined` does not: that reading simply says nothing about it.
   */
  readonly lines: readonly { readonly inTime: readonly Value[]; readonly late: readonly Value[] }[];
  readonly gaps: readonly Gap[];
}

type Value = number | null | undefined;

/**
 * Columns for the chart, out of the readings that say anything about the measure (a ship's positions and its weather
 * come apart). A step of the line that ends in a late reading belongs to the late, thin line together with the point
 * that it starts from, so that thick and thin meet without a hole.
 */
export function chartData(
  { readings, gapMs, missing }: Pick<HistoryModel, "readings" | "gapMs" | "missing">,
  measure: Measure,
  nowMs: number,
): ChartData {
  const rows: (Reading | undefined)[] = [];
  const xs: number[] = [];
  const gaps: Gap[] = [];
  let broken = false;
  for (const reading of readings) {
    broken ||= reading.afterGap || reading.missing !== undefined;
    if (!measure.series.some(({ key }) => reading.point[key] !== undefined)) continue;
    const before = rows.at(-1);
    if (broken && before) {
      if (reading.ms - before.ms > gapMs) gaps.push({ fromMs: before.ms, toMs: reading.ms, pending: false });
      rows.push(undefined);
      xs.push((before.ms + reading.ms) / 2000);
    }
    broken = false;
    rows.push(reading);
    xs.push(reading.ms / 1000);
  }
  const [first, last] = [rows[0], rows.at(-1)];
  if (last && nowMs - last.ms > gapMs) {
    gaps.push({ fromMs: last.ms, toMs: nowMs, pending: true });
    rows.push(undefined);
    xs.push(nowMs / 1000);
  }
  if (first && last && missing.some(({ fromMs }) => fromMs === undefined || fromMs < first.ms)) {
    rows.unshift(undefined);
    xs.unshift((first.ms - Math.max(gapMs, (last.ms - first.ms) * BEFORE_SHARE)) / 1000);
  }
  const lines = measure.series.map(({ key }) => {
    const values = rows.map((row): Value => (row === undefined ? null : shownIn(row.point, key, measure)));
    const pick = (late: boolean): Value[] =>
      values.map((value, i) => {
        const here = rows[i];
        const next = rows[i + 1];
        return (here !== undefined && here.late === late) || (next !== undefined && next.late === late) ? value : null;
      });
    return { inTime: pick(false), late: pick(true) };
  });
  return { xs, lines, gaps: withMissing(gaps, missing, (xs[0] ?? 0) * 1000, (xs.at(-1) ?? 0) * 1000, gapMs) };
}

/** What is known to be missing, within the chart, and the silences beside it that are still long enough to be one. */
function withMissing(
  silences: readonly Gap[],
  missing: readonly Missing[],
  startMs: number,
  endMs: number,
  gapMs: number,
): Gap[] {
  const known = missing
    .filter((one) => overlaps(one, startMs, endMs))
    .map((one) => ({
      fromMs: Math.max(startMs, one.fromMs ?? startMs),
      toMs: Math.min(endMs, one.toMs ?? endMs),
      pending: false,
      missing: one,
    }));
  const rest = known.reduce(
    (left, { fromMs, toMs }) =>
      left.flatMap((gap) => {
        if (toMs <= gap.fromMs || fromMs >= gap.toMs) return [gap];
        return [
          { ...gap, toMs: fromMs },
          { ...gap, fromMs: toMs },
        ].filter((piece) => piece.toMs - piece.fromMs > gapMs);
      }),
    [...silences],
  );
  return [...known, ...rest].toSorted((a, b) => a.fromMs - b.fromMs);
}
