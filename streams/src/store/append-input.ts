import { APPEND_BYTES_MAX, APPEND_RECORDS_MAX, TOPIC_NAME_BYTES_MAX, VALUE_BYTES_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { originId, streamName, topicName } from "../model/names.js";
import { encodeHeaders } from "./block-headers.js";
import { RECORD_HEADER_BYTES } from "./block-layout.js";
import { tooLarge, tooMany } from "./too-much.js";
import type { Headers, NewRecord, OriginRecord } from "../model/record.js";
import type { Batch } from "./store.js";

/** What callers hand over is checked whole before anything of it is written, so that writing cannot fail half-way. */
export interface CheckedRecords {
  /** What the records take in a journal, without the names of their topics. */
  readonly bytes: number;
  readonly nameBytes: number;
  /** Of the names of the topics: equal names have equal ones. */
  readonly hashes: Int32Array;
  /** Headers as bytes, for each record; undefined when no record has any. */
  readonly headers: readonly (Uint8Array | undefined)[] | undefined;
}

/** Odd and with its bits spread, so that short names that differ in one character do not meet. */
const HASH_FACTOR = 0x9e3779b1 | 0;
const FIRST = 1;
const LATER = 2;
/** Which characters a topic's name may begin with, and have later on: what `topicName` says, as a table. */
const CHARS = new Uint8Array(256);
for (let code = 0; code < 128; code++) {
  const char = String.fromCharCode(code);
  if (/[A-Za-z0-9]/.test(char)) CHARS[code] = FIRST | LATER;
  else if (/[._\-/@=+]/.test(char)) CHARS[code] = LATER;
}

/** @throws LandfallError INVALID_NAME, INVALID_ARGUMENT, VALUE_TOO_LARGE */
export function checkRecords(records: readonly NewRecord[]): CheckedRecords {
  const count = records.length;
  if (count > APPEND_RECORDS_MAX)
    invalid(`${count} records at once, at most ${APPEND_RECORDS_MAX} are kept as one unit`);
  const hashes = new Int32Array(count);
  let bytes = count * RECORD_HEADER_BYTES;
  let nameBytes = 0;
  let headers: (Uint8Array | undefined)[] | undefined;
  let lastHeaders: Headers | undefined;
  let lastBytes: Uint8Array | undefined;
  for (let i = 0; i < count; i++) {
    const record = records[i] as NewRecord;
    const { topic, timestamp, value } = record;
    if (typeof topic !== "string") topicName(topic);
    const length = topic.length;
    let hash = 0;
    let chars = FIRST | LATER;
    for (let c = 0; c < length; c++) {
      const code = topic.charCodeAt(c);
      hash = Math.imul(hash ^ code, HASH_FACTOR);
      chars &= (CHARS[code] ?? 0) | (c === 0 ? 0 : FIRST);
    }
    if (chars !== (FIRST | LATER) || length === 0 || length > TOPIC_NAME_BYTES_MAX) topicName(topic);
    hashes[i] = hash;
    nameBytes += length;
    if (!Number.isSafeInteger(timestamp)) {
      invalid(`timestamp ${timestamp} of a record of ${topic}: want whole milliseconds since 1970`);
    }
    if (!(value instanceof Uint8Array)) invalid(`value of a record of ${topic}: want bytes`);
    if (value.byteLength > VALUE_BYTES_MAX) throw tooLarge(record);
    bytes += value.byteLength;
    if (record.headers !== undefined) {
      if (record.headers !== lastHeaders) {
        lastHeaders = record.headers;
        const encoded = encodeHeaders(lastHeaders);
        lastBytes = encoded.byteLength === 0 ? undefined : encoded;
      }
      if (lastBytes !== undefined) {
        headers ??= [];
        headers[i] = lastBytes;
        bytes += lastBytes.byteLength;
      }
    }
    if (bytes > APPEND_BYTES_MAX) throw tooMany();
  }
  return { bytes, nameBytes, hashes, headers };
}

/** @throws LandfallError INVALID_NAME, INVALID_ARGUMENT, VALUE_TOO_LARGE */
export function checkBatch(batch: Batch): CheckedRecords {
  streamName(batch.stream);
  originId(batch.origin);
  const { firstSeq, records } = batch;
  if (!Number.isSafeInteger(firstSeq) || firstSeq < 0) invalid(`first seq ${firstSeq}`);
  for (let i = 0; i < records.length; i++) {
    const { seq, offset, received } = records[i] as OriginRecord;
    if (seq !== firstSeq + i) invalid(`record ${i} has seq ${seq}, not ${firstSeq + i}`);
    if (!Number.isSafeInteger(offset) || offset < 0) invalid(`offset ${offset}`);
    if (!Number.isSafeInteger(received)) invalid(`time of receipt ${received}`);
  }
  return checkRecords(records);
}

function invalid(what: string): never {
  throw new LandfallError("INVALID_ARGUMENT", what);
}
