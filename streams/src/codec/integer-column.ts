import { arena } from "./arena.js";
import type { ByteReader, ByteWriter } from "./bytes.js";
import { corrupt, unzigzag, zigzag } from "./bytes.js";
import { INTEGER_LIMIT } from "./codec-limits.js";
import type { IntegerValues, Predictor } from "./predict.js";
import { addPredictions, PREDICTORS, subtractPredictions } from "./predict.js";

/** Whole numbers of one column: the predictor, then what is to be added to its predictions. */
export function writeIntegers(
  out: ByteWriter,
  values: Float64Array,
  times: Float64Array,
  predictor: Predictor,
  earlier: readonly IntegerValues[],
): void {
  out.byte(predictor.kind);
  out.signed(predictor.base);
  if (predictor.kind === PREDICTORS.time) out.varint(predictor.unitMs);
  if (predictor.kind === PREDICTORS.alike) out.varint(predictor.like);
  const differences = arena.float64(values.length);
  const like = earlier[predictor.like]?.values;
  subtractPredictions(predictor, values, times, like, 0, values.length, differences);
  writeSigned(out, differences);
}

/** @param count how many there are; at most as many as times. */
export function readIntegers(
  input: ByteReader,
  count: number,
  times: Float64Array,
  earlier: readonly IntegerValues[],
): Float64Array {
  const kind = input.byte();
  if (kind > PREDICTORS.mean) throw corrupt("an unknown predictor");
  const base = input.signed();
  const unitMs = kind === PREDICTORS.time ? input.varint() : 1;
  if (unitMs === 0) throw corrupt("a unit of no time");
  const like = kind === PREDICTORS.alike ? input.varint() : 0;
  const other = earlier[like];
  if (kind === PREDICTORS.alike && other === undefined) throw corrupt("a column that follows one that is not there");
  const values = readSigned(input, count);
  addPredictions({ kind, base, unitMs, like }, values, times, other?.values);
  for (let i = 0; i < count; i++) {
    // Written so that NaN fails too.
    if (!(Math.abs(values[i]!) < INTEGER_LIMIT)) throw corrupt("a number out of bounds");
  }
  return values;
}

/** First the lowest seven bits of each, then what remains of the large ones: likes lie next to likes. */
function writeSigned(out: ByteWriter, values: Float64Array): void {
  const count = values.length;
  const low = arena.uint8(count);
  for (let i = 0; i < count; i++) {
    const size = zigzag(values[i]!);
    low[i] = size < 128 ? size : (size & 127) | 128;
  }
  out.bytes(low);
  for (let i = 0; i < count; i++) if (low[i]! >= 128) out.varint(Math.floor(zigzag(values[i]!) / 128));
}

function readSigned(input: ByteReader, count: number): Float64Array {
  const low = input.bytes(count);
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const first = low[i]!;
    values[i] = first < 128 ? (first >>> 1) ^ -(first & 1) : unzigzag(input.varint() * 128 + (first & 127));
  }
  return values;
}
