import { crc32 } from "node:zlib";
import { BLOCK_BYTES_MAX, BLOCK_RECORDS_MAX, VALUE_BYTES_MAX } from "../limits.js";
import { originId, streamName, topicName } from "../model/names.js";
import { NO_HEADERS, decodeHeaders } from "./block-headers.js";
import {
  BLOCK_HEADER_BYTES,
  BLOCK_MAGIC,
  BLOCK_VERSION,
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
import type { OriginId, StreamName, TopicName } from "../model/names.js";
import type { Headers, Seq } from "../model/record.js";

/** A block whose checksum and head were verified; its records are parsed one by one with `recordAt`. */
export interface ParsedBlock {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly stream: StreamName;
  readonly origin: OriginId;
  readonly firstSeq: Seq;
  readonly count: number;
  readonly topics: readonly TopicName[];
  /** Where the first record begins. */
  readonly recordsAt: number;
}

/** One record's fields by position; `end` is where the next begins. Reused by the caller to spare allocations. */
export interface RecordFields {
  topic: number;
  offset: number;
  timestamp: number;
  received: number;
  headersAt: number;
  valueAt: number;
  end: number;
}

/** CRC-32 over everything but the checksum itself. */
export function blockChecksum(bytes: Uint8Array): number {
  return crc32(bytes.subarray(CRC_AT + 4), crc32(bytes.subarray(0, CRC_AT)));
}

/**
 * Verifies length, version and checksum, then reads the head, whose names are checked, too: a peer can compute
 * a checksum over anything. @throws LandfallError CORRUPT_BLOCK
 */
export function parseBlock(block: Uint8Array): ParsedBlock {
  const parsed = parseOwnBlock(block);
  check(streamName, parsed.stream);
  check(originId, parsed.origin);
  for (const topic of parsed.topics) check(topicName, topic);
  return parsed;
}

/** The same for a block from our own disk: names were checked before they were written. @throws LandfallError CORRUPT_BLOCK */
export function parseOwnBlock(block: Uint8Array): ParsedBlock {
  // Never a Buffer: records shall look the same wherever they come from.
  const bytes = new Uint8Array(block.buffer, block.byteOffset, block.byteLength);
  if (bytes.byteLength < BLOCK_HEADER_BYTES) {
    throw corrupt(`${bytes.byteLength} bytes, a block has at least ${BLOCK_HEADER_BYTES}`, 0);
  }
  if (bytes.byteLength > BLOCK_BYTES_MAX) {
    throw corrupt(`${bytes.byteLength} bytes, a block has at most ${BLOCK_BYTES_MAX}`, 0);
  }
  for (let i = 0; i < BLOCK_MAGIC.length; i++) {
    if (bytes[i] !== BLOCK_MAGIC[i]) throw corrupt("it does not begin like a block", i);
  }
  if (bytes[3] !== BLOCK_VERSION) throw corrupt(`format version ${bytes[3]}, this program reads ${BLOCK_VERSION}`, 3);
  const view = viewOf(bytes);
  const length = view.getUint32(LENGTH_AT, true);
  if (length !== bytes.byteLength) throw corrupt(`says ${length} bytes, but has ${bytes.byteLength}`, LENGTH_AT);
  const expected = view.getUint32(CRC_AT, true);
  const actual = blockChecksum(bytes);
  if (actual !== expected) throw corrupt(`checksum ${hex(actual)}, expected ${hex(expected)}`, CRC_AT);
  return parseHead(bytes, view);
}

function parseHead(bytes: Uint8Array, view: DataView): ParsedBlock {
  const high = view.getUint32(FIRST_SEQ_AT + 4, true);
  const firstSeq = high * 2 ** 32 + view.getUint32(FIRST_SEQ_AT, true);
  const count = view.getUint32(COUNT_AT, true);
  if (!Number.isSafeInteger(firstSeq + count)) throw corrupt("first seq is beyond 2^53", FIRST_SEQ_AT);
  if (count === 0 || count > BLOCK_RECORDS_MAX) {
    throw corrupt(`says ${count} records, want 1 to ${BLOCK_RECORDS_MAX}`, COUNT_AT);
  }
  if (count * RECORD_HEADER_BYTES > bytes.byteLength) throw corrupt(`cannot hold ${count} records`, COUNT_AT);
  const topicCount = view.getUint32(TOPIC_COUNT_AT, true);
  if (topicCount === 0 || topicCount > count) {
    throw corrupt(`says ${topicCount} topic names for ${count} records`, TOPIC_COUNT_AT);
  }
  const [stream, origin, ...topics] = readNames(bytes, 2 + topicCount);
  return {
    bytes,
    view,
    stream: stream as StreamName,
    origin: origin as OriginId,
    firstSeq: firstSeq as Seq,
    count,
    topics: topics as TopicName[],
    recordsAt: endOfNames(bytes, 2 + topicCount),
  };
}

function endOfNames(bytes: Uint8Array, count: number): number {
  let at = BLOCK_HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const end = at + 1 + (bytes[at] ?? bytes.length);
    if (end > bytes.length) throw corrupt("a name is cut short", at);
    at = end;
  }
  return at;
}

