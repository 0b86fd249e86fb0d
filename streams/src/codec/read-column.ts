import type { ByteReader } from "./bytes.js";
import { corrupt } from "./bytes.js";
import type { ClockStyle } from "./clock-texts.js";
import { CLOCK_TEXT_MS_MAX, ClockWriter } from "./clock-texts.js";
import { INTEGER_DIGITS_MAX, UNPACKED_BYTES_MAX } from "./codec-limits.js";
import { AFFIX_BYTES_MAX, KINDS } from "./column-kinds.js";
import { readIntegers } from "./integer-column.js";
import { readMisfits } from "./misfits.js";
import { writeNumeral, writePadded } from "./numerals.js";
import type { IntegerValues } from "./predict.js";
import { copy } from "./texts.js";

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
  const prefix = input.sized(AFFIX_BYTES_MAX);
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
  const style: ClockStyle = { decimals, separator: input.byte(), zone: input.sized(AFFIX_BYTES_MAX).slice() };
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
