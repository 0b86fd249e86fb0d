import { brotliCompressSync, brotliDecompressSync, constants, crc32 } from "node:zlib";
import { decodeValues, encodeValues } from "../codec/values.js";
import { BLOCK_RECORDS_MAX, CLOCK_MS_MAX, OFFSET_SLOT_COUNT } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { decodeHeaders } from "./block-headers.js";
import { VarintReader, VarintWriter } from "./varint.js";
import type { Headers } from "../model/record.js";

/**
 * A block of a sealed run: whole topics, or a slice of one. Little-endian:
 * 0 "LFRB" · 4 u32 CRC-32 of what follows · 8 u8 version · 9 u8 flags (1: packed) · 12 u32 records · 16 u32 topics
 * · 20 u32 bytes of the columns, unpacked · 24 u32 as stored · 28 u32 bytes of the values as stored · 32 columns, values
 */
const MAGIC = 0x4252464c;
const VERSION = 1;
const HEAD_BYTES = 32;
const PACKED = 1;
const SMALL_MAX = 2 ** 50;
const COLUMN_BYTES_MAX = 64 * 1024 * 1024;
const QUALITY = { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_LGWIN]: 18 };

/** Records in the making of a block, in their order; the arrays grow and are used again. */
export class RunBlockBuilder {
  count = 0;
  /** About what the block takes, unpacked. */
  bytes = 0;
  readonly topics: string[] = [];
  private readonly topicEnds: number[] = [];
  private seqs = new Float64Array(1024);
  private offsets = new Float64Array(1024);
  private timestamps = new Float64Array(1024);
  private received = new Float64Array(1024);
  private arrived = new Float64Array(1024);
  private headerOf = new Uint16Array(1024);
  private valueEnds = new Uint32Array(1024);
  private values = new Uint8Array(128 * 1024);
  private valueBytes = 0;
  private readonly headers: Uint8Array[] = [];
  private readonly columns = new VarintWriter(64 * 1024);
  minOffset = Infinity;
  maxOffset = 0;
  minTime = Infinity;
  maxTime = -Infinity;

  /** @param topic must be that of the last record, or a larger one */
  add(
    topic: string,
    seq: number,
    offset: number,
    timestamp: number,
    received: number,
    arrived: number,
    headers: Uint8Array,
    source: Uint8Array,
    valueAt: number,
    end: number,
  ): void {
    const i = this.count++;
    if (i === this.seqs.length) this.grow();
    if (this.topics.length === 0 || this.topics[this.topics.length - 1] !== topic) {
      this.topics.push(topic);
      this.topicEnds.push(i + 1);
      this.bytes += topic.length;
    } else {
      this.topicEnds[this.topicEnds.length - 1] = i + 1;
    }
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
    const length = end - valueAt;
    while (this.valueBytes + length > this.values.byteLength) {
      const grown = new Uint8Array(this.values.byteLength * 2);
      grown.set(this.values.subarray(0, this.valueBytes));
      this.values = grown;
    }
    this.values.set(source.subarray(valueAt, end), this.valueBytes);
    this.valueBytes += length;
    this.valueEnds[i] = this.valueBytes;
    this.bytes += length + 16;
  }

  /** The block's bytes; the builder is empty again. */
  finish(packed: boolean): Uint8Array {
    const { count } = this;
    this.writeColumns(packed);
    const raw = this.columns.bytes.subarray(0, this.columns.length);
    const columns = packed ? brotliCompressSync(raw, { params: QUALITY }) : raw;
    let values: Uint8Array = this.values.subarray(0, this.valueBytes);
    if (packed) {
      const views: Uint8Array[] = [];
      for (let i = 0; i < count; i++) {
        views.push(this.values.subarray(i === 0 ? 0 : this.valueEnds[i - 1], this.valueEnds[i]));
      }
      values = encodeValues(views, Array.from(this.timestamps.subarray(0, count)));
    }
    const block = Buffer.allocUnsafeSlow(HEAD_BYTES + columns.byteLength + values.byteLength);
    block.fill(0, 0, HEAD_BYTES);
    block.writeUInt32LE(MAGIC, 0);
    block[8] = VERSION;
    block[9] = packed ? PACKED : 0;
    block.writeUInt32LE(count, 12);
    block.writeUInt32LE(this.topics.length, 16);
    block.writeUInt32LE(raw.byteLength, 20);
    block.writeUInt32LE(columns.byteLength, 24);
    block.writeUInt32LE(values.byteLength, 28);
    block.set(columns, HEAD_BYTES);
    block.set(values, HEAD_BYTES + columns.byteLength);
    block.writeUInt32LE(crc32(block.subarray(8)), 4);
    this.clear();
    return block;
  }

