import type { ShipHistoryReply } from "@landfall/proto/api";
import type { StreamName } from "@landfall/streams/model/names";
import { parseValue, shipMoveOf } from "../view/decode.js";
import { kindOfStream } from "../view/kinds.js";
import { pickMeasurements, type MutableMeasurements } from "../view/measurements.js";
import { iso, mergeMoves, type ShipMove, type Span } from "../view/moves.js";
import type { History, HistoryParts, HistoryStream } from "./container-history.js";
import { GapFinder, type HistoryTopic } from "./gap-finder.js";
import {
  compareReadings,
  partsOf,
  ReadingBudget,
  readTopic,
  toReading,
  type HistoryReading,
  type TimeRange,
} from "./read.js";

/** What may be read of a ship for one answer. */
export interface ShipHistorySources {
  /** Streams with everything of it that the person may read: ships' and ports'. */
  readonly readable: Iterable<StreamName>;
  /** Streams of which only positions are theirs, and only while their cargo was aboard. */
  readonly positionsOf: Iterable<StreamName>;
  /** Streams of which grants show a part. */
  readonly parts?: Iterable<HistoryStream>;
  readonly cargo: readonly Span[];
}

/** A ship's positions, weather and port calls in order, and what is missing of `readable`. Not thinned. */
export async function shipHistory(
  { store, times }: Pick<HistoryParts, "store" | "times">,
  sources: ShipHistorySources,
  imo: string,
  range: TimeRange,
): Promise<History<ShipHistoryReply>> {
  const budget = new ReadingBudget();
  const readings: HistoryReading[] = [];
  const moves: ShipMove[][] = [];
  const finder = new GapFinder(
    store,
    times,
    [...sources.readable].flatMap((stream) => topicsOf(stream, imo)),
    range,
  );
  const collectMoves = async (stream: StreamName, topic: string, within: TimeRange): Promise<void> => {
    const found: ShipMove[] = [];
    for await (const records of readTopic(store, stream, topic, within, budget)) {
      for (const record of records) {
        finder.note(record);
        const value = parseValue(record);
        const move = value && shipMoveOf(record, value);
        if (move) found.push(move);
      }
    }
    moves.push(found);
  };
  const collectPoints = async (
    stream: StreamName,
    topic: string,
    within: TimeRange,
    pick: (value: Readonly<Record<string, unknown>>) => MutableMeasurements,
  ): Promise<void> => {
    for await (const records of readTopic(store, stream, topic, within, budget)) {
      for (const record of records) {
        finder.note(record);
        const value = parseValue(record);
        if (value) readings.push(toReading(record, pick(value)));
      }
    }
  };
  for (const stream of sources.readable) {
    const kind = kindOfStream(stream);
    if (kind !== "ships" && kind !== "port") continue;
    await collectMoves(stream, kind === "port" ? imo : `${imo}.events`, range);
    if (kind !== "ships") continue;
    await collectPoints(stream, `${imo}.position`, range, pickMeasurements);
    await collectPoints(stream, `${imo}.environment`, range, pickMeasurements);
  }
  for (const stream of sources.positionsOf) {
    for (const span of sources.cargo) {
      const within = overlap(range, span);
      if (within) await collectPoints(stream, `${imo}.position`, within, positionOnly);
    }
  }
  for (const source of sources.parts ?? []) {
    for (const { stream, topic } of topicsOf(source.stream, imo)) {
      for (const { within } of partsOf(source, topic, range)) {
        if (topic === imo || topic.endsWith(".events")) await collectMoves(stream, topic, within);
        else await collectPoints(stream, topic, within, pickMeasurements);
      }
    }
  }
  readings.sort(compareReadings);
  return {
    imo,
    readings,
    events: mergeMoves(moves).map(toShipEvent),
    gaps: await finder.find({ isInOnePlace: false, aboard: () => [] }),
    total: readings.length,
  };
}

function topicsOf(stream: StreamName, imo: string): HistoryTopic[] {
  switch (kindOfStream(stream)) {
    case "port":
      return [{ stream, topic: imo }];
    case "ships":
      return ["position", "environment", "events"].map((what) => ({ stream, topic: `${imo}.${what}` }));
    default:
      return [];
  }
}

/** Where and whither; nothing else that somebody may have put into a position. */
function positionOnly(value: Readonly<Record<string, unknown>>): MutableMeasurements {
  const { latitude, longitude, speedKn, courseDeg, headingDeg } = pickMeasurements(value);
  return {
    ...(latitude !== undefined && { latitude }),
    ...(longitude !== undefined && { longitude }),
    ...(speedKn !== undefined && { speedKn }),
    ...(courseDeg !== undefined && { courseDeg }),
    ...(headingDeg !== undefined && { headingDeg }),
  };
}

function overlap(range: TimeRange, span: Span): TimeRange | undefined {
  const from = Math.max(range.from ?? Number.NEGATIVE_INFINITY, span.from);
  const to = Math.min(range.to ?? Number.POSITIVE_INFINITY, span.to);
  if (from >= to) return undefined;
  return { from: Math.ceil(from), ...(to !== Number.POSITIVE_INFINITY && { to: Math.ceil(to) }) };
}

function toShipEvent(move: ShipMove): ShipHistoryReply["events"][number] {
  return {
    type: move.type,
    time: iso(move.time),
    ...(move.location !== undefined && { location: move.location }),
    ...(move.voyage !== undefined && { voyage: move.voyage }),
    ...(move.nextPort !== undefined && { nextPort: move.nextPort }),
    knownSince: iso(move.arrived),
  };
}
