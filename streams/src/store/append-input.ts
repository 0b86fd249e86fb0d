import { APPEND_RECORDS_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { originId, streamName, topicName } from "../model/names.js";
import type { NewRecord, OriginRecord } from "../model/record.js";
import type { Batch } from "./store.js";

/** What callers hand over is checked whole before anything of it is queued, so that building a group cannot fail half-way. */

/** @throws LandfallError INVALID_NAME, INVALID_ARGUMENT */
export function checkRecords(records: readonly NewRecord[], isTopic: (name: string) => boolean): void {
  checkCount(records.length);
  for (const record of records) checkRecord(record, isTopic);
}

/** @throws LandfallError INVALID_NAME, INVALID_ARGUMENT */
export function checkBatch(batch: Batch, isTopic: (name: string) => boolean): void {
  streamName(batch.stream);
  originId(batch.origin);
  checkCount(batch.records.length);
  if (!Number.isSafeInteger(batch.firstSeq) || batch.firstSeq < 0) invalid(`first seq ${batch.firstSeq}`);
  batch.records.forEach((record: OriginRecord, i) => {
    checkRecord(record, isTopic);
    if (record.seq !== batch.firstSeq + i) invalid(`record ${i} has seq ${record.seq}, not ${batch.firstSeq + i}`);
    if (!Number.isSafeInteger(record.offset) || record.offset < 0) invalid(`offset ${record.offset}`);
    if (!Number.isSafeInteger(record.received)) invalid(`time of receipt ${record.received}`);
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
}

function invalid(what: string): never {
  throw new LandfallError("INVALID_ARGUMENT", what);
}
