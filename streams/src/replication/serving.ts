import { Refuse_Reason, type Sealed } from "@landfall/proto/gen/landfall/v1/replication";
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
  if (!conn.serving.has(serving.key)) conn.turn.push(serving.key);
  conn.serving.set(serving.key, serving);
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
  const key = mostUrgent(state, conn);
  const serving = key === undefined ? undefined : conn.serving.get(key);
  const names = key === undefined ? undefined : state.keys.get(key);
  if (key === undefined || serving === undefined || names === undefined) return;
  conn.turn = [...conn.turn.filter((other) => other !== key), key];
  conn.reading = true;
  out.push({
    type: "read",
    conn: conn.id,
    requestId: serving.id,
    key,
    stream: names.stream,
    origin: names.origin,
    from: serving.position,
    maxBytes: blockBytes,
    sealed: conn.sealed,
    staged: serving.staged,
  });
}

/** A narrow window is filled with several blocks, so that what is urgent need not wait for all of it. */
function blockBytesFor({ tuning, peerWindow }: Conn): number {
  return peerWindow === undefined ? tuning.blockBytes : Math.min(tuning.blockBytes, Math.ceil(peerWindow / 4));
}

/** Sends a block that was read, unless its request was stopped meanwhile. */
export function blockRead(
  state: MachineState,
  conn: Conn,
  event: Extract<MachineEvent, { type: "block" }>,
  out: Effect[],
): void {
  conn.reading = false;
  const serving = conn.serving.get(event.key);
  if (serving?.id === event.requestId && event.count === 0) {
    // It cannot be read (a damaged block): the receiver is to ask somebody else.
    conn.serving.delete(event.key);
    conn.turn = conn.turn.filter((other) => other !== event.key);
    const value = { id: serving.id, reason: Refuse_Reason.BEHIND };
    out.push({ type: "send", conn: conn.id, message: { $case: "refuse", value } });
  } else if (serving?.id === event.requestId && serving.position === event.firstSeq) {
    serving.position += event.count;
    delete serving.staged;
    conn.credit -= event.block.byteLength;
    const { firstSeq, count, block } = event;
    out.push({
      type: "send",
      conn: conn.id,
      message: { $case: "data", value: { id: serving.id, firstSeq, count, block } },
    });
  }
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
  if (serving?.id === event.requestId && serving.position === run.from) {
    if (next < run.blocks) {
      serving.staged = { run: run.id, blocks: next };
    } else {
      serving.position = run.to;
      delete serving.staged;
    }
    conn.credit -= bytes.byteLength;
    out.push({ type: "send", conn: conn.id, message: { $case: "sealed", value: sealedFrame(serving.id, event) } });
  }
  pump(state, conn, out);
}

function sealedFrame(id: number, { run, first, next, bytes }: Extract<MachineEvent, { type: "part" }>): Sealed {
  const { id: name, from, to, count, blocks, bytes: runBytes, rawBytes, packed } = run;
  return { id, run: name, from, to, count, blocks, runBytes, rawBytes, packed, first, next, bytes };
}

function mostUrgent(state: MachineState, conn: Conn): KeyId | undefined {
  let best: KeyId | undefined;
  let bestRank = Infinity;
  for (const key of conn.turn) {
    const serving = conn.serving.get(key);
    if (serving === undefined || serving.position >= heldNext(state, key)) continue;
    const rank = urgency(state.keys.get(key)?.stream ?? "");
    if (rank < bestRank) {
      best = key;
      bestRank = rank;
    }
  }
  return best;
}

/** R7: alerts, then what steers (settings) and positions, then the rest. Between streams only; within one, order is seq. */
export function urgency(stream: string): number {
  if (stream.endsWith(".alerts")) return 0;
  if (stream.endsWith(".settings")) return 1;
  if (stream.endsWith(".ships") || stream.endsWith(".latest")) return 2;
  return 3;
}
