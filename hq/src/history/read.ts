import type { HistoryPoint, Measurements } from "@landfall/proto/api";
import { intersection, spansOf, type Scope } from "@landfall/streams/access/grant";
import { LandfallError } from "@landfall/streams/model/errors";
import type { StreamName, TopicName } from "@landfall/streams/model/names";
import type { Offset, StoredRecord, TimestampMs } from "@landfall/streams/model/record";
import { READ_RECORDS_MAX } from "@landfall/streams/limits";
import type { StreamStore } from "@landfall/streams/store/store";
import { HISTORY_RECORDS_MAX } from "../limits.js";
import type { MutableMeasurements } from "../view/measurements.js";
import { iso } from "../view/moves.js";

/** Part of a history: event times, from inclusive, to exclusive, milliseconds since 1970. */
export interface TimeRange {
  readonly from?: number;
  readonly to?: number;
}

/** Counts what one answer has taken from the store. */
export class ReadingBudget {
  private left = HISTORY_RECORDS_MAX;

  /** @throws LandfallError INVALID_ARGUMENT when it is used up */
  take(records: number): void {
    this.left -= records;
    if (this.left < 0) {
      throw new LandfallError(
        "INVALID_ARGUMENT",
        `querystring/from: more than ${HISTORY_RECORDS_MAX} readings lie in this time: ask for a part with from and to`,
      );
    }
  }
}

/** Every record of a topic measured in `range`, in the topic's order, page by page: waiting for each record would take longer than reading it. */
export async function* readTopic(
  store: Pick<StreamStore, "readTopic">,
  stream: StreamName,
  topic: string,
  range: TimeRange,
  budget: ReadingBudget,
): AsyncGenerator<readonly StoredRecord[]> {
  let fromOffset: Offset | undefined;
  for (;;) {
    const records = await store.readTopic(stream, topic as TopicName, {
      limit: READ_RECORDS_MAX,
      ...(fromOffset !== undefined && { fromOffset }),
      ...(range.from !== undefined && { fromTime: range.from as TimestampMs }),
      ...(range.to !== undefined && { toTime: range.to as TimestampMs }),
    });
    budget.take(records.length);
    yield records;
    const last = records.at(-1);
    if (!last || records.length < READ_RECORDS_MAX) return;
    fromOffset = (last.offset + 1) as Offset;
  }
}

/** Where a stream is shown in part: the times of a topic that are shown and lie in `range`. */
export function partsOf(
  { stream, scope }: { readonly stream: StreamName; readonly scope: Scope },
  topic: string,
  { from, to }: TimeRange,
): { readonly stream: StreamName; readonly within: TimeRange }[] {
  if (scope === "all") return [];
  const asked = { from: from ?? Number.NEGATIVE_INFINITY, to: to ?? Number.POSITIVE_INFINITY };
  return spansOf(scope, topic)
    .map((span) => intersection(span, asked))
    .filter((span) => span !== undefined)
    .map((span) => ({
      stream,
      within: {
        ...(Number.isFinite(span.from) && { from: span.from }),
        ...(Number.isFinite(span.to) && { to: span.to }),
      },
    }));
}

/** One reading of a history, with the record that it was measured in. Its times are no text yet: of a long one few are shown. */
export interface HistoryReading extends Measurements {
  readonly record: StoredRecord;
}

export function toReading(record: StoredRecord, measurements: MutableMeasurements): HistoryReading {
  return Object.assign(measurements, { record });
}

export function toPoint({ record, ...measurements }: HistoryReading): HistoryPoint {
  return {
    time: iso(record.timestamp),
    knownSince: iso(record.arrived),
    received: iso(record.received),
    offset: record.offset,
    origin: record.origin,
    stream: record.stream,
    ...measurements,
  };
}

/** By the time they were measured; at the same time, in the order of their topic. */
export function compareReadings({ record: a }: HistoryReading, { record: b }: HistoryReading): number {
  return a.timestamp - b.timestamp || a.offset - b.offset || (a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : 0);
}
