import type { GapReason, HistoryGap, HistoryPoint } from "@landfall/proto/api";
import { placeOf } from "@landfall/proto/identifiers";
import { custodyOf, type Stay } from "./custody.js";
import { toMs } from "./format/time.js";
import { nearestCopy } from "./geo/longitude.js";
import { incidentsOf, type Incident } from "./incidents.js";
import { portsByTime } from "./known-place.js";
import type { History } from "./state/actions.js";

/** One reading, ready for track, chart and table. */
export interface Reading {
  readonly ms: number;
  readonly knownMs: number;
  /** It lay somewhere unknown to us for a while: it came with a backlog, not as it happened. */
  readonly late: boolean;
  /** The port where it was when a late one became known here. */
  readonly knownIn?: string;
  /** Continuous along the track. */
  readonly longitude?: number;
  readonly latitude?: number;
  /** There are no readings between the one before and this one, for longer than usual. */
  readonly afterGap: boolean;
  /** Records are missing between the one before and this one. */
  readonly missing?: Missing;
  readonly point: HistoryPoint;
}

/** Records that are not here, of which some may belong to this history, and why. */
export interface Missing {
  /** Absent: since ever, until now. */
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly reason: GapReason;
  readonly records: number;
  /** Where they were first stored. */
  readonly sites: readonly string[];
}

export interface HistoryEvent {
  readonly ms: number;
  readonly knownMs: number;
  readonly type: string;
  readonly location?: string;
  readonly vessel?: string;
  readonly voyage?: string;
  readonly longitude?: number;
  readonly latitude?: number;
}

export interface HistoryModel {
  readonly readings: readonly Reading[];
  readonly events: readonly HistoryEvent[];
  /** Who had it when. */
  readonly custody: readonly Stay[];
  readonly incidents: readonly Incident[];
  readonly missing: readonly Missing[];
  /** Readings on the server; `readings` may be a thinned choice. */
  readonly total: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** A longer silence than this is a gap. */
  readonly gapMs: number;
}

/** Between the sensor's word on board and its arrival here; longer is a backlog's, not the network's. */
const LATE_AFTER_MS = 30_000;
/** A silence this many times the usual distance of readings, and at least this long, is a gap. */
const GAP_FACTOR = 4;
const GAP_LEAST_MS = 3_600_000;

/** Undefined when there is neither a reading nor an event. */
export function modelHistory(history: History): HistoryModel | undefined {
  const points = history.reply.points
    .map((point) => ({ point, ms: toMs(point.time) }))
    .filter((entry): entry is { point: HistoryPoint; ms: number } => entry.ms !== undefined)
    .sort((a, b) => a.ms - b.ms);
  const missing = missingOf(history.reply.gaps);
  const gapMs = gapLength(points.map(({ ms }) => ms));
  const portAt = portsByTime(
    points.map(({ point, ms }) => ({ ...positionOf(point), storedMs: toMs(point.received) ?? ms })),
  );
  const readings: Reading[] = [];
  let track: number | undefined;
  for (const { point, ms } of points) {
    const knownMs = toMs(point.knownSince) ?? ms;
    const storedMs = toMs(point.received) ?? ms;
    const before = readings.at(-1);
    const { longitude, latitude } = point;
    const lacking = before && missing.find((one) => overlaps(one, before.ms, ms));
    const placed = longitude !== undefined && latitude !== undefined;
    if (placed) track = track === undefined ? longitude : nearestCopy(longitude, track);
    const late = knownMs - storedMs > LATE_AFTER_MS;
    const knownIn = late ? portAt(knownMs) : undefined;
    readings.push({
      ms,
      knownMs,
      late,
      ...(knownIn === undefined ? {} : { knownIn }),
      afterGap: before !== undefined && ms - before.ms > gapMs,
      point,
      ...(lacking ? { missing: lacking } : {}),
      ...(placed && track !== undefined ? { longitude: track, latitude } : {}),
    });
  }
  const events = history.reply.events.flatMap((event) => toEvent(event, readings)).sort((a, b) => a.ms - b.ms);
  const times = [...readings.map(({ ms }) => ms), ...events.map(({ ms }) => ms)];
  if (times.length === 0) return undefined;
  return {
    readings,
    events,
    custody: custodyOf(events),
    incidents: incidentsOf(readings),
    missing,
    total: history.reply.total,
    fromMs: times.reduce((a, b) => Math.min(a, b)),
    toMs: times.reduce((a, b) => Math.max(a, b)),
    gapMs,
  };
}