  private clear(): void {
    this.count = 0;
    this.bytes = 0;
    this.valueBytes = 0;
    this.topics.length = 0;
    this.topicEnds.length = 0;
    this.headers.length = 0;
    this.minOffset = this.minTime = Infinity;
    this.maxOffset = 0;
    this.maxTime = -Infinity;
  }

  private writeColumns(packed: boolean): void {
    const { columns, count, topics, topicEnds } = this;
    columns.length = 0;
    columns.reserve(topics.length * 3 + count * 8 + this.headers.length + 16);
    let last = "";
    topics.forEach((topic, i) => {
      let shared = 0;
      while (shared < topic.length && topic.charCodeAt(shared) === last.charCodeAt(shared)) shared++;
      columns.reserve(topic.length + 3);
      columns.put(shared);
      columns.put(topic.length - shared);
      for (let c = shared; c < topic.length; c++) columns.bytes[columns.length++] = topic.charCodeAt(c);
      columns.put((topicEnds[i] as number) - (topicEnds[i - 1] ?? 0));
      last = topic;
    });
    columns.reserve(count * 8 + this.headers.length + 16);
    const slot = (this.offsets[0] as number) % OFFSET_SLOT_COUNT;
    columns.put(slot);
    this.writeDeltas(this.seqs);
    this.writeDeltas(this.received);
    for (let i = 0; i < count; i++) {
      const rest = (this.offsets[i] as number) - predictOffset(this.received[i] as number, slot);
      // In steps of the clock, mostly none.
      const steps = Math.floor(rest / OFFSET_SLOT_COUNT);
      const odd = rest - steps * OFFSET_SLOT_COUNT;
      columns.put(fold(steps) * 2 + (odd === 0 ? 0 : 1));
      if (odd !== 0) columns.put(odd);
    }
    this.writeDeltas(this.timestamps);
    this.writeLags();
    columns.put(this.headers.length);
    for (const bytes of this.headers) {
      columns.reserve(1);
      columns.put(bytes.byteLength);
      columns.raw(bytes, 0, bytes.byteLength);
    }
    columns.reserve(count * 2);
    if (this.headers.length > 1) for (let i = 0; i < count; i++) columns.put(this.headerOf[i] as number);
    if (packed) return;
    let start = 0;
    for (let i = 0; i < count; i++) {
      const end = this.valueEnds[i] as number;
      columns.put(end - start);
      start = end;
    }
  }

  /** From one record of a topic to the next; from one topic's first to the next one's. */
  private writeDeltas(numbers: Float64Array): void {
    const { columns, topicEnds } = this;
    if (!this.writeMode(areSmall(numbers, this.count), numbers)) return;
    let first = 0;
    let i = 0;
    for (const end of topicEnds) {
      let previous = first;
      first = numbers[i] as number;
      for (; i < end; i++) {
        const value = numbers[i] as number;
        columns.putSigned(value - previous);
        previous = value;
      }
    }
  }

  private writeLags(): void {
    const { columns, arrived, received, count } = this;
    const isSmall = areSmall(arrived, count) && areSmall(received, count);
    if (!this.writeMode(isSmall, arrived)) return;
    for (let i = 0; i < count; i++) columns.putSigned((arrived[i] as number) - (received[i] as number));
  }

  /** Says how a column is written; writes it as it is and returns false when differences might be too large. */
  private writeMode(asDifferences: boolean, numbers: Float64Array): boolean {
    const { columns, count } = this;
    columns.put(asDifferences ? 0 : 1);
    if (asDifferences) return true;
    const bytes = new Uint8Array(numbers.slice(0, count).buffer);
    columns.raw(bytes, 0, bytes.byteLength);
    columns.reserve(count * 9);
    return false;
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
    this.valueEnds = twice(this.valueEnds, Uint32Array);
  }
}

/** A block, unpacked. Records [topicEnds[t - 1], topicEnds[t]) are those of topics[t]. */
export interface RunBlock {
  readonly count: number;
  readonly topics: readonly string[];
  readonly topicEnds: Uint32Array;
  readonly seqs: Float64Array;
  readonly offsets: Float64Array;
  readonly timestamps: Float64Array;
  readonly received: Float64Array;
  readonly arrived: Float64Array;
  readonly headers: readonly Headers[];
  readonly headerBytes: readonly Uint8Array[];
  /** Numbers of the records' headers; undefined when all have the first. */
  readonly headerOf: Uint16Array | undefined;
  /** One by one, when they went through the codec; otherwise in `bytes` from `valueStarts`. */
  readonly values: readonly Uint8Array[] | undefined;
  readonly bytes: Uint8Array;
  readonly valueStarts: Uint32Array;
}

