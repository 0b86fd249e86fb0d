import type { HistoryPoint } from "@landfall/proto/api";
import { FLAG_FIELDS, NUMBER_FIELDS, type NumberField } from "../view/measurements.js";

/**
 * Fewer points that still show what happened: the first and the last; the highest and lowest of every measurement,
 * over all and in each of equally many readings; every moment at which a door, the power or a defrosting changed, as
 * far as there is room. Points keep their order. `max` is at least HISTORY_POINTS_MIN.
 */
export function thin(points: readonly HistoryPoint[], max: number): readonly HistoryPoint[] {
  if (points.length <= max) return points;
  const fields = NUMBER_FIELDS.filter((field) => points.some((point) => point[field] !== undefined));
  const kept = new Set<number>([0, points.length - 1]);
  for (const index of extremes(points, fields, 0, points.length)) kept.add(index);
  for (const index of changes(points)) {
    // Half of the room at most: a door that rattles must not hide the temperature.
    if (kept.size >= max / 2) break;
    kept.add(index);
  }
  const perBucket = Math.max(1, 2 * fields.length);
  const buckets = Math.floor((max - kept.size) / perBucket);
  for (let bucket = 0; bucket < buckets; bucket++) {
    const from = Math.floor((bucket * points.length) / buckets);
    const to = Math.floor(((bucket + 1) * points.length) / buckets);
    for (const index of extremes(points, fields, from, to)) kept.add(index);
  }
  spread(kept, points.length, max);
  return [...kept].sort((a, b) => a - b).map((index) => points[index] as HistoryPoint);
}

/** Where each field is lowest and highest between two positions. */
function extremes(points: readonly HistoryPoint[], fields: readonly NumberField[], from: number, to: number): number[] {
  const found: number[] = [];
  for (const field of fields) {
    let lowest = -1;
    let highest = -1;
    for (let i = from; i < to; i++) {
      const value = points[i]?.[field];
      if (value === undefined) continue;
      if (lowest < 0 || value < (points[lowest]?.[field] ?? 0)) lowest = i;
      if (highest < 0 || value > (points[highest]?.[field] ?? 0)) highest = i;
    }
    if (lowest >= 0) found.push(lowest, highest);
  }
  return found;
}

/** Where something that is on or off is not what it was. */
function* changes(points: readonly HistoryPoint[]): Generator<number> {
  const last = new Map<string, boolean>();
  for (let i = 0; i < points.length; i++) {
    for (const field of FLAG_FIELDS) {
      const value = points[i]?.[field];
      if (value === undefined) continue;
      if (last.has(field) && last.get(field) !== value) yield i;
      last.set(field, value);
    }
  }
}

/** Uses the room that is left for points in equal steps, so that calm stretches of a track keep their shape. */
function spread(kept: Set<number>, length: number, max: number): void {
  const room = max - kept.size;
  for (let i = 1; i <= room; i++) kept.add(Math.floor((i * length) / (room + 1)));
}
