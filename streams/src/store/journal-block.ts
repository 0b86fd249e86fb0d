import { BLOCK_BYTES_MAX, BLOCK_RECORDS_MAX, VALUE_BYTES_MAX } from "../limits.js";
import { originId, streamName } from "../model/names.js";
import {
  BLOCK_HEADER_BYTES,
  BLOCK_MAGIC,
  COUNT_AT,
  CRC_AT,
  FIRST_SEQ_AT,
  LENGTH_AT,
  RECORD_HEADERS_BYTES_AT,
  RECORD_HEADER_BYTES,
  RECORD_OFFSET_AT,
  RECORD_RECEIVED_AT,
  RECORD_TIMESTAMP_AT,
  RECORD_TOPIC_AT,
  RECORD_VALUE_BYTES_AT,
  TOPIC_COUNT_AT,
  corrupt,
  viewOf,
} from "./block-layout.js";
import { blockChecksum, parseBlock } from "./block-parse.js";
import type { OriginId, StreamName } from "../model/names.js";

/**
 * Blocks as the journal holds them. Version 2 differs from a block on the wire in one thing: it has no table of topic
 * names (the count of names is 0); each record's name stands behind its fixed fields, and what is the number of the
 * topic in version 1 is the length of its name. So records are written in one pass, as they come.
 */
export const JOURNAL_BLOCK_VERSION = 2;

export interface JournalBlock {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly stream: StreamName;
  readonly origin: OriginId;
  readonly firstSeq: number;
  readonly count: number;
  readonly recordsAt: number;
  /** Version 1: where the length of each topic's name stands. */
  readonly names: Uint32Array | undefined;
  /** Where each record begins, and behind the last, where it ends; made when it is asked for, see `recordStarts`. */
  starts: Uint32Array | undefined;
}

/** One record's fields; `end` is where the next begins. Reused by the caller to spare allocations. */
export interface JournalFields {
  offset: number;
  timestamp: number;
  received: number;
  nameAt: number;
  nameBytes: number;
  headersAt: number;
  valueAt: number;
  end: number;
}

export function journalFields(): JournalFields {
  return { offset: 0, timestamp: 0, received: 0, nameAt: 0, nameBytes: 0, headersAt: 0, valueAt: 0, end: 0 };
}

/** Verifies everything that is said before the records. @throws LandfallError CORRUPT_BLOCK */
export function parseJournalBlock(block: Uint8Array): JournalBlock {
  if (block[3] !== JOURNAL_BLOCK_VERSION) return parseFirstVersion(block);
  const bytes = new Uint8Array(block.buffer, block.byteOffset, block.byteLength);
  const size = bytes.byteLength;
  if (size < BLOCK_HEADER_BYTES || size > BLOCK_BYTES_MAX) throw corrupt(`${size} bytes`, 0);
  for (let i = 0; i < BLOCK_MAGIC.length; i++) {
    if (bytes[i] !== BLOCK_MAGIC[i]) throw corrupt("it does not begin like a block", i);
  }
  const view = viewOf(bytes);
  if (view.getUint32(LENGTH_AT, true) !== size) throw corrupt("its length is not what it says", LENGTH_AT);
  if (blockChecksum(bytes) !== view.getUint32(CRC_AT, true)) throw corrupt("the checksum does not fit", CRC_AT);
  const firstSeq = view.getUint32(FIRST_SEQ_AT + 4, true) * 2 ** 32 + view.getUint32(FIRST_SEQ_AT, true);
  const count = view.getUint32(COUNT_AT, true);
  const isCount = count > 0 && count <= BLOCK_RECORDS_MAX && Number.isSafeInteger(firstSeq + count);
  if (!isCount || view.getUint32(TOPIC_COUNT_AT, true) !== 0) throw corrupt(`says ${count} records`, COUNT_AT);
  let at = BLOCK_HEADER_BYTES;
  const name = (): string => {
    const length = bytes[at] ?? 0;
    if (at + 1 + length > size) throw corrupt("a name is cut short", at);
    const text = latin1(bytes, at + 1, length);
    at += 1 + length;
    return text;
  };
  const [stream, origin] = named(name);
  return { bytes, view, stream, origin, firstSeq, count, recordsAt: at, names: undefined, starts: undefined };
}

