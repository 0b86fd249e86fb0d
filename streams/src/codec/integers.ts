import { LandfallError } from "../model/errors.js";
import { GROUP, readBits, sizeOfBits, writeBits } from "./bit-groups.js";
import { ByteReader, ByteWriter, corrupt, sizeOfVarint, unzigzag, zigzag } from "./bytes.js";

/**
 * Columns of whole numbers that the store itself needs (seq, offset, times): differences, divided by what divides
 * them all, then in the layout that takes the fewest bytes.
 */

const LAYOUTS = {
  /** Zigzag varints. */
  varints: 0,
  /** A number and how often it follows itself. */
  runs: 1,
  /** Groups of numbers in as few bits each as the largest of the group takes. */
  bits: 2,
  /** As they are, 8 bytes each. */
  doubles: 3,
} as const;
/** Differences are taken none, one or two times: jumps, steps, even steps. */
const ORDERS = [0, 1, 2] as const;
/** Numbers farther apart than this, 35 years in microseconds, would not have exact second differences. */
const SPREAD_LIMIT = 2 ** 50;
/** Bit of the head: the first number is negative. */
const NEGATIVE = 16;

interface Plan {
  readonly order: number;
  readonly layout: number;
  readonly bytes: number;
  readonly starts: readonly number[];
  readonly unit: number;
  readonly steps: Float64Array;
}

/** @param values whole numbers from −(2^53 − 1) to 2^53 − 1. Deterministic. */
export function encodeIntegers(values: Float64Array | readonly number[]): Uint8Array {
  const count = values.length;
  const base = (values[0] ?? 0) + 0;
  let farthest = 0;
  const plain = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    if (!Number.isSafeInteger(value)) {
      throw new LandfallError("INVALID_ARGUMENT", `Number ${i} of ${count} is ${value}, not whole or beyond 2^53.`);
    }
    plain[i] = value - base;
    farthest = Math.max(farthest, Math.abs(value - base));
  }
  if (farthest * 2 >= SPREAD_LIMIT) return writeDoubles(values);
  let best: Plan | undefined;
  let steps: Float64Array = plain;
  const starts: number[] = [];
  for (const order of ORDERS) {
    if (order > 0) {
      if (steps.length < 2) break;
      starts.push(steps[0]!);
      steps = differences(steps);
    }
    const found = plan(order, starts.slice(), steps);
    if (best === undefined || found.bytes < best.bytes) best = found;
  }
  return write(base, best!);
}

/**
 * @param count how many `encodeIntegers` was given; the caller bounds it, so many are allocated.
 * @throws CORRUPT_BLOCK when the bytes hold anything else.
 */
export function decodeIntegers(bytes: Uint8Array, count: number): Float64Array {
  const input = new ByteReader(bytes);
  const head = input.byte();
  const order = head & 3;
  const layout = (head >> 2) & 3;
  if (head >= 2 * NEGATIVE || order >= ORDERS.length) throw corrupt("an unknown layout of numbers");
  if (layout === LAYOUTS.doubles) return readDoubles(input, count);
  if (input.varint() !== count) throw corrupt("another number of numbers");
  const base = input.varint() * ((head & NEGATIVE) === 0 ? 1 : -1);
  const unit = input.varint();
  const starts: number[] = [];
  while (starts.length < Math.min(order, count)) starts.push(input.signed());
  const stepCount = count - starts.length;
  // Every layout but runs has at least a byte for so many numbers: a lying count allocates little.
  if (layout === LAYOUTS.varints && input.left < stepCount) throw corrupt("too few numbers");
  if (layout === LAYOUTS.bits && input.left * GROUP < stepCount) throw corrupt("too few numbers");
  const values = new Float64Array(count);
  const steps = values.subarray(starts.length);
  if (layout === LAYOUTS.varints) for (let i = 0; i < stepCount; i++) steps[i] = input.signed();
  else if (layout === LAYOUTS.runs) readRuns(input, steps);
  else readBits(input, steps);
  if (input.left > 0) throw corrupt("bytes are left over after the numbers");
  if (unit !== 1) for (let i = 0; i < stepCount; i++) steps[i] = steps[i]! * unit;
  for (let back = starts.length - 1; back >= 0; back--) {
    let last = starts[back]!;
    values[back] = last;
    for (let i = back + 1; i < count; i++) {
      last += values[i]!;
      values[i] = last;
    }
  }
  for (let i = 0; i < count; i++) {
    values[i] = values[i]! + base;
    if (!Number.isSafeInteger(values[i]!)) throw corrupt("a number out of bounds");
  }
  return values;
}

