import type { ByteReader, ByteWriter } from "./bytes.js";
import { corrupt } from "./bytes.js";
import type { ClockStyle } from "./clock-texts.js";
import { CLOCK_TEXT_MS_MAX, clockStyleOf, ClockWriter, readClock } from "./clock-texts.js";
import {
  DICTIONARY_ENTRIES_MAX,
  INTEGER_DIGITS_MAX,
  INTEGER_LIMIT,
  MISFIT_SHARE,
  UNPACKED_BYTES_MAX,
} from "./codec-limits.js";
import { readIntegers, writeIntegers } from "./integer-column.js";
import {
  LEADING_ZERO,
  NO_NUMERAL,
  numeral,
  readNumeral,
  TRAILING_ZERO,
  writeNumeral,
  writePadded,
} from "./numerals.js";
import type { IntegerValues } from "./predict.js";
import { choosePredictor } from "./predict.js";

/** One field of all records of a shape. The texts lie somewhere in `bytes`. */
export interface Texts {
  readonly bytes: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Times of the records, in milliseconds: whole numbers below INTEGER_LIMIT. */
  readonly times: Float64Array;
}

const KINDS = { constant: 0, fixed: 1, shortest: 2, padded: 3, clock: 4, dictionary: 5, text: 6 } as const;

/** Writes a column in the way that suits it. @param earlier integer columns of the shape so far; gains this one if it is. */
export function writeColumn(out: ByteWriter, texts: Texts, earlier: IntegerValues[]): void {
  if (isConstant(texts)) {
    out.byte(KINDS.constant);
    out.sized(textAt(texts, 0));
    return;
  }
  if (writeClock(out, texts, earlier) || writeNumerals(out, texts, earlier) || writeDictionary(out, texts)) return;
  out.byte(KINDS.text);
  const { bytes, starts, ends } = texts;
  for (let i = 0; i < starts.length; i++) out.varint(ends[i]! - starts[i]!);
  for (let i = 0; i < starts.length; i++) out.bytes(bytes.subarray(starts[i], ends[i]));
}

function textAt({ bytes, starts, ends }: Texts, row: number): Uint8Array {
  return bytes.subarray(starts[row], ends[row]);
}

function isConstant(texts: Texts): boolean {
  for (let row = 1; row < texts.starts.length; row++) if (!sameText(texts, 0, row)) return false;
  return true;
}

function sameText({ bytes, starts, ends }: Texts, a: number, b: number): boolean {
  let atA = starts[a]!;
  let atB = starts[b]!;
  const end = ends[a]!;
  if (end - atA !== ends[b]! - atB) return false;
  while (atA < end) if (bytes[atA++] !== bytes[atB++]) return false;
  return true;
}

function writeClock(out: ByteWriter, texts: Texts, earlier: IntegerValues[]): boolean {
  const { bytes, starts, ends, times } = texts;
  const style = clockStyleOf(bytes, starts[0]!, ends[0]!);
  if (style === undefined) return false;
  const unitMs = 10 ** (3 - style.decimals);
  const count = starts.length;
  const values = new Float64Array(count);
  const misfits: number[] = [];
  for (let row = 0; row < count; row++) {
    const ms = readClock(bytes, starts[row]!, ends[row]!, style);
    if (Number.isNaN(ms)) {
      misfits.push(row);
      values[row] = values[row - 1]!;
    } else values[row] = ms / unitMs;
  }
  if (misfits.length * MISFIT_SHARE > count) return false;
  out.byte(KINDS.clock);
  out.byte(style.decimals);
  out.byte(style.separator);
  out.sized(style.zone);
  writeMisfits(out, texts, misfits);
  // Never told from a column of another unit: its decimals do not count as decimals of a number.
  writeIntegers(out, values, times, choosePredictor(values, times, -1, unitMs, []), []);
  earlier.push({ values, decimals: -1 });
  return true;
}

