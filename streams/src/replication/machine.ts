import { Refuse_Reason } from "@landfall/proto/gen/landfall/v1/replication";
import { originId, streamName } from "../model/names.js";
import { announceAll, announceDue, announceNow, markUnsaid } from "./announcing.js";
import { CreditWindow } from "./credit-window.js";
import { bestSource, forgive, penalise } from "./candidates.js";
import {
  DISTANCE_INFINITE,
  distanceOf,
  heldNext,
  internKey,
  isOwn,
  plusCost,
  receivedNext,
  type Conn,
  type Effect,
  type KeyId,
  type MachineEvent,
  type MachineState,
} from "./machine-state.js";
import { blockRead, partRead, pump, serve } from "./serving.js";

/** A refusal is no stall: the peer is asked again soon. */
const REFUSED_MS = 1_000;

/**
 * The replication protocol of one node as a state machine: given what happened, says what to do.
 *
 * The receiver decides. For every key it keeps at most one standing request, to the peer that ranks best
 * (`candidates.ts`), from the first seq that it has not received; a source is changed only after the old one
 * has confirmed that it stopped (R3). `state` belongs to this function alone; time comes in as `now` in ms of
 * any monotonic clock; nothing here reads a clock, a socket or a disk, so that a simulation runs this very code.
 */
export function step(state: MachineState, event: MachineEvent, now: number): Effect[] {
  const out: Effect[] = [];
  switch (event.type) {
    case "connected":
      onConnected(state, event, now, out);
      break;
    case "disconnected":
      dropConn(state, event.conn, now, out);
      break;
    case "message": {
      const conn = state.conns.get(event.conn);
      if (conn !== undefined) onMessage(state, conn, event.message, now, out);
      break;
    }
    case "data":
      onData(state, event, now, out);
      break;
    case "sealed":
      onSealed(state, event, now, out);
      break;
    case "block": {
      const conn = state.conns.get(event.conn);
      if (conn !== undefined) blockRead(state, conn, event, out);
      break;
    }
    case "part": {
      const conn = state.conns.get(event.conn);
      if (conn !== undefined) partRead(state, conn, event, out);
      break;
    }
    case "committed":
      onCommitted(state, internKey(state, event.stream, event.origin), event.nextSeq, out);
      break;
    case "applied":
      onApplied(state, event, now, out);
      break;
    case "roundTrip":
      state.conns.get(event.conn)?.window.roundTrip(event.ms);
      break;
    case "tick":
      for (const key of state.keys.keys()) consider(state, key, now, out);
      for (const conn of state.conns.values()) announceDue(state, conn, now, out);
      break;
  }
  return out;
}

function onConnected(
  state: MachineState,
  event: Extract<MachineEvent, { type: "connected" }>,
  now: number,
  out: Effect[],
): void {
  const conn: Conn = {
    id: event.conn,
    peer: event.peer,
    tuning: event.tuning,
    rights: event.rights,
    sealed: event.sealed,
    announced: new Map(),
    serving: new Map(),
    turn: [],
    window: new CreditWindow(event.tuning),
    credit: 0,
    peerWindow: undefined,
    reading: false,
    told: new Map(),
    unsaid: new Set(),
    urgent: new Set(),
    announceAt: now,
  };
  state.conns.set(conn.id, conn);
  giveCredit(conn, conn.window.begin(), out);
  announceAll(state, conn, now, out);
}

function dropConn(state: MachineState, id: number, now: number, out: Effect[]): void {
  if (!state.conns.delete(id)) return;
  for (const [key, source] of state.sources) {
    if (source.conn === id) {
      dropSource(state, key, out);
      consider(state, key, now, out);
    } else if (source.successor === id) {
      delete source.successor;
    }
  }
}

