import { Refuse_Reason, type Sealed } from "@landfall/proto/gen/landfall/v1/replication";
import { holeAt, isFillable, type Hole } from "../model/gap.js";
import { holeToWire } from "./gap-frames.js";
import { holdFor, isAffordable, pay, releaseHeld } from "./payment.js";
import {
  heldNext,
  type Conn,
  type Effect,
  type KeyId,
  type MachineEvent,
  type MachineState,
  type Serving,
} from "./machine-state.js";

/** Takes a standing request; a newer one for the same key replaces the older. */
export function serve(state: MachineState, conn: Conn, serving: Serving, out: Effect[]): void {
  if (Number.isFinite(serving.to)) {
    conn.filling.set(serving.key, serving);
  } else {
    if (!conn.serving.has(serving.key)) conn.turn.push(serving.key);
    conn.serving.set(serving.key, serving);
  }
  pump(state, conn, out);
}

/**
 * Starts reading the next block for a connection, if credit and data are there. One block at a time is read for
 * each connection: that bounds memory and lets a more urgent stream in after every block. Among keys of the
 * same urgency each gets its turn.
 */
export function pump(state: MachineState, conn: Conn, out: Effect[]): void {
  const blockBytes = blockBytesFor(conn);
  // Not for crumbs of credit: a block is sent when there is room for at least half of one.
  if (conn.reading || conn.credit < blockBytes / 2) return;
  const serving = mostUrgent(state, conn, blockBytes);
  const names = serving === undefined ? undefined : state.keys.get(serving.key);
  if (serving === undefined || names === undefined) return;
  if (isUnsure(state, serving)) {
    refuse(conn, serving, Refuse_Reason.BEHIND, out);
    pump(state, conn, out);
    return;
  }
  if (!holdFor(state, conn, serving, blockBytes)) return;
  const { key } = serving;
  if (conn.serving.get(key) === serving) conn.turn = [...conn.turn.filter((other) => other !== key), key];
  conn.reading = true;
  out.push({
    type: "read",
    conn: conn.id,
    requestId: serving.id,
    key,
    stream: names.stream,
    origin: names.origin,
    from: serving.position,
    to: serving.to,
    // What is under way when a link is cut is sent again: no more than the peer gave credit for, but for a single large record.
    maxBytes: Math.min(blockBytes, conn.credit),
    digests: serving.digests,
    sealed: conn.sealed && !Number.isFinite(serving.to),
    staged: serving.staged,
    isFirst: serving.prepared === undefined,
    prepare: serving.prepared !== serving.position,
  });
  serving.prepared = serving.position;
}

/**
 * The peer holds a record that is lacking here and may still come, right before what it asks for. Only then can be told
 * whether both hold the same history; until then it is asked to look elsewhere.
 */
function isUnsure(state: MachineState, { key, position, digests }: Serving): boolean {
  const holes = state.holes.get(key);
  if (digests.length === 0 || holes === undefined || holeAt(holes, position) !== undefined) return false;
  return digests.some(({ from }) => {
    const hole = holeAt(holes, from);
    return hole !== undefined && isFillable(hole.reason);
  });
}

/** A narrow window is filled with several blocks, so that what is urgent need not wait for all of it. */
function blockBytesFor({ tuning, peerWindow }: Conn): number {
  return peerWindow === undefined ? tuning.blockBytes : Math.min(tuning.blockBytes, Math.ceil(peerWindow / 4));
}

/**
 * Sends what was read, or why nothing can be, unless its request was stopped meanwhile. Returns whether the peer turned out
 * to hold another history.
 */
export function blockRead(
  state: MachineState,
  conn: Conn,
  event: Extract<MachineEvent, { type: "block" }>,
  out: Effect[],
): boolean {
  conn.reading = false;
  let isFork = false;
  const serving = servingOf(conn, event.key, event.requestId);
  if (
    serving?.position === event.firstSeq &&
    (event.count === 0 || pay(state, conn, serving, event.block.byteLength))
  ) {
    serving.digests = [];
    if (event.isFork === true) {
      refuse(conn, serving, Refuse_Reason.FORK, out);
      isFork = true;
    } else if (event.count === 0) {
      sendHole(conn, serving, event.hole, out);
    } else {
      const { firstSeq, count, block } = event;
      serving.position += count;
      delete serving.staged;
      if (serving.position >= serving.to) conn.filling.delete(serving.key);
      conn.credit -= block.byteLength;
      const value = { id: serving.id, firstSeq, count, block, rawBytes: 0 };
      out.push({ type: "send", conn: conn.id, message: { $case: "data", value } });
    }
  }
  releaseHeld(conn);
  pump(state, conn, out);
  return isFork;
}

