import { BLOCK_BYTES_MAX, BLOCK_RECORDS_MAX, VALUE_BYTES_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { encodeHeaders } from "./block-headers.js";
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
} from "./block-layout.js";
import { blockChecksum, emptyFields, headersDecoder, parseBlock, recordAt, toRecord } from "./block-parse.js";
import type { Headers, OriginRecord } from "../model/record.js";
import type { Batch } from "./store.js";

/** What encoding a batch takes, worked out once: its size, its topic names, and where each record will stand. */
export interface BlockPlan {
  readonly batch: Batch;
  readonly bytes: number;
  readonly topics: readonly string[];
  readonly topicOf: Uint16Array;
  readonly headers: readonly Uint8Array[];
  /** Position of each record in the block. */
  readonly positions: Uint32Array;
}

/** @throws LandfallError INVALID_ARGUMENT, VALUE_TOO_LARGE */
export function planBlock(batch: Batch): BlockPlan {
  const { records } = batch;
  const count = records.length;
  if (count === 0 || count > BLOCK_RECORDS_MAX) {
    throw new LandfallError("INVALID_ARGUMENT", `a block holds 1 to ${BLOCK_RECORDS_MAX} records, not ${count}`);
  }
  const indexOf = new Map<string, number>();
  const topics: string[] = [];
  const topicOf = new Uint16Array(count);
  const headers: Uint8Array[] = [];
  const positions = new Uint32Array(count);
  let lastHeaders: Headers | undefined;
  let lastBytes = encodeHeaders(undefined);
  let bytes = 0;
  let nameBytes = 2 + batch.stream.length + batch.origin.length;
  for (let i = 0; i < count; i++) {
    const record = records[i] as OriginRecord;
    if (record.seq !== batch.firstSeq + i) {
      throw new LandfallError("INVALID_ARGUMENT", `record ${i} has seq ${record.seq}, not ${batch.firstSeq + i}`);
    }
    let topic = indexOf.get(record.topic);
    if (topic === undefined) {
      topic = topics.length;
      indexOf.set(record.topic, topic);
      topics.push(record.topic);
      nameBytes += 1 + record.topic.length;
    }
    topicOf[i] = topic;
    if (record.headers !== lastHeaders) {
      lastHeaders = record.headers;
      lastBytes = encodeHeaders(record.headers);
    }
    headers.push(lastBytes);
    const valueBytes = record.value.byteLength;
    if (valueBytes > VALUE_BYTES_MAX) {
      throw new LandfallError(
        "VALUE_TOO_LARGE",
        `value of seq ${batch.firstSeq + i} has ${valueBytes} bytes, at most ${VALUE_BYTES_MAX} are allowed`,
      );
    }
    positions[i] = bytes;
    bytes += RECORD_HEADER_BYTES + lastBytes.byteLength + valueBytes;
  }
  const recordsAt = BLOCK_HEADER_BYTES + nameBytes;
  for (let i = 0; i < count; i++) positions[i] = (positions[i] as number) + recordsAt;
  bytes += recordsAt;
  if (bytes > BLOCK_BYTES_MAX) {
    throw new LandfallError("INVALID_ARGUMENT", `a block of ${bytes} bytes, at most ${BLOCK_BYTES_MAX} are allowed`);
  }
  return { batch, bytes, topics, topicOf, headers, positions };
}

/** Writes the planned block to `target` at `at`, which must have room for `plan.bytes`. */
export function writeBlock(plan: BlockPlan, target: Uint8Array, at: number): void {
  const { batch, topics, topicOf, headers, positions } = plan;
  const out = Buffer.from(target.buffer, target.byteOffset + at, plan.bytes);
  const view = new DataView(target.buffer, target.byteOffset + at, plan.bytes);
  for (let i = 0; i < BLOCK_MAGIC.length; i++) out[i] = BLOCK_MAGIC[i] as number;
  out[3] = BLOCK_VERSION;
  view.setUint32(LENGTH_AT, plan.bytes, true);
  view.setUint32(FIRST_SEQ_AT, batch.firstSeq % 2 ** 32, true);
  view.setUint32(FIRST_SEQ_AT + 4, Math.floor(batch.firstSeq / 2 ** 32), true);
  view.setUint32(COUNT_AT, batch.records.length, true);
  view.setUint32(TOPIC_COUNT_AT, topics.length, true);
  let position = BLOCK_HEADER_BYTES;
  const name = (text: string): void => {
    out[position] = text.length;
    position += 1 + out.write(text, position + 1, "latin1");
  };
  name(batch.stream);
  name(batch.origin);
  for (const topic of topics) name(topic);
  for (let i = 0; i < batch.records.length; i++) {
    const record = batch.records[i] as OriginRecord;
    const headerBytes = headers[i] as Uint8Array;
    const start = positions[i] as number;
    view.setFloat64(start + RECORD_OFFSET_AT, record.offset, true);
    view.setFloat64(start + RECORD_TIMESTAMP_AT, record.timestamp, true);
    view.setFloat64(start + RECORD_RECEIVED_AT, record.received, true);
    view.setUint16(start + RECORD_TOPIC_AT, topicOf[i] as number, true);
    view.setUint16(start + RECORD_HEADERS_BYTES_AT, headerBytes.byteLength, true);
    view.setUint32(start + RECORD_VALUE_BYTES_AT, record.value.byteLength, true);
    const after = start + RECORD_HEADER_BYTES;
    if (headerBytes.byteLength > 0) out.set(headerBytes, after);
    out.set(record.value, after + headerBytes.byteLength);
  }
  view.setUint32(CRC_AT, blockChecksum(out), true);
}

/**
 * A self-contained block: stream, origin, first seq and the records byte for byte, under a checksum.
 * At most BLOCK_BYTES_MAX bytes and BLOCK_RECORDS_MAX records; what `readOrigin` returns always fits.
 * @throws LandfallError INVALID_ARGUMENT, VALUE_TOO_LARGE
 */
export function encodeBlock(batch: Batch): Uint8Array {
  const plan = planBlock(batch);
  const bytes = new Uint8Array(plan.bytes);
  writeBlock(plan, bytes, 0);
  return bytes;
}

/**
 * The batch that a block holds. Trusts nothing that the bytes say about themselves. The records' values are
 * views on `bytes`, so keep those unchanged as long as the batch is in use.
 * @throws LandfallError CORRUPT_BLOCK saying what is wrong and at which byte
 */
export function decodeBlock(bytes: Uint8Array): Batch {
  const block = parseBlock(bytes);
  const records: OriginRecord[] = [];
  const fields = emptyFields();
  const headers = headersDecoder();
  let at = block.recordsAt;
  for (let i = 0; i < block.count; i++) {
    recordAt(block, at, fields);
    records.push(toRecord(block, fields, block.firstSeq + i, headers));
    at = fields.end;
  }
  if (at !== bytes.byteLength) throw corrupt(`${bytes.byteLength - at} bytes after the last record`, at);
  return { stream: block.stream, origin: block.origin, firstSeq: block.firstSeq, records };
}
