import { Refuse_Reason } from "@landfall/proto/gen/landfall/v1/replication";
import { originId, streamName } from "../model/names.js";
import { announceAll, announceDue, announceNow, markUnsaid } from "./announcing.js";
import { onData, onGap, onSealed, sourceOfRequest } from "./arrivals.js";
import { consider, dropSource, passOver, request, updateDistance } from "./sources.js";
import { onDigested } from "./asking.js";
import { avoid, penalise } from "./candidates.js";
import { giveCredit } from "./credit.js";
import { CreditWindow } from "./credit-window.js";
import { considerFill, endFill, onFillApplied, passOverFill } from "./fills.js";
import {
  considerFork,
  dropSearches,
  FORKED_MS,
  lookAgain,
  onAgain,
  onAppendedAgain,
  onFork,
  onMatched,
  onOwnSettled,
  onProbed,
  onProbeRefused,
  onReincarnated,
  onSetAside,
  takeProbe,
} from "./forks.js";
import { holeFromWire } from "./gap-frames.js";
import { hear } from "./hearing.js";
import {
  DISTANCE_INFINITE,
  heldNext,
  internKey,
  isOfOwnSite,
  keyId,
  receivedNext,
  type Conn,
  type Effect,
  type Key,
  type KeyId,
  type MachineEvent,
  type MachineState,
} from "./machine-state.js";
import { considerLost, learnLost, notNoted } from "./lost.js";
import { releaseHeld } from "./payment.js";
import { onRights } from "./rights-change.js";
import { forgetUnused } from "./forgetting.js";
import { precedes } from "./peer-name.js";
import { hearShare, type ShareEvent } from "./share.js";
import { blockRead, compared, endServing, partRead, pump, serve, wait } from "./serving.js";
import { CREDIT_BYTES_MAX } from "./wire-limits.js";

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
  standStill(state, now);
  switch (event.type) {
    case "connected":
      onConnected(state, event, now, out);
      break;
    case "rights": {
      const conn = state.conns.get(event.conn);
      if (conn !== undefined) onRights(state, conn, now, out);
      break;
    }
    case "disconnected":
      dropConn(state, event.conn, now, out);
      break;
    case "message": {
      const conn = state.conns.get(event.conn);
      if (conn !== undefined) onMessage(state, conn, event.message, now, out);
      break;
    }
    case "data":
      if (!isProbeAnswer(state, event, now, out)) onData(state, event, now, out);
      break;
    case "sealed":
      onSealed(state, event, now, out);
      break;
    case "block": {
      const conn = state.conns.get(event.conn);
      if (conn !== undefined && blockRead(state, conn, event, out)) onFork(state, conn, event.key, now, out);
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
    case "staged": {
      const { stream, origin, run, blocks } = event;
      state.staged.set(internKey(state, stream, origin), { run: run.id, blocks, facts: run });
      break;
    }
    case "committed":
      onCommitted(state, internKey(state, event.stream, event.origin), event.nextSeq, now, out);
      break;
    case "applied":
      onApplied(state, event, now, out);
      break;
    case "digested":
      onDigested(state, event.requestId, event.digests, now, out);
      break;
    case "compared": {
      const conn = state.conns.get(event.conn);
      if (conn !== undefined && compared(conn, event, out)) onFork(state, conn, event.key, now, out);
      break;
    }
    case "matched":
      onMatched(state, event, now, out);
      break;
    case "holes":
      onHoles(state, event, now, out);
      break;
    case "unnoted":
      forgetReceived(state, event.key);
      notNoted(state, event.key);
      break;
    case "restored":
      state.doubted.add(event.origin);
      break;
    case "again":
      onAgain(state, event.key, now, out);
      break;
    case "reincarnated":
      onReincarnated(state, event, now, out);
      break;
    case "appendedAgain":
      onAppendedAgain(state, event, now, out);
      break;
    case "setAside":
      onSetAside(state, event, now, out);
      break;
    case "roundTrip":
      state.conns.get(event.conn)?.window.roundTrip(event.ms, now);
      break;
    case "funds": {
      const conn = state.conns.get(event.conn);
      if (conn !== undefined) pump(state, conn, out);
      break;
    }
    case "listened":
    case "sisterHere":
    case "sisterGone":
    case "claims":
    case "fillTurns":
    case "left":
    case "settled":
      onShare(state, event, now, out);
      break;
    case "tick":
      for (const key of state.keys.keys()) {
        considerFork(state, key, now, out);
        consider(state, key, now, out);
        considerFill(state, key, now, out);
      }
      for (const key of state.lost.keys()) considerLost(state, key, now, out);
      for (const conn of state.conns.values()) announceDue(state, conn, now, out);
      break;
  }
  return out;
}