/** A block of the current version that was made here a moment ago: nothing of it needs to be verified. */
export function ownJournalBlock(
  bytes: Uint8Array,
  said: Pick<JournalBlock, "stream" | "origin" | "firstSeq" | "count">,
): JournalBlock {
  const { stream, origin, firstSeq, count } = said;
  const recordsAt = BLOCK_HEADER_BYTES + 1 + stream.length + 1 + origin.length;
  const view = viewOf(bytes);
  return { bytes, view, stream, origin, firstSeq, count, recordsAt, names: undefined, starts: undefined };
}

/** Where each record begins in the block, and behind the last, where it ends. @throws LandfallError CORRUPT_BLOCK */
export function recordStarts(block: JournalBlock): Uint32Array {
  if (block.starts !== undefined) return block.starts;
  const { count } = block;
  const starts = new Uint32Array(count + 1);
  const fields = journalFields();
  let at = block.recordsAt;
  for (let i = 0; i < count; i++) {
    starts[i] = at;
    at = journalRecordAt(block, at, fields).end;
  }
  starts[count] = at;
  block.starts = starts;
  return starts;
}

/** Reads the fields of the record at `at` into `into`. @throws LandfallError CORRUPT_BLOCK */
export function journalRecordAt(block: JournalBlock, at: number, into: JournalFields): JournalFields {
  const { view, names } = block;
  const size = view.byteLength;
  if (at + RECORD_HEADER_BYTES > size) throw corrupt("a record is cut short", at);
  into.offset = view.getFloat64(at + RECORD_OFFSET_AT, true);
  into.timestamp = view.getFloat64(at + RECORD_TIMESTAMP_AT, true);
  into.received = view.getFloat64(at + RECORD_RECEIVED_AT, true);
  const topic = view.getUint16(at + RECORD_TOPIC_AT, true);
  const valueBytes = view.getUint32(at + RECORD_VALUE_BYTES_AT, true);
  if (names === undefined) {
    into.nameAt = at + RECORD_HEADER_BYTES;
    into.nameBytes = topic;
    into.headersAt = into.nameAt + topic;
  } else {
    const nameAt = names[topic];
    if (nameAt === undefined) throw corrupt(`topic name ${topic} is not there`, at + RECORD_TOPIC_AT);
    into.nameAt = nameAt + 1;
    into.nameBytes = block.bytes[nameAt] as number;
    into.headersAt = at + RECORD_HEADER_BYTES;
  }
  into.valueAt = into.headersAt + view.getUint16(at + RECORD_HEADERS_BYTES_AT, true);
  into.end = into.valueAt + valueBytes;
  const isWhole = into.end <= size && valueBytes <= VALUE_BYTES_MAX && into.nameBytes > 0 && into.nameBytes < 256;
  if (!isWhole) throw corrupt("a record reaches beyond the block", at);
  const isSane = Number.isSafeInteger(into.offset) && into.offset >= 0 && Number.isSafeInteger(into.timestamp);
  if (!isSane || !Number.isSafeInteger(into.received)) throw corrupt("an impossible number", at);
  return into;
}

export function latin1(bytes: Uint8Array, at: number, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString("latin1");
}

function parseFirstVersion(block: Uint8Array): JournalBlock {
  const parsed = parseBlock(block);
  const names = new Uint32Array(parsed.topics.length);
  let at = BLOCK_HEADER_BYTES + 1 + parsed.stream.length + 1 + parsed.origin.length;
  parsed.topics.forEach((topic, i) => {
    names[i] = at;
    at += 1 + topic.length;
  });
  const { bytes, view, stream, origin, firstSeq, count, recordsAt } = parsed;
  return { bytes, view, stream, origin, firstSeq, count, recordsAt, names, starts: undefined };
}

function named(name: () => string): [StreamName, OriginId] {
  try {
    return [streamName(name()), originId(name())];
  } catch (cause) {
    throw corrupt(cause instanceof Error ? cause.message : "a bad name", BLOCK_HEADER_BYTES);
  }
}
