import { INTEGER_DIGITS_MAX } from "./codec-limits.js";

/** Whole numbers as text and back, character for character. */

const DOT = 0x2e;
const MINUS = 0x2d;
const ZERO = 0x30;

/** What `readNumeral` found besides the digits. */
export const PLAIN = 0;
/** The last digit after the dot is 0, as in `1.50`: not the shortest way to write it. */
export const TRAILING_ZERO = 1;
/** As in `007`. */
export const LEADING_ZERO = 2;
export const NO_NUMERAL = 3;

/** Result of the last `readNumeral`; a record per number would cost more than reading it. */
export const numeral = { digits: 0, decimals: 0 };

/** Reads a decimal number; puts all its digits as one whole number, and how many follow the dot, into `numeral`. */
export function readNumeral(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  const negative = bytes[at] === MINUS && at < to;
  if (negative) at++;
  if (to - at > INTEGER_DIGITS_MAX + 1) return NO_NUMERAL;
  const first = at;
  let digits = 0;
  let dot = -1;
  for (; at < to; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit >= 0 && digit <= 9) digits = digits * 10 + digit;
    else if (digit === DOT - ZERO && dot < 0) dot = at;
    else return NO_NUMERAL;
  }
  const whole = (dot < 0 ? to : dot) - first;
  const decimals = dot < 0 ? 0 : to - dot - 1;
  if (whole === 0 || (dot >= 0 && decimals === 0) || whole + decimals > INTEGER_DIGITS_MAX) return NO_NUMERAL;
  // There is no whole number −0.
  if (negative && digits === 0) return NO_NUMERAL;
  numeral.digits = negative ? -digits : digits;
  numeral.decimals = decimals;
  if (whole > 1 && bytes[first] === ZERO) return negative || dot >= 0 ? NO_NUMERAL : LEADING_ZERO;
  return decimals > 0 && bytes[to - 1] === ZERO ? TRAILING_ZERO : PLAIN;
}

/**
 * Writes `value` / 10^`decimals`.
 * @param shortest without the zeros that end it, and without the dot if nothing follows.
 * @returns where it ends.
 */
export function writeNumeral(
  out: Uint8Array,
  from: number,
  value: number,
  decimals: number,
  shortest: boolean,
): number {
  let at = from;
  let rest = value;
  if (rest < 0) {
    out[at++] = MINUS;
    rest = -rest;
  }
  if (rest > 0x7fff_ffff) return writeLarge(out, at, rest, decimals, shortest);
  let low = rest | 0;
  let after = decimals;
  if (shortest) {
    while (after > 0 && low % 10 === 0) {
      low = (low / 10) | 0;
      after--;
    }
  }
  const count = Math.max(digitsOf(low), after + 1);
  const end = at + count + (after > 0 ? 1 : 0);
  let back = end;
  if (after > 0) {
    for (; after > 0; after--) {
      out[--back] = ZERO + (low % 10);
      low = (low / 10) | 0;
    }
    out[--back] = DOT;
  }
  while (back > at) {
    out[--back] = ZERO + (low % 10);
    low = (low / 10) | 0;
  }
  return end;
}

/** Writes a whole number with zeros in front. @returns where it ends. */
export function writePadded(out: Uint8Array, from: number, value: number, width: number): number {
  let rest = value;
  for (let back = from + width; back > from;) {
    out[--back] = ZERO + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  return from + width;
}

function writeLarge(out: Uint8Array, from: number, value: number, decimals: number, shortest: boolean): number {
  let rest = value;
  let after = decimals;
  if (shortest) {
    while (after > 0 && rest % 10 === 0) {
      rest /= 10;
      after--;
    }
  }
  const end = from + Math.max(digitsOf(rest), after + 1) + (after > 0 ? 1 : 0);
  const dotAt = after > 0 ? end - after - 1 : -1;
  // Seven digits at a time, so that most of the divisions are of small whole numbers.
  let low = (rest % 1e7) | 0;
  rest = Math.floor(rest / 1e7);
  let left = 7;
  for (let back = end - 1; back >= from; back--) {
    if (back === dotAt) {
      out[back] = DOT;
      continue;
    }
    out[back] = ZERO + (low % 10);
    low = (low / 10) | 0;
    if (--left === 0) {
      left = 7;
      low = (rest % 1e7) | 0;
      rest = Math.floor(rest / 1e7);
    }
  }
  return end;
}

function digitsOf(value: number): number {
  if (value < 10) return 1;
  if (value < 100) return 2;
  if (value < 1000) return 3;
  let count = 4;
  for (let above = 10_000; value >= above; above *= 10) count++;
  return count;
}
