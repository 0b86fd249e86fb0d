import type { ContainerHistoryReply, HistoryPoint } from "@landfall/proto/api";
import type { StreamName } from "@landfall/streams/model/names";
import type { StreamStore } from "@landfall/streams/store/store";
import { containerMoveOf, parseValue } from "../view/decode.js";
import { kindOfStream } from "../view/kinds.js";
import { pickMeasurements } from "../view/measurements.js";
import { mergeMoves, toContainerEvent, type ContainerMove } from "../view/moves.js";
import { comparePoints, ReadingBudget, readTopic, toPoint, type TimeRange } from "./read.js";

/**
 * One container's history out of the streams given, which must be those that the asking person may read:
 * readings and events of all of them in one order. Not thinned.
 * @throws LandfallError INVALID_ARGUMENT when it is too long for one answer
 */
export async function containerHistory(
  store: Pick<StreamStore, "readTopic">,
  streams: Iterable<StreamName>,
  container: string,
  range: TimeRange,
): Promise<ContainerHistoryReply> {
  const budget = new ReadingBudget();
  const points: HistoryPoint[] = [];
  const moves: ContainerMove[][] = [];
  for (const stream of streams) {
    const kind = kindOfStream(stream);
    if (kind !== "containers" && kind !== "port") continue;
    const found: ContainerMove[] = [];
    for await (const record of readTopic(store, stream, container, range, budget)) {
      const value = parseValue(record);
      if (!value) continue;
      const move = containerMoveOf(record, value);
      if (move) found.push(move);
      else if (value["type"] === undefined) points.push(toPoint(record, pickMeasurements(value)));
    }
    moves.push(found);
  }
  points.sort(comparePoints);
  return {
    container,
    points,
    events: mergeMoves(moves).map(toContainerEvent),
    total: points.length,
  };
}