function writeNumerals(out: ByteWriter, texts: Texts, earlier: IntegerValues[]): boolean {
  const { bytes, starts, ends, times } = texts;
  const count = starts.length;
  const prefix = prefixOf(texts);
  const values = new Float64Array(count);
  const decimals = new Uint8Array(count);
  const notes = new Uint8Array(count);
  const byDecimals = new Uint32Array(INTEGER_DIGITS_MAX + 1);
  let misfitCount = 0;
  let leadingZeros = 0;
  for (let row = 0; row < count; row++) {
    const note = readNumeral(bytes, starts[row]! + prefix, ends[row]!);
    notes[row] = note;
    if (note === NO_NUMERAL) {
      if (++misfitCount * MISFIT_SHARE > count) return false;
      continue;
    }
    if (note === LEADING_ZERO) leadingZeros++;
    values[row] = numeral.digits;
    decimals[row] = numeral.decimals;
    byDecimals[numeral.decimals]!++;
  }
  const style = leadingZeros * MISFIT_SHARE > count ? KINDS.padded : undefined;
  const first = style === undefined ? 0 : notes.indexOf(LEADING_ZERO);
  const width = ends[first]! - starts[first]! - prefix;
  const places = style === KINDS.padded ? 0 : placesOf(byDecimals, count);
  let trailing = 0;
  let otherPlaces = 0;
  for (let row = 0; row < count; row++) {
    if (decimals[row] === places && notes[row] === TRAILING_ZERO) trailing++;
    if (decimals[row] !== places) otherPlaces++;
  }
  const kind = style ?? (otherPlaces <= trailing ? KINDS.fixed : KINDS.shortest);
  const misfits: number[] = [];
  for (let row = 0; row < count; row++) {
    const note = notes[row]!;
    let fits: boolean;
    let value = values[row]!;
    if (kind === KINDS.padded) fits = note !== NO_NUMERAL && isPadded(texts, row, prefix, width);
    else if (kind === KINDS.fixed) {
      fits = note !== NO_NUMERAL && note !== LEADING_ZERO && decimals[row] === places;
    } else {
      fits = note === 0 && decimals[row]! <= places;
      for (let more = decimals[row]!; more < places; more++) value *= 10;
    }
    if (!fits || Math.abs(value) >= INTEGER_LIMIT) {
      misfits.push(row);
      values[row] = row === 0 ? 0 : values[row - 1]!;
    } else values[row] = value;
  }
  if (misfits.length * MISFIT_SHARE > count) return false;
  out.byte(kind);
  out.byte(kind === KINDS.padded ? width : places);
  out.sized(bytes.subarray(starts[0], starts[0]! + prefix));
  writeMisfits(out, texts, misfits);
  const predictor = choosePredictor(values, times, places, unitOf(values, times, places), earlier);
  writeIntegers(out, values, times, predictor, earlier);
  earlier.push({ values, decimals: places });
  return true;
}

/** Bytes before the number that all texts share, as in `trip-0017`. */
function prefixOf(texts: Texts): number {
  const { bytes, starts, ends } = texts;
  const start = starts[0]!;
  let length = ends[0]! - start;
  for (let row = 1; row < starts.length && length > 0; row++) {
    const other = starts[row]!;
    length = Math.min(length, ends[row]! - other);
    let same = 0;
    while (same < length && bytes[start + same] === bytes[other + same]) same++;
    length = same;
  }
  while (length > 0 && isNumeric(bytes[start + length - 1]!)) length--;
  return Math.min(length, PREFIX_BYTES_MAX);
}

const PREFIX_BYTES_MAX = 64;

function isNumeric(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2e || byte === 0x2d;
}

/** Digits after the dot that nearly all can do with. */
function placesOf(byDecimals: Uint32Array, count: number): number {
  let beyond = 0;
  for (let places = INTEGER_DIGITS_MAX; places > 0; places--) {
    beyond += byDecimals[places]!;
    if (beyond * MISFIT_SHARE * 4 > count) return places;
  }
  return 0;
}

function isPadded(texts: Texts, row: number, prefix: number, width: number): boolean {
  const start = texts.starts[row]! + prefix;
  if (texts.ends[row]! - start !== width) return false;
  for (let at = start; at < start + width; at++) {
    const byte = texts.bytes[at]!;
    if (byte < 0x30 || byte > 0x39) return false;
  }
  return true;
}

/** How many milliseconds one unit is, if the numbers may be times since 1970; 0 if not. */
function unitOf(values: Float64Array, times: Float64Array, places: number): number {
  const ratio = (values[0] ?? 0) / (times[0] ?? 1);
  if (ratio > 0.9 && ratio < 1.1) return 1;
  return places === 0 && ratio > 0.0009 && ratio < 0.0011 ? 1000 : 0;
}

function writeMisfits(out: ByteWriter, texts: Texts, rows: readonly number[]): void {
  out.varint(rows.length);
  let before = 0;
  for (const row of rows) {
    out.varint(row - before);
    before = row;
    out.sized(textAt(texts, row));
  }
}

