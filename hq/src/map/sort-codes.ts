import { AXIS_BITS } from "./cell-code.js";

const DIGIT_BITS = 13;
const BUCKETS = 2 ** DIGIT_BITS;
const DIGITS = (2 * AXIS_BITS) / DIGIT_BITS;

/**
 * Positions of the first `count` of `codes` in the order of the codes, by counting digits: a million takes four looks
 * at each. Pauses between every `stride` of them, so that whoever runs it can let others have a turn.
 */
export function* orderOf(codes: Float64Array, count: number, stride: number): Generator<void, Uint32Array> {
  let order = Uint32Array.from({ length: count }, (_, i) => i);
  let next = new Uint32Array(count);
  for (let digit = 0; digit < DIGITS; digit++) {
    const divisor = BUCKETS ** digit;
    const starts = new Uint32Array(BUCKETS + 1);
    for (let from = 0; from < count; from += stride) {
      countDigits(codes, from, Math.min(count, from + stride), divisor, starts);
      yield;
    }
    for (let i = 1; i <= BUCKETS; i++) starts[i] = (starts[i] ?? 0) + (starts[i - 1] ?? 0);
    for (let from = 0; from < count; from += stride) {
      place(codes, order, next, from, Math.min(count, from + stride), divisor, starts);
      yield;
    }
    [order, next] = [next, order];
  }
  return order;
}

function countDigits(codes: Float64Array, from: number, to: number, divisor: number, starts: Uint32Array): void {
  for (let i = from; i < to; i++) {
    const after = digitOf(codes[i] ?? 0, divisor) + 1;
    starts[after] = (starts[after] ?? 0) + 1;
  }
}

function place(
  codes: Float64Array,
  order: Uint32Array,
  next: Uint32Array,
  from: number,
  to: number,
  divisor: number,
  starts: Uint32Array,
): void {
  for (let i = from; i < to; i++) {
    const at = order[i] ?? 0;
    const digit = digitOf(codes[at] ?? 0, divisor);
    const target = starts[digit] ?? 0;
    next[target] = at;
    starts[digit] = target + 1;
  }
}

function digitOf(code: number, divisor: number): number {
  return Math.floor(code / divisor) % BUCKETS;
}
