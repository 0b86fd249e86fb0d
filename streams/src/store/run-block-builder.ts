import { brotliCompressSync, constants } from "node:zlib";
import { looksRandom } from "../codec/randomness.js";
import { encodeValues } from "../codec/values.js";
import { writePackedColumns } from "./packed-columns.js";
import { plainColumnsBytesMax, writePlainColumns } from "./plain-columns.js";
import { encodeRunBlock } from "./run-block.js";
import { VarintWriter } from "./varint.js";
import type { RunBlock } from "./run-block.js";
import type { RunColumns } from "./run-columns.js";

const QUALITY = { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_LGWIN]: 18 };
/** What a record takes besides its value, about. */
const RECORD_BYTES = 16;

/** Fields of a record besides topic and value. */
export interface RunFields {
  seq: number;
  offset: number;
  timestamp: number;
  received: number;
  arrived: number;
  headers: Uint8Array;
}

/** Records in the making of a block, in their order; the arrays grow and are used again. */
export class RunBlockBuilder {
  count = 0;
  /** About what the block takes, unpacked. */
  bytes = 0;
  readonly topics: string[] = [];
  minOffset = Infinity;
  maxOffset = 0;
  minTime = Infinity;
  maxTime = -Infinity;
  private readonly topicEnds: number[] = [];
  private seqs = new Float64Array(1024);
  private offsets = new Float64Array(1024);
  private timestamps = new Float64Array(1024);
  private received = new Float64Array(1024);
  private arrived = new Float64Array(1024);
  private headerOf = new Uint16Array(1024);
  private valueStarts = new Uint32Array(1024);
  private values = new Uint8Array(128 * 1024);
  private readonly headers: Uint8Array[] = [];
  private readonly packed = new VarintWriter(64 * 1024);
  private plain = Buffer.allocUnsafeSlow(64 * 1024);

  private get valueBytes(): number {
    return this.valueStarts[this.count] as number;
  }

  /** @param topic must be that of the last record, or a larger one. The value is [from, to) of `source`. */
  add(topic: string, fields: RunFields, source: Uint8Array, from: number, to: number): void {
    this.goOn(topic, 1);
    this.put(fields.seq, fields.offset, fields.timestamp, fields.received, fields.arrived, fields.headers, to - from);
    this.copyValues(source, from, to);
  }

  /** Records [from, to) of a block, all of this topic. */
  addSlice(topic: string, block: RunBlock, from: number, to: number): void {
    this.goOn(topic, to - from);
    const { seqs, offsets, timestamps, received, arrived, headerBytes, headerOf, valueStarts } = block;
    for (let i = from; i < to; i++) {
      this.put(
        seqs[i] as number,
        offsets[i] as number,
        timestamps[i] as number,
        received[i] as number,
        arrived[i] as number,
        headerBytes[headerOf === undefined ? 0 : (headerOf[i] as number)] as Uint8Array,
        (valueStarts[i + 1] as number) - (valueStarts[i] as number),
      );
    }
    this.copyValues(block.bytes, valueStarts[from] as number, valueStarts[to] as number);
  }

  /** Packing would gain next to nothing. */
  get isRandom(): boolean {
    return looksRandom(this.values.subarray(0, this.valueBytes));
  }

  /** The block's bytes; the builder is empty again. */
  finish(packed: boolean): Uint8Array {
    const { count, headers } = this;
    const columns: RunColumns = {
      count,
      topics: this.topics,
      topicEnds: this.topicEnds,
      seqs: this.seqs,
      offsets: this.offsets,
      timestamps: this.timestamps,
      received: this.received,
      arrived: this.arrived,
      headerBytes: headers,
      headerOf: headers.length > 1 ? this.headerOf : undefined,
    };
    const block = packed ? this.packBlock(columns) : this.plainBlock(columns);
    this.clear();
    return block;
  }

