import { arena } from "./arena.js";
import type { ByteWriter } from "./bytes.js";
import { clockStyleOf, readClock } from "./clock-texts.js";
import { DICTIONARY_ENTRIES_MAX, MISFIT_SHARE } from "./codec-limits.js";
import { KINDS } from "./column-kinds.js";
import { writeIntegers } from "./integer-column.js";
import { writeMisfits } from "./misfits.js";
import type { IntegerValues } from "./predict.js";
import { choosePredictor } from "./predict.js";
import type { Texts } from "./texts.js";
import { sameText, textAt } from "./texts.js";
import { writeNumerals } from "./write-numerals.js";

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

function isConstant(texts: Texts): boolean {
  for (let row = 1; row < texts.starts.length; row++) if (!sameText(texts, 0, row)) return false;
  return true;
}

function writeClock(out: ByteWriter, texts: Texts, earlier: IntegerValues[]): boolean {
  const { bytes, starts, ends, times } = texts;
  const style = clockStyleOf(bytes, starts[0]!, ends[0]!);
  if (style === undefined) return false;
  const unitMs = 10 ** (3 - style.decimals);
  const count = starts.length;
  const values = arena.float64(count);
  const misfits: number[] = [];
  for (let row = 0; row < count; row++) {
    const ms = readClock(bytes, starts[row]!, ends[row]!, style);
    if (Number.isNaN(ms)) {
      misfits.push(row);
      values[row] = values[row - 1] ?? 0;
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

function writeDictionary(out: ByteWriter, texts: Texts): boolean {
  const { bytes, starts, ends } = texts;
  const count = starts.length;
  const entriesMax = Math.min(DICTIONARY_ENTRIES_MAX, count >> 1);
  const byHash = new Map<number, number[]>();
  const entries: number[] = [];
  const indexes = arena.uint8(count);
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
