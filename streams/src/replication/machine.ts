import { Refuse_Reason, type Hole as WireHole } from "@landfall/proto/gen/landfall/v1/replication";
import { originId, streamName } from "../model/names.js";
import { holeFromWire } from "./gap-frames.js";
import { awaitHolder, holeAhead, learnHole, noteGap } from "./gap-waits.js";
import { considerFill, endFill, onFillApplied, onFillData, onFillHole } from "./fills.js";
import { announceAll, announceDue, announceNow, markUnsaid } from "./announcing.js";
import { ask, isUnsent, onDigested } from "./asking.js";
import { CreditWindow } from "./credit-window.js";
import { avoid, bestSource, forgive, penalise } from "./candidates.js";
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
  type Fill,
  type KeyId,
  type MachineEvent,
  type MachineState,
} from "./machine-state.js";
import { blockRead, endServing, partRead, pump, serve, wait } from "./serving.js";

/** A refusal is no stall: the peer is asked again soon. */
const REFUSED_MS = 1_000;
/** A fork does not heal by itself: the peer is asked again only to notice when somebody has healed it. */
const FORKED_MS = 60_000;

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
    case "preparing":
    case "prepared": {
      const conn = state.conns.get(event.conn);
      if (conn !== undefined) wait(state, conn, event, out);
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
    case "digested":
      onDigested(state, event.requestId, event.digests, now, out);
      break;
    case "holes":
      onHoles(state, event, out);
      break;
    case "unnoted":
      state.received.set(event.key, heldNext(state, event.key));
      state.staged.delete(event.key);
      break;
    case "roundTrip":
      state.conns.get(event.conn)?.window.roundTrip(event.ms);
      break;
    case "tick":
      for (const key of state.keys.keys()) {
        consider(state, key, now, out);
        considerFill(state, key, now, out);
      }
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
    tellsGaps: event.tellsGaps,
    sealed: event.sealed,
    announced: new Map(),
    serving: new Map(),
    filling: new Map(),
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
  for (const [key, fill] of state.fills) if (fill.conn === id) endFill(state, key);
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
        const { next, distance } = holding;
        conn.announced.set(key, { next, distance, holes: holding.holes.map(holeFromWire) });
        if (isOwn(state, key)) {
          if (next > heldNext(state, key)) out.push({ type: "restored", conn: conn.id, key, next });
          continue;
        }
        if (state.sources.get(key)?.conn === conn.id) updateDistance(state, key, out);
        consider(state, key, now, out);
      }
      break;
    case "request": {
      const { id, stream, origin, from, to, digests, staged } = message.value;
      const key = internKey(state, streamName(stream), originId(origin));
      const refusal = refusalOf(state, conn, key, from, to > 0);
      if (refusal === undefined) {
        const range = { position: from, to: to > 0 ? to : Infinity };
        const begun = { fresh: true, waits: false, ...(staged === undefined ? {} : { staged }) };
        serve(state, conn, { id, key, ...range, digests, ...begun }, out);
      } else {
        out.push({ type: "send", conn: conn.id, message: { $case: "refuse", value: { id, reason: refusal } } });
      }
      break;
    }
    case "stop": {
      endServing(conn, message.value.id);
      // Also for a request that is long gone: whoever asks waits for the word.
      out.push({ type: "send", conn: conn.id, message: { $case: "stopped", value: { id: message.value.id } } });
      break;
    }
    case "stopped": {
      const key = sourceOfRequest(state, conn.id, message.value.id);
      if (key === undefined) break;
      if (state.fills.get(key)?.requestId === message.value.id) {
        endFill(state, key);
        break;
      }
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
      if (message.value.reason === Refuse_Reason.FORK) {
        out.push({ type: "fork", conn: conn.id, key });
        avoid(state, conn.peer, key, now + FORKED_MS);
      } else {
        penalise(state, conn.peer, key, now, REFUSED_MS);
      }
      if (state.fills.get(key)?.requestId === message.value.id) {
        endFill(state, key);
        break;
      }
      dropSource(state, key, out);
      consider(state, key, now, out);
      break;
    }
    case "gap":
      if (message.value.hole !== undefined) onGap(state, conn, message.value.id, message.value.hole, now, out);
      break;
    case "credit":
      conn.credit += message.value.bytes;
      conn.peerWindow = message.value.window ?? conn.peerWindow;
      pump(state, conn, out);
      break;
  }
}