  private packBlock(columns: RunColumns): Uint8Array {
    const { packed, values, valueStarts, count } = this;
    writePackedColumns(packed, columns);
    const raw = packed.bytes.subarray(0, packed.length);
    const views = Array.from({ length: count }, (_, i) => values.subarray(valueStarts[i], valueStarts[i + 1]));
    const packedValues = encodeValues(views, Array.from(this.timestamps.subarray(0, count)));
    const packedColumns = brotliCompressSync(raw, { params: QUALITY });
    return encodeRunBlock(true, count, this.topics.length, packedColumns, raw.byteLength, packedValues);
  }

  private plainBlock(columns: RunColumns): Uint8Array {
    const wanted = plainColumnsBytesMax(columns);
    if (wanted > this.plain.byteLength) this.plain = Buffer.allocUnsafeSlow(wanted);
    const length = writePlainColumns(this.plain, columns, this.valueStarts);
    const values = this.values.subarray(0, this.valueBytes);
    return encodeRunBlock(false, this.count, this.topics.length, this.plain.subarray(0, length), length, values);
  }

  private clear(): void {
    this.count = 0;
    this.bytes = 0;
    this.topics.length = 0;
    this.topicEnds.length = 0;
    this.headers.length = 0;
    this.minOffset = this.minTime = Infinity;
    this.maxOffset = 0;
    this.maxTime = -Infinity;
  }

  /** So many records of a topic follow. */
  private goOn(topic: string, records: number): void {
    while (this.count + records >= this.seqs.length) this.grow();
    const end = this.count + records;
    if (this.topics.length === 0 || this.topics[this.topics.length - 1] !== topic) {
      this.topics.push(topic);
      this.topicEnds.push(end);
      this.bytes += topic.length;
    } else {
      this.topicEnds[this.topicEnds.length - 1] = end;
    }
  }

  private put(
    seq: number,
    offset: number,
    timestamp: number,
    received: number,
    arrived: number,
    headers: Uint8Array,
    valueBytes: number,
  ): void {
    const i = this.count++;
    this.seqs[i] = seq;
    this.offsets[i] = offset;
    this.timestamps[i] = timestamp;
    this.received[i] = received;
    this.arrived[i] = arrived;
    if (offset < this.minOffset) this.minOffset = offset;
    if (offset > this.maxOffset) this.maxOffset = offset;
    if (timestamp < this.minTime) this.minTime = timestamp;
    if (timestamp > this.maxTime) this.maxTime = timestamp;
    this.headerOf[i] = this.headerNumber(headers);
    this.valueStarts[i + 1] = (this.valueStarts[i] as number) + valueBytes;
    this.bytes += valueBytes + RECORD_BYTES;
  }

  /** The values of the records that were put last. */
  private copyValues(source: Uint8Array, from: number, to: number): void {
    const end = this.valueBytes;
    const start = end - (to - from);
    if (end > this.values.byteLength) {
      const grown = new Uint8Array(Math.max(end, this.values.byteLength * 2));
      grown.set(this.values.subarray(0, start));
      this.values = grown;
    }
    this.values.set(source.subarray(from, to), start);
  }

  private headerNumber(bytes: Uint8Array): number {
    const { headers } = this;
    const length = bytes.byteLength;
    search: for (let n = headers.length - 1; n >= 0; n--) {
      const known = headers[n] as Uint8Array;
      if (known.byteLength !== length) continue;
      for (let i = 0; i < length; i++) if (known[i] !== bytes[i]) continue search;
      return n;
    }
    this.bytes += length;
    return headers.push(bytes.slice()) - 1;
  }

  private grow(): void {
    const twice = <T extends Float64Array | Uint16Array | Uint32Array>(array: T, make: new (n: number) => T): T => {
      const grown = new make(array.length * 2);
      grown.set(array);
      return grown;
    };
    this.seqs = twice(this.seqs, Float64Array);
    this.offsets = twice(this.offsets, Float64Array);
    this.timestamps = twice(this.timestamps, Float64Array);
    this.received = twice(this.received, Float64Array);
    this.arrived = twice(this.arrived, Float64Array);
    this.headerOf = twice(this.headerOf, Uint16Array);
    this.valueStarts = twice(this.valueStarts, Uint32Array);
  }
}
