import type { Hole as WireHole } from "@landfall/proto/gen/landfall/v1/replication";
import { consider, dropSource, leave } from "./sources.js";
import { giveCredit } from "./credit.js";
import { forgive } from "./candidates.js";
import { onFillData, onFillHole } from "./fills.js";
import { holeFromWire } from "./gap-frames.js";
import { learnHole, noteGap } from "./gap-waits.js";
import {
  receivedNext,
  type Conn,
  type Effect,
  type Fill,
  type KeyId,
  type MachineEvent,
  type MachineState,
  type RunFacts,
} from "./machine-state.js";

/** The request has met what its peer does not have. */
export function onGap(state: MachineState, conn: Conn, id: number, wire: WireHole, now: number, out: Effect[]): void {
  const key = sourceOfRequest(state, conn.id, id);
  if (key === undefined) return;
  const hole = holeFromWire(wire);
  if (state.fills.get(key)?.requestId === id) {
    onFillHole(state, conn, key, hole);
    return;
  }
  if (isVoid(state, conn.id, id)) {
    if (hole.reason !== "superseded") dropSource(state, key, out);
    return;
  }
  const mine = receivedNext(state, key);
  if (hole.from !== mine || hole.to <= mine) {
    refuse(out, conn.id, `a gap from seq ${hole.from} where ${mine} was next (${key})`);
    return;
  }
  const source = state.sources.get(key);
  if (hole.reason === "superseded" && source !== undefined) {
    source.heardAt = now;
    noteGap(state, key, hole, out);
    return;
  }
  learnHole(conn, key, hole);
  dropSource(state, key, out);
  consider(state, key, now, out);
}

export function onData(
  state: MachineState,
  event: Extract<MachineEvent, { type: "data" }>,
  now: number,
  out: Effect[],
): void {
  const { conn: id, requestId, firstSeq, count, bytes, payload } = event;
  if (!wasGranted(state, id, bytes, now, out)) return;
  if (isVoid(state, id, requestId)) {
    discard(state, id, bytes, out);
    return;
  }
  const filled = fillOfRequest(state, id, requestId);
  if (filled !== undefined) {
    const isWanted = onFillData(state, filled.fill, filled.key, event, now, out);
    if (isWanted) state.conns.get(id)?.window.arrived(bytes, now, filled.fill.next < filled.fill.to);
    else refuse(out, id, `data from seq ${firstSeq} fills no gap (${filled.key})`);
    return;
  }
  const to = firstSeq + count;
  const key = heard(state, id, requestId, firstSeq, to, bytes, now, out);
  if (key === undefined) return;
  measure(state, id, key, to, bytes, now);
  state.staged.delete(key);
  state.received.set(key, to);
  out.push({ type: "apply", conn: id, key, bytes, payload, fill: false });
}

/** Blocks of a sealed run: nothing is received before the last of them. */
export function onSealed(
  state: MachineState,
  event: Extract<MachineEvent, { type: "sealed" }>,
  now: number,
  out: Effect[],
): void {
  const { conn: id, requestId, run, first, next, bytes, payload } = event;
  if (!wasGranted(state, id, bytes, now, out)) return;
  if (isVoid(state, id, requestId)) {
    discard(state, id, bytes, out);
    return;
  }
  const key = heard(state, id, requestId, run.from, run.to, bytes, now, out);
  if (key === undefined) return;
  const staged = state.staged.get(key);
  const goesOn = first === 0 || (staged?.blocks === first && isSameRun(staged.facts, run));
  if (!goesOn || next <= first || next > run.blocks) {
    state.staged.delete(key);
    refuse(out, id, `blocks ${first} to ${next} of a run of ${run.blocks}: not what was next`);
    return;
  }
  measure(state, id, key, next < run.blocks ? run.from : run.to, bytes, now);
  if (next < run.blocks) {
    state.staged.set(key, { run: run.id, blocks: next, facts: run });
  } else {
    state.staged.delete(key);
    state.received.set(key, run.to);
  }
  out.push({ type: "stage", conn: id, key, run, first, next, bytes, payload });
}

function isSameRun(one: RunFacts, other: RunFacts): boolean {
  const facts = ({ id, from, to, count, blocks, bytes }: RunFacts) => [id, from, to, count, blocks, bytes].join(" ");
  return facts(one) === facts(other);
}

/** Nobody who keeps to the protocol sends this. */
function refuse(out: Effect[], conn: number, reason: string): void {
  out.push({ type: "close", conn, reason, code: "PROTOCOL_ERROR" });
}

/** Whether the peer was given credit for it; the link is closed otherwise. */
function wasGranted(state: MachineState, id: number, bytes: number, now: number, out: Effect[]): boolean {
  const conn = state.conns.get(id);
  if (conn !== undefined) conn.heardAt = now;
  if (conn?.window.took(bytes) !== false) return true;
  refuse(out, id, `${bytes} bytes of records for which it had no credit`);
  return false;
}

function measure(state: MachineState, id: number, key: KeyId, to: number, bytes: number, now: number): void {
  const conn = state.conns.get(id);
  const more = (conn?.announced.get(key)?.next ?? 0) > to;
  conn?.window.arrived(bytes, now, more);
}

/** The key whose records [from, to) arrived; undefined, and the connection is closed, when they are not what was next. */
function heard(
  state: MachineState,
  id: number,
  requestId: number,
  from: number,
  to: number,
  bytes: number,
  now: number,
  out: Effect[],
): KeyId | undefined {
  const conn = state.conns.get(id);
  if (conn === undefined) return undefined;
  const key = sourceOfRequest(state, id, requestId);
  const source = key === undefined ? undefined : state.sources.get(key);
  if (key === undefined || source === undefined) {
    refuse(out, id, `data for request ${requestId}, which is not standing`);
    return undefined;
  }
  source.heardAt = now;
  const announced = conn.announced.get(key);
  if (announced !== undefined) announced.next = Math.max(announced.next, to);
  forgive(state, conn.peer, key);
  const mine = receivedNext(state, key);
  if (from === mine) return key;
  if (state.share !== undefined && from < mine) {
    // Another node of this site has brought some of it meanwhile: what follows is asked for anew.
    source.isVoid = true;
    if (source.state === "active") leave(state, key, source, now, out);
    discard(state, id, bytes, out);
    return undefined;
  }
  refuse(out, id, `data from seq ${from} where ${mine} was next (${key})`);
  return undefined;
}

/** Whether rules have changed since this was asked for: nothing of it is taken in any more. */
function isVoid(state: MachineState, conn: number, requestId: number): boolean {
  const key = sourceOfRequest(state, conn, requestId) ?? "";
  const standing = [state.sources.get(key), state.fills.get(key)].find((one) => one?.requestId === requestId);
  return standing?.isVoid === true;
}

function discard(state: MachineState, id: number, bytes: number, out: Effect[]): void {
  const conn = state.conns.get(id);
  if (conn !== undefined) giveCredit(conn, conn.window.dropped(bytes), out);
}

export function sourceOfRequest(state: MachineState, conn: number, requestId: number): KeyId | undefined {
  const standing = state.requests.get(requestId);
  return standing?.conn === conn ? standing.key : undefined;
}

/** Not of another connection: its peer may not even know what was asked for. */
function fillOfRequest(
  state: MachineState,
  conn: number,
  requestId: number,
): { readonly fill: Fill; readonly key: KeyId } | undefined {
  const key = sourceOfRequest(state, conn, requestId);
  const fill = key === undefined ? undefined : state.fills.get(key);
  return key === undefined || fill?.requestId !== requestId ? undefined : { fill, key };
}
