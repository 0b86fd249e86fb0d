import { brotliCompressSync, constants } from "node:zlib";
import { RANDOMNESS_SAMPLE_BYTES, looksRandom } from "../codec/randomness.js";
import { encodeJoinedValues } from "../codec/values.js";
import { writePackedColumns } from "./packed-columns.js";
import { PlainColumnWriter, plainColumnsBytesMax } from "./plain-columns.js";
import { RUN_BLOCK_HEAD_BYTES, writeRunBlockHead } from "./run-block.js";
import { ValuePieces } from "./value-pieces.js";
import { VarintWriter } from "./varint.js";
import type { RunValues, UnnamedColumns } from "./run-block.js";
import type { SegmentOutput } from "./segment-output.js";

const QUALITY = { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_LGWIN]: 18 };
/** What a record takes besides its value, about. */
const RECORD_BYTES = 16;
/** Room at first; there is more when it is needed. */
const RECORDS_FIRST = 1024;

/** Where a finished block goes. */
export type BlockRoom = Pick<SegmentOutput, "reserve" | "took">;

/** Records in the making of a block, in their order; the arrays grow and are used again. */
export class RunBlockBuilder {
  count = 0;
  topicCount = 0;
  /** About what the block takes, unpacked. */
  bytes = 0;
  minOffset = Infinity;
  maxOffset = 0;
  minTime = Infinity;
  maxTime = -Infinity;
  private readonly values = new ValuePieces();
  private readonly plain = new PlainColumnWriter();
  private readonly packed = new VarintWriter(64 * 1024);
  /** The values of a block that is packed, one behind the other. */
  private joined = new Uint8Array(0);
  private headers: Uint8Array[] = [];
  private names = Buffer.allocUnsafeSlow(RECORDS_FIRST * 16);
  private nameBytes = 0;
  private topicLengths = new Float64Array(RECORDS_FIRST);
  private topicEnds = new Uint32Array(RECORDS_FIRST);
  private seqs = new Float64Array(RECORDS_FIRST);
  private offsets = new Float64Array(RECORDS_FIRST);
  private timestamps = new Float64Array(RECORDS_FIRST);
  private received = new Float64Array(RECORDS_FIRST);
  private arrived = new Float64Array(RECORDS_FIRST);
  private valueLengths = new Float64Array(RECORDS_FIRST);
  private headerOf = new Uint16Array(RECORDS_FIRST);

  /** The records that follow are of this topic, larger than the last; its name is [at, at + length) of `source`. */
  beginTopic(source: Uint8Array, at: number, length: number): void {
    const { nameBytes } = this;
    const names = this.roomForName(length);
    for (let i = 0; i < length; i++) names[nameBytes + i] = source[at + i] as number;
  }

  /** The next record: its headers are [headersAt, valueAt) of `source`, its value [valueAt, end). */
  add(
    seq: number,
    offset: number,
    timestamp: number,
    received: number,
    arrived: number,
    source: Uint8Array,
    headersAt: number,
    valueAt: number,
    end: number,
  ): void {
    this.put(seq, offset, timestamp, received, arrived, end - valueAt, this.headerNumber(source, headersAt, valueAt));
    this.values.add(source, valueAt, end);
  }

  /** Records [from, to) of a block, all of the topic that was begun last. */
  addSlice(block: UnnamedColumns & RunValues, from: number, to: number): void {
    const { seqs, offsets, timestamps, received, arrived, headerBytes, headerOf, valueStarts } = block;
    for (let i = from; i < to; i++) {
      const headers = headerBytes[headerOf === undefined ? 0 : (headerOf[i] as number)] as Uint8Array;
      this.put(
        seqs[i] as number,
        offsets[i] as number,
        timestamps[i] as number,
        received[i] as number,
        arrived[i] as number,
        (valueStarts[i + 1] as number) - (valueStarts[i] as number),
        this.headerNumber(headers, 0, headers.length),
      );
    }
    this.values.add(block.bytes, valueStarts[from] as number, valueStarts[to] as number);
  }

  /** Packing would gain next to nothing. */
  get isRandom(): boolean {
    if (this.values.bytes < RANDOMNESS_SAMPLE_BYTES) return false;
    const sample = new Uint8Array(RANDOMNESS_SAMPLE_BYTES);
    this.values.copy(sample, 0);
    return looksRandom(sample);
  }

  /** The block's first and last topic. */
  get ends(): readonly [string, string] {
    const last = this.nameBytes - (this.topicLengths[this.topicCount - 1] as number);
    return [
      this.names.toString("latin1", 0, this.topicLengths[0]),
      this.names.toString("latin1", last, this.nameBytes),
    ];
  }

  /** Writes the block; the builder is empty again. Returns its bytes. */
  finish(packed: boolean, out: BlockRoom): number {
    const bytes = packed ? this.packBlock(out) : this.plainBlock(out);
    out.took(bytes);
    this.clear();
    return bytes;
  }