/** Names of a block's topics, without unpacking the values. @throws LandfallError CORRUPT_BLOCK */
export function decodeRunTopics(block: Uint8Array): string[] {
  const head = checkHead(block);
  return readTopics(new VarintReader(head.columns), head.topics).topics;
}

/** Everything of a block but the values. */
export type RunColumns = Pick<
  RunBlock,
  | "count"
  | "topics"
  | "topicEnds"
  | "seqs"
  | "offsets"
  | "timestamps"
  | "received"
  | "arrived"
  | "headerBytes"
  | "headerOf"
>;

/**
 * Verifies the checksum and unpacks.
 * @param arrived when all of it arrived, instead of what the block says: it was made at another site
 * @throws LandfallError CORRUPT_BLOCK
 */
export function decodeRunBlock(block: Uint8Array, arrived?: number): RunBlock {
  const head = checkHead(block);
  const reader = new VarintReader(head.columns);
  const columns = readColumns(reader, head.columns, head.count, head.topics);
  const { count, timestamps, headerBytes } = columns;
  const valueStarts = new Uint32Array(count + 1);
  let values: readonly Uint8Array[] | undefined;
  if (head.packed) {
    values = decodeValues(head.values, Array.from(timestamps));
    if (values.length !== count) throw corruptRun("its values do not add up");
  } else {
    let at = 0;
    for (let i = 0; i < count; i++) valueStarts[i + 1] = at += reader.get();
    if (at !== head.values.byteLength) throw corruptRun("its values do not add up");
  }
  const headers = headerBytes.map((bytes) => decodeHeaders(bytes, 0));
  if (arrived !== undefined) columns.arrived.fill(arrived);
  return { ...columns, headers, values, bytes: head.packed ? new Uint8Array(0) : head.values, valueStarts };
}

/** Verifies the checksum and unpacks everything but the values. @throws LandfallError CORRUPT_BLOCK */
export function decodeRunColumns(block: Uint8Array): RunColumns {
  const { columns, count, topics } = checkHead(block);
  return readColumns(new VarintReader(columns), columns, count, topics);
}

/** Verifies the checksum alone. @throws LandfallError CORRUPT_BLOCK */
export function checkRunBlock(block: Uint8Array): void {
  readHead(block);
}

/** Whether a block of a run lies whole at the beginning of these bytes: its length. @throws LandfallError CORRUPT_BLOCK */
export function runBlockLength(bytes: Uint8Array): number {
  if (bytes.byteLength < HEAD_BYTES) throw corruptRun("it is cut short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEAD_BYTES);
  const length = HEAD_BYTES + view.getUint32(24, true) + view.getUint32(28, true);
  if (view.getUint32(0, true) !== MAGIC || length > bytes.byteLength) throw corruptRun("it is cut short");
  return length;
}

function readColumns(reader: VarintReader, columns: Uint8Array, count: number, topicCount: number): RunColumns {
  const { topics, topicEnds } = readTopics(reader, topicCount);
  if ((topicEnds[topicCount - 1] ?? 0) !== count) throw corruptRun("its topics do not add up");
  const slot = reader.get();
  const seqs = readDeltas(reader, topicEnds, count);
  const received = readDeltas(reader, topicEnds, count);
  const offsets = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const folded = reader.get();
    const odd = folded % 2 === 0 ? 0 : reader.get();
    offsets[i] = predictOffset(received[i] as number, slot) + unfold(Math.floor(folded / 2)) * OFFSET_SLOT_COUNT + odd;
  }
  const timestamps = readDeltas(reader, topicEnds, count);
  const arrived = new Float64Array(count);
  if (reader.get() === 1) readPlain(reader, arrived);
  else for (let i = 0; i < count; i++) arrived[i] = (received[i] as number) + reader.getSigned();
  const headerCount = reader.get();
  const headerBytes: Uint8Array[] = [];
  for (let i = 0; i < headerCount; i++) {
    const length = reader.get();
    headerBytes.push(columns.subarray(reader.at, reader.at + length));
    reader.at += length;
  }
  let headerOf: Uint16Array | undefined;
  if (headerCount > 1) {
    headerOf = new Uint16Array(count);
    for (let i = 0; i < count; i++) headerOf[i] = reader.get();
  }
  return { count, topics, topicEnds, seqs, offsets, timestamps, received, arrived, headerBytes, headerOf };
}

