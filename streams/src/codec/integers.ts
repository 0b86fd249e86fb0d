import { LandfallError } from "../model/errors.js";

/** Packs safe integers; a plain first version. */
export function encodeIntegers(values: Float64Array | readonly number[]): Uint8Array {
  const out = new Uint8Array(values.length * 8);
  const view = new DataView(out.buffer);
  for (let i = 0; i < values.length; i++) view.setFloat64(i * 8, values[i] ?? 0, true);
  return out;
}

/** @param count how many there are. CORRUPT_BLOCK when the bytes hold another number of them. */
export function decodeIntegers(bytes: Uint8Array, count: number): Float64Array {
  if (bytes.length !== count * 8) throw new LandfallError("CORRUPT_BLOCK", "Packed integers are damaged: wrong length");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Float64Array.from({ length: count }, (_, i) => view.getFloat64(i * 8, true));
}
