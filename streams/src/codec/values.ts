import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { BLOCK_RECORDS_MAX, VALUE_BYTES_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";

const VERSION = 1;
/** Version, number of records, length of the inflated body. */
const HEAD_BYTES = 9;
const BODY_BYTES_MAX = 64 * 1024 * 1024;

/** Packs the values of one block. Deterministic; `decodeValues` gives the very same bytes back. */
export function encodeValues(values: readonly Uint8Array[], timestamps: readonly number[]): Uint8Array {
  if (values.length !== timestamps.length) throw invalid("as many timestamps as values are needed");
  let bytes = values.length * 4;
  for (const value of values) bytes += value.length;
  if (bytes > BODY_BYTES_MAX) throw invalid(`at most ${BODY_BYTES_MAX} bytes of values go into one block`);
  const body = new Uint8Array(bytes);
  const view = new DataView(body.buffer);
  let at = values.length * 4;
  values.forEach((value, index) => {
    view.setUint32(index * 4, value.length, true);
    body.set(value, at);
    at += value.length;
  });
  const packed = brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });
  const out = new Uint8Array(HEAD_BYTES + packed.length);
  const head = new DataView(out.buffer);
  head.setUint8(0, VERSION);
  head.setUint32(1, values.length, true);
  head.setUint32(5, bytes, true);
  out.set(packed, HEAD_BYTES);
  return out;
}

/** The values that `encodeValues` packed with these timestamps; CORRUPT_BLOCK for anything else. */
export function decodeValues(bytes: Uint8Array, timestamps: readonly number[]): Uint8Array[] {
  if (bytes.length < HEAD_BYTES || bytes[0] !== VERSION) throw corrupt("unknown version");
  const head = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = head.getUint32(1, true);
  const size = head.getUint32(5, true);
  if (count !== timestamps.length || count > BLOCK_RECORDS_MAX) throw corrupt("another number of records");
  if (size > BODY_BYTES_MAX || size < count * 4) throw corrupt("impossible size");
  let body: Uint8Array;
  try {
    body = brotliDecompressSync(bytes.subarray(HEAD_BYTES), { maxOutputLength: Math.max(1, size) });
  } catch (cause) {
    throw corrupt("does not inflate", cause);
  }
  if (body.length !== size) throw corrupt("inflates to another size");
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const values: Uint8Array[] = [];
  let at = count * 4;
  for (let index = 0; index < count; index++) {
    const length = view.getUint32(index * 4, true);
    if (length > VALUE_BYTES_MAX || at + length > size) throw corrupt("a value reaches beyond the block");
    values.push(body.subarray(at, at + length));
    at += length;
  }
  if (at !== size) throw corrupt("bytes are left over");
  return values;
}

function invalid(what: string): LandfallError {
  return new LandfallError("INVALID_ARGUMENT", `Cannot pack values: ${what}`);
}

function corrupt(what: string, cause?: unknown): LandfallError {
  return new LandfallError("CORRUPT_BLOCK", `Packed values are damaged: ${what}`, { cause });
}