/** The value of record `i`: a view that the block shares. */
export function runValue(block: RunBlock, i: number): Uint8Array {
  if (block.values !== undefined) return block.values[i] as Uint8Array;
  return block.bytes.subarray(block.valueStarts[i], block.valueStarts[i + 1]);
}

interface RunBlockHead {
  readonly count: number;
  readonly topics: number;
  readonly packed: boolean;
  /** Bytes of the columns, unpacked. */
  readonly raw: number;
  readonly columns: Uint8Array;
  readonly values: Uint8Array;
}

/** With its columns unpacked. */
function checkHead(block: Uint8Array): RunBlockHead {
  const head = readHead(block);
  if (!head.packed) return head;
  try {
    return { ...head, columns: brotliDecompressSync(head.columns, { maxOutputLength: head.raw }) };
  } catch (cause) {
    throw new LandfallError("CORRUPT_BLOCK", "corrupt block of a run: it cannot be unpacked", { cause });
  }
}

function readHead(block: Uint8Array): RunBlockHead {
  if (block.byteLength < HEAD_BYTES) throw corruptRun("it is cut short");
  const buffer = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  if (buffer.readUInt32LE(0) !== MAGIC) throw corruptRun("it does not begin like a block of a run");
  if (crc32(buffer.subarray(8)) !== buffer.readUInt32LE(4)) throw corruptRun("the checksum does not fit");
  if (buffer[8] !== VERSION) throw corruptRun(`format version ${buffer[8]}`);
  const packed = ((buffer[9] as number) & PACKED) !== 0;
  const [count, topics] = [buffer.readUInt32LE(12), buffer.readUInt32LE(16)];
  const [raw, stored, valueBytes] = [buffer.readUInt32LE(20), buffer.readUInt32LE(24), buffer.readUInt32LE(28)];
  const isSane = count > 0 && count <= BLOCK_RECORDS_MAX && topics > 0 && topics <= count && raw <= COLUMN_BYTES_MAX;
  if (!isSane || HEAD_BYTES + stored + valueBytes !== block.byteLength) throw corruptRun("impossible numbers");
  const at = block.byteOffset + HEAD_BYTES;
  const columns = new Uint8Array(block.buffer, at, stored);
  return { count, topics, packed, raw, columns, values: new Uint8Array(block.buffer, at + stored, valueBytes) };
}

function readTopics(reader: VarintReader, count: number): { topics: string[]; topicEnds: Uint32Array } {
  const topics: string[] = [];
  const topicEnds = new Uint32Array(count);
  let last = "";
  let end = 0;
  const { bytes } = reader;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < count; i++) {
    const shared = reader.get();
    const length = reader.get();
    last = last.slice(0, shared) + buffer.toString("latin1", reader.at, reader.at + length);
    reader.at += length;
    topics.push(last);
    topicEnds[i] = end += reader.get();
  }
  return { topics, topicEnds };
}

function readDeltas(reader: VarintReader, topicEnds: Uint32Array, count: number): Float64Array {
  const numbers = new Float64Array(count);
  if (reader.get() === 1) return readPlain(reader, numbers);
  let first = 0;
  let i = 0;
  for (const end of topicEnds) {
    let previous = first;
    const start = i;
    for (; i < end; i++) numbers[i] = previous += reader.getSigned();
    first = numbers[start] as number;
  }
  return numbers;
}

function readPlain(reader: VarintReader, into: Float64Array): Float64Array {
  const bytes = new Uint8Array(into.buffer);
  bytes.set(reader.bytes.subarray(reader.at, reader.at + bytes.byteLength));
  reader.at += bytes.byteLength;
  return into;
}

/** Their differences, folded, are safe integers. */
function areSmall(numbers: Float64Array, count: number): boolean {
  for (let i = 0; i < count; i++) if (Math.abs(numbers[i] as number) > SMALL_MAX) return false;
  return true;
}

/** What the clock gives to a topic that was quiet: see offset-clock.ts. */
function predictOffset(received: number, slot: number): number {
  if (received < 0 || received > CLOCK_MS_MAX) return slot;
  return (Math.floor((received * 1000) / OFFSET_SLOT_COUNT) + 1) * OFFSET_SLOT_COUNT + slot;
}

function fold(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

function unfold(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function corruptRun(what: string): LandfallError {
  return new LandfallError("CORRUPT_BLOCK", `corrupt block of a run: ${what}`);
}