  private packBlock(out: BlockRoom): number {
    const { packed, count, topicCount, valueLengths } = this;
    const topics: string[] = [];
    for (let topic = 0, at = 0; topic < topicCount; topic++) {
      const end = at + (this.topicLengths[topic] as number);
      topics.push(this.names.toString("latin1", at, end));
      at = end;
    }
    writePackedColumns(packed, { ...this.columns(), topics });
    const raw = packed.bytes.subarray(0, packed.length);
    if (this.joined.length < this.values.bytes) this.joined = new Uint8Array(this.values.bytes * 2);
    this.values.copy(this.joined, 0);
    const starts = new Int32Array(count + 1);
    for (let i = 0; i < count; i++) starts[i + 1] = (starts[i] as number) + (valueLengths[i] as number);
    const packedValues = encodeJoinedValues(this.joined, starts, this.timestamps);
    const columns = brotliCompressSync(raw, { params: QUALITY });
    const valuesAt = RUN_BLOCK_HEAD_BYTES + columns.byteLength;
    const length = valuesAt + packedValues.byteLength;
    const { buffer, at } = out.reserve(length);
    buffer.set(columns, at + RUN_BLOCK_HEAD_BYTES);
    buffer.set(packedValues, at + valuesAt);
    writeRunBlockHead(buffer.subarray(at, at + length), {
      isPacked: true,
      count,
      topics: topicCount,
      columnBytes: raw.byteLength,
      storedBytes: columns.byteLength,
      valueBytes: packedValues.byteLength,
    });
    return length;
  }

  private plainBlock(out: BlockRoom): number {
    const { count, topicCount, topicLengths, valueLengths } = this;
    const names = this.names.subarray(0, this.nameBytes);
    const columns = { ...this.columns(), topicCount, topicLengths, names, valueLengths };
    const valueBytes = this.values.bytes;
    const { buffer, at } = out.reserve(RUN_BLOCK_HEAD_BYTES + plainColumnsBytesMax(columns) + valueBytes);
    const valuesAt = this.plain.write(buffer, at + RUN_BLOCK_HEAD_BYTES, columns);
    const end = valuesAt + valueBytes;
    this.values.copy(buffer, valuesAt, end);
    const columnBytes = valuesAt - at - RUN_BLOCK_HEAD_BYTES;
    const facts = { isPacked: false, count, topics: topicCount, columnBytes, storedBytes: columnBytes, valueBytes };
    writeRunBlockHead(buffer.subarray(at, end), facts);
    return end - at;
  }

  private columns() {
    const { count, topicEnds, seqs, offsets, timestamps, received, arrived, headers: headerBytes } = this;
    const headerOf = headerBytes.length > 1 ? this.headerOf : undefined;
    return { count, topicEnds, seqs, offsets, timestamps, received, arrived, headerBytes, headerOf };
  }

  private clear(): void {
    this.count = 0;
    this.topicCount = 0;
    this.nameBytes = 0;
    this.bytes = 0;
    this.headers = [];
    this.values.clear();
    this.minOffset = this.minTime = Infinity;
    this.maxOffset = 0;
    this.maxTime = -Infinity;
  }

  private put(
    seq: number,
    offset: number,
    timestamp: number,
    received: number,
    arrived: number,
    valueBytes: number,
    headers: number,
  ): void {
    const i = this.count++;
    if (i === this.seqs.length) this.grow();
    this.seqs[i] = seq;
    this.offsets[i] = offset;
    this.timestamps[i] = timestamp;
    this.received[i] = received;
    this.arrived[i] = arrived;
    if (offset < this.minOffset) this.minOffset = offset;
    if (offset > this.maxOffset) this.maxOffset = offset;
    if (timestamp < this.minTime) this.minTime = timestamp;
    if (timestamp > this.maxTime) this.maxTime = timestamp;
    this.headerOf[i] = headers;
    this.valueLengths[i] = valueBytes;
    this.topicEnds[this.topicCount - 1] = i + 1;
    this.bytes += valueBytes + RECORD_BYTES;
  }

  private roomForName(length: number): Uint8Array {
    const { nameBytes } = this;
    if (this.topicCount === this.seqs.length) this.grow();
    if (nameBytes + length > this.names.length) {
      this.names = Buffer.concat([this.names], this.names.length * 2);
    }
    this.nameBytes += length;
    this.topicLengths[this.topicCount] = length;
    this.topicEnds[this.topicCount] = this.count;
    this.topicCount++;
    this.bytes += length;
    return this.names;
  }

  private headerNumber(source: Uint8Array, from: number, to: number): number {
    const { headers } = this;
    const length = to - from;
    search: for (let n = headers.length - 1; n >= 0; n--) {
      const known = headers[n] as Uint8Array;
      if (known.length !== length) continue;
      for (let i = 0; i < length; i++) if (known[i] !== source[from + i]) continue search;
      return n;
    }
    this.bytes += length;
    return headers.push(source.slice(from, to)) - 1;
  }

  private grow(): void {
    const twice = <T extends Float64Array | Uint16Array | Uint32Array>(array: T, make: new (n: number) => T): T => {
      const grown = new make(array.length * 2);
      grown.set(array);
      return grown;
    };
    this.topicLengths = twice(this.topicLengths, Float64Array);
    this.topicEnds = twice(this.topicEnds, Uint32Array);
    this.seqs = twice(this.seqs, Float64Array);
    this.offsets = twice(this.offsets, Float64Array);
    this.timestamps = twice(this.timestamps, Float64Array);
    this.received = twice(this.received, Float64Array);
    this.arrived = twice(this.arrived, Float64Array);
    this.valueLengths = twice(this.valueLengths, Float64Array);
    this.headerOf = twice(this.headerOf, Uint16Array);
  }
}
