import { APPEND_BYTES_MAX, APPEND_RECORDS_MAX, TIMESTAMP_MS_MAX, VALUE_BYTES_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { originId, streamName, topicName, type StreamName } from "../model/names.js";
import { encodeHeaders } from "./block-headers.js";
import { RECORD_HEADER_BYTES } from "./block-layout.js";
import { tooLarge, tooMany } from "./too-much.js";
import type { Headers, NewRecord, OriginRecord } from "../model/record.js";
import type { Batch } from "./store.js";

/** Headers as bytes; of records that share them, they are made once. */
export class HeaderBytes {
  private last: Headers | undefined;
  private bytes: Uint8Array | undefined;

  /** Undefined for none. @throws LandfallError INVALID_ARGUMENT, VALUE_TOO_LARGE */
  of(headers: Headers | undefined): Uint8Array | undefined {
    if (headers === undefined) return undefined;
    if (headers !== this.last) {
      const encoded = encodeHeaders(headers);
      this.last = headers;
      this.bytes = encoded.byteLength === 0 ? undefined : encoded;
    }
    return this.bytes;
  }
}

/**
 * Says what is wrong with records that cannot be taken.
 * @throws LandfallError INVALID_NAME, INVALID_ARGUMENT, VALUE_TOO_LARGE
 */
export function checkRecords(records: readonly NewRecord[]): void {
  const count = records.length;
  if (count > APPEND_RECORDS_MAX) {
    invalid(`${count} records at once, at most ${APPEND_RECORDS_MAX} are kept as one unit`);
  }
  const headers = new HeaderBytes();
  let bytes = count * RECORD_HEADER_BYTES;
  for (const record of records) {
    const { topic, timestamp, value } = record;
    topicName(topic);
    if (!isTime(timestamp)) {
      invalid(
        `timestamp ${timestamp} of a record of ${topic}: want whole milliseconds since 1970, of a date that there is`,
      );
    }
    if (!(value instanceof Uint8Array)) invalid(`value of a record of ${topic}: want bytes`);
    if (value.length > VALUE_BYTES_MAX) throw tooLarge(record);
    bytes += value.length + (headers.of(record.headers)?.length ?? 0);
    if (bytes > APPEND_BYTES_MAX) throw tooMany();
  }
}

/**
 * All but what `checkRecords` says, which whoever writes the records finds out.
 * @throws LandfallError INVALID_NAME, INVALID_ARGUMENT
 */
export function checkBatch(batch: Batch): void {
  streamName(batch.stream);
  originId(batch.origin);
  const { firstSeq, records } = batch;
  if (!Number.isSafeInteger(firstSeq) || firstSeq < 0) invalid(`first seq ${firstSeq}`);
  for (let i = 0; i < records.length; i++) {
    const { seq, offset, received } = records[i] as OriginRecord;
    if (seq !== firstSeq + i) invalid(`record ${i} has seq ${seq}, not ${firstSeq + i}`);
    if (!Number.isSafeInteger(offset) || offset < 0) invalid(`offset ${offset}`);
    if (!isTime(received)) invalid(`time of receipt ${received}`);
  }
}

/** Whether a date can say it: others would make every answer fail that has such a record in it. */
export function isTime(ms: unknown): boolean {
  return Number.isSafeInteger(ms) && Math.abs(ms as number) <= TIMESTAMP_MS_MAX;
}

function invalid(what: string): never {
  throw new LandfallError("INVALID_ARGUMENT", what);
}

/** @throws LandfallError PRODUCE_FORBIDDEN where the rules in force do not let the site produce into the stream */
export function checkMayAppend(
  stream: StreamName,
  { site, mayAppend }: { readonly site: string; readonly mayAppend?: ((stream: StreamName) => boolean) | undefined },
): void {
  if (mayAppend?.(stream) !== false) return;
  throw new LandfallError("PRODUCE_FORBIDDEN", `by the rules in force here ${site} may not produce into ${stream}`);
}
