import type { Measurements } from "@landfall/proto/api";
import { FLAG_FIELDS, NUMBER_FIELDS, type NumberField } from "../view/measurements.js";

/**
 * Fewer points that still show what happened: the first and the last; the highest and lowest of every measurement,
 * over all and in each of equally many readings; every moment at which a door, the power or a defrosting changed, as
 * far as there is room. Points keep their order. `max` is at least HISTORY_POINTS_MIN.
 */
export function thin<P extends Measurements>(points: readonly P[], max: number): readonly P[] {
  if (points.length <= max) return points;
  const columns = NUMBER_FIELDS.map((field) => columnOf(points, field)).filter((column) => column !== undefined);
  const kept = new Set<number>([0, points.length - 1]);
  for (const column of columns) keepExtremes(kept, column, 0, points.length);
  for (const index of changes(points)) {
    // Half of the room at most: a door that rattles must not hide the temperature.
    if (kept.size >= max / 2) break;
    kept.add(index);
  }
  const perBucket = Math.max(1, 2 * columns.length);
  const buckets = Math.floor((max - kept.size) / perBucket);
  for (let bucket = 0; bucket < buckets; bucket++) {
    const from = Math.floor((bucket * points.length) / buckets);
    const to = Math.floor(((bucket + 1) * points.length) / buckets);
    for (const column of columns) keepExtremes(kept, column, from, to);
  }
  spread(kept, points.length, max);
  return [...kept].sort((a, b) => a - b).map((index) => points[index] as P);
}

/** One field of all points, NaN where a point does not have it; undefined when none has. */
function columnOf(points: readonly Measurements[], field: NumberField): Float64Array | undefined {
  let column: Float64Array | undefined;
  for (let i = 0; i < points.length; i++) {
    const value = (points[i] as Measurements)[field];
    if (value === undefined) continue;
    column ??= new Float64Array(points.length).fill(Number.NaN);
    column[i] = value;
  }
  return column;
}

/** Where a column is lowest and highest between two positions. */
function keepExtremes(kept: Set<number>, column: Float64Array, from: number, to: number): void {
  let [lowest, highest] = [-1, -1];
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = from; i < to; i++) {
    const value = column[i] as number;
    if (value < low) {
      low = value;
      lowest = i;
    }
    if (value > high) {
      high = value;
      highest = i;
    }
  }
  if (lowest >= 0) kept.add(lowest);
  if (highest >= 0) kept.add(highest);
}

/** Where something that is on or off is not what it was. */
function* changes(points: readonly Measurements[]): Generator<number> {
  const last: (boolean | undefined)[] = FLAG_FIELDS.map(() => undefined);
  for (let i = 0; i < points.length; i++) {
    const point = points[i] as Measurements;
    for (let f = 0; f < FLAG_FIELDS.length; f++) {
      const value = point[FLAG_FIELDS[f] as (typeof FLAG_FIELDS)[number]];
      if (value === undefined) continue;
      if (last[f] !== undefined && last[f] !== value) yield i;
      last[f] = value;
    }
  }
}

/** Uses the room that is left for points in equal steps, so that calm stretches of a track keep their shape. */
function spread(kept: Set<number>, length: number, max: number): void {
  const room = max - kept.size;
  for (let i = 1; i <= room; i++) kept.add(Math.floor((i * length) / (room + 1)));
}
