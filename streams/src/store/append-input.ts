import { APPEND_RECORDS_MAX, VALUE_BYTES_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { originId, streamName, topicName } from "../model/names.js";
import { NO_HEADERS, encodeHeaders } from "./block-headers.js";
import type { Headers, NewRecord, OriginRecord } from "../model/record.js";
import type { PendingRecord } from "./group-builder.js";
import type { Batch } from "./store.js";

/** What callers hand over is checked whole before anything of it is queued, so that building a group cannot fail half-way. */

/**
 * Checks the records and copies them: the caller may reuse its buffers at once.
 * @param isTopic whether the stream has a topic of that name, which then needs no checking
 * @throws LandfallError INVALID_NAME, INVALID_ARGUMENT, VALUE_TOO_LARGE
 */
export function copyRecords(records: readonly NewRecord[], isTopic: (name: string) => boolean): PendingRecord[] {
  checkCount(records.length);
  let bytes = 0;
  for (const record of records) {
    checkRecord(record, isTopic);
    bytes += record.value.byteLength;
  }
  const copy = new Uint8Array(bytes);
  let at = 0;
  let lastHeaders: Headers | undefined;
  let headers: Headers = NO_HEADERS;
  return records.map((record) => {
    const from = at;
    copy.set(record.value, from);
    at += record.value.byteLength;
    if (record.headers !== lastHeaders) {
      lastHeaders = record.headers;
      encodeHeaders(record.headers);
      headers = record.headers === undefined ? NO_HEADERS : { ...record.headers };
    }
    return { topic: record.topic, timestamp: record.timestamp, value: copy.subarray(from, at), headers };
  });
}

/** @throws LandfallError INVALID_NAME, INVALID_ARGUMENT, VALUE_TOO_LARGE */
export function checkBatch(batch: Batch, isTopic: (name: string) => boolean): void {
  streamName(batch.stream);
  originId(batch.origin);
  checkCount(batch.records.length);
  if (!Number.isSafeInteger(batch.firstSeq) || batch.firstSeq < 0) invalid(`first seq ${batch.firstSeq}`);
  let lastHeaders: Headers | undefined;
  batch.records.forEach((record: OriginRecord, i) => {
    checkRecord(record, isTopic);
    if (record.seq !== batch.firstSeq + i) invalid(`record ${i} has seq ${record.seq}, not ${batch.firstSeq + i}`);
    if (!Number.isSafeInteger(record.offset) || record.offset < 0) invalid(`offset ${record.offset}`);
    if (!Number.isSafeInteger(record.received)) invalid(`time of receipt ${record.received}`);
    if (record.headers !== lastHeaders) {
      lastHeaders = record.headers;
      encodeHeaders(record.headers);
    }
  });
}

function checkCount(count: number): void {
  if (count > APPEND_RECORDS_MAX)
    invalid(`${count} records at once, at most ${APPEND_RECORDS_MAX} are kept as one unit`);
}

function checkRecord(record: NewRecord, isTopic: (name: string) => boolean): void {
  if (!isTopic(record.topic)) topicName(record.topic);
  if (!Number.isSafeInteger(record.timestamp)) {
    invalid(`timestamp ${record.timestamp} of a record of ${record.topic}: want whole milliseconds since 1970`);
  }
  if (!(record.value instanceof Uint8Array)) invalid(`value of a record of ${record.topic}: want bytes`);
  if (record.value.byteLength > VALUE_BYTES_MAX) {
    throw new LandfallError(
      "VALUE_TOO_LARGE",
      `a value of ${record.value.byteLength} bytes for ${record.topic}, at most ${VALUE_BYTES_MAX} are allowed`,
    );
  }
}

function invalid(what: string): never {
  throw new LandfallError("INVALID_ARGUMENT", what);
}
