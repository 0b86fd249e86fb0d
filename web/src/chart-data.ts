import type { Reading } from "./history-model.js";
import { valueIn, type Measure } from "./measures.js";

/** A stretch without readings, epoch milliseconds. */
export interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface ChartData {
  /** Epoch seconds, ascending; with a point of nothing inside every gap. */
  readonly xs: readonly number[];
  /** For each line of the measure: values known as they happened, then those known later. */
  readonly lines: readonly {
    readonly inTime: readonly (number | null)[];
    readonly late: readonly (number | null)[];
  }[];
  readonly gaps: readonly Gap[];
}

/**
 * Columns for the chart. A step of the line that ends in a late reading belongs to the late, thin line together with
 * the point that it starts from, so that thick and thin meet without a hole.
 */
export function chartData(readings: readonly Reading[], measure: Measure): ChartData {
  const rows: (Reading | undefined)[] = [];
  const xs: number[] = [];
  const gaps: Gap[] = [];
  for (const reading of readings) {
    const before = rows.at(-1);
    if (reading.afterGap && before) {
      gaps.push({ fromMs: before.ms, toMs: reading.ms });
      rows.push(undefined);
      xs.push((before.ms + reading.ms) / 2000);
    }
    rows.push(reading);
    xs.push(reading.ms / 1000);
  }
  const lines = measure.series.map(({ key }) => {
    const values = rows.map((row) => (row === undefined ? null : (valueIn(row.point, key) ?? null)));
    const pick = (late: boolean): (number | null)[] =>
      values.map((value, i) => {
        const here = rows[i];
        const next = rows[i + 1];
        return (here !== undefined && here.late === late) || (next !== undefined && next.late === late) ? value : null;
      });
    return { inTime: pick(false), late: pick(true) };
  });
  return { xs, lines, gaps };
}
