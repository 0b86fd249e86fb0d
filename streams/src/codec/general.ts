import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import type { ByteWriter } from "./bytes.js";
import { ByteReader, corrupt } from "./bytes.js";

/** The general codec under the columns. */

const METHODS = { stored: 0, brotli: 1 } as const;
/** Small windows cost less memory to set up; nothing of a block lies further back than its length. */
const WINDOW_BITS_MIN = 16;
const WINDOW_BITS_MAX = 22;

/** @param quality 1 to 11, of brotli. */
export function writeGeneral(out: ByteWriter, body: Uint8Array, quality: number): void {
  const windowBits = Math.min(WINDOW_BITS_MAX, Math.max(WINDOW_BITS_MIN, 33 - Math.clz32(body.length)));
  const packed = brotliCompressSync(body, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: quality,
      [constants.BROTLI_PARAM_LGWIN]: windowBits,
      [constants.BROTLI_PARAM_SIZE_HINT]: body.length,
    },
  });
  const pays = packed.length < body.length;
  out.byte(pays ? METHODS.brotli : METHODS.stored);
  out.varint(body.length);
  out.bytes(pays ? packed : body);
}

/** @param bytesMax more is refused before anything is unpacked. */
export function readGeneral(bytes: Uint8Array, from: number, bytesMax: number): Uint8Array {
  const head = new ByteReader(bytes, from);
  const method = head.byte();
  const length = head.varintUpTo(bytesMax, "the unpacked length");
  const packed = head.bytes(head.left);
  if (method === METHODS.stored) {
    if (packed.length !== length) throw corrupt("it has another length than it says");
    return packed;
  }
  if (method !== METHODS.brotli) throw corrupt("an unknown method");
  let body: Uint8Array;
  try {
    body = brotliDecompressSync(packed, { maxOutputLength: Math.max(1, length), chunkSize: Math.max(64, length) });
  } catch (cause) {
    throw corrupt("it does not unpack", cause);
  }
  if (body.length !== length) throw corrupt("it unpacks to another length than it says");
  return body;
}
