import type { Hole } from "../model/gap.js";
import type { Holding } from "@landfall/proto/gen/landfall/v1/replication";
import { holeToWire } from "./gap-frames.js";
import { distanceOf, heldNext, type Conn, type Effect, type KeyId, type MachineState } from "./machine-state.js";

/** Holdings in one frame; a longer list is split, so that no frame is endless. */
const HOLDINGS_PER_FRAME = 1_000;
/** Likewise on a metered link, where a frame must fit an allowance (budget/toll.ts). */
const HOLDINGS_PER_METERED_FRAME = 16;
/** Holes that are told of one key: a peer that meets another is told then. */
const HOLES_TOLD_MAX = 32;
const NO_HOLES: readonly Hole[] = [];

/** Tells a new peer all that it may know. */
export function announceAll(state: MachineState, conn: Conn, now: number, out: Effect[]): void {
  announceNow(state, conn, [...state.held.keys()], out);
  conn.announceAt = now + conn.tuning.announceMs;
}

/** Tells a peer at once how far this site has some keys and how far away their origins are. */
export function announceNow(state: MachineState, conn: Conn, keys: Iterable<KeyId>, out: Effect[]): void {
  let holdings: Holding[] = [];
  const most = conn.purse === undefined ? HOLDINGS_PER_FRAME : HOLDINGS_PER_METERED_FRAME;
  for (const key of keys) {
    conn.unsaid.delete(key);
    conn.urgent.delete(key);
    const names = state.keys.get(key);
    if (names === undefined || !conn.rights.mayAnnounce(names.stream, names.origin)) continue;
    const next = heldNext(state, key);
    const distance = distanceOf(state, key);
    const holes = (conn.tellsGaps ? state.holes.get(key) : undefined) ?? NO_HOLES;
    const told = conn.told.get(key);
    // What somebody claims to have is not passed on before any of it is here.
    if (told === undefined && next === 0) continue;
    if (told !== undefined && told.next === next && told.distance === distance && told.holes === holes) continue;
    conn.told.set(key, { next, distance, holes });
    const first = holes.slice(0, HOLES_TOLD_MAX).map(holeToWire);
    holdings.push({ stream: names.stream, origin: names.origin, next, distance, holes: first });
    if (holdings.length === most) {
      out.push({ type: "send", conn: conn.id, message: { $case: "announce", value: { holdings } } });
      holdings = [];
    }
  }
  if (holdings.length > 0)
    out.push({ type: "send", conn: conn.id, message: { $case: "announce", value: { holdings } } });
}

/** Remembers that a peer is to hear about a key: with the next tick, or with the next round. */
export function markUnsaid(state: MachineState, conn: Conn, key: KeyId, how: "urgent" | "coalesced"): void {
  const names = state.keys.get(key);
  if (names === undefined || !conn.rights.mayAnnounce(names.stream, names.origin)) return;
  (how === "urgent" ? conn.urgent : conn.unsaid).add(key);
}

/** The coalesced round: what a peer receives from this site anyway needs no announcement (rule 13). */
export function announceDue(state: MachineState, conn: Conn, now: number, out: Effect[]): void {
  if (conn.urgent.size > 0) announceNow(state, conn, [...conn.urgent], out);
  if (now < conn.announceAt || conn.unsaid.size === 0) return;
  conn.announceAt = now + conn.tuning.announceMs;
  announceNow(
    state,
    conn,
    [...conn.unsaid].filter((key) => !conn.serving.has(key)),
    out,
  );
}
