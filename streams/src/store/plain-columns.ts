import { BLOCK_RECORDS_MAX, OFFSET_SLOT_COUNT, VALUE_BYTES_MAX } from "../limits.js";
import { predictOffset } from "./run-columns.js";
import type { RunColumns } from "./run-columns.js";

/**
 * The columns of a block that is not packed: each number as it is above the column's smallest, all of one column in the same
 * width. They take a little more room than packed ones, and next to no time. plain-block.ts reads them. docs/format.md has the layout.
 */

export const WIDTHS = [0, 1, 2, 4] as const;
/** Numbers that lie too far apart: f64, as they are. */
export const AS_THEY_ARE = 8;
const ARRAYS = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, [AS_THEY_ARE]: Float64Array } as const;
const COLUMN_HEAD_BYTES = 9;
/** Sums and differences of numbers below this are exact. */
const EXACT_MAX = 2 ** 52;
/** Of a name, a value, or of records in a block: so many of them still add up to less than 2^32. */
export const LENGTH_MAX = Math.max(VALUE_BYTES_MAX, BLOCK_RECORDS_MAX);

/** What is written: numbers per record, and per topic the length of its name and where its records end. */
export interface PlainColumns extends Omit<RunColumns, "topics"> {
  readonly topicCount: number;
  readonly topicLengths: Float64Array;
  /** The names of the topics, one behind the other. */
  readonly names: Uint8Array;
  readonly valueLengths: Float64Array;
}

/** Bytes that `PlainColumnWriter.write` takes at most. */
export function plainColumnsBytesMax({ count, topicCount, names, headerBytes }: PlainColumns): number {
  const headers = headerBytes.reduce((sum, bytes) => sum + bytes.byteLength + 2, 2);
  return names.byteLength + headers + (topicCount * 2 + count * 7) * 8 + COLUMN_HEAD_BYTES * 9 + 2;
}

/** Writes the columns of blocks, one block after the other; its arrays grow and are used again. */
export class PlainColumnWriter {
  private at = 0;
  private into: Buffer = Buffer.alloc(0);
  private scratch = new Float64Array(0);
  private rests = arraysOf(0);

  /** Writes columns and lengths of values into `into`, from `at` on; returns where they end. */
  write(into: Buffer, at: number, columns: PlainColumns): number {
    const { count, topicCount, topicEnds, offsets, received, headerBytes, headerOf } = columns;
    this.into = into;
    this.at = at;
    const most = Math.max(count, topicCount);
    if (most > this.scratch.length) {
      this.scratch = new Float64Array(most * 2);
      this.rests = arraysOf(most * 2);
    }
    const { scratch } = this;
    this.column(columns.topicLengths, topicCount);
    into.set(columns.names, this.at);
    this.at += columns.names.byteLength;
    let start = 0;
    for (let t = 0; t < topicCount; t++) {
      const end = topicEnds[t] as number;
      scratch[t] = end - start;
      start = end;
    }
    this.column(scratch, topicCount);
    this.column(columns.seqs, count);
    this.column(received, count);
    const slot = (offsets[0] as number) % OFFSET_SLOT_COUNT;
    this.at = into.writeUInt16LE(slot, this.at);
    for (let i = 0; i < count; i++) scratch[i] = predictOffset(received[i] as number, slot);
    this.column(offsets, count, scratch);
    this.column(columns.timestamps, count, received);
    this.column(columns.arrived, count, received);
    this.at = into.writeUInt16LE(headerBytes.length, this.at);
    for (const bytes of headerBytes) {
      this.at = into.writeUInt16LE(bytes.byteLength, this.at);
      into.set(bytes, this.at);
      this.at += bytes.byteLength;
    }
    if (headerOf !== undefined) {
      for (let i = 0; i < count; i++) scratch[i] = headerOf[i] as number;
      this.column(scratch, count);
    }
    this.column(columns.valueLengths, count);
    return this.at;
  }

  /** @param against the number expected in each place; what differs from it is written */
  private column(numbers: Float64Array, count: number, against?: Float64Array): void {
    const { into } = this;
    let smallest = Infinity;
    let largest = -Infinity;
    for (let i = 0; i < count; i++) {
      const number = numbers[i] as number;
      if (number < smallest) smallest = number;
      if (number > largest) largest = number;
    }
    let least = smallest;
    let most = largest;
    if (against !== undefined) {
      least = Infinity;
      most = -Infinity;
      for (let i = 0; i < count; i++) {
        const rest = (numbers[i] as number) - (against[i] as number);
        if (rest < least) least = rest;
        if (rest > most) most = rest;
      }
    }
    // Then what is expected is less than 2^53, too.
    const isExact = largest < EXACT_MAX && smallest > -EXACT_MAX && most < EXACT_MAX && least > -EXACT_MAX;
    const width = isExact ? WIDTHS.find((bytes) => most - least < 2 ** (8 * bytes)) : undefined;
    const base = width === undefined ? 0 : least;
    into[this.at] = width ?? AS_THEY_ARE;
    into.writeDoubleLE(base, this.at + 1);
    this.at += COLUMN_HEAD_BYTES;
    if (width === 0) return;
    const rests = this.rests[width ?? AS_THEY_ARE];
    if (width !== undefined && against !== undefined) {
      for (let i = 0; i < count; i++) rests[i] = (numbers[i] as number) - base - (against[i] as number);
    } else {
      for (let i = 0; i < count; i++) rests[i] = (numbers[i] as number) - base;
    }
    const bytes = count * rests.BYTES_PER_ELEMENT;
    into.set(new Uint8Array(rests.buffer, 0, bytes), this.at);
    this.at += bytes;
  }
}

/** For numbers of each width, all in the same memory. */
function arraysOf(count: number): { [width in keyof typeof ARRAYS]: InstanceType<(typeof ARRAYS)[width]> } {
  const { buffer } = new Float64Array(count);
  return {
    1: new Uint8Array(buffer),
    2: new Uint16Array(buffer),
    4: new Uint32Array(buffer),
    8: new Float64Array(buffer),
  };
}
