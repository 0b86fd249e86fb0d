import { BLOCK_BYTES_MAX, READ_BYTES_MAX, READ_RECORDS_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import type { Cursor } from "../model/record.js";
import type { OriginId } from "../model/names.js";
import type { OriginLog } from "./origin-log.js";
import type { RecordIndex } from "./record-index.js";
import type { StreamIndex, TopicIndex } from "./stream-index.js";
import type { TopicQuery } from "./store.js";

/** Which records answer a query: their numbers in the index. No disk is touched here. */

/** Room that a block needs besides its records: its head, and the names of stream and origin. */
const BLOCK_ROOM_BYTES = 1024;
/** What a record may need in a block of its own besides what it takes here: its topic's name and that one's length. */
const TOPIC_ROOM_BYTES = 256;

/** Counts records and bytes until either is enough; the first record always fits. */
class Budget {
  readonly records: number[] = [];
  private bytes = 0;
  constructor(
    private readonly index: RecordIndex,
    private readonly limit: number,
    private readonly bytesMax: number,
    private readonly extraBytes: number,
  ) {}

  get full(): boolean {
    return this.records.length >= this.limit;
  }

  /** False when it no longer fits. */
  take(record: number): boolean {
    this.bytes += this.index.bytes(record) + this.extraBytes;
    if (this.records.length > 0 && this.bytes > this.bytesMax) return false;
    this.records.push(record);
    return true;
  }
}

/** @throws LandfallError INVALID_ARGUMENT */
export function checkLimit(limit: number): void {
  if (!Number.isSafeInteger(limit) || limit < 0) {
    throw new LandfallError("INVALID_ARGUMENT", `limit ${limit}: want a whole number of records, 0 or more`);
  }
}

export function topicRecords(index: RecordIndex, topic: TopicIndex, query: TopicQuery): number[] {
  const { fromTime = -Infinity, toTime = Infinity, reverse = false } = query;
  const budget = new Budget(index, Math.min(query.limit, READ_RECORDS_MAX), READ_BYTES_MAX, 0);
  const first = query.fromOffset === undefined ? 0 : index.find(topic, query.fromOffset, "");
  const end = query.toOffset === undefined ? topic.records.length : index.find(topic, query.toOffset, "");
  for (let i = 0; i < end - first && !budget.full; i++) {
    const record = topic.records[reverse ? end - 1 - i : first + i] as number;
    const time = index.timestamp(record);
    if (time < fromTime || time >= toTime) continue;
    if (!budget.take(record)) break;
  }
  return budget.records;
}

/** Records of one origin from a seq on, as many as surely fit into one block of `maxBytes`. */
export function originRecords(index: RecordIndex, log: OriginLog, from: number, maxBytes: number): number[] {
  const bytesMax = Math.min(maxBytes, BLOCK_BYTES_MAX) - BLOCK_ROOM_BYTES;
  const budget = new Budget(index, READ_RECORDS_MAX, bytesMax, TOPIC_ROOM_BYTES);
  for (let seq = from; seq < log.next;) {
    const here = log.locate(seq);
    if (here === undefined) break;
    const first = index.firstRecord(here.block) - here.start;
    for (; seq < here.end; seq++) if (budget.full || !budget.take(first + seq)) return budget.records;
  }
  return budget.records;
}

export interface StreamRead {
  readonly records: number[];
  readonly cursor: Cursor;
}

/** What the cursor's owner lacks, in the order in which it was committed here. */
export function streamRecords(
  index: RecordIndex,
  stream: StreamIndex | undefined,
  cursor: Cursor | undefined,
  limit: number,
): StreamRead {
  const next: Record<OriginId, number> = { ...cursor?.next };
  const budget = new Budget(index, Math.min(limit, READ_RECORDS_MAX), READ_BYTES_MAX, 0);
  const readers = [...(stream?.logs.values() ?? [])].map((log) => ({ log, seq: next[log.origin] ?? 0 }));
  let isOpen = true;
  while (isOpen && !budget.full) {
    // The block that was committed first goes first; there are few origins, and many records in a block.
    let chosen: { reader: (typeof readers)[number]; block: number; start: number; end: number } | undefined;
    for (const reader of readers) {
      const here = reader.seq < reader.log.next ? reader.log.locate(reader.seq) : undefined;
      if (here !== undefined && (chosen === undefined || here.block < chosen.block)) chosen = { reader, ...here };
    }
    if (chosen === undefined) break;
    const { reader, start, end } = chosen;
    const first = index.firstRecord(chosen.block) - start;
    while (reader.seq < end && !budget.full && isOpen) {
      isOpen = budget.take(first + reader.seq);
      if (isOpen) reader.seq++;
    }
  }
  for (const { log, seq } of readers) if (seq > 0) next[log.origin] = seq;
  return { records: budget.records, cursor: { v: 1, next } };
}

/** @throws LandfallError INVALID_ARGUMENT */
export function checkCursor(cursor: Cursor | undefined): void {
  if (cursor === undefined) return;
  const { v, next } = cursor as { v: unknown; next: unknown };
  const isVector =
    typeof next === "object" &&
    next !== null &&
    Object.values(next).every((seq) => Number.isSafeInteger(seq) && seq >= 0);
  if (v === 1 && isVector) return;
  throw new LandfallError("INVALID_ARGUMENT", "not a cursor of this version: begin without one");
}
