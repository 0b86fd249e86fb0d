import { placeOf } from "@landfall/proto/identifiers";
import type { ContainerState } from "@landfall/proto/api";
import { ownerOfStream, type StreamName } from "@landfall/streams/model/names";
import { isNewer, isOpen, newestWord, type AlertTrace, type AlertWord } from "./alerts.js";
import type { Booking, ContainerTrace } from "./fleet-view.js";
import { isExcerpt } from "./excerpt.js";
import { kindOfStream } from "./kinds.js";
import type { MutableMeasurements } from "./measurements.js";
import { iso, mergeMoves, spansAboard, toContainerEvent, whereabouts, type ContainerMove, type Span } from "./moves.js";
import { compareKeys, latestOf, measurementsOf, timeOf, type EventKey, type Latest } from "./reading.js";
import { statusOf, statusOfMeasurements } from "./status.js";

type Traces = ReadonlyMap<StreamName, ContainerTrace>;
type Readable = ReadonlySet<StreamName>;
/** How far from its set point the air may be, °C, aboard a ship or ashore. */
type ToleranceC = (vessel: string | undefined) => number;

/**
 * State of a container out of exactly the streams in `readable`; undefined when none of them knows it.
 * Where only a port's stream may be read, it stands on that port's quay and its owner is not told (empty).
 */
export function mergeContainer(
  container: string,
  traces: Traces,
  readable: Readable,
  toleranceC: ToleranceC,
): ContainerState | undefined {
  const seen: [StreamName, ContainerTrace][] = [];
  for (const entry of traces) if (readable.has(entry[0])) seen.push(entry);
  if (seen.length === 0) return undefined;

  const latest = latestOf(seen.map(([, trace]) => trace.latest));
  const moves = mergeMoves(seen.map(([, trace]) => trace.moves));
  const lastMove = moves.at(-1);
  const alerts = seen.flatMap(([, trace]) => trace.alerts);
  const all: MutableMeasurements = latest ? measurementsOf(latest) : {};
  const stowed = whereabouts(moves);
  const status = statusOf(latest ? statusOfMeasurements(all, toleranceC(stowed.vessel)) : "unknown", alerts);
  // Over the side is neither aboard nor in a terminal.
  const place = status === "lost" ? {} : stowed;
  const newest = latest ?? lastMove ?? newestAlert(alerts);
  if (!newest) return undefined;
  const { latitude, longitude, ...measurements } = all;
  const position = placeOfLoss(alerts, latest) ?? pair(latitude, longitude) ?? quayOf(place.location);
  return {
    container,
    owner: ownerOf(seen),
    status,
    time: iso(newest.time),
    knownSince: iso(newest.arrived),
    ...position,
    measurements: { ...measurements, ...pair(latitude, longitude) },
    ...place,
    ...(lastMove && { lastEvent: toContainerEvent(lastMove) }),
  };
}

/**
 * When a container was aboard which ship, as its own records tell somebody who may read `readable`. Counted only
 * where a customer's or the carrier's stream says it (a port authority has no cargo), until the booking ends that
 * brought the record there, and until it went over the side.
 */
export function cargoSpans(
  traces: Traces,
  bookings: Iterable<Booking>,
  readable: Readable,
): (Span & { readonly vessel: string })[] {
  const known = [...traces].filter(([stream]) => readable.has(stream));
  const ends = [...bookings].filter(
    (booking) => readable.has(booking.stream) && booking.to !== Number.POSITIVE_INFINITY,
  );
  const lost = known.flatMap(([, { alerts }]) =>
    alerts
      .filter((alert) => isOpen(alert) && alert.raised?.value.type === "LOST")
      .map(({ raised }) => raised?.time ?? 0),
  );
  // Any readable stream may tell that it left the ship; only cargo's own streams tell that it is aboard.
  const moves = mergeMoves(known.map(([, trace]) => trace.moves));
  const own = new Set<ContainerMove>(
    // An excerpt shows a container, and its ship only as far as the container's own records do.
    known
      .filter(([stream]) => kindOfStream(stream) === "containers" && !isExcerpt(stream))
      .flatMap(([, trace]) => trace.moves),
  );
  const isOwn = (time: number, vessel: string) =>
    [...own].some((move) => move.type === "LOAD" && move.time === time && move.vessel === vessel);
  return spansAboard(moves)
    .filter(({ from, vessel }) => isOwn(from, vessel))
    .map((span) => {
      const booked = ends.filter(({ from, to }) => from <= span.from && span.from < to).map(({ to }) => to);
      return { ...span, to: Math.min(span.to, ...booked, ...lost.filter((time) => time > span.from)) };
    })
    .filter(({ from, to }) => to > from);
}

/** Owner of the newest word in a stream of containers. */
function ownerOf(seen: readonly (readonly [StreamName, ContainerTrace])[]): string {
  let owner = "";
  let newest: EventKey | undefined;
  for (const [stream, trace] of seen) {
    const kind = kindOfStream(stream);
    if (kind !== "containers" && kind !== "latest" && kind !== "alerts") continue;
    for (const key of [trace.latest, trace.moves.at(-1), newestAlert(trace.alerts)]) {
      if (key && (!newest || compareKeys(key, newest) > 0)) [owner, newest] = [ownerOfStream(stream), key];
    }
  }
  return owner;
}

function newestAlert(alerts: readonly AlertTrace[]): AlertWord | undefined {
  let newest: AlertWord | undefined;
  for (const alert of alerts) {
    const word = newestWord(alert);
    if (isNewer(word, newest)) newest = word;
  }
  return newest;
}

/** Where it went over the side, as its newest loss says, unless a later position is known. */
function placeOfLoss(alerts: readonly AlertTrace[], latest: Latest | undefined): Position | undefined {
  const measured = (latest && timeOf(latest, "latitude")) ?? Number.NEGATIVE_INFINITY;
  let loss: AlertWord | undefined;
  for (const alert of alerts) {
    const { raised } = alert;
    if (raised?.value.type !== "LOST" || raised.time < measured || !isOpen(alert)) continue;
    if (isNewer(raised, loss)) loss = raised;
  }
  return loss && pair(loss.value.latitude, loss.value.longitude);
}

interface Position {
  readonly latitude: number;
  readonly longitude: number;
}

function pair(latitude: number | undefined, longitude: number | undefined): Position | undefined {
  return latitude === undefined || longitude === undefined ? undefined : { latitude, longitude };
}

function quayOf(locode: string | undefined): Position | undefined {
  const place = locode === undefined ? undefined : placeOf(locode);
  return place && { latitude: place.latitude, longitude: place.longitude };
}