function writeDictionary(out: ByteWriter, texts: Texts): boolean {
  const { bytes, starts, ends } = texts;
  const count = starts.length;
  const entriesMax = Math.min(DICTIONARY_ENTRIES_MAX, count >> 1);
  const byHash = new Map<number, number[]>();
  const entries: number[] = [];
  const indexes = new Uint8Array(count);
  let last = -1;
  for (let row = 0; row < count; row++) {
    if (last >= 0 && sameText(texts, row, entries[last]!)) {
      indexes[row] = last;
      continue;
    }
    let hash = 0x811c9dc5;
    for (let at = starts[row]!; at < ends[row]!; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
    const same = byHash.get(hash);
    let index = same?.find((entry) => sameText(texts, row, entries[entry]!)) ?? -1;
    if (index < 0) {
      if (entries.length === entriesMax) return false;
      index = entries.push(row) - 1;
      if (same === undefined) byHash.set(hash, [index]);
      else same.push(index);
    }
    indexes[row] = index;
    last = index;
  }
  out.byte(KINDS.dictionary);
  out.byte(entries.length);
  for (const row of entries) out.sized(textAt(texts, row));
  out.bytes(indexes);
  return true;
}

/** A column that renders the text of a record. */
export interface Column {
  /** Set when all records have the same text. */
  readonly constant?: Uint8Array;
  /** Writes the text of a row at `from`; returns where it ends, which may be beyond the end of `out`. */
  write(out: Uint8Array, from: number, row: number): number;
}

/** Reads what `writeColumn` wrote. @param count records of the shape. */
export function readColumn(input: ByteReader, count: number, times: Float64Array, earlier: IntegerValues[]): Column {
  const kind = input.byte();
  switch (kind) {
    case KINDS.constant: {
      const constant = input.sized(UNPACKED_BYTES_MAX);
      return { constant, write: (out, from) => copy(constant, 0, constant.length, out, from) };
    }
    case KINDS.fixed:
    case KINDS.shortest:
    case KINDS.padded:
      return readNumerals(input, kind, count, times, earlier);
    case KINDS.clock:
      return readClocks(input, count, times, earlier);
    case KINDS.dictionary:
      return readDictionary(input, count);
    case KINDS.text:
      return readTexts(input, count);
    default:
      throw corrupt("an unknown kind of column");
  }
}

function readNumerals(
  input: ByteReader,
  kind: number,
  count: number,
  times: Float64Array,
  earlier: IntegerValues[],
): Column {
  const places = input.byte();
  if (places > INTEGER_DIGITS_MAX) throw corrupt("a number of too many digits");
  const prefix = input.sized(PREFIX_BYTES_MAX);
  const misfits = readMisfits(input, count);
  const values = readIntegers(input, count, times, earlier);
  earlier.push({ values, decimals: kind === KINDS.padded ? 0 : places });
  const shortest = kind === KINDS.shortest;
  const padded = kind === KINDS.padded;
  return withMisfits(misfits, {
    write(out, from, row) {
      const at = prefix.length === 0 ? from : copy(prefix, 0, prefix.length, out, from);
      if (padded) return writePadded(out, at, values[row]!, places);
      return writeNumeral(out, at, values[row]!, places, shortest);
    },
  });
}

function readClocks(input: ByteReader, count: number, times: Float64Array, earlier: IntegerValues[]): Column {
  const decimals = input.byte();
  if (decimals > 3) throw corrupt("a time of too many digits");
  const style: ClockStyle = { decimals, separator: input.byte(), zone: input.sized(PREFIX_BYTES_MAX).slice() };
  const misfits = readMisfits(input, count);
  const values = readIntegers(input, count, times, []);
  const unitMs = 10 ** (3 - decimals);
  for (let row = 0; row < count; row++) {
    const ms = values[row]! * unitMs;
    if (ms < 0 || ms >= CLOCK_TEXT_MS_MAX) throw corrupt("a time out of bounds");
  }
  earlier.push({ values, decimals: -1 });
  const writer = new ClockWriter(style);
  return withMisfits(misfits, { write: (out, from, row) => writer.write(out, from, values[row]! * unitMs) });
}

function readMisfits(input: ByteReader, count: number): Map<number, Uint8Array> {
  const misfits = new Map<number, Uint8Array>();
  let row = 0;
  for (let left = input.varintUpTo(count, "a number of misfits"); left > 0; left--) {
    row += input.varint();
    if (row >= count) throw corrupt("a misfit beyond the column");
    misfits.set(row, input.sized(UNPACKED_BYTES_MAX));
  }
  return misfits;
}

function withMisfits(misfits: ReadonlyMap<number, Uint8Array>, column: Column): Column {
  if (misfits.size === 0) return column;
  return {
    write(out, from, row) {
      const text = misfits.get(row);
      return text === undefined ? column.write(out, from, row) : copy(text, 0, text.length, out, from);
    },
  };
}

function readDictionary(input: ByteReader, count: number): Column {
  const entries: Uint8Array[] = [];
  for (let left = input.byte(); left > 0; left--) entries.push(input.sized(UNPACKED_BYTES_MAX));
  const indexes = input.bytes(count);
  for (let row = 0; row < count; row++) if (indexes[row]! >= entries.length) throw corrupt("a word not in the list");
  return {
    write(out, from, row) {
      const text = entries[indexes[row]!]!;
      return copy(text, 0, text.length, out, from);
    },
  };
}

function readTexts(input: ByteReader, count: number): Column {
  const ends = new Int32Array(count + 1);
  let end = 0;
  for (let row = 0; row < count; row++) {
    end += input.varintUpTo(UNPACKED_BYTES_MAX, "a length");
    if (end > UNPACKED_BYTES_MAX) throw corrupt("more text than there can be");
    ends[row + 1] = end;
  }
  const bytes = input.bytes(end);
  return { write: (out, from, row) => copy(bytes, ends[row]!, ends[row + 1]!, out, from) };
}

/** Short texts are copied faster byte by byte; long ones are bounded by what fits. */
export function copy(source: Uint8Array, from: number, to: number, out: Uint8Array, at: number): number {
  const end = at + to - from;
  if (end > out.length) return end;
  if (to - from > 64) {
    out.set(source.subarray(from, to), at);
    return end;
  }
  for (let next = at, i = from; i < to; i++) out[next++] = source[i]!;
  return end;
}
