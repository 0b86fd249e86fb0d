import type { AlertValue, ContainerEventType, Measurements } from "@landfall/proto/api";
import type { Cursor, NewRecord, StoredRecord } from "@landfall/streams/model/record";
import { isLandfallError } from "@landfall/streams/model/errors";
import { siteOfOrigin, type StreamName } from "@landfall/streams/model/names";
import type { StreamStore } from "@landfall/streams/store/store";
import { VIA_HEADER } from "../ingest/via.js";
import { REPLAY_RECORDS } from "../limits.js";
import type { RuleEvent } from "./rules-state.js";

/** A page of fewer would be mostly overhead. */
const PAGE_RECORDS_MIN = 20;

type Reader = Pick<StreamStore, "readStream">;

/**
 * Records that this site itself took in, of several streams, in the order in which they came. (What came from other sites
 * was not observed on board.) A stream that is damaged ends at the damage, and `damaged` is told.
 */
export async function* ownRecords(
  store: Reader,
  site: string,
  streams: readonly StreamName[],
  after: ReadonlyMap<StreamName, Cursor>,
  damaged: (stream: StreamName, error: Error) => void,
): AsyncGenerator<StoredRecord> {
  // All together hold about one page's worth, however many streams there are.
  const limit = Math.max(PAGE_RECORDS_MIN, Math.floor(REPLAY_RECORDS / (streams.length || 1)));
  const next = async (stream: StreamName, cursor: Cursor | undefined): Promise<Page | undefined> => {
    try {
      return await nextPage(store, site, stream, cursor, limit);
    } catch (error) {
      if (!isLandfallError(error, "CORRUPT_BLOCK")) throw error;
      damaged(stream, error);
      return undefined;
    }
  };
  // The one with the earliest record last.
  const pages: Page[] = [];
  for (const stream of streams) insert(pages, await next(stream, after.get(stream)));
  for (let page = pages.pop(); page; page = pages.pop()) {
    yield page.records[page.at++] as StoredRecord;
    insert(pages, page.at < page.records.length ? page : await next(page.stream, page.cursor));
  }
}

interface Page {
  readonly stream: StreamName;
  readonly records: readonly StoredRecord[];
  at: number;
  readonly cursor: Cursor;
}

/** The next records of this site, past those of others; undefined at the end of the stream. */
async function nextPage(
  store: Reader,
  site: string,
  stream: StreamName,
  after: Cursor | undefined,
  limit: number,
): Promise<Page | undefined> {
  let from = after;
  for (;;) {
    const { records, cursor } = await store.readStream(stream, from, limit);
    if (records.length === 0) return undefined;
    const own = records.filter((record) => siteOfOrigin(record.origin) === site);
    if (own.length > 0) return { stream, records: own, at: 0, cursor };
    from = cursor;
  }
}

/** Keeps `pages` in descending order of when their next record came. */
function insert(pages: Page[], page: Page | undefined): void {
  if (page === undefined) return;
  const time = receivedOf(page);
  let low = 0;
  let high = pages.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (receivedOf(pages[middle] as Page) > time) low = middle + 1;
    else high = middle;
  }
  pages.splice(low, 0, page);
}

function receivedOf(page: Page): number {
  return (page.records[page.at] as StoredRecord).received;
}

/** What a stored record tells the rules, if anything. @param wall when it came here */
export function eventOf(record: NewRecord, imo: string, wall: number): RuleEvent | undefined {
  const { topic, timestamp: time, headers = {} } = record;
  const { kind, [VIA_HEADER]: via } = headers;
  if (kind === "telemetry") {
    const measurements = parse(record) as Measurements;
    return { type: "reading", container: topic, time, wall, ...(via !== undefined && { via }), measurements };
  }
  if (kind === "event" && !topic.includes(".")) {
    const { type } = parse(record) as { type: ContainerEventType };
    return { type: "move", container: topic, move: type, time };
  }
  if (kind === "position" && topic === `${imo}.position`) {
    const { latitude, longitude } = parse(record) as Measurements;
    if (latitude !== undefined && longitude !== undefined) return { type: "position", time, latitude, longitude };
  }
  return undefined;
}

export function readAlert(record: NewRecord): AlertValue | undefined {
  try {
    const alert = parse(record) as Partial<AlertValue>;
    // A person's word on an alert changes nothing about it.
    const isChange = alert.state === "raised" || alert.state === "cleared";
    return isChange && typeof alert.id === "string" && typeof alert.container === "string"
      ? (alert as AlertValue)
      : undefined;
  } catch {
    return undefined;
  }
}

/** A value that this node checked before it stored it. */
function parse({ value }: NewRecord): unknown {
  return JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8"));
}
