import type { ByteReader, ByteWriter } from "./bytes.js";
import { corrupt } from "./bytes.js";
import { UNPACKED_BYTES_MAX } from "./codec-limits.js";
import type { Texts } from "./texts.js";
import { textAt } from "./texts.js";

/** Texts of a column of numbers that are none, beside it: row, counted from the one before, and text. */
export function writeMisfits(out: ByteWriter, texts: Texts, rows: readonly number[]): void {
  out.varint(rows.length);
  let before = 0;
  for (const row of rows) {
    out.varint(row - before);
    before = row;
    out.sized(textAt(texts, row));
  }
}

/** By row. @param count rows of the column. */
export function readMisfits(input: ByteReader, count: number): Map<number, Uint8Array> {
  const misfits = new Map<number, Uint8Array>();
  let row = 0;
  for (let left = input.varintUpTo(count, "a number of misfits"); left > 0; left--) {
    row += input.varint();
    if (row >= count) throw corrupt("a misfit beyond the column");
    misfits.set(row, input.sized(UNPACKED_BYTES_MAX));
  }
  return misfits;
}