/** Refuses who holds another history; returns whether it does. */
export function compared(
  conn: Conn,
  { key, requestId, isFork }: Extract<MachineEvent, { type: "compared" }>,
  out: Effect[],
): boolean {
  const serving = servingOf(conn, key, requestId);
  if (serving === undefined || !isFork) return false;
  refuse(conn, serving, Refuse_Reason.FORK, out);
  return true;
}

/** What one request waits for holds up no other. */
export function wait(
  state: MachineState,
  conn: Conn,
  { type, key, requestId }: Extract<MachineEvent, { type: "preparing" | "prepared" }>,
  out: Effect[],
): void {
  const serving = conn.serving.get(key);
  if (type === "preparing") {
    conn.reading = false;
    releaseHeld(conn);
  }
  if (serving?.id === requestId) serving.waits = type === "preparing";
  pump(state, conn, out);
}

/** Sends blocks of a sealed run that were read, unless its request was stopped meanwhile. */
export function partRead(
  state: MachineState,
  conn: Conn,
  event: Extract<MachineEvent, { type: "part" }>,
  out: Effect[],
): void {
  conn.reading = false;
  const serving = conn.serving.get(event.key);
  const { run, next, bytes } = event;
  const isNext = serving?.id === event.requestId && serving.position === run.from;
  if (isNext && pay(state, conn, serving, bytes.byteLength)) {
    serving.digests = [];
    if (next < run.blocks) {
      serving.staged = { run: run.id, blocks: next };
    } else {
      serving.position = run.to;
      serving.prepared = undefined;
      delete serving.staged;
    }
    conn.credit -= bytes.byteLength;
    out.push({ type: "send", conn: conn.id, message: { $case: "sealed", value: sealedFrame(serving.id, event) } });
  }
  releaseHeld(conn);
  pump(state, conn, out);
}

function sealedFrame(id: number, { run, first, next, bytes }: Extract<MachineEvent, { type: "part" }>): Sealed {
  const { id: name, from, to, count, blocks, bytes: runBytes, rawBytes, packed } = run;
  return { id, run: name, from, to, count, blocks, runBytes, rawBytes, packed, first, next, bytes };
}

/** Forgets a request of the peer, which may be long gone. */
export function endServing(conn: Conn, id: number): void {
  for (const [key, serving] of conn.filling) if (serving.id === id) conn.filling.delete(key);
  for (const [key, serving] of conn.serving) {
    if (serving.id !== id) continue;
    conn.serving.delete(key);
    conn.turn = conn.turn.filter((other) => other !== key);
  }
}

/** A request ends at a hole (rule 7); but over what was superseded everywhere it goes on. */
function sendHole(conn: Conn, serving: Serving, hole: Hole | undefined, out: Effect[]): void {
  if (hole === undefined || !conn.tellsGaps) {
    // The receiver is to ask somebody else.
    refuse(conn, serving, Refuse_Reason.BEHIND, out);
    return;
  }
  if (hole.reason === "superseded" && conn.serving.get(serving.key) === serving) serving.position = hole.to;
  else endServing(conn, serving.id);
  out.push({
    type: "send",
    conn: conn.id,
    message: { $case: "gap", value: { id: serving.id, hole: holeToWire(hole) } },
  });
}

function refuse(conn: Conn, { id }: Serving, reason: Refuse_Reason, out: Effect[]): void {
  endServing(conn, id);
  out.push({ type: "send", conn: conn.id, message: { $case: "refuse", value: { id, reason } } });
}

function servingOf(conn: Conn, key: KeyId, requestId: number): Serving | undefined {
  return [conn.serving.get(key), conn.filling.get(key)].find((serving) => serving?.id === requestId);
}

/** Standing requests go first, what fills old gaps goes behind those of the same urgency. What a budget does not cover waits. */
function mostUrgent(state: MachineState, conn: Conn, blockBytes: number): Serving | undefined {
  let best: Serving | undefined;
  let bestRank = Infinity;
  const look = (serving: Serving | undefined, later: number): void => {
    if (serving === undefined || serving.waits || serving.position >= heldNext(state, serving.key)) return;
    const stream = state.keys.get(serving.key)?.stream;
    const rank = stream === undefined ? Infinity : conn.rights.urgency(stream) + later;
    if (rank >= bestRank || !isAffordable(state, conn, serving, blockBytes)) return;
    best = serving;
    bestRank = rank;
  };
  for (const key of conn.turn) look(conn.serving.get(key), 0);
  for (const serving of conn.filling.values()) look(serving, 0.5);
  return best;
}
