import { arena } from "./arena.js";
import { INTEGER_LIMIT, TRIED_RECORDS_MAX } from "./codec-limits.js";
import { zigzag } from "./bytes.js";

/**
 * What the next number of a column will be, told from those before it, the records' times and an earlier column:
 * only the difference is stored. The same arithmetic runs on both sides, in IEEE doubles with nothing but
 * + − × ÷ and rounding, so that both come to the same prediction on every machine.
 */
export const PREDICTORS = {
  /** Always the base: noise around a level. */
  level: 0,
  /** As before: drifts. */
  previous: 1,
  /** On as before, by the time that passed: positions of a ship. */
  line: 2,
  /** On as before, but half as much: what levels out. */
  halfLine: 3,
  /** The record's own time, plus the base. */
  time: 4,
  /** It follows the earlier column: return air and cargo. */
  alike: 5,
  /** A mean in which older ones fade: noise around a level that differs from topic to topic. */
  mean: 6,
} as const;

export interface Predictor {
  readonly kind: number;
  readonly base: number;
  /** Of `time`: milliseconds in one unit of the column. */
  readonly unitMs: number;
  /** Of `alike`: which of the integer columns before this one. */
  readonly like: number;
}

/** Longer silence than so many steps says nothing about the pace. */
const STEPS_AHEAD_MAX = 8;

/**
 * Change since the last one, if it goes on as before. A time that does not advance is another topic's beginning.
 * Bounded, so that differences stay exact.
 */
function onward(last: number, before: number, stepMs: number, stepBeforeMs: number, share: number): number {
  if (stepBeforeMs <= 0 || stepMs <= 0 || stepMs > stepBeforeMs * STEPS_AHEAD_MAX) return 0;
  const change = Math.round((last - before) * (stepMs / stepBeforeMs) * share);
  return change < INTEGER_LIMIT && change > -INTEGER_LIMIT ? change : 0;
}

/** Values − predictions, into `out`. `like` is the earlier column that `predictor` names, if it names one. */
export function subtractPredictions(
  predictor: Predictor,
  values: Float64Array,
  times: Float64Array,
  like: Float64Array | undefined,
  from: number,
  to: number,
  out: Float64Array,
): void {
  const { kind, base, unitMs } = predictor;
  if (kind === PREDICTORS.level) {
    for (let i = from; i < to; i++) out[i] = values[i]! - base;
    return;
  }
  if (kind === PREDICTORS.time) {
    for (let i = from; i < to; i++) out[i] = values[i]! - Math.floor(times[i]! / unitMs) - base;
    return;
  }
  let last = base;
  if (kind === PREDICTORS.mean) {
    for (let i = from; i < to; i++) {
      out[i] = values[i]! - Math.round(last);
      last += (values[i]! - last) * FADE;
    }
    return;
  }
  if (kind === PREDICTORS.alike && like !== undefined) {
    let likeLast = 0;
    for (let i = from; i < to; i++) {
      const now = like[i]!;
      out[i] = values[i]! - last - (now - likeLast);
      last = values[i]!;
      likeLast = now;
    }
    return;
  }
  const share = kind === PREDICTORS.line ? 1 : kind === PREDICTORS.halfLine ? 0.5 : 0;
  let before = base;
  let lastMs = 0;
  let stepBeforeMs = 0;
  for (let i = from; i < to; i++) {
    const stepMs = times[i]! - lastMs;
    const guess = share === 0 ? last : last + onward(last, before, stepMs, stepBeforeMs, share);
    out[i] = values[i]! - guess;
    before = last;
    last = values[i]!;
    stepBeforeMs = i === from ? 0 : stepMs;
    lastMs = times[i]!;
  }
}

/** How fast older values fade from the mean. */
const FADE = 0.25;

