import { corrupt } from "./block-layout.js";
import { LandfallError } from "../model/errors.js";
import { HEADERS_BYTES_MAX } from "../limits.js";
import type { Headers } from "../model/record.js";

/** Headers of a record as bytes: for each, u16 length and UTF-8 of the name, u16 length and UTF-8 of the value. */

export const NO_HEADERS: Headers = Object.freeze({});
const NO_BYTES = new Uint8Array(0);
const LONE_SURROGATE = /\p{Surrogate}/u;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** @throws LandfallError INVALID_ARGUMENT when they are too large or no proper text */
export function encodeHeaders(headers: Headers | undefined): Uint8Array {
  if (headers === undefined || headers === NO_HEADERS) return NO_BYTES;
  const names = Object.keys(headers);
  if (names.length === 0) return NO_BYTES;
  let bytes = 0;
  for (const name of names) {
    const value = headers[name];
    if (typeof value !== "string" || LONE_SURROGATE.test(name) || LONE_SURROGATE.test(value)) {
      throw new LandfallError("INVALID_ARGUMENT", `header ${JSON.stringify(name)} is not proper text`);
    }
    bytes += 4 + Buffer.byteLength(name) + Buffer.byteLength(value);
  }
  if (bytes > HEADERS_BYTES_MAX) {
    throw new LandfallError("VALUE_TOO_LARGE", `headers take ${bytes} bytes, at most ${HEADERS_BYTES_MAX} are allowed`);
  }
  const out = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const name of names) {
    for (const text of [name, headers[name] ?? ""]) {
      const length = out.write(text, at + 2, "utf8");
      out.writeUInt16LE(length, at);
      at += 2 + length;
    }
  }
  return out;
}

/** @param at where the bytes stand in the block, for the error. @throws LandfallError CORRUPT_BLOCK */
export function decodeHeaders(bytes: Uint8Array, at: number): Headers {
  if (bytes.byteLength === 0) return NO_HEADERS;
  const headers: Record<string, string> = {};
  let position = 0;
  const text = (): string => {
    if (position + 2 > bytes.byteLength) throw corrupt("a header is cut short", at + position);
    const length = (bytes[position] ?? 0) | ((bytes[position + 1] ?? 0) << 8);
    const start = position + 2;
    if (start + length > bytes.byteLength) throw corrupt("a header reaches beyond its record", at + position);
    position = start + length;
    try {
      return decoder.decode(bytes.subarray(start, position));
    } catch (cause) {
      throw new LandfallError("CORRUPT_BLOCK", `corrupt block: a header is not UTF-8 (at byte ${at + start})`, {
        cause,
      });
    }
  };
  while (position < bytes.byteLength) {
    const name = text();
    if (Object.hasOwn(headers, name)) throw corrupt(`header ${JSON.stringify(name)} stands twice`, at + position);
    // Not an assignment: a header named __proto__ is data like any other.
    Object.defineProperty(headers, name, { value: text(), enumerable: true, configurable: true, writable: true });
  }
  return Object.freeze(headers);
}
