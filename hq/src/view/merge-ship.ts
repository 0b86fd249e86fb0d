import { placeOf } from "@landfall/proto/identifiers";
import type { LinkClass, Measurements, ShipState } from "@landfall/proto/api";
import type { StreamName } from "@landfall/streams/model/names";
import type { ShipTrace } from "./fleet-view.js";
import { kindOfStream } from "./kinds.js";
import { covers, iso, mergeMoves, type ShipMove, type Span } from "./moves.js";
import { compareKeys, latestOf, measurementsOf, type Latest } from "./reading.js";

/** What is needed to say of a ship what one person may know. */
export interface ShipSources {
  readonly imo: string;
  readonly traces: ReadonlyMap<StreamName, ShipTrace>;
  readonly readable: ReadonlySet<StreamName>;
  /** When this person's own cargo was aboard. */
  readonly cargo: readonly Span[];
  /** Their containers aboard now, and the newest position that one of these reported. */
  readonly containersAboard: number;
  readonly cargoPosition?: Sighting;
  /** Voyage that the newest loading of their cargo named. */
  readonly cargoVoyage?: string;
  readonly name: (imo: string) => string | undefined;
  readonly lastLink: (stream: StreamName, origin: string) => LinkClass | undefined;
}

export interface Sighting {
  readonly time: string;
  readonly knownSince: string;
  readonly latitude: number;
  readonly longitude: number;
}

/** What somebody may know of a ship, and whether it belongs on their map now or was only there once. */
export interface ShipKnowledge {
  readonly state: ShipState;
  readonly isCurrent: boolean;
}

/**
 * What a person may know of a ship; undefined when nothing. In this order:
 * who reads the ships' stream knows everything; who has cargo aboard knows its positions of that time; who reads a
 * port's stream knows that it lies there.
 */
export function mergeShip(sources: ShipSources): ShipKnowledge | undefined {
  const { imo, traces, readable, cargo } = sources;
  const own: [StreamName, ShipTrace][] = [];
  const hidden: [StreamName, ShipTrace][] = [];
  const port: ShipTrace[] = [];
  for (const [stream, trace] of traces) {
    if (kindOfStream(stream) === "ships") (readable.has(stream) ? own : hidden).push([stream, trace]);
    else if (readable.has(stream)) port.push(trace);
  }
  if (own.length === 0 && port.length === 0 && cargo.length === 0) return undefined;

  const [positionStream, position] = own.length > 0 ? newestPosition(own) : positionWithin(hidden, cargo);
  const moves = mergeMoves([...own.map(([, trace]) => trace), ...port].map((trace) => trace.moves));
  const berth = berthOf(moves);
  const environment = latestOf(own.map(([, trace]) => trace.environment));
  const hasCargoNow = cargo.some(({ to }) => to === Number.POSITIVE_INFINITY);
  // Over which link a ship's newest word came is known of all that it says, not of its positions alone.
  const link =
    own.length > 0 && position && positionStream ? sources.lastLink(positionStream, position.origin) : undefined;
  const state: ShipState = {
    imo,
    name: sources.name(imo) ?? `IMO ${imo}`,
    ...(position
      ? positionState(position)
      : (hasCargoNow && sources.cargoPosition) || quay(berth.docked, moves.at(-1))),
    ...(link && { lastLink: link }),
    ...(hasCargoNow && sources.cargoVoyage !== undefined && { voyage: sources.cargoVoyage }),
    ...berth,
    containersAboard: sources.containersAboard,
    ...(environment && {
      environment: { ...(measurementsOf(environment) as Measurements), time: iso(environment.time) },
    }),
  };
  return { state, isCurrent: own.length > 0 || position !== undefined || berth.docked !== undefined || hasCargoNow };
}

type Positions = readonly (readonly [StreamName, ShipTrace])[];

/** The newest position and the stream that has it. */
function newestPosition(traces: Positions): readonly [StreamName | undefined, Latest | undefined] {
  let stream: StreamName | undefined;
  let newest: Latest | undefined;
  for (const [name, { position }] of traces) {
    if (position && (!newest || compareKeys(position, newest) > 0)) [stream, newest] = [name, position];
  }
  return [stream, newest];
}

/**
 * The contract: position, and only that, to all who have cargo aboard, for as long as they have. What the newest
 * position does not say is left out, because what is older may be of another time.
 */
function positionWithin(
  traces: Positions,
  cargo: readonly Span[],
): readonly [StreamName | undefined, Latest | undefined] {
  const [stream, newest] = newestPosition(
    traces.filter(([, { position }]) => position && covers(cargo, position.time)),
  );
  if (!newest) return [undefined, undefined];
  const { older: _older, ...reading } = newest;
  return [stream, reading];
}

function positionState(latest: Latest): Partial<ShipState> {
  const { latitude, longitude, speedKn, courseDeg, headingDeg } = measurementsOf(latest);
  return {
    time: iso(latest.time),
    knownSince: iso(latest.arrived),
    ...(latitude !== undefined && { latitude }),
    ...(longitude !== undefined && { longitude }),
    ...(speedKn !== undefined && { speedKn }),
    ...(courseDeg !== undefined && { courseDeg }),
    ...(headingDeg !== undefined && { headingDeg }),
  };
}

function berthOf(moves: readonly ShipMove[]): Pick<ShipState, "docked" | "voyage" | "nextPort"> {
  const last = moves.at(-1);
  if (!last) return {};
  const isDocked = last.type === "ARRI" && last.location !== undefined;
  return {
    ...(isDocked && last.location !== undefined && { docked: last.location }),
    ...(last.voyage !== undefined && { voyage: last.voyage }),
    ...(last.nextPort !== undefined && { nextPort: last.nextPort }),
  };
}

/** A ship of which only a port's word is known lies on that port's quay. */
function quay(docked: string | undefined, move: ShipMove | undefined): Partial<ShipState> {
  const place = docked === undefined ? undefined : placeOf(docked);
  if (!place || !move) return {};
  return {
    time: iso(move.time),
    knownSince: iso(move.arrived),
    latitude: place.latitude,
    longitude: place.longitude,
  };
}
