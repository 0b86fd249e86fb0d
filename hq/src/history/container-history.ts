import type { ContainerHistoryReply } from "@landfall/proto/api";
import type { Scope } from "@landfall/streams/access/grant";
import type { StreamName } from "@landfall/streams/model/names";
import { containerMoveOf, parseValue } from "../view/decode.js";
import { kindOfStream } from "../view/kinds.js";
import { pickMeasurements } from "../view/measurements.js";
import { mergeMoves, spansAboard, toContainerEvent, type ContainerMove, type Span } from "../view/moves.js";
import { compareGaps, GapFinder, type HistoryStore } from "./gap-finder.js";
import type { OriginTimes } from "./origin-times.js";
import {
  compareReadings,
  partsOf,
  ReadingBudget,
  readTopic,
  toReading,
  type HistoryReading,
  type TimeRange,
} from "./read.js";

/** What histories are made with. */
export interface HistoryParts {
  readonly store: HistoryStore;
  readonly times: OriginTimes;
  /** IMO number of the ship that is this site. */
  readonly imoOf: (site: string) => string | undefined;
}

/** A stream, and what of it the asking person may be shown. */
export interface HistoryStream {
  readonly stream: StreamName;
  readonly scope: Scope;
}

/** What the API answers, with readings instead of points: not thinned. */
export type History<Reply> = Omit<Reply, "points"> & { readonly readings: readonly HistoryReading[] };

/**
 * One container's history out of the streams given, as far as the asking person may read each: readings and events of all of
 * them in one order, and what is missing. Not thinned.
 * @throws LandfallError INVALID_ARGUMENT when it is too long for one answer
 */
export async function containerHistory(
  { store, times, imoOf }: HistoryParts,
  streams: Iterable<HistoryStream>,
  container: string,
  range: TimeRange,
): Promise<History<ContainerHistoryReply>> {
  const budget = new ReadingBudget();
  const readings: HistoryReading[] = [];
  const moves: ContainerMove[][] = [];
  const known = [...streams].filter(({ stream }) => ["containers", "port"].includes(kindOfStream(stream)));
  const whole = known.filter(({ scope }) => scope === "all").map(({ stream }) => ({ stream, topic: container }));
  const parts = known.flatMap((source) => partsOf(source, container, range));
  const finders: GapFinder[] = [];
  const collect = async (stream: StreamName, within: TimeRange, finder: GapFinder): Promise<void> => {
    const found: ContainerMove[] = [];
    for await (const records of readTopic(store, stream, container, within, budget)) {
      for (const record of records) {
        finder.note(record);
        const value = parseValue(record);
        if (!value) continue;
        const move = containerMoveOf(record, value);
        if (move) found.push(move);
        else if (value["type"] === undefined) readings.push(toReading(record, pickMeasurements(value)));
      }
    }
    moves.push(found);
  };
  const finder = new GapFinder(store, times, whole, range);
  finders.push(finder);
  for (const { stream } of whole) await collect(stream, range, finder);
  for (const { stream, within } of parts) {
    const own = new GapFinder(store, times, [{ stream, topic: container }], within, true);
    finders.push(own);
    await collect(stream, within, own);
  }
  readings.sort(compareReadings);
  const merged = mergeMoves(moves);
  const spans = spansAboard(merged);
  const aboard = (site: string): readonly Span[] => {
    const imo = imoOf(site);
    return imo === undefined ? [] : spans.filter(({ vessel }) => vessel === imo);
  };
  const gaps = await Promise.all(finders.map((one) => one.find({ isInOnePlace: true, aboard })));
  return {
    container,
    readings,
    events: merged.map(toContainerEvent),
    gaps: gaps.flat().toSorted(compareGaps),
    total: readings.length,
  };
}
