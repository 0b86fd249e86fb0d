import type { ByteReader, ByteWriter } from "./bytes.js";
import { corrupt, sizeOfVarint, zigzag } from "./bytes.js";

/**
 * Whole numbers in groups: the smallest of each group, as difference to that of the group before, the bits that
 * the largest takes above it, then so many bits of each. Right for what has no more order in it, like jitter.
 */

/** Few enough that one large number does not widen many. */
export const GROUP = 64;
const WIDTH_MAX = 53;
/** So many bits and seven more fit the 32 of a bitwise operation. */
const PART_BITS = 24;

interface Group {
  readonly end: number;
  readonly least: number;
  readonly width: number;
}

function groupAt(values: Float64Array, start: number): Group {
  const end = Math.min(values.length, start + GROUP);
  let least = values[start]!;
  let most = least;
  for (let i = start + 1; i < end; i++) {
    const value = values[i]!;
    if (value < least) least = value;
    else if (value > most) most = value;
  }
  return { end, least, width: widthOf(most - least) };
}

function widthOf(value: number): number {
  if (value < 0x1_0000_0000) return 32 - Math.clz32(value);
  return 64 - Math.clz32(Math.floor(value / 0x1_0000_0000));
}

/** Bytes that `writeBits` takes. */
export function sizeOfBits(values: Float64Array): number {
  let bytes = 0;
  let before = 0;
  for (let start = 0; start < values.length; start += GROUP) {
    const { end, least, width } = groupAt(values, start);
    bytes += 1 + sizeOfVarint(zigzag(least - before)) + Math.ceil(((end - start) * width) / 8);
    before = least;
  }
  return bytes;
}

/** @param values whole numbers between −2^51 and 2^51, exclusive. */
export function writeBits(out: ByteWriter, values: Float64Array): void {
  let before = 0;
  for (let start = 0; start < values.length; start += GROUP) {
    const { end, least, width } = groupAt(values, start);
    out.signed(least - before);
    out.byte(width);
    before = least;
    let pending = 0;
    let bits = 0;
    for (let i = start; i < end; i++) {
      let rest = values[i]! - least;
      for (let left = width; left > 0; left -= PART_BITS) {
        const part = Math.min(left, PART_BITS);
        pending |= (rest % 0x100_0000) << bits;
        bits += part;
        rest = Math.floor(rest / 0x100_0000);
        while (bits >= 8) {
          out.byte(pending & 255);
          pending >>>= 8;
          bits -= 8;
        }
      }
    }
    if (bits > 0) out.byte(pending);
  }
}

export function readBits(input: ByteReader, out: Float64Array): void {
  let least = 0;
  for (let start = 0; start < out.length; start += GROUP) {
    const end = Math.min(out.length, start + GROUP);
    least += input.signed();
    const width = input.byte();
    if (width > WIDTH_MAX) throw corrupt("a number too wide");
    const bytes = input.bytes(Math.ceil(((end - start) * width) / 8));
    let at = 0;
    let pending = 0;
    let bits = 0;
    for (let i = start; i < end; i++) {
      let value = 0;
      let scale = 1;
      for (let left = width; left > 0; left -= PART_BITS) {
        const part = Math.min(left, PART_BITS);
        while (bits < part) {
          pending |= bytes[at++]! << bits;
          bits += 8;
        }
        value += (pending & ((1 << part) - 1)) * scale;
        pending >>>= part;
        bits -= part;
        scale *= 0x100_0000;
      }
      out[i] = least + value;
    }
  }
}
