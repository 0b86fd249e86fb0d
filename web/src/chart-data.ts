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
export function chartData(readings: readonly Reading[], measure: Measure): ChartData {
  const rows: (Reading | undefined)[] = [];
  const xs: number[] = [];
  const gaps: Gap[] = [];
  let broken = false;
  for (const reading of readings) {
    broken ||= reading.afterGap;
    if (!measure.series.some(({ key }) => reading.point[key] !== undefined)) continue;
    const before = rows.at(-1);
    if (broken && before) {
      gaps.push({ fromMs: before.ms, toMs: reading.ms });
      rows.push(undefined);
      xs.push((before.ms + reading.ms) / 2000);
    }
    broken = false;
    rows.push(reading);
    xs.push(reading.ms / 1000);
  }
  const lines = measure.series.map(({ key }) => {
    const values = rows.map((row): Value => (row === undefined ? null : valueIn(row.point, key)));
    const pick = (late: boolean): Value[] =>
      values.map((value, i) => {
        const here = rows[i];
        const next = rows[i + 1];
        return (here !== undefined && here.late === late) || (next !== undefined && next.late === late) ? value : null;
      });
    return { inTime: pick(false), late: pick(true) };
  });
  return { xs, lines, gaps };
}