/** A history that was thinned, with everything of the part that was looked at closely. */
export function withCloser(whole: History, part: History): History {
  const points = part.reply.points;
  const [from, to] = [points[0]?.time, points.at(-1)?.time];
  if (from === undefined || to === undefined || part.kind !== whole.kind) return whole;
  // Text of RFC 3339 in UTC sorts as time.
  const merged = [
    ...whole.reply.points.filter(({ time }) => time < from),
    ...points,
    ...whole.reply.points.filter(({ time }) => time > to),
  ];
  return { ...whole, reply: { ...whole.reply, points: merged } } as History;
}

function positionOf({ longitude, latitude }: HistoryPoint): { longitude?: number; latitude?: number } {
  return longitude === undefined || latitude === undefined ? {} : { longitude, latitude };
}

export function overlaps({ fromMs = -Infinity, toMs = Infinity }: Missing, startMs: number, endMs: number): boolean {
  return fromMs < endMs && toMs > startMs;
}

/** Gaps of one reason that touch each other are one to people, whatever their streams and origins. */
function missingOf(gaps: readonly HistoryGap[]): Missing[] {
  const merged: Missing[] = [];
  const byStart = gaps.toSorted((a, b) => (toMs(a.from) ?? -Infinity) - (toMs(b.from) ?? -Infinity));
  for (const { from, to, reason, records = 0, origin } of byStart) {
    const [start, end] = [toMs(from) ?? -Infinity, toMs(to) ?? Infinity];
    const site = origin.slice(0, origin.indexOf("."));
    const index = merged.findIndex((one) => one.reason === reason && (one.toMs ?? Infinity) >= start);
    const known = merged[index];
    if (!known) {
      merged.push({ ...timesOf(start, end), reason, records, sites: [site] });
      continue;
    }
    merged[index] = {
      ...timesOf(known.fromMs ?? -Infinity, Math.max(known.toMs ?? Infinity, end)),
      reason,
      records: known.records + records,
      sites: [...new Set([...known.sites, site])],
    };
  }
  return merged;
}

function timesOf(start: number, end: number): { fromMs?: number; toMs?: number } {
  return { ...(start === -Infinity ? {} : { fromMs: start }), ...(end === Infinity ? {} : { toMs: end }) };
}

/** The median distance of neighbours says what is usual. */
function gapLength(times: readonly number[]): number {
  const steps: number[] = [];
  for (let i = 1; i < times.length; i++) steps.push((times[i] ?? 0) - (times[i - 1] ?? 0));
  steps.sort((a, b) => a - b);
  return Math.max(GAP_LEAST_MS, GAP_FACTOR * (steps[Math.floor(steps.length / 2)] ?? 0));
}

function toEvent(event: History["reply"]["events"][number], readings: readonly Reading[]): HistoryEvent[] {
  const ms = toMs(event.time);
  if (ms === undefined) return [];
  const place = event.location === undefined ? undefined : placeOf(event.location);
  const near = nearestReading(readings, ms);
  const latitude = place?.latitude ?? near?.latitude;
  const longitude = place?.longitude ?? near?.longitude;
  return [
    {
      ms,
      knownMs: toMs(event.knownSince) ?? ms,
      type: event.type,
      ...(event.location === undefined ? {} : { location: event.location }),
      ...("vessel" in event && event.vessel !== undefined ? { vessel: event.vessel } : {}),
      ...(event.voyage === undefined ? {} : { voyage: event.voyage }),
      ...(latitude === undefined || longitude === undefined
        ? {}
        : { latitude, longitude: near?.longitude === undefined ? longitude : nearestCopy(longitude, near.longitude) }),
    },
  ];
}

/** The reading measured nearest to a moment, by bisection; of those with a position if there are any. */
export function nearestReading(readings: readonly Reading[], ms: number): Reading | undefined {
  let low = 0;
  let high = readings.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((readings[middle]?.ms ?? 0) < ms) low = middle + 1;
    else high = middle;
  }
  const after = readings[low];
  const before = readings[low - 1];
  if (!after || !before) return after ?? before;
  return ms - before.ms <= after.ms - ms ? before : after;
}

/** Where it was at a moment: between the two readings around it, or undefined outside the track and in gaps. */
export function positionAt(
  readings: readonly Reading[],
  ms: number,
): { readonly longitude: number; readonly latitude: number } | undefined {
  const placed = readings.filter((reading) => reading.longitude !== undefined);
  const index = placed.findIndex((reading) => reading.ms >= ms);
  const after = placed[index];
  const before = placed[index - 1];
  if (after && after.ms === ms) return { longitude: after.longitude ?? 0, latitude: after.latitude ?? 0 };
  if (!after || !before) return undefined;
  const f = (ms - before.ms) / (after.ms - before.ms);
  return {
    longitude: (before.longitude ?? 0) + ((after.longitude ?? 0) - (before.longitude ?? 0)) * f,
    latitude: (before.latitude ?? 0) + ((after.latitude ?? 0) - (before.latitude ?? 0)) * f,
  };
}
