import { holeAt, holesWithout, type Hole } from "../model/gap.js";
import type { Seq } from "../model/record.js";
import { lostAt, receivedNext, type Conn, type Effect, type KeyId, type MachineState } from "./machine-state.js";

/** A peer lacks this: known until it announces its holes anew. */
export function learnHole(conn: Conn, key: KeyId, hole: Hole): void {
  const announced = conn.announced.get(key);
  if (announced === undefined) return;
  const others = holesWithout(announced.holes, hole.from, hole.to);
  announced.holes = [...others, hole].sort((a, b) => a.from - b.from);
}

/** The hole in which this site's next seq lies at a peer that is ahead of it. */
export function holeAhead(state: MachineState, key: KeyId, conn: Conn): Hole | undefined {
  const announced = conn.announced.get(key);
  const mine = receivedNext(state, key);
  return announced === undefined || announced.next <= mine ? undefined : holeAt(announced.holes, mine);
}

/**
 * Nobody who is ahead holds the next seq. After the link's time, in which a holder may turn up, what all of them lack is
 * a gap (rule 7). Returns whether one was noted: what is behind it may be requested then.
 */
export function awaitHolder(state: MachineState, key: KeyId, best: Conn, now: number, out: Effect[]): boolean {
  const deadline = state.gapWaits.get(key);
  if (deadline === undefined) {
    state.gapWaits.set(key, now + best.tuning.gapMs);
    return false;
  }
  if (now < deadline) return false;
  state.gapWaits.delete(key);
  let shortest: Hole | undefined;
  const names = state.keys.get(key);
  for (const conn of state.conns.values()) {
    if (names === undefined || !conn.rights.mayRequest(names.stream, names.origin)) continue;
    const hole = holeAhead(state, key, conn);
    const next = conn.announced.get(key)?.next ?? 0;
    if (hole === undefined) continue;
    const to = Math.min(hole.to, next) as Seq;
    if (shortest === undefined || to < shortest.to) shortest = { ...hole, to };
  }
  if (shortest !== undefined) noteGap(state, key, shortest, out);
  return shortest !== undefined;
}

/** From the next seq on nothing is to be had up to the end of the hole. */
export function noteGap(
  state: MachineState,
  key: KeyId,
  { to, reason }: Pick<Hole, "to" | "reason">,
  out: Effect[],
): void {
  const from = receivedNext(state, key) as Seq;
  const lost = lostAt(state, key);
  if (lost !== undefined) lost.isNoted = true;
  // What a peer's retention removed may still be had from another one, some day.
  const own = reason === "expired" ? "missed" : reason;
  state.received.set(key, to);
  state.staged.delete(key);
  out.push({ type: "note", key, hole: { from, to, reason: own } });
}
