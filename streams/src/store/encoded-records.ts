import { APPEND_BYTES_MAX, VALUE_BYTES_MAX } from "../limits.js";
import { encodeHeaders } from "./block-headers.js";
import {
  RECORD_HEADERS_BYTES_AT,
  RECORD_HEADER_BYTES,
  RECORD_OFFSET_AT,
  RECORD_RECEIVED_AT,
  RECORD_TIMESTAMP_AT,
  RECORD_TOPIC_AT,
  RECORD_VALUE_BYTES_AT,
} from "./block-layout.js";
import { tooLarge, tooMany } from "./too-much.js";
import type { TopicName } from "../model/names.js";
import type { Headers, NewRecord, OriginRecord } from "../model/record.js";

const NO_BYTES = new Uint8Array(0);

/**
 * Records in the form in which they stand in a block, one behind the other in a buffer of their own: made when
 * the caller hands them over, so that it may reuse its buffers, and copied into a block as they are. What only the
 * commit knows is filled in then: offset, time of receipt, number of the topic's name in the block.
 */
export class EncodedRecords {
  private readonly view: DataView;

  private constructor(
    readonly topics: readonly TopicName[],
    readonly bytes: Uint8Array,
    /** Where each record begins, and behind the last, where it ends. */
    readonly starts: Uint32Array,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** @throws LandfallError INVALID_ARGUMENT, VALUE_TOO_LARGE */
  static of(records: readonly (NewRecord | OriginRecord)[]): EncodedRecords {
    const count = records.length;
    const starts = new Uint32Array(count + 1);
    const headers: Uint8Array[] = [];
    let lastHeaders: Headers | undefined;
    let lastBytes: Uint8Array = NO_BYTES;
    let size = 0;
    for (let i = 0; i < count; i++) {
      const record = records[i] as NewRecord;
      if (record.headers !== lastHeaders) {
        lastHeaders = record.headers;
        lastBytes = encodeHeaders(record.headers);
      }
      headers.push(lastBytes);
      const valueBytes = record.value.length;
      if (valueBytes > VALUE_BYTES_MAX) throw tooLarge(record);
      starts[i] = size;
      size += RECORD_HEADER_BYTES + lastBytes.length + valueBytes;
      if (size > APPEND_BYTES_MAX) throw tooMany();
    }
    starts[count] = size;
    const encoded = new EncodedRecords(
      records.map((record) => record.topic),
      // Every byte is written before it is copied into a block; small ones share a buffer of the pool.
      Buffer.allocUnsafe(size),
      starts,
    );
    for (let i = 0; i < count; i++) encoded.write(i, records[i] as NewRecord, headers[i] as Uint8Array);
    return encoded;
  }

  get count(): number {
    return this.topics.length;
  }

  recordBytes(i: number): number {
    return (this.starts[i + 1] as number) - (this.starts[i] as number);
  }

  setGiven(i: number, offset: number, received: number): void {
    const start = this.starts[i] as number;
    this.view.setFloat64(start + RECORD_OFFSET_AT, offset, true);
    this.view.setFloat64(start + RECORD_RECEIVED_AT, received, true);
  }

  setTopicNumber(i: number, number: number): void {
    this.view.setUint16((this.starts[i] as number) + RECORD_TOPIC_AT, number, true);
  }

  private write(i: number, record: NewRecord | OriginRecord, headers: Uint8Array): void {
    const { view } = this;
    const start = this.starts[i] as number;
    view.setFloat64(start + RECORD_TIMESTAMP_AT, record.timestamp, true);
    view.setUint16(start + RECORD_HEADERS_BYTES_AT, headers.length, true);
    view.setUint32(start + RECORD_VALUE_BYTES_AT, record.value.length, true);
    if ("offset" in record) this.setGiven(i, record.offset, record.received);
    const after = start + RECORD_HEADER_BYTES;
    if (headers.length > 0) this.bytes.set(headers, after);
    this.bytes.set(record.value, after + headers.length);
  }
}
