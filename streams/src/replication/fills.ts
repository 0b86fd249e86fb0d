import { holesWithout, isFillable, type Hole } from "../model/gap.js";
import { ask, isUnsent } from "./asking.js";
import { isPenalised, penalise } from "./candidates.js";
import { learnHole } from "./gap-waits.js";
import { endFillTurn, mayFill } from "./fill-turns.js";
import {
  plusCost,
  type Conn,
  type Effect,
  type Fill,
  type KeyId,
  type MachineEvent,
  type MachineState,
} from "./machine-state.js";

/**
 * Fills recorded gaps as soon as a neighbour holds what they lack (rule 8): by a request with an end, one for each key
 * at a time. Its slot stays taken until all that came is on disk, so that nothing is asked for twice.
 */
export function considerFill(state: MachineState, key: KeyId, now: number, out: Effect[]): void {
  const fill = state.fills.get(key);
  if (fill === undefined) {
    // Of a node's own records, only what damage has cost it is a gap here.
    if (!state.mends.has(key)) startFill(state, key, now, out);
    return;
  }
  const conn = state.conns.get(fill.conn);
  if (conn === undefined) return;
  if (fill.state === "active" && now - fill.heardAt > conn.tuning.stallMs) {
    penalise(state, conn.peer, key, now);
    if (isUnsent(state, fill.requestId)) {
      endFill(state, key);
      return;
    }
    fill.state = "stopping";
    fill.stopAt = now;
    out.push({ type: "send", conn: conn.id, message: { $case: "stop", value: { id: fill.requestId } } });
  } else if (fill.state === "stopping" && now - fill.stopAt > conn.tuning.stopMs) {
    out.push({ type: "close", conn: conn.id, reason: `no answer to a stop for ${conn.tuning.stopMs} ms` });
  }
}

/** Records that fill a gap; false when they are not what the fill of this key waits for. */
export function onFillData(
  state: MachineState,
  fill: Fill,
  key: KeyId,
  event: Extract<MachineEvent, { type: "data" }>,
  now: number,
  out: Effect[],
): boolean {
  const end = event.firstSeq + event.count;
  if (event.firstSeq !== fill.next || end > fill.to) return false;
  fill.next = end;
  fill.heardAt = now;
  fill.applying++;
  out.push({ type: "apply", conn: event.conn, key, bytes: event.bytes, payload: event.payload, fill: true });
  if (fill.next === fill.to) endFill(state, key);
  return true;
}

/** Nothing more comes; the slot is free once what came is on disk. */
export function endFill(state: MachineState, key: KeyId): void {
  const fill = state.fills.get(key);
  if (fill === undefined) return;
  state.requests.delete(fill.requestId);
  fill.state = "ended";
  if (fill.applying === 0) state.fills.delete(key);
}

/** What is under way is not taken in. */
export function passOverFill(state: MachineState, key: KeyId, now: number, out: Effect[]): void {
  const fill = state.fills.get(key);
  if (fill === undefined || fill.state === "ended") return;
  if (isUnsent(state, fill.requestId)) {
    endFill(state, key);
    return;
  }
  fill.isVoid = true;
  if (fill.state === "stopping") return;
  fill.state = "stopping";
  fill.stopAt = now;
  out.push({ type: "send", conn: fill.conn, message: { $case: "stop", value: { id: fill.requestId } } });
}

export function onFillApplied(state: MachineState, key: KeyId): void {
  const fill = state.fills.get(key);
  if (fill === undefined) return;
  fill.applying--;
  if (fill.state === "ended" && fill.applying === 0) state.fills.delete(key);
}

/** The fill's peer turned out to lack what follows. */
export function onFillHole(state: MachineState, conn: Conn, key: KeyId, hole: Hole): void {
  learnHole(conn, key, hole);
  endFill(state, key);
}

function startFill(state: MachineState, key: KeyId, now: number, out: Effect[]): void {
  const names = state.keys.get(key);
  if (names === undefined) return;
  for (const hole of state.holes.get(key) ?? []) {
    if (!isFillable(hole.reason)) continue;
    const best = bestFiller(state, key, hole, now);
    if (best === undefined) continue;
    if (!mayFill(state, key, out)) return;
    const id = state.nextRequestId++;
    const { conn, from, to } = best;
    state.fills.set(key, {
      conn: conn.id,
      requestId: id,
      state: "active",
      next: from,
      to,
      heardAt: now,
      stopAt: 0,
      applying: 0,
    });
    ask(
      state,
      conn,
      key,
      { id, stream: names.stream, origin: names.origin, from, to, digests: [], staged: undefined },
      out,
    );
    return;
  }
  endFillTurn(state, key, out);
}

/** Who holds the earliest part of a hole; among equals, the nearest to the origin. */
function bestFiller(
  state: MachineState,
  key: KeyId,
  hole: Hole,
  now: number,
): { readonly conn: Conn; readonly from: number; readonly to: number } | undefined {
  const names = state.keys.get(key);
  let best: { conn: Conn; from: number; to: number; distance: number } | undefined;
  for (const conn of state.conns.values()) {
    const announced = conn.announced.get(key);
    if (names === undefined || announced === undefined || !conn.tellsGaps) continue;
    if (!conn.rights.mayRequest(names.stream, names.origin)) continue;
    if (isPenalised(state, conn.peer, key, now)) continue;
    let parts = [{ ...hole, to: Math.min(hole.to, announced.next) as Hole["to"] }];
    for (const lacking of announced.holes) parts = holesWithout(parts, lacking.from, lacking.to);
    const [part] = parts;
    if (part === undefined || part.to <= part.from) continue;
    const distance = plusCost(announced.distance, conn.tuning.cost);
    if (best === undefined || part.from < best.from || (part.from === best.from && distance < best.distance)) {
      best = { conn, from: part.from, to: part.to, distance };
    }
  }
  return best;
}
