import { DIGEST_CELLS_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import type { DigestSpan, TopicQuery } from "./store.js";

/** @throws LandfallError INVALID_ARGUMENT */
export function checkLimit(limit: number): void {
  if (!isCount(limit)) invalid(`limit ${limit}: want a whole number of records, 0 or more`);
}

/** Beyond the end is fine, and finds nothing. @throws LandfallError INVALID_ARGUMENT */
export function checkSeq(seq: number): void {
  if (!isCount(seq)) invalid(`seq ${seq}: want a whole number below 2^53, 0 or more`);
}

/** @throws LandfallError INVALID_ARGUMENT */
export function checkTopicQuery({ limit, fromOffset, toOffset, fromTime, toTime }: TopicQuery): void {
  checkLimit(limit);
  for (const offset of [fromOffset, toOffset]) {
    if (!isCount(offset ?? 0)) invalid(`offset ${offset}: want a whole number below 2^53, 0 or more`);
  }
  // Infinity is a bound that leaves all of them in or out; only what cannot be compared is refused.
  for (const time of [fromTime, toTime]) {
    if (Number.isNaN(time ?? 0)) invalid(`time ${time}: want milliseconds since 1970`);
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function invalid(what: string): never {
  throw new LandfallError("INVALID_ARGUMENT", what);
}

/** @throws LandfallError INVALID_ARGUMENT */
export function checkSpans(spans: readonly DigestSpan[]): void {
  for (const { from, to, step } of spans) {
    checkSeq(from);
    checkSeq(to);
    const cells = to <= from ? 0 : Math.ceil(to / step) - Math.floor(from / step);
    if (!isCount(step) || step < 1) invalid(`step ${step}: want a whole number, 1 or more`);
    if (cells > DIGEST_CELLS_MAX)
      invalid(`seqs ${from} to ${to} by ${step}: at most ${DIGEST_CELLS_MAX} digests at once`);
  }
}
