import { AS_THEY_ARE, LENGTH_MAX, WIDTHS } from "./plain-columns.js";
import { corruptRun, predictOffset } from "./run-columns.js";
import type { RunColumns } from "./run-columns.js";

type Width = (typeof WIDTHS)[number] | typeof AS_THEY_ARE;

/** Where a column lies: each of its numbers is `base`, plus what is expected in its place, plus `width` bytes from `at` on. */
interface Column {
  readonly width: Width;
  readonly base: number;
  readonly at: number;
}

/** Records [first, end) of a block, and where the value of each begins among all values of the block, and the last one ends. */
export interface PlainRecords {
  readonly columns: RunColumns;
  readonly valueStarts: Uint32Array;
}

/** Records picked from a block, and where the value of each lies among all values of the block. */
export interface PickedRecords extends RunColumns {
  readonly valueAts: ArrayLike<number>;
  readonly valueEnds: ArrayLike<number>;
  /** They are all that the block has: their values stand one behind the other. */
  readonly isWhole: boolean;
}

/**
 * The columns of a block that is not packed, as they lie in it: numbers are made only of those records that are asked for. To
 * read one topic of a block with many, that is most of the work.
 */
export class PlainBlock {
  /** Where the records of each topic end. */
  readonly topicEnds: Uint32Array;
  /** The names of all topics, one behind the other; that of topic t is [nameEnds[t], nameEnds[t + 1]). */
  readonly names: Buffer;
  readonly nameEnds: Uint32Array;
  /** All of them at once: that is much cheaper than one by one. */
  private text: string | undefined;
  private readonly seqs: Column;
  private readonly received: Column;
  private readonly slot: number;
  private readonly offsets: Column;
  private readonly timestamps: Column;
  private readonly arrived: Column;
  private readonly headerBytes: readonly Uint8Array[];
  private readonly headerOf: Column | undefined;
  private readonly lengths: Column;
  private readonly buffer: Buffer;
  private at = 0;