/** What came while the process did not run is read only now: for so long, no peer was silent. */
function standStill(state: MachineState, now: number): void {
  const ms = now - state.steppedAt;
  state.steppedAt = now;
  // With a tick every 100 ms.
  if (ms < 1_000) return;
  for (const conn of state.conns.values()) if (ms > conn.tuning.claimMs / 4) conn.heardAt = now;
}

/** Who asks for what among the nodes of this site may have changed. */
function onShare(state: MachineState, event: ShareEvent, now: number, out: Effect[]): void {
  const keys = hearShare(state, event, out);
  if (event.type === "sisterGone" && event.node === state.self) letGo(state, now, out);
  if (event.type === "settled" && event.settling.why === "own")
    onOwnSettled(state, event.key, event.settling.claimed, now, out);
  for (const key of keys ?? state.keys.keys()) {
    if (!state.sources.has(key)) updateDistance(state, key, out);
    consider(state, key, now, out);
  }
}

/** Others ask for what this node has asked for: what still comes of it is not taken in, and what came may not count. */
function letGo(state: MachineState, now: number, out: Effect[]): void {
  for (const [key, source] of state.sources) {
    delete source.successor;
    passOver(state, key, now, out);
  }
  for (const key of state.fills.keys()) passOverFill(state, key, now, out);
  for (const key of state.received.keys())
    if (receivedNext(state, key) > heldNext(state, key)) forgetReceived(state, key);
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
    sister: event.sister,
    tuning: event.tuning,
    rights: event.rights,
    tellsGaps: event.tellsGaps,
    sealed: event.sealed,
    announced: new Map(),
    unheard: new Map(),
    hasMore: false,
    serving: new Map(),
    filling: new Map(),
    turn: [],
    window: new CreditWindow(event.tuning, event.roundTripMs),
    heardAt: now,
    toldWindow: 0,
    credit: 0,
    peerWindow: undefined,
    reading: false,
    purse: event.purse,
    held: 0,
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
  const conn = state.conns.get(id);
  if (conn === undefined) return;
  releaseHeld(conn);
  state.conns.delete(id);
  dropSearches(state, id, now);
  for (const [key, fill] of state.fills) if (fill.conn === id) endFill(state, key);
  for (const [key, source] of state.sources) {
    if (source.conn === id) {
      dropSource(state, key, out);
      consider(state, key, now, out);
    } else if (source.successor === id) {
      delete source.successor;
    }
  }
  forgetUnused(state, now);
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
        const names = { stream: streamName(holding.stream), origin: originId(holding.origin) };
        const { next, distance } = holding;
        if (!hear(state, conn, names, { next, distance, holes: holding.holes.map(holeFromWire) }, now, out)) break;
      }
      break;
    case "request": {
      const { id, stream, origin, from, to, digests, staged } = message.value;
      // What nobody has told of is not made known by asking for it.
      const key = keyId(streamName(stream), originId(origin));
      const refusal = refusalOf(state, conn, { stream, origin } as Key, from, to);
      if (refusal === undefined) {
        const range = { position: from, to: to > 0 ? to : Infinity };
        const begun = { prepared: undefined, waits: false, ...(staged === undefined ? {} : { staged }) };
        serve(state, conn, { id, key, ...range, digests, ...begun }, out);
        // Otherwise they are compared when there is something to send.
        if (digests.length > 0 && from >= heldNext(state, key)) {
          out.push({ type: "compare", conn: conn.id, requestId: id, key, digests });
        }
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
      const probe = takeProbe(state, conn.id, message.value.id);
      if (probe !== undefined) {
        if (probe.key !== undefined) onProbeRefused(state, conn, probe.key, message.value.reason, now, out);
        break;
      }
      const key = sourceOfRequest(state, conn.id, message.value.id);
      if (key === undefined) break;
      if (message.value.reason === Refuse_Reason.FORK) {
        onFork(state, conn, key, now, out);
        avoid(state, conn.peer, key, now + FORKED_MS);
      } else {
        // There is no such stream for this site: if there is one day, it will be announced again.
        if (message.value.reason === Refuse_Reason.NOT_FOUND) conn.announced.delete(key);
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
      if (message.value.hole !== undefined && !isProbed(state, conn, message.value.id, now, out))
        onGap(state, conn, message.value.id, message.value.hole, now, out);
      break;
    case "credit":
      conn.credit += message.value.bytes;
      if (conn.credit > CREDIT_BYTES_MAX) {
        const reason = `${conn.credit} bytes of credit; at most ${CREDIT_BYTES_MAX} can be out at one time`;
        out.push({ type: "close", conn: conn.id, reason, code: "PROTOCOL_ERROR" });
        break;
      }
      conn.peerWindow = message.value.window ?? conn.peerWindow;
      pump(state, conn, out);
      break;
  }
}

/** Why a request cannot be served, or undefined. */
function refusalOf(state: MachineState, conn: Conn, names: Key, from: number, to: number): Refuse_Reason | undefined {
  const key = keyId(names.stream, names.origin);
  const hasEnd = to > 0;
  const isProbe = to === from + 1 && conn.rights.mayBeProbed(names.stream, names.origin);
  if (!conn.rights.maySend(names.stream, names.origin) && !isProbe) return Refuse_Reason.NOT_FOUND;
  if (from > heldNext(state, key) || !state.keys.has(key)) return Refuse_Reason.BEHIND;
  const source = state.sources.get(key);
  if (!hasEnd && source?.conn === conn.id && source.state === "active") {
    // Both asked each other at the same time: who has less keeps asking; a tie goes by name.
    const mine = receivedNext(state, key);
    if (from > mine || (from === mine && precedes(conn.peer, state.self))) return Refuse_Reason.CROSSING;
  }
  return undefined;
}

/** Gaps were noted, were filled, or came from expiry; peers rank by them. */
function onHoles(
  state: MachineState,
  event: Extract<MachineEvent, { type: "holes" }>,
  now: number,
  out: Effect[],
): void {
  const key = internKey(state, event.stream, event.origin);
  const holes = event.holes.filter(({ from, reason }) => from < event.nextSeq && reason !== "superseded");
  state.holes.set(key, holes);
  onCommitted(state, key, event.nextSeq, now, out);
  learnLost(state, key, event.nextSeq, event.holes);
  for (const conn of state.conns.values()) markUnsaid(state, conn, key, "urgent");
}

function onCommitted(state: MachineState, key: KeyId, nextSeq: number, now: number, out: Effect[]): void {
  state.held.set(key, Math.max(heldNext(state, key), nextSeq));
  if ((state.received.get(key) ?? 0) < nextSeq) {
    state.received.set(key, nextSeq);
    state.staged.delete(key);
    // Where a hole that damage had left is closed, all behind it counts at once. (Nodes that share a log see it when data comes.)
    if (state.share === undefined) passOver(state, key, now, out);
  }
  lookAgain(state, key);
  for (const conn of state.conns.values()) {
    if (conn.serving.has(key)) {
      pump(state, conn, out);
      continue; // Its data is announcement enough (rule 13).
    }
    const announced = conn.announced.get(key);
    const waits = announced === undefined || announced.distance >= DISTANCE_INFINITE;
    // A sister's acknowledgements may wait for it, or its sensors come here next.
    const isAwaited = conn.sister && isOfOwnSite(state, key);
    if (isAwaited || (waits && !conn.told.has(key))) announceNow(state, conn, [key], out);
    else markUnsaid(state, conn, key, waits ? "urgent" : "coalesced");
  }
}

/** What came of a key and is not on disk is lost: it is asked for anew. */
function forgetReceived(state: MachineState, key: KeyId): void {
  state.received.set(key, heldNext(state, key));
  state.staged.delete(key);
}

function onApplied(
  state: MachineState,
  event: Extract<MachineEvent, { type: "applied" }>,
  now: number,
  out: Effect[],
): void {
  const conn = state.conns.get(event.conn);
  if (event.fill) onFillApplied(state, event.key);
  if (event.standsAgain === true && conn !== undefined) avoid(state, conn.peer, event.key, now + FORKED_MS);
  if (event.isRefused === true) {
    // The sender was told to stop when rules changed; what followed is not taken either, and comes again if it may.
    if (!event.fill) forgetReceived(state, event.key);
    if (conn !== undefined) giveCredit(conn, conn.window.dropped(event.bytes), out);
    return;
  }
  if (event.ok) {
    if (conn !== undefined) giveCredit(conn, conn.window.committed(event.bytes, event.tookMs, now), out);
    return;
  }
  // What followed the failed block is lost with it: begin again from what is on disk, and only later.
  if (!event.fill) forgetReceived(state, event.key);
  if (conn === undefined) return;
  penalise(state, conn.peer, event.key, now);
  const reason = event.fault === undefined ? `could not store ${event.key}` : `${event.key}: ${event.fault.message}`;
  out.push({ type: "close", conn: conn.id, reason, ...(event.fault !== undefined && { code: event.fault.code }) });
  dropConn(state, conn.id, now, out);
}

/** Whether a record was asked for only to see whether the peer holds the same history; it is here already. */
function isProbeAnswer(
  state: MachineState,
  event: Extract<MachineEvent, { type: "data" }>,
  now: number,
  out: Effect[],
): boolean {
  const conn = state.conns.get(event.conn);
  if (conn === undefined || !isProbed(state, conn, event.requestId, now, out, event.payload)) return false;
  conn.window.took(event.bytes);
  giveCredit(conn, conn.window.committed(event.bytes, 0, now), out);
  return true;
}

function isProbed(
  state: MachineState,
  conn: Conn,
  requestId: number,
  now: number,
  out: Effect[],
  shown?: unknown,
): boolean {
  const probe = takeProbe(state, conn.id, requestId);
  if (probe?.key !== undefined) onProbed(state, probe.key, true, now, out, shown);
  return probe !== undefined;
}
