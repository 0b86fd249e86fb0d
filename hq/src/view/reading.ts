import type { MeasurementField, MutableMeasurements } from "./measurements.js";
import type { Measurements } from "@landfall/proto/api";

/** The record of a stream that says it: what the store counts by. */
export interface RecordKey {
  readonly origin: string;
  readonly seq: number;
}

/** Order of measured things: by when they were measured, then by their place in the topic. Arrival does not count. */
export interface EventKey extends RecordKey {
  /** When it was measured, milliseconds since 1970. */
  readonly time: number;
  readonly offset: number;
}

/** One record as the view keeps it. */
export interface Reading extends EventKey {
  readonly measurements: Measurements;
  /** When this site got it. */
  readonly arrived: number;
}

/**
 * The latest of each measurement out of any number of readings: the newest reading whole, and of older ones only
 * what the newest did not say. A sensor that reports only its temperature does not lose its position.
 */
export interface Latest extends Reading {
  readonly older?: Readonly<Partial<Record<MeasurementField, OlderValue>>>;
}

interface OlderValue extends EventKey {
  readonly value: number | boolean;
}

export function compareKeys(a: EventKey, b: EventKey): number {
  return a.time - b.time || a.offset - b.offset || (a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : 0);
}

/**
 * The latest of both. Commutative, associative and idempotent, so that the result does not depend on the order
 * of arrival: what comes late does not push anything back.
 */
export function combine(a: Latest, b: Latest): Latest {
  const [newest, other] = compareKeys(a, b) >= 0 ? [a, b] : [b, a];
  let older = newest.older;
  const offer = (field: MeasurementField, offered: OlderValue): void => {
    if (newest.measurements[field] !== undefined) return;
    const known = older?.[field];
    if (!known || compareKeys(offered, known) > 0) older = { ...older, [field]: offered };
  };
  const { time, offset, origin, seq } = other;
  for (const field in other.measurements) {
    const value = other.measurements[field as MeasurementField];
    if (value !== undefined) offer(field as MeasurementField, { time, offset, origin, seq, value });
  }
  for (const field in other.older) {
    const value = other.older[field as MeasurementField];
    if (value !== undefined) offer(field as MeasurementField, value);
  }
  return older === newest.older ? newest : { ...newest, ...(older && { older }) };
}

/** The latest of all that are there; undefined when none is. */
export function latestOf(list: Iterable<Latest | undefined>): Latest | undefined {
  let all: Latest | undefined;
  for (const one of list) all = all && one ? combine(all, one) : (all ?? one);
  return all;
}

/** Whether any of it was said by a record for which this holds. */
export function isSaidBy(latest: Latest, holds: (record: RecordKey) => boolean): boolean {
  if (holds(latest)) return true;
  return latest.older !== undefined && Object.values(latest.older).some(holds);
}

/** All measurements known, the newest of each. */
export function measurementsOf(latest: Latest): MutableMeasurements {
  const all: MutableMeasurements = { ...latest.measurements };
  for (const [field, { value }] of Object.entries(latest.older ?? {})) {
    (all as Record<string, number | boolean>)[field] = value;
  }
  return all;
}

/** When the newest value of one measurement was measured. */
export function timeOf(latest: Latest, field: MeasurementField): number | undefined {
  return latest.measurements[field] === undefined ? latest.older?.[field]?.time : latest.time;
}
