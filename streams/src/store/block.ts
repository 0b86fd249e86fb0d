import { BLOCK_BYTES_MAX, BLOCK_RECORDS_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { BlockBuilder } from "./block-builder.js";
import { corrupt } from "./block-layout.js";
import { emptyFields, headersDecoder, parseBlock, recordAt } from "./block-parse.js";
import { EncodedRecords } from "./encoded-records.js";
import type { Offset, OriginRecord, Seq, TimestampMs } from "../model/record.js";
import type { TopicName } from "../model/names.js";
import type { Batch } from "./store.js";

/**
 * A self-contained block: stream, origin, first seq and the records byte for byte, under a checksum.
 * At most BLOCK_BYTES_MAX bytes and BLOCK_RECORDS_MAX records; what `readOrigin` returns always fits.
 * @throws LandfallError INVALID_ARGUMENT, VALUE_TOO_LARGE
 */
export function encodeBlock(batch: Batch): Uint8Array {
  const { stream, origin, firstSeq, records } = batch;
  const count = records.length;
  if (count === 0 || count > BLOCK_RECORDS_MAX) {
    throw new LandfallError("INVALID_ARGUMENT", `a block holds 1 to ${BLOCK_RECORDS_MAX} records, not ${count}`);
  }
  const encoded = EncodedRecords.of(records);
  const block = new BlockBuilder(stream, origin, firstSeq);
  for (let i = 0; i < count; i++) {
    const { seq } = records[i] as OriginRecord;
    if (seq !== firstSeq + i) {
      throw new LandfallError("INVALID_ARGUMENT", `record ${i} has seq ${seq}, not ${firstSeq + i}`);
    }
    if (!block.add(encoded, i)) {
      throw new LandfallError(
        "INVALID_ARGUMENT",
        `${count} records do not fit into a block of ${BLOCK_BYTES_MAX} bytes`,
      );
    }
  }
  const bytes = new Uint8Array(block.bytes);
  block.write(bytes, 0);
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
    records.push({
      topic: block.topics[fields.topic] as TopicName,
      offset: fields.offset as Offset,
      seq: (block.firstSeq + i) as Seq,
      timestamp: fields.timestamp as TimestampMs,
      received: fields.received as TimestampMs,
      headers: headers(block.bytes, fields.headersAt, fields.valueAt),
      value: block.bytes.subarray(fields.valueAt, fields.end),
    });
    at = fields.end;
  }
  if (at !== bytes.byteLength) throw corrupt(`${bytes.byteLength - at} bytes after the last record`, at);
  return { stream: block.stream, origin: block.origin, firstSeq: block.firstSeq, records };
}