/** Decoded all at once, then cut: one call into the native decoder instead of one for each name. */
function readNames(bytes: Uint8Array, count: number): string[] {
  const length = endOfNames(bytes, count) - BLOCK_HEADER_BYTES;
  // What is not ASCII does not pass as a name afterwards.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + BLOCK_HEADER_BYTES, length).toString("latin1");
  const names: string[] = [];
  for (let at = 0; names.length < count;) {
    const end = at + 1 + text.charCodeAt(at);
    names.push(text.slice(at + 1, end));
    at = end;
  }
  return names;
}

function check(make: (text: string) => string, name: string): void {
  try {
    make(name);
  } catch (cause) {
    throw corrupt(cause instanceof Error ? cause.message : "a bad name", BLOCK_HEADER_BYTES);
  }
}

/** Reads the fixed fields of the record at `at` into `into`. @throws LandfallError CORRUPT_BLOCK */
export function recordAt(block: ParsedBlock, at: number, into: RecordFields): RecordFields {
  const { view } = block;
  const size = view.byteLength;
  if (at + RECORD_HEADER_BYTES > size) throw corrupt("a record is cut short", at);
  into.offset = view.getFloat64(at + RECORD_OFFSET_AT, true);
  into.timestamp = view.getFloat64(at + RECORD_TIMESTAMP_AT, true);
  into.received = view.getFloat64(at + RECORD_RECEIVED_AT, true);
  into.topic = view.getUint16(at + RECORD_TOPIC_AT, true);
  const valueBytes = view.getUint32(at + RECORD_VALUE_BYTES_AT, true);
  into.headersAt = at + RECORD_HEADER_BYTES;
  into.valueAt = into.headersAt + view.getUint16(at + RECORD_HEADERS_BYTES_AT, true);
  into.end = into.valueAt + valueBytes;
  if (valueBytes > VALUE_BYTES_MAX) throw corrupt(`a value of ${valueBytes} bytes`, at + RECORD_VALUE_BYTES_AT);
  if (into.end > size) throw corrupt("a record reaches beyond the block", at + RECORD_HEADERS_BYTES_AT);
  if (into.topic >= block.topics.length) throw corrupt(`topic name ${into.topic} is not there`, at + RECORD_TOPIC_AT);
  if (!Number.isSafeInteger(into.offset) || into.offset < 0) throw corrupt("an impossible offset", at);
  if (!Number.isSafeInteger(into.timestamp)) throw corrupt("an impossible timestamp", at + RECORD_TIMESTAMP_AT);
  if (!Number.isSafeInteger(into.received)) throw corrupt("an impossible time of receipt", at + RECORD_RECEIVED_AT);
  return into;
}

export function emptyFields(): RecordFields {
  return { topic: 0, offset: 0, timestamp: 0, received: 0, headersAt: 0, valueAt: 0, end: 0 };
}

/** Decodes the headers in [from, to), remembering the last: consecutive records mostly carry the same ones. */
export function headersDecoder(): (bytes: Uint8Array, from: number, to: number) => Headers {
  let lastBytes: Uint8Array = new Uint8Array(0);
  let last: Headers = NO_HEADERS;
  return (bytes, from, to) => {
    if (to === from) return NO_HEADERS;
    let isSame = to - from === lastBytes.length;
    for (let i = 0; isSame && i < lastBytes.length; i++) isSame = bytes[from + i] === lastBytes[i];
    if (!isSame) {
      lastBytes = bytes.subarray(from, to);
      last = decodeHeaders(lastBytes, from);
    }
    return last;
  };
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
