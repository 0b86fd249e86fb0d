import type { AlertValue, ContainerEventType, Measurements } from "@landfall/proto/api";
import type { Cursor, StoredRecord } from "@landfall/streams/model/record";
import { siteOfOrigin, type StreamName } from "@landfall/streams/model/names";
import type { StreamStore } from "@landfall/streams/store/store";
import { REPLAY_RECORDS } from "../limits.js";
import type { RuleEvent } from "./rules-state.js";

type Reader = Pick<StreamStore, "readStream">;

/**
 * Records that this site itself took in, of several streams, in the order in which they came. (What came from other sites
 * was not observed on board.)
 */
export async function* ownRecords(
  store: Reader,
  site: string,
  streams: readonly StreamName[],
): AsyncGenerator<StoredRecord> {
  const pages = await Promise.all(streams.map((stream) => nextPage(store, site, stream, undefined)));
  for (;;) {
    let first: Page | undefined;
    for (const page of pages) {
      const record = page.records[page.at];
      if (record && (!first || record.received < (first.records[first.at] as StoredRecord).received)) first = page;
    }
    if (!first) return;
    yield first.records[first.at++] as StoredRecord;
    if (first.at >= first.records.length) Object.assign(first, await nextPage(store, site, first.stream, first.cursor));
  }
}

interface Page {
  readonly stream: StreamName;
  records: StoredRecord[];
  at: number;
  cursor: Cursor | undefined;
}

/** The next records of this site, past those of others; empty at the end of the stream. */
async function nextPage(store: Reader, site: string, stream: StreamName, after: Cursor | undefined): Promise<Page> {
  let cursor = after;
  for (;;) {
    const page = await store.readStream(stream, cursor, REPLAY_RECORDS);
    cursor = page.cursor;
    const records = page.records.filter((record) => siteOfOrigin(record.origin) === site);
    if (records.length > 0 || page.records.length === 0) return { stream, records, at: 0, cursor };
  }
}

/** What a stored record tells the rules, if anything. */
export function eventOf(record: StoredRecord, imo: string): RuleEvent | undefined {
  const { topic, timestamp: time, received: wall } = record;
  const kind = record.headers["kind"];
  if (kind === "telemetry") {
    return { type: "reading", container: topic, time, wall, measurements: parse(record) as Measurements };
  }
  if (kind === "event" && !topic.includes(".")) {
    const { type } = parse(record) as { type: ContainerEventType };
    return { type: "move", container: topic, move: type, time, wall };
  }
  if (kind === "position" && topic === `${imo}.position`) {
    const { latitude, longitude } = parse(record) as Measurements;
    if (latitude !== undefined && longitude !== undefined) return { type: "position", time, latitude, longitude };
  }
  return undefined;
}

export function readAlert(record: StoredRecord): AlertValue | undefined {
  try {
    const alert = parse(record) as Partial<AlertValue>;
    return typeof alert.id === "string" && typeof alert.container === "string" ? (alert as AlertValue) : undefined;
  } catch {
    return undefined;
  }
}

/** A value that this node checked before it stored it. */
function parse({ value }: StoredRecord): unknown {
  return JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8"));
}
