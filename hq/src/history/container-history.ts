import type { ContainerHistoryReply, HistoryPoint } from "@landfall/proto/api";
import type { StreamName } from "@landfall/streams/model/names";
import { containerMoveOf, parseValue } from "../view/decode.js";
import { kindOfStream } from "../view/kinds.js";
import { pickMeasurements } from "../view/measurements.js";
import { mergeMoves, spansAboard, toContainerEvent, type ContainerMove, type Span } from "../view/moves.js";
import { GapFinder, type HistoryStore } from "./gap-finder.js";
import type { OriginTimes } from "./origin-times.js";
import { comparePoints, ReadingBudget, readTopic, toPoint, type TimeRange } from "./read.js";

/** What histories are made with. */
export interface HistoryParts {
  readonly store: HistoryStore;
  readonly times: OriginTimes;
  /** IMO number of the ship that is this site. */
  readonly imoOf: (site: string) => string | undefined;
}

/**
 * One container's history out of the streams given, which must be those that the asking person may read:
 * readings and events of all of them in one order, and what is missing. Not thinned.
 * @throws LandfallError INVALID_ARGUMENT when it is too long for one answer
 */
export async function containerHistory(
  { store, times, imoOf }: HistoryParts,
  streams: Iterable<StreamName>,
  container: string,
  range: TimeRange,
): Promise<ContainerHistoryReply> {
  const budget = new ReadingBudget();
  const points: HistoryPoint[] = [];
  const moves: ContainerMove[][] = [];
  const topics = [...streams]
    .filter((stream) => ["containers", "port"].includes(kindOfStream(stream)))
    .map((stream) => ({ stream, topic: container }));
  const finder = new GapFinder(store, times, topics, range);
  for (const { stream } of topics) {
    const found: ContainerMove[] = [];
    for await (const record of readTopic(store, stream, container, range, budget)) {
      finder.note(record);
      const value = parseValue(record);
      if (!value) continue;
      const move = containerMoveOf(record, value);
      if (move) found.push(move);
      else if (value["type"] === undefined) points.push(toPoint(record, pickMeasurements(value)));
    }
    moves.push(found);
  }
  points.sort(comparePoints);
  const merged = mergeMoves(moves);
  const spans = spansAboard(merged);
  const aboard = (site: string): readonly Span[] => {
    const imo = imoOf(site);
    return imo === undefined ? [] : spans.filter(({ vessel }) => vessel === imo);
  };
  return {
    container,
    points,
    events: merged.map(toContainerEvent),
    gaps: await finder.find({ isInOnePlace: true, aboard }),
    total: points.length,
  };
}
