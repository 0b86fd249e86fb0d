import { BLOCK_RECORDS_MAX, OFFSET_SLOT_COUNT, VALUE_BYTES_MAX } from "../limits.js";
import { corruptRun, predictOffset } from "./run-columns.js";
import type { RunColumns } from "./run-columns.js";

/**
 * The columns of a block that is not packed: each number as it is above the column's smallest, all of one column in the same
 * width. They take a little more room than packed ones, and next to no time. docs/format.md has the layout.
 */

const WIDTHS = [0, 1, 2, 4] as const;
/** Numbers that lie too far apart: f64, as they are. */
const AS_THEY_ARE = 8;
const ARRAYS = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, [AS_THEY_ARE]: Float64Array } as const;
const COLUMN_HEAD_BYTES = 9;
/** Sums and differences of numbers up to this are exact. */
const EXACT_MAX = 2 ** 52;
/** Of a name, a value, or of records in a block: so many of them still add up to less than 2^32. */
const LENGTH_MAX = Math.max(VALUE_BYTES_MAX, BLOCK_RECORDS_MAX);

/** Bytes that `writePlainColumns` takes at most. */
export function plainColumnsBytesMax({ count, topics, headerBytes }: RunColumns): number {
  const names = topics.reduce((sum, topic) => sum + topic.length, 0);
  const headers = headerBytes.reduce((sum, bytes) => sum + bytes.byteLength + 2, 2);
  return names + headers + (topics.length * 2 + count * 7) * 8 + COLUMN_HEAD_BYTES * 9 + 2;
}

/** Writes columns and lengths of values at the beginning of `into`; returns the bytes they take. */
export function writePlainColumns(into: Buffer, columns: RunColumns, valueStarts: Uint32Array): number {
  const { count, topics, topicEnds, offsets, received, headerBytes, headerOf } = columns;
  const out = new ColumnWriter(into, Math.max(count, topics.length));
  const { scratch } = out;
  for (let t = 0; t < topics.length; t++) scratch[t] = (topics[t] as string).length;
  out.column(scratch, topics.length);
  out.at += into.write(topics.join(""), out.at, "latin1");
  let start = 0;
  for (let t = 0; t < topics.length; t++) {
    const end = topicEnds[t] as number;
    scratch[t] = end - start;
    start = end;
  }
  out.column(scratch, topics.length);
  out.column(columns.seqs, count);
  out.column(received, count);
  const slot = (offsets[0] as number) % OFFSET_SLOT_COUNT;
  out.at = into.writeUInt16LE(slot, out.at);
  for (let i = 0; i < count; i++) scratch[i] = predictOffset(received[i] as number, slot);
  out.column(offsets, count, scratch);
  out.column(columns.timestamps, count, received);
  out.column(columns.arrived, count, received);
  out.at = into.writeUInt16LE(headerBytes.length, out.at);
  for (const bytes of headerBytes) {
    out.at = into.writeUInt16LE(bytes.byteLength, out.at);
    into.set(bytes, out.at);
    out.at += bytes.byteLength;
  }
  if (headerOf !== undefined) {
    for (let i = 0; i < count; i++) scratch[i] = headerOf[i] as number;
    out.column(scratch, count);
  }
  for (let i = 0; i < count; i++) scratch[i] = (valueStarts[i + 1] as number) - (valueStarts[i] as number);
  out.column(scratch, count);
  return out.at;
}

class ColumnWriter {
  at = 0;
  readonly scratch: Float64Array;

  constructor(
    private readonly into: Buffer,
    numbers: number,
  ) {
    this.scratch = new Float64Array(numbers);
  }

  /** @param against the number expected in each place; what differs from it is written */
  column(numbers: Float64Array, count: number, against?: Float64Array): void {
    const { into } = this;
    let least = Infinity;
    let most = -Infinity;
    let isExact = true;
    for (let i = 0; i < count; i++) {
      const number = numbers[i] as number;
      const expected = against === undefined ? 0 : (against[i] as number);
      if (number > EXACT_MAX || number < -EXACT_MAX || expected > EXACT_MAX || expected < -EXACT_MAX) isExact = false;
      const rest = number - expected;
      if (rest < least) least = rest;
      if (rest > most) most = rest;
    }
    const width = isExact ? WIDTHS.find((bytes) => most - least < 2 ** (8 * bytes)) : undefined;
    const base = width === undefined ? 0 : least;
    into[this.at] = width ?? AS_THEY_ARE;
    into.writeDoubleLE(base, this.at + 1);
    this.at += COLUMN_HEAD_BYTES;
    if (width === 0) return;
    const rests = new ARRAYS[width ?? AS_THEY_ARE](count);
    const isRelative = width !== undefined && against !== undefined;
    for (let i = 0; i < count; i++) {
      rests[i] = (numbers[i] as number) - base - (isRelative ? (against[i] as number) : 0);
    }
    into.set(new Uint8Array(rests.buffer), this.at);
    this.at += rests.byteLength;
  }
}

