import { APPEND_BYTES_MAX, VALUE_BYTES_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import type { NewRecord } from "../model/record.js";

/** A value over the limit. */
export function tooLarge({ topic, value }: NewRecord): LandfallError {
  return new LandfallError(
    "VALUE_TOO_LARGE",
    `a value of ${value.byteLength} bytes for ${topic}, at most ${VALUE_BYTES_MAX} are allowed`,
  );
}

/** More than one append may hold. */
export function tooMany(): LandfallError {
  return new LandfallError(
    "INVALID_ARGUMENT",
    `more than ${APPEND_BYTES_MAX} bytes at once cannot be kept as one unit: hand over fewer records`,
  );
}
