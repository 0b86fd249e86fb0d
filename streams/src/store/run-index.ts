import { LandfallError } from "../model/errors.js";

/** Where one block of a run lies, and what it covers. */
export interface BlockEntry {
  readonly at: number;
  readonly bytes: number;
  readonly count: number;
  /** Its first and last topic. */
  readonly first: string;
  readonly last: string;
  readonly minOffset: number;
  readonly maxOffset: number;
  readonly minTime: number;
  readonly maxTime: number;
}

/** Where one page of block entries lies; `first` is the first topic of its first block. */
export interface PageEntry {
  readonly at: number;
  readonly bytes: number;
  readonly crc: number;
  readonly first: string;
}

/** Of an entry, before the names. */
const ENTRY_NUMBERS_BYTES = 48;

export function encodeEntries(entries: readonly BlockEntry[]): Uint8Array {
  const out = new Writer(entries.reduce((sum, { first, last }) => sum + first.length + last.length + 50, 4));
  out.u32(entries.length);
  for (const entry of entries) {
    for (const number of [entry.at, entry.minOffset, entry.maxOffset, entry.minTime, entry.maxTime]) out.f64(number);
    out.u32(entry.bytes);
    out.u32(entry.count);
    out.text(entry.first);
    out.text(entry.last);
  }
  return out.done();
}

/** @throws LandfallError CORRUPT_BLOCK */
export function decodeEntries(bytes: Uint8Array): BlockEntry[] {
  return new EntryPage(bytes).all();
}

/** A page of block entries as it lies on disk: an entry is made when it is asked for. Whoever looks for one topic needs few. */
export class EntryPage {
  readonly length: number;
  private readonly input: Reader;
  private readonly starts: Uint32Array;

  /** @throws LandfallError CORRUPT_BLOCK */
  constructor(bytes: Uint8Array) {
    this.input = new Reader(bytes);
    this.length = this.input.u32();
    if (this.length > bytes.byteLength) throw new LandfallError("CORRUPT_BLOCK", "an index page is cut short");
    this.starts = new Uint32Array(this.length);
    for (let i = 0; i < this.length; i++) {
      this.starts[i] = this.input.at;
      this.input.skip(ENTRY_NUMBERS_BYTES);
      this.input.skipText();
      this.input.skipText();
    }
  }

  first(i: number): string {
    this.input.at = (this.starts[i] as number) + ENTRY_NUMBERS_BYTES;
    return this.input.text();
  }

  entry(i: number): BlockEntry {
    const { input } = this;
    input.at = this.starts[i] as number;
    const at = input.f64();
    const minOffset = input.f64();
    const maxOffset = input.f64();
    const minTime = input.f64();
    const maxTime = input.f64();
    const bytes = input.u32();
    const count = input.u32();
    const first = input.text();
    const last = input.text();
    return { at, bytes, count, first, last, minOffset, maxOffset, minTime, maxTime };
  }

  all(): BlockEntry[] {
    return Array.from({ length: this.length }, (_, i) => this.entry(i));
  }
}

export function encodePages(pages: readonly PageEntry[]): Uint8Array {
  const out = new Writer(pages.reduce((sum, { first }) => sum + first.length + 17, 4));
  out.u32(pages.length);
  for (const page of pages) {
    out.f64(page.at);
    out.u32(page.bytes);
    out.u32(page.crc);
    out.text(page.first);
  }
  return out.done();
}

/** @throws LandfallError CORRUPT_BLOCK */
export function decodePages(bytes: Uint8Array): PageEntry[] {
  const input = new Reader(bytes);
  return Array.from({ length: input.u32() }, () => ({
    at: input.f64(),
    bytes: input.u32(),
    crc: input.u32(),
    first: input.text(),
  }));
}

/** Index of the last element whose `first` is not larger than the topic; -1 when all are. */
export function lastNotAfter(list: readonly { readonly first: string }[], topic: string): number {
  return lastWithFirst(list.length, (i) => (list[i] as { first: string }).first, topic);
}

/** The same of a page. */
export function lastEntryNotAfter(page: EntryPage, topic: string): number {
  return lastWithFirst(page.length, (i) => page.first(i), topic);
}

function lastWithFirst(length: number, firstOf: (i: number) => string, topic: string): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (firstOf(middle) <= topic) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

class Writer {
  private readonly bytes: Buffer;
  private at = 0;
  constructor(size: number) {
    this.bytes = Buffer.alloc(size);
  }
  u32(value: number): void {
    this.at = this.bytes.writeUInt32LE(value, this.at);
  }
  f64(value: number): void {
    this.at = this.bytes.writeDoubleLE(value, this.at);
  }
  text(value: string): void {
    this.bytes[this.at] = value.length;
    this.at += 1 + this.bytes.write(value, this.at + 1, "latin1");
  }
  done(): Uint8Array {
    return this.bytes.subarray(0, this.at);
  }
}

class Reader {
  at = 0;
  private readonly bytes: Buffer;
  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  u32(): number {
    return this.bytes.readUInt32LE(this.move(4));
  }
  f64(): number {
    return this.bytes.readDoubleLE(this.move(8));
  }
  text(): string {
    const length = this.bytes[this.move(1)] as number;
    const from = this.move(length);
    return this.bytes.toString("latin1", from, from + length);
  }
  skip(length: number): void {
    this.move(length);
  }
  skipText(): void {
    this.skip(this.bytes[this.move(1)] as number);
  }
  private move(length: number): number {
    const from = this.at;
    if (from + length > this.bytes.byteLength) throw new LandfallError("CORRUPT_BLOCK", "an index page is cut short");
    this.at += length;
    return from;
  }
}