  /** @param bytes the columns. @throws LandfallError CORRUPT_BLOCK */
  constructor(
    bytes: Uint8Array,
    readonly count: number,
    readonly topicCount: number,
  ) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.nameEnds = sums(this.numbers(this.column(topicCount), 0, topicCount));
    this.names = this.bytes(this.nameEnds[topicCount] as number);
    this.topicEnds = sums(this.numbers(this.column(topicCount), 0, topicCount)).subarray(1);
    if (this.topicEnds[topicCount - 1] !== count) throw corruptRun("its topics do not add up");
    this.seqs = this.column(count);
    this.received = this.column(count);
    this.slot = this.u16();
    this.offsets = this.column(count);
    this.timestamps = this.column(count);
    this.arrived = this.column(count);
    this.headerBytes = Array.from({ length: this.u16() }, () => this.bytes(this.u16()));
    this.headerOf = this.headerBytes.length > 1 ? this.column(count) : undefined;
    this.lengths = this.column(count);
  }

  topic(number: number): string {
    this.text ??= this.names.toString("latin1");
    return this.text.slice(this.nameEnds[number], this.nameEnds[number + 1]);
  }

  get topics(): string[] {
    return Array.from({ length: this.topicCount }, (_, number) => this.topic(number));
  }

  /** Of all values. */
  get valueBytes(): number {
    return this.bytesBefore(this.count);
  }

  /** The number of a topic, or -1. */
  find(topic: string): number {
    let low = 0;
    let high = this.topicCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.topic(middle) < topic) low = middle + 1;
      else high = middle;
    }
    return low < this.topicCount && this.topic(low) === topic ? low : -1;
  }

  /** The records with a seq in [from, to). */
  withSeqs(from: number, to: number): PickedRecords | undefined {
    const { seqs, topicEnds, headerOf } = this;
    const picked: number[] = [];
    for (let i = 0; i < this.count; i++) {
      const seq = this.number(seqs, i);
      if (seq >= from && seq < to) picked.push(i);
    }
    if (picked.length === 0) return undefined;
    if (picked.length === this.count) {
      const { columns, valueStarts } = this.all();
      return wholeOf(columns, valueStarts);
    }
    const received = this.pick(this.received, picked);
    const predicted = received.map((time) => predictOffset(time, this.slot));
    const named = pickTopics(topicEnds, picked);
    const valueAts = this.valueAts(picked);
    return {
      count: picked.length,
      topics: named.numbers.map((number) => this.topic(number)),
      topicEnds: named.ends,
      seqs: this.pick(seqs, picked),
      offsets: this.pick(this.offsets, picked, predicted),
      timestamps: this.pick(this.timestamps, picked, received),
      received,
      arrived: this.pick(this.arrived, picked, received),
      headerBytes: this.headerBytes,
      headerOf: headerOf === undefined ? undefined : Uint16Array.from(this.pick(headerOf, picked)),
      valueAts,
      valueEnds: this.pick(this.lengths, picked).map((length, n) => (valueAts[n] as number) + length),
      isWhole: false,
    };
  }

  /** All records. */
  all(): PlainRecords {
    return this.records(0, this.count, this.topics, this.topicEnds);
  }

  /** The same for whoever takes the names as they lie in the block. */
  allUnnamed(): PlainRecords {
    return this.records(0, this.count, [], this.topicEnds);
  }

  /** Records of one topic, by its number. */
  ofTopic(number: number): PlainRecords {
    const first = number === 0 ? 0 : (this.topicEnds[number - 1] as number);
    const end = this.topicEnds[number] as number;
    return this.records(first, end, [this.topic(number)], Uint32Array.of(end - first));
  }

  private records(first: number, end: number, topics: readonly string[], topicEnds: Uint32Array): PlainRecords {
    const count = end - first;
    // One buffer for all of them: whoever reads a history makes many of these.
    const numbers = new Float64Array(count * 5);
    const [seqs, received, offsets, timestamps, arrived] = [0, 1, 2, 3, 4].map((n) =>
      numbers.subarray(n * count, (n + 1) * count),
    ) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
    this.read(this.seqs, first, seqs);
    this.read(this.received, first, received);
    for (let i = 0; i < count; i++) offsets[i] = predictOffset(received[i] as number, this.slot);
    this.read(this.offsets, first, offsets, offsets);
    this.read(this.timestamps, first, timestamps, received);
    this.read(this.arrived, first, arrived, received);
    const { headerBytes } = this;
    const headerOf =
      this.headerOf === undefined ? undefined : Uint16Array.from(this.numbers(this.headerOf, first, end));
    const valueStarts = sums(this.numbers(this.lengths, first, end), this.bytesBefore(first));
    const columns = { count, topics, topicEnds, seqs, offsets, timestamps, received, arrived, headerBytes, headerOf };
    return { columns, valueStarts };
  }

  /** Where the values of these records begin, of which later ones come later. */
  private valueAts(picked: readonly number[]): Uint32Array {
    const ats = new Uint32Array(picked.length);
    let at = 0;
    let record = 0;
    picked.forEach((i, n) => {
      for (; record < i; record++) at += checkedLength(this.number(this.lengths, record));
      ats[n] = at;
    });
    return ats;
  }

  private pick(column: Column, picked: readonly number[], expected?: Float64Array): Float64Array {
    const numbers = new Float64Array(picked.length);
    const isRelative = expected !== undefined && column.width !== AS_THEY_ARE;
    for (let n = 0; n < numbers.length; n++) {
      const number = this.number(column, picked[n] as number);
      numbers[n] = isRelative ? (expected[n] as number) + number : number;
    }
    return numbers;
  }

  /** One number of a column, without what is expected in its place. Byte by byte: it is not aligned. */
  private number({ width, base, at }: Column, i: number): number {
    const { buffer } = this;
    const from = at + i * width;
    switch (width) {
      case 0:
        return base;
      case 1:
        return base + (buffer[from] as number);
      case 2:
        return base + ((buffer[from] as number) | ((buffer[from + 1] as number) << 8));
      case 4: {
        const low =
          (buffer[from] as number) | ((buffer[from + 1] as number) << 8) | ((buffer[from + 2] as number) << 16);
        return base + low + (buffer[from + 3] as number) * 0x1000000;
      }
      case AS_THEY_ARE:
        return base + buffer.readDoubleLE(from);
    }
  }

  /** Bytes of the values before those of a record. */
  private bytesBefore(record: number): number {
    const { width, base } = this.lengths;
    if (width === 0) return checkedLength(base) * record;
    return sums(this.numbers(this.lengths, 0, record))[record] as number;
  }

  /** Steps over a column. */
  private column(count: number): Column {
    const width = this.bytes(1)[0] as number;
    const base = this.bytes(8).readDoubleLE();
    if (!isWidth(width)) throw corruptRun(`a column of width ${width}`);
    const { at } = this;
    this.bytes(count * width);
    return { width, base, at };
  }

  /** Numbers [first, end) of a column in which nothing is expected. */
  private numbers(column: Column, first: number, end: number): Float64Array {
    const numbers = new Float64Array(end - first);
    this.read(column, first, numbers);
    return numbers;
  }

  /** Numbers of a column from `first` on. @param expected in their places; may be `into` itself */
  private read(column: Column, first: number, into: Float64Array, expected?: Float64Array): void {
    const isRelative = expected !== undefined && column.width !== AS_THEY_ARE;
    for (let i = 0; i < into.length; i++) {
      const number = this.number(column, first + i);
      into[i] = isRelative ? (expected[i] as number) + number : number;
    }
  }

  private u16(): number {
    return this.bytes(2).readUInt16LE();
  }

  private bytes(length: number): Buffer {
    const end = this.at + length;
    if (!(end <= this.buffer.byteLength)) throw corruptRun("a column is cut short");
    const bytes = this.buffer.subarray(this.at, end);
    this.at = end;
    return bytes;
  }
}

/** From `start` on, the first, the first two, …: the block may come from another site, and say what it likes. */
function sums(lengths: Float64Array, start = 0): Uint32Array {
  const ends = new Uint32Array(lengths.length + 1);
  let end = (ends[0] = start);
  for (let i = 0; i < lengths.length; i++) ends[i + 1] = end += checkedLength(lengths[i] as number);
  return ends;
}

function checkedLength(length: number): number {
  if (!(length >= 0 && length <= LENGTH_MAX) || length !== Math.floor(length)) throw corruptRun("an impossible length");
  return length;
}

function isWidth(width: number): width is Width {
  return width === AS_THEY_ARE || (WIDTHS as readonly number[]).includes(width);
}

/** All records of a block. */
export function wholeOf(columns: RunColumns, valueStarts: Uint32Array): PickedRecords {
  return { ...columns, valueAts: valueStarts, valueEnds: valueStarts.subarray(1), isWhole: true };
}

/** Which topics some records are of, and where, among them, those of each end. @param picked in their order */
export function pickTopics(
  topicEnds: ArrayLike<number>,
  picked: readonly number[],
): { readonly numbers: number[]; readonly ends: number[] } {
  const numbers: number[] = [];
  const ends: number[] = [];
  let topic = -1;
  picked.forEach((i, n) => {
    if (topic < 0 || i >= (topicEnds[topic] as number)) {
      do topic++;
      while (i >= (topicEnds[topic] as number));
      numbers.push(topic);
    }
    ends[numbers.length - 1] = n + 1;
  });
  return { numbers, ends };
}