function onMessage(
  state: MachineState,
  conn: Conn,
  message: Extract<MachineEvent, { type: "message" }>["message"],
  now: number,
  out: Effect[],
): void {
  switch (message.$case) {
    case "announce":
      for (const holding of message.value.holdings) {
        const stream = streamName(holding.stream);
        const origin = originId(holding.origin);
        // A peer is believed only about what it may hold (R8).
        if (!conn.rights.mayBelieve(stream)) continue;
        const key = internKey(state, stream, origin);
        conn.announced.set(key, { next: holding.next, distance: holding.distance });
        if (isOwn(state, key)) continue;
        if (state.sources.get(key)?.conn === conn.id) updateDistance(state, key, out);
        consider(state, key, now, out);
      }
      break;
    case "request": {
      const { id, stream, origin, from, staged } = message.value;
      const key = internKey(state, streamName(stream), originId(origin));
      const refusal = refusalOf(state, conn, key, from);
      if (refusal === undefined) {
        serve(state, conn, { id, key, position: from, ...(staged === undefined ? {} : { staged }) }, out);
      } else {
        out.push({ type: "send", conn: conn.id, message: { $case: "refuse", value: { id, reason: refusal } } });
      }
      break;
    }
    case "stop": {
      for (const [key, serving] of conn.serving) {
        if (serving.id !== message.value.id) continue;
        conn.serving.delete(key);
        conn.turn = conn.turn.filter((other) => other !== key);
      }
      // Also for a request that is long gone: whoever asks waits for the word.
      out.push({ type: "send", conn: conn.id, message: { $case: "stopped", value: { id: message.value.id } } });
      break;
    }
    case "stopped": {
      const key = sourceOfRequest(state, conn.id, message.value.id);
      if (key === undefined) break;
      const source = state.sources.get(key);
      if (source?.state !== "stopping") break;
      const successor = source.successor === undefined ? undefined : state.conns.get(source.successor);
      dropSource(state, key, out);
      const announced = successor?.announced.get(key);
      if (
        successor !== undefined &&
        announced !== undefined &&
        (announced.next >= receivedNext(state, key) || announced.distance === 0)
      ) {
        request(state, key, successor, now, out);
      } else {
        consider(state, key, now, out);
      }
      break;
    }
    case "refuse": {
      const key = sourceOfRequest(state, conn.id, message.value.id);
      if (key === undefined) break;
      penalise(state, conn.peer, key, now, REFUSED_MS);
      dropSource(state, key, out);
      consider(state, key, now, out);
      break;
    }
    case "credit":
      conn.credit += message.value.bytes;
      conn.peerWindow = message.value.window ?? conn.peerWindow;
      pump(state, conn, out);
      break;
  }
}

/** Why a request cannot be served, or undefined. */
function refusalOf(state: MachineState, conn: Conn, key: KeyId, from: number): Refuse_Reason | undefined {
  const stream = state.keys.get(key)?.stream;
  if (stream === undefined || !conn.rights.maySend(stream)) return Refuse_Reason.NOT_FOUND;
  if (from > heldNext(state, key)) return Refuse_Reason.BEHIND;
  const source = state.sources.get(key);
  if (source?.conn === conn.id && source.state === "active") {
    // Both asked each other at the same time: who has less keeps asking; a tie goes by name.
    const mine = receivedNext(state, key);
    if (from > mine || (from === mine && conn.peer < state.site)) return Refuse_Reason.CROSSING;
  }
  return undefined;
}

function onData(state: MachineState, event: Extract<MachineEvent, { type: "data" }>, now: number, out: Effect[]): void {
  const { conn: id, requestId, firstSeq, count, bytes, payload } = event;
  const to = firstSeq + count;
  const key = heard(state, id, requestId, firstSeq, to, now, out);
  if (key === undefined) return;
  measure(state, id, key, to, bytes, now);
  state.staged.delete(key);
  state.received.set(key, to);
  out.push({ type: "apply", conn: id, key, bytes, payload });
}