/** Turns differences into values again, in place. */
export function addPredictions(
  predictor: Predictor,
  inOut: Float64Array,
  times: Float64Array,
  like: Float64Array | undefined,
): void {
  const { kind, base, unitMs } = predictor;
  const count = inOut.length;
  if (kind === PREDICTORS.level) {
    for (let i = 0; i < count; i++) inOut[i] = inOut[i]! + base;
    return;
  }
  if (kind === PREDICTORS.time) {
    for (let i = 0; i < count; i++) inOut[i] = inOut[i]! + Math.floor(times[i]! / unitMs) + base;
    return;
  }
  let last = base;
  if (kind === PREDICTORS.mean) {
    for (let i = 0; i < count; i++) {
      const value = inOut[i]! + Math.round(last);
      inOut[i] = value;
      last += (value - last) * FADE;
    }
    return;
  }
  if (kind === PREDICTORS.alike && like !== undefined) {
    let likeLast = 0;
    for (let i = 0; i < count; i++) {
      const now = like[i]!;
      last = inOut[i]! + last + (now - likeLast);
      inOut[i] = last;
      likeLast = now;
    }
    return;
  }
  const share = kind === PREDICTORS.line ? 1 : kind === PREDICTORS.halfLine ? 0.5 : 0;
  let before = base;
  let lastMs = 0;
  let stepBeforeMs = 0;
  for (let i = 0; i < count; i++) {
    const stepMs = times[i]! - lastMs;
    const guess = share === 0 ? last : last + onward(last, before, stepMs, stepBeforeMs, share);
    const value = inOut[i]! + guess;
    inOut[i] = value;
    before = last;
    last = value;
    stepBeforeMs = i === 0 ? 0 : stepMs;
    lastMs = times[i]!;
  }
}

/** The predictor whose differences are likely to pack smallest, tried on samples from all over the column. */
export function choosePredictor(
  values: Float64Array,
  times: Float64Array,
  decimals: number,
  unitMsHint: number,
  earlier: readonly IntegerValues[],
): Predictor {
  const runs = samples(values.length);
  const out = arena.float64(values.length);
  let best = candidate(PREDICTORS.previous, 0);
  let bestBits = Number.POSITIVE_INFINITY;
  const consider = (predictor: Predictor, like?: Float64Array): void => {
    for (const [from, to] of runs) subtractPredictions(predictor, values, times, like, from, to, out);
    const bits = estimateBits(out, runs);
    if (bits < bestBits) {
      best = predictor;
      bestBits = bits;
    }
  };
  const first = values[0] ?? 0;
  consider(candidate(PREDICTORS.previous, first));
  // Nothing beats numbers that never change.
  if (bestBits === 0) return best;
  if (unitMsHint > 0) {
    consider({ ...candidate(PREDICTORS.time, first - Math.floor((times[0] ?? 0) / unitMsHint)), unitMs: unitMsHint });
    if (bestBits === 0) return best;
  }
  consider(candidate(PREDICTORS.level, levelOf(values, runs)));
  consider(candidate(PREDICTORS.line, first));
  consider(candidate(PREDICTORS.halfLine, first));
  consider(candidate(PREDICTORS.mean, first));
  earlier.forEach((column, like) => {
    if (column.decimals !== decimals) return;
    const base = first - (column.values[0] ?? 0);
    consider({ ...candidate(PREDICTORS.alike, base), like }, column.values);
  });
  return best;
}

/** A column of whole numbers that later ones may follow. */
export interface IntegerValues {
  readonly values: Float64Array;
  readonly decimals: number;
}

function candidate(kind: number, base: number): Predictor {
  return { kind, base, unitMs: 1, like: 0 };
}

function samples(count: number): [number, number][] {
  if (count <= TRIED_RECORDS_MAX) return [[0, count]];
  const length = TRIED_RECORDS_MAX / 4;
  const step = (count - length) / 3;
  return [0, 1, 2, 3].map((part) => [Math.floor(part * step), Math.floor(part * step) + length]);
}

function levelOf(values: Float64Array, runs: readonly [number, number][]): number {
  let sum = 0;
  let count = 0;
  for (const [from, to] of runs) {
    for (let i = from; i < to; i++) sum += values[i]!;
    count += to - from;
  }
  return Math.round(sum / Math.max(1, count));
}

/** Small differences each count for themselves, larger ones by their number of bits. */
const SMALL = 32;
const tally = new Uint32Array(SMALL + 64);

function estimateBits(differences: Float64Array, runs: readonly [number, number][]): number {
  tally.fill(0);
  let bits = 0;
  let count = 0;
  for (const [from, to] of runs) {
    // What comes first depends on what went before the sample.
    for (let i = from + (count === 0 ? 1 : 2); i < to; i++) {
      const size = zigzag(differences[i]!);
      if (size < SMALL) tally[size]!++;
      else {
        const width = size < 0x8000_0000 ? 31 - Math.clz32(size) : 63 - Math.clz32(size / 0x1_0000_0000);
        tally[SMALL + width]!++;
        bits += width;
      }
      count++;
    }
  }
  let kinds = 0;
  for (const times of tally) {
    if (times === 0) continue;
    kinds++;
    bits += times * Math.log2(count / times);
  }
  // A kind of its own costs its place in the code; not so where there is but one, of nothing.
  return kinds === 1 ? bits : bits + kinds * 6;
}
