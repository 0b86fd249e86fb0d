import type { StreamName } from "../../model/names.js";

/** What bytes are for: the share of a budget that is kept back is for `urgent` alone. */
export type Purpose = "urgent" | "rest";

/** Bytes that may still cross a metered link, as one end of it sees them. */
export interface Purse {
  /** False when so many bytes will not be there before the day is over. */
  covers(bytes: number, purpose: Purpose): boolean;
  /** Sets bytes aside; false when they are not there now. Whoever is refused is told when there may be more. */
  hold(bytes: number, purpose: Purpose): boolean;
  /** Of `held` bytes that were set aside, `spent` went over the wire; the others come back. */
  settle(held: number, spent: number): void;
}

/** Alerts may use the whole budget; other records leave them their share. */
export function purposeOf(stream: StreamName): Purpose {
  return stream.endsWith(".alerts") ? "urgent" : "rest";
}
