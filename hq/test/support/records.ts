import { originId, streamName, topicName } from "@landfall/streams/model/names";
import type { Offset, Seq, StoredRecord, TimestampMs } from "@landfall/streams/model/record";

let count = 0;

/** A stored record as a store would hand it out; every one with an offset of its own. */
export function record(
  stream: string,
  topic: string,
  time: string | number,
  value: object | string,
  rest: { readonly arrived?: number; readonly offset?: number } = {},
): StoredRecord {
  const timestamp = (typeof time === "number" ? time : Date.parse(time)) as TimestampMs;
  const n = ++count;
  return {
    stream: streamName(stream),
    topic: topicName(topic),
    origin: originId("tokyo.a~1"),
    offset: (rest.offset ?? n * 1024) as Offset,
    seq: n as Seq,
    timestamp,
    received: timestamp,
    arrived: (rest.arrived ?? timestamp) as TimestampMs,
    headers: {},
    value: new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value)),
  };
}
