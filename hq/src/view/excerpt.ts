import type { Slice } from "@landfall/streams/access/grant";
import type { StreamName } from "@landfall/streams/model/names";
import type { StoredRecord } from "@landfall/streams/model/record";

/**
 * A part of a stream that is seen by who may not see the rest: the view keeps it as if it were a stream of its own, so that what
 * is merged for such a person is computed from nothing else.
 */
export interface Excerpt extends Slice {
  readonly stream: StreamName;
}

/** No stream's name has it. */
const MARK = "#";

/** What an excerpt is called among the streams of the view. */
export function excerptId(stream: StreamName, { topic, from, to }: Slice): StreamName {
  return `${stream}${MARK}${topic ?? "*"}@${from}..${to}` as StreamName;
}

export function isExcerpt(name: StreamName): boolean {
  return name.includes(MARK);
}

/** The stream that an excerpt is of; any other name as it is. */
export function baseOf(name: StreamName): StreamName {
  const mark = name.indexOf(MARK);
  return mark < 0 ? name : (name.slice(0, mark) as StreamName);
}

export function isPartOf({ topic, from, to }: Slice, record: Pick<StoredRecord, "topic" | "timestamp">): boolean {
  return (topic === undefined || topic === record.topic) && from <= record.timestamp && record.timestamp < to;
}