/** Blocks of a sealed run: nothing is received before the last of them. */
function onSealed(
  state: MachineState,
  event: Extract<MachineEvent, { type: "sealed" }>,
  now: number,
  out: Effect[],
): void {
  const { conn: id, requestId, run, first, next, bytes, payload } = event;
  const key = heard(state, id, requestId, run.from, run.to, now, out);
  if (key === undefined) return;
  const staged = state.staged.get(key);
  const goesOn = first === 0 || (staged?.run === run.id && staged.blocks === first);
  if (!goesOn || next <= first || next > run.blocks) {
    out.push({
      type: "close",
      conn: id,
      reason: `blocks ${first} to ${next} of a run of ${run.blocks}: not what was next`,
    });
    return;
  }
  measure(state, id, key, next < run.blocks ? run.from : run.to, bytes, now);
  if (next < run.blocks) {
    state.staged.set(key, { run: run.id, blocks: next });
  } else {
    state.staged.delete(key);
    state.received.set(key, run.to);
  }
  out.push({ type: "stage", conn: id, key, run, first, next, bytes, payload });
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
  now: number,
  out: Effect[],
): KeyId | undefined {
  const conn = state.conns.get(id);
  if (conn === undefined) return undefined;
  const key = sourceOfRequest(state, id, requestId);
  const source = key === undefined ? undefined : state.sources.get(key);
  if (key === undefined || source === undefined) {
    out.push({ type: "close", conn: id, reason: `data for request ${requestId}, which is not standing` });
    return undefined;
  }
  source.heardAt = now;
  const announced = conn.announced.get(key);
  if (announced !== undefined) announced.next = Math.max(announced.next, to);
  forgive(state, conn.peer, key);
  const mine = receivedNext(state, key);
  if (from === mine) return key;
  out.push({ type: "close", conn: id, reason: `data from seq ${from} where ${mine} was next (${key})` });
  return undefined;
}

function onCommitted(state: MachineState, key: KeyId, nextSeq: number, out: Effect[]): void {
  state.held.set(key, Math.max(heldNext(state, key), nextSeq));
  if ((state.received.get(key) ?? 0) < nextSeq) {
    state.received.set(key, nextSeq);
    state.staged.delete(key);
  }
  for (const conn of state.conns.values()) {
    if (conn.serving.has(key)) {
      pump(state, conn, out);
      continue; // Its data is announcement enough (rule 13).
    }
    const announced = conn.announced.get(key);
    const waits = announced === undefined || announced.distance >= DISTANCE_INFINITE;
    if (waits && !conn.told.has(key)) announceNow(state, conn, [key], out);
    else markUnsaid(state, conn, key, waits ? "urgent" : "coalesced");
  }
}

function onApplied(
  state: MachineState,
  event: Extract<MachineEvent, { type: "applied" }>,
  now: number,
  out: Effect[],
): void {
  const conn = state.conns.get(event.conn);
  if (event.ok) {
    if (conn !== undefined) giveCredit(conn, conn.window.committed(event.bytes, event.tookMs), out);
    return;
  }
  // What followed the failed block is lost with it: begin again from what is on disk, and only later.
  state.received.set(event.key, heldNext(state, event.key));
  state.staged.delete(event.key);
  if (conn === undefined) return;
  penalise(state, conn.peer, event.key, now);
  out.push({ type: "close", conn: conn.id, reason: `could not store ${event.key}` });
  dropConn(state, conn.id, now, out);
}

function giveCredit(conn: Conn, bytes: number, out: Effect[]): void {
  if (bytes === 0) return;
  const value = { bytes, window: conn.window.bytes };
  out.push({ type: "send", conn: conn.id, message: { $case: "credit", value } });
}

