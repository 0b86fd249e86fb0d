import { arena } from "./arena.js";
import type { ByteWriter } from "./bytes.js";
import { INTEGER_DIGITS_MAX, INTEGER_LIMIT, MISFIT_SHARE } from "./codec-limits.js";
import { AFFIX_BYTES_MAX, KINDS } from "./column-kinds.js";
import { writeIntegers } from "./integer-column.js";
import { writeMisfits } from "./misfits.js";
import { LEADING_ZERO, NO_NUMERAL, numeral, PLAIN, readNumeral, TRAILING_ZERO } from "./numerals.js";
import type { IntegerValues } from "./predict.js";
import { choosePredictor } from "./predict.js";
import type { Texts } from "./texts.js";

/** The texts of a column read as numbers. */
interface Numerals {
  /** All digits as one whole number. */
  readonly values: Float64Array;
  readonly decimals: Uint8Array;
  /** What `readNumeral` said. */
  readonly notes: Uint8Array;
}

/** How the numbers of a column are written. */
interface Style {
  readonly kind: typeof KINDS.fixed | typeof KINDS.shortest | typeof KINDS.padded;
  /** Digits after the dot; of padded ones, all digits. */
  readonly places: number;
}

/** Writes a column of numbers. @returns false, and nothing written, when too few of the texts are numbers of one style. */
export function writeNumerals(out: ByteWriter, texts: Texts, earlier: IntegerValues[]): boolean {
  const prefix = prefixOf(texts);
  const numerals = readAll(texts, prefix);
  if (numerals === undefined) return false;
  const style = styleOf(texts, prefix, numerals);
  const misfits = align(texts, prefix, numerals, style);
  const { values } = numerals;
  if (misfits.length * MISFIT_SHARE > values.length) return false;
  const { bytes, starts, times } = texts;
  out.byte(style.kind);
  out.byte(style.places);
  out.sized(bytes.subarray(starts[0], starts[0]! + prefix));
  writeMisfits(out, texts, misfits);
  const decimals = style.kind === KINDS.padded ? 0 : style.places;
  const predictor = choosePredictor(values, times, decimals, unitOf(values, times, decimals), earlier);
  writeIntegers(out, values, times, predictor, earlier);
  earlier.push({ values, decimals });
  return true;
}

function readAll({ bytes, starts, ends }: Texts, prefix: number): Numerals | undefined {
  const count = starts.length;
  const values = arena.float64(count);
  const decimals = arena.uint8(count);
  const notes = arena.uint8(count);
  let misfits = 0;
  for (let row = 0; row < count; row++) {
    const note = readNumeral(bytes, starts[row]! + prefix, ends[row]!);
    notes[row] = note;
    if (note === NO_NUMERAL) {
      if (++misfits * MISFIT_SHARE > count) return undefined;
      values[row] = decimals[row] = 0;
      continue;
    }
    values[row] = numeral.digits;
    decimals[row] = numeral.decimals;
  }
  return { values, decimals, notes };
}

function styleOf({ starts, ends }: Texts, prefix: number, { decimals, notes }: Numerals): Style {
  const count = notes.length;
  const byDecimals = new Uint32Array(INTEGER_DIGITS_MAX + 1);
  let leadingZeros = 0;
  for (let row = 0; row < count; row++) {
    if (notes[row] === LEADING_ZERO) leadingZeros++;
    if (notes[row] !== NO_NUMERAL) byDecimals[decimals[row]!]!++;
  }
  if (leadingZeros * MISFIT_SHARE > count) {
    const first = notes.indexOf(LEADING_ZERO);
    return { kind: KINDS.padded, places: ends[first]! - starts[first]! - prefix };
  }
  const places = placesOf(byDecimals, count);
  let others = 0;
  let trailingZeros = 0;
  for (let row = 0; row < count; row++) {
    if (decimals[row] !== places) others++;
    else if (notes[row] === TRAILING_ZERO) trailingZeros++;
  }
  return { kind: others <= trailingZeros ? KINDS.fixed : KINDS.shortest, places };
}

/** Brings all numbers to the same unit, in place. @returns the rows whose text is not of that style. */
function align(texts: Texts, prefix: number, { values, decimals, notes }: Numerals, { kind, places }: Style): number[] {
  const misfits: number[] = [];
  for (let row = 0; row < values.length; row++) {
    const note = notes[row]!;
    let value = values[row]!;
    let fits: boolean;
    if (kind === KINDS.padded) fits = note !== NO_NUMERAL && isPadded(texts, row, prefix, places);
    else if (kind === KINDS.fixed) fits = (note === PLAIN || note === TRAILING_ZERO) && decimals[row] === places;
    else {
      fits = note === PLAIN && decimals[row]! <= places;
      for (let more = decimals[row]!; more < places; more++) value *= 10;
    }
    if (fits && Math.abs(value) < INTEGER_LIMIT) values[row] = value;
    else {
      misfits.push(row);
      // Any number will do; this one is stored in the fewest bits.
      values[row] = values[row - 1] ?? 0;
    }
  }
  return misfits;
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
  return Math.min(length, AFFIX_BYTES_MAX);
}

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