function differences(values: Float64Array): Float64Array {
  const steps = new Float64Array(values.length - 1);
  for (let i = 0; i < steps.length; i++) steps[i] = values[i + 1]! - values[i]!;
  return steps;
}

function plan(order: number, starts: readonly number[], values: Float64Array): Plan {
  const unit = commonDivisor(values);
  const steps = unit === 1 ? values : values.map((value) => value / unit);
  let varints = 0;
  let runs = 0;
  for (let i = 0; i < steps.length;) {
    let end = i + 1;
    while (end < steps.length && steps[end] === steps[i]) end++;
    const bytes = sizeOfVarint(zigzag(steps[i]!));
    varints += bytes * (end - i);
    runs += bytes + sizeOfVarint(end - i);
    i = end;
  }
  const bits = sizeOfBits(steps);
  const bytes = Math.min(varints, runs, bits);
  const layout = bytes === runs ? LAYOUTS.runs : bytes === bits ? LAYOUTS.bits : LAYOUTS.varints;
  const head = starts.reduce((sum, start) => sum + sizeOfVarint(zigzag(start)), 1 + sizeOfVarint(unit));
  return { order, layout, bytes: head + bytes, starts, unit, steps };
}

/** Offsets of one writer are a multiple of 1,024 apart. 1 when nothing else divides all. */
function commonDivisor(values: Float64Array): number {
  let divisor = 0;
  for (let i = 0; i < values.length && divisor !== 1; i++) {
    let rest = Math.abs(values[i]!);
    while (rest !== 0) {
      const next = divisor % rest;
      divisor = rest;
      rest = Number.isNaN(next) ? 0 : next;
    }
  }
  return divisor === 0 ? 1 : divisor;
}

function write(base: number, { order, layout, bytes, starts, unit, steps }: Plan): Uint8Array {
  const out = new ByteWriter(bytes + 16);
  out.byte(order | (layout << 2) | (base < 0 ? NEGATIVE : 0));
  out.varint(steps.length + starts.length);
  out.varint(Math.abs(base));
  out.varint(unit);
  for (const start of starts) out.signed(start);
  if (layout === LAYOUTS.runs) writeRuns(out, steps);
  else if (layout === LAYOUTS.bits) writeBits(out, steps);
  else for (let i = 0; i < steps.length; i++) out.signed(steps[i]!);
  return out.written().slice();
}

function writeRuns(out: ByteWriter, steps: Float64Array): void {
  for (let i = 0; i < steps.length;) {
    let end = i + 1;
    while (end < steps.length && steps[end] === steps[i]) end++;
    out.signed(steps[i]!);
    out.varint(end - i);
    i = end;
  }
}

function readRuns(input: ByteReader, out: Float64Array): void {
  for (let i = 0; i < out.length;) {
    const value = unzigzag(input.varint());
    const length = input.varintUpTo(out.length - i, "a run of numbers");
    if (length === 0) throw corrupt("a run of no numbers");
    out.fill(value, i, i + length);
    i += length;
  }
}

function writeDoubles(values: Float64Array | readonly number[]): Uint8Array {
  const out = new Uint8Array(1 + values.length * 8);
  out[0] = LAYOUTS.doubles << 2;
  const view = new DataView(out.buffer);
  for (let i = 0; i < values.length; i++) view.setFloat64(1 + i * 8, values[i]! + 0, true);
  return out;
}

function readDoubles(input: ByteReader, count: number): Float64Array {
  if (input.left !== count * 8) throw corrupt("another number of numbers");
  const bytes = input.bytes(count * 8);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const value = view.getFloat64(i * 8, true);
    if (!Number.isSafeInteger(value)) throw corrupt("a number out of bounds");
    values[i] = value;
  }
  return values;
}