/** Looks whether a key has the source it should have, and does what is needed. */
function consider(state: MachineState, key: KeyId, now: number, out: Effect[]): void {
  if (isOwn(state, key)) return;
  const source = state.sources.get(key);
  if (source === undefined) {
    const best = bestSource(state, key, now);
    if (best !== undefined) request(state, key, best.conn, now, out);
    return;
  }
  const conn = state.conns.get(source.conn);
  if (conn === undefined) return;
  if (source.state === "stopping") {
    if (now - source.stopAt > conn.tuning.stopMs) {
      out.push({ type: "close", conn: conn.id, reason: `no answer to a stop for ${conn.tuning.stopMs} ms` });
    }
    return;
  }
  const best = bestSource(state, key, now);
  const current = plusCost(conn.announced.get(key)?.distance ?? DISTANCE_INFINITE, conn.tuning.cost);
  if (best !== undefined && best.conn !== conn && best.distance < current) {
    const announced = best.conn.announced.get(key);
    if (announced !== undefined && (announced.next >= receivedNext(state, key) || announced.distance === 0)) {
      change(state, key, best.conn, now, out);
      return;
    }
  }
  if (now - source.heardAt > conn.tuning.stallMs) {
    const other = bestSource(state, key, now, { except: conn, onlyAhead: true });
    if (other !== undefined) {
      penalise(state, conn.peer, key, now);
      change(state, key, other.conn, now, out);
    }
  }
}

function request(state: MachineState, key: KeyId, conn: Conn, now: number, out: Effect[]): void {
  const names = state.keys.get(key);
  const announced = conn.announced.get(key);
  if (names === undefined || announced === undefined) return;
  const id = state.nextRequestId++;
  const from = receivedNext(state, key);
  state.sources.set(key, { conn: conn.id, requestId: id, state: "active", heardAt: now, stopAt: 0 });
  state.requests.set(id, { conn: conn.id, key });
  const distance = plusCost(announced.distance, conn.tuning.cost);
  const feasible = state.feasible.get(key);
  if (feasible === undefined || announced.next > from || announced.distance === 0) {
    state.feasible.set(key, { next: announced.next, distance });
  } else if (distance < feasible.distance) {
    feasible.distance = distance;
  }
  updateDistance(state, key, out);
  out.push({
    type: "send",
    conn: conn.id,
    message: {
      $case: "request",
      value: { id, stream: names.stream, origin: names.origin, from, staged: state.staged.get(key) },
    },
  });
}

function change(state: MachineState, key: KeyId, to: Conn, now: number, out: Effect[]): void {
  const source = state.sources.get(key);
  if (source === undefined) return;
  source.state = "stopping";
  source.stopAt = now;
  source.successor = to.id;
  out.push({ type: "send", conn: source.conn, message: { $case: "stop", value: { id: source.requestId } } });
  updateDistance(state, key, out);
}

function dropSource(state: MachineState, key: KeyId, out: Effect[]): void {
  const source = state.sources.get(key);
  if (source !== undefined) state.requests.delete(source.requestId);
  state.sources.delete(key);
  updateDistance(state, key, out);
}

/** Own distance follows the source's; a change is told at once to those who depend on it. */
function updateDistance(state: MachineState, key: KeyId, out: Effect[]): void {
  const source = state.sources.get(key);
  let distance = DISTANCE_INFINITE;
  if (source?.state === "active") {
    const conn = state.conns.get(source.conn);
    const announced = conn?.announced.get(key);
    if (conn !== undefined && announced !== undefined) distance = plusCost(announced.distance, conn.tuning.cost);
  }
  if (distance === distanceOf(state, key)) return;
  state.distance.set(key, distance);
  const feasible = state.feasible.get(key);
  if (feasible !== undefined && distance < feasible.distance) feasible.distance = distance;
  for (const conn of state.conns.values()) {
    if (conn.serving.has(key)) announceNow(state, conn, [key], out);
    else markUnsaid(state, conn, key, "urgent");
  }
}

function sourceOfRequest(state: MachineState, conn: number, requestId: number): KeyId | undefined {
  const standing = state.requests.get(requestId);
  return standing?.conn === conn ? standing.key : undefined;
}
