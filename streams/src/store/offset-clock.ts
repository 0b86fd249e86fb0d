import { CLOCK_MS_MAX, CLOCK_MS_MIN, OFFSET_MAX, OFFSET_SLOT_COUNT } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import type { Offset } from "../model/record.js";

/**
 * The next offset of a topic (O1, O2): a hybrid logical clock in µs whose low 10 bits are the writer's slot.
 * @param nowMs wall clock, @param last largest offset known here for the topic, 0 for none
 * @throws LandfallError CLOCK_REFUSED
 */
export function nextOffset(nowMs: number, last: number, slot: number): Offset {
  const above = Math.max(Math.floor(nowMs * 1000), last);
  const offset = (Math.floor(above / OFFSET_SLOT_COUNT) + 1) * OFFSET_SLOT_COUNT + slot;
  if (offset > OFFSET_MAX) {
    throw new LandfallError(
      "CLOCK_REFUSED",
      `the topic's offsets have reached the year 2200 (${last}): its writer's clock was wrong`,
    );
  }
  return offset as Offset;
}

/** @throws LandfallError CLOCK_REFUSED */
export function checkClock(nowMs: number): void {
  // Written so that NaN is refused, too.
  if (nowMs >= CLOCK_MS_MIN && nowMs < CLOCK_MS_MAX) return;
  const shown = Number.isFinite(nowMs) && Math.abs(nowMs) < 8.64e15 ? new Date(nowMs).toISOString() : String(nowMs);
  throw new LandfallError(
    "CLOCK_REFUSED",
    `this machine's clock says ${shown}, which is not between 2020 and 2200: set it, then writing goes on`,
  );
}
