import { CLOCK_MS_MAX, OFFSET_SLOT_COUNT } from "../limits.js";
import { LandfallError } from "../model/errors.js";

/** What a block of a run says of its records besides their values. Records [topicEnds[t - 1], topicEnds[t]) are those of topics[t]. */
export interface RunColumns {
  readonly count: number;
  readonly topics: readonly string[];
  readonly topicEnds: ArrayLike<number>;
  readonly seqs: Float64Array;
  readonly offsets: Float64Array;
  readonly timestamps: Float64Array;
  readonly received: Float64Array;
  readonly arrived: Float64Array;
  /** The different headers, as bytes. */
  readonly headerBytes: readonly Uint8Array[];
  /** Numbers of the records' headers; undefined when all have the first. */
  readonly headerOf: Uint16Array | undefined;
}

/** What the clock gives to a topic that was quiet: see offset-clock.ts. */
export function predictOffset(received: number, slot: number): number {
  if (received < 0 || received > CLOCK_MS_MAX) return slot;
  return (Math.floor((received * 1000) / OFFSET_SLOT_COUNT) + 1) * OFFSET_SLOT_COUNT + slot;
}

export function corruptRun(what: string): LandfallError {
  return new LandfallError("CORRUPT_BLOCK", `corrupt block of a run: ${what}`);
}
