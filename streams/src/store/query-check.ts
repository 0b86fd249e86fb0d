import { LandfallError } from "../model/errors.js";
import type { TopicQuery } from "./store.js";

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
