import { GapReason as WireReason, type Hole as WireHole } from "@landfall/proto/gen/landfall/v1/replication";
import type { GapReason, Hole } from "../model/gap.js";
import type { Seq } from "../model/record.js";

const TO_WIRE: Readonly<Record<GapReason, WireReason>> = {
  expired: WireReason.EXPIRED,
  missed: WireReason.MISSED,
  damaged: WireReason.DAMAGED,
  superseded: WireReason.SUPERSEDED,
};

/** As a frame says it. */
export function holeToWire({ from, to, reason }: Hole): WireHole {
  return { from, to, reason: TO_WIRE[reason] };
}

/** Of a reason that a later version gave, only that the records are not there is known: they may come later. */
export function holeFromWire({ from, to, reason }: WireHole): Hole {
  const known = (Object.keys(TO_WIRE) as GapReason[]).find((one) => TO_WIRE[one] === reason);
  return { from: from as Seq, to: to as Seq, reason: known ?? "missed" };
}