/** Why a request cannot be served, or undefined. */
function refusalOf(
  state: MachineState,
  conn: Conn,
  key: KeyId,
  from: number,
  hasEnd: boolean,
): Refuse_Reason | undefined {
  const stream = state.keys.get(key)?.stream;
  if (stream === undefined || !conn.rights.maySend(stream)) return Refuse_Reason.NOT_FOUND;
  if (from > heldNext(state, key)) return Refuse_Reason.BEHIND;
  const source = state.sources.get(key);
  if (!hasEnd && source?.conn === conn.id && source.state === "active") {
    // Both asked each other at the same time: who has less keeps asking; a tie goes by name.
    const mine = receivedNext(state, key);
    if (from > mine || (from === mine && conn.peer < state.site)) return Refuse_Reason.CROSSING;
  }
  return undefined;
}

/** The request has met what its peer does not have. */
function onGap(state: MachineState, conn: Conn, id: number, wire: WireHole, now: number, out: Effect[]): void {
  const key = sourceOfRequest(state, conn.id, id);
  if (key === undefined) return;
  const hole = holeFromWire(wire);
  if (state.fills.get(key)?.requestId === id) {
    onFillHole(state, conn, key, hole);
    return;
  }
  const mine = receivedNext(state, key);
  if (hole.from !== mine || hole.to <= mine) {
    out.push({ type: "close", conn: conn.id, reason: `a gap from seq ${hole.from} where ${mine} was next (${key})` });
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

/** Gaps were noted, were filled, or came from expiry; peers rank by them. */
function onHoles(state: MachineState, event: Extract<MachineEvent, { type: "holes" }>, out: Effect[]): void {
  const key = internKey(state, event.stream, event.origin);
  const holes = event.holes.filter(({ from, reason }) => from < event.nextSeq && reason !== "superseded");
  state.holes.set(key, holes);
  onCommitted(state, key, event.nextSeq, out);
  for (const conn of state.conns.values()) markUnsaid(state, conn, key, "urgent");
}

function onData(state: MachineState, event: Extract<MachineEvent, { type: "data" }>, now: number, out: Effect[]): void {
  const { conn: id, requestId, firstSeq, count, bytes, payload } = event;
  const filled = fillOfRequest(state, requestId);
  if (filled !== undefined) {
    const isWanted = onFillData(state, filled.fill, filled.key, event, now, out);
    if (isWanted) state.conns.get(id)?.window.arrived(bytes, now, filled.fill.next < filled.fill.to);
    else out.push({ type: "close", conn: id, reason: `data from seq ${firstSeq} fills no gap (${filled.key})` });
    return;
  }
  const to = firstSeq + count;
  const key = heard(state, id, requestId, firstSeq, to, now, out);
  if (key === undefined) return;
  measure(state, id, key, to, bytes, now);
  state.staged.delete(key);
  state.received.set(key, to);
  out.push({ type: "apply", conn: id, key, bytes, payload, fill: false });
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
  if (event.fill) onFillApplied(state, event.key);
  if (event.ok) {
    if (conn !== undefined) giveCredit(conn, conn.window.committed(event.bytes, event.tookMs), out);
    return;
  }
  // What followed the failed block is lost with it: begin again from what is on disk, and only later.
  if (!event.fill) {
    state.received.set(event.key, heldNext(state, event.key));
    state.staged.delete(event.key);
  }
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
    const hole = best === undefined ? undefined : holeAhead(state, key, best.conn);
    if (hole === undefined) state.gapWaits.delete(key);
    if (best === undefined) return;
    if (hole === undefined) request(state, key, best.conn, now, out);
    else if (awaitHolder(state, key, best.conn, now, out)) consider(state, key, now, out);
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
  const distance = plusCost(announced.distance, conn.tuning.cost);
  const feasible = state.feasible.get(key);
  if (feasible === undefined || announced.next > from || announced.distance === 0) {
    state.feasible.set(key, { next: announced.next, distance });
  } else if (distance < feasible.distance) {
    feasible.distance = distance;
  }
  updateDistance(state, key, out);
  const { stream, origin } = names;
  ask(state, conn, key, { id, stream, origin, from, to: 0, digests: [], staged: state.staged.get(key) }, out);
}

function change(state: MachineState, key: KeyId, to: Conn, now: number, out: Effect[]): void {
  const source = state.sources.get(key);
  if (source === undefined) return;
  if (isUnsent(state, source.requestId)) {
    dropSource(state, key, out);
    request(state, key, to, now, out);
    return;
  }
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

function fillOfRequest(
  state: MachineState,
  requestId: number,
): { readonly fill: Fill; readonly key: KeyId } | undefined {
  const key = state.requests.get(requestId)?.key;
  const fill = key === undefined ? undefined : state.fills.get(key);
  return key === undefined || fill?.requestId !== requestId ? undefined : { fill, key };
}