/** Names of a block's topics alone. @throws LandfallError CORRUPT_BLOCK */
export function readPlainTopics(bytes: Uint8Array, topicCount: number): string[] {
  return new ColumnReader(bytes).topics(topicCount);
}

/** @throws LandfallError CORRUPT_BLOCK */
export function readPlainColumns(
  bytes: Uint8Array,
  count: number,
  topicCount: number,
): { readonly columns: RunColumns; readonly valueStarts: Uint32Array } {
  const input = new ColumnReader(bytes);
  const topics = input.topics(topicCount);
  const topicEnds = sums(input.column(topicCount)).subarray(1);
  if (topicEnds[topicCount - 1] !== count) throw corruptRun("its topics do not add up");
  const seqs = input.column(count);
  const received = input.column(count);
  const slot = input.u16();
  const predicted = new Float64Array(count);
  for (let i = 0; i < count; i++) predicted[i] = predictOffset(received[i] as number, slot);
  const offsets = input.column(count, predicted);
  const timestamps = input.column(count, received);
  const arrived = input.column(count, received);
  const headerBytes = Array.from({ length: input.u16() }, () => input.bytes(input.u16()));
  const headerOf = headerBytes.length > 1 ? Uint16Array.from(input.column(count)) : undefined;
  const valueStarts = sums(input.column(count));
  const columns = { count, topics, topicEnds, seqs, offsets, timestamps, received, arrived, headerBytes, headerOf };
  return { columns, valueStarts };
}

/** 0, the first, the first two, …: the block may come from another site, and say what it likes. */
function sums(lengths: Float64Array): Uint32Array {
  const ends = new Uint32Array(lengths.length + 1);
  let end = 0;
  for (let i = 0; i < lengths.length; i++) {
    const length = lengths[i] as number;
    if (!(length >= 0 && length <= LENGTH_MAX) || length !== Math.floor(length))
      throw corruptRun("an impossible length");
    ends[i + 1] = end += length;
  }
  return ends;
}

class ColumnReader {
  private at = 0;
  private readonly buffer: Buffer;

  constructor(bytes: Uint8Array) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** All names are made text at once, then cut: that is much cheaper than one by one. */
  topics(count: number): string[] {
    const ends = sums(this.column(count));
    const names = this.bytes(ends[count] as number).toString("latin1");
    const topics: string[] = [];
    for (let i = 0; i < count; i++) topics.push(names.slice(ends[i], ends[i + 1]));
    return topics;
  }

  column(count: number, against?: Float64Array): Float64Array {
    const width = this.bytes(1)[0] as number;
    const base = this.bytes(8).readDoubleLE();
    const numbers = new Float64Array(count).fill(base);
    const isRelative = width !== AS_THEY_ARE && against !== undefined;
    if (isRelative) for (let i = 0; i < count; i++) (numbers[i] as number) += against[i] as number;
    if (width === 0) return numbers;
    if (!isWidth(width)) throw corruptRun(`a column of width ${width}`);
    // A copy, so that it is aligned.
    const rests = new ARRAYS[width](new Uint8Array(this.bytes(count * width)).buffer);
    for (let i = 0; i < count; i++) (numbers[i] as number) += rests[i] as number;
    return numbers;
  }

  u16(): number {
    return this.bytes(2).readUInt16LE();
  }

  bytes(length: number): Buffer {
    const end = this.at + length;
    if (!(end <= this.buffer.byteLength)) throw corruptRun("a column is cut short");
    const bytes = this.buffer.subarray(this.at, end);
    this.at = end;
    return bytes;
  }
}

function isWidth(width: number): width is keyof typeof ARRAYS {
  return width in ARRAYS;
}
