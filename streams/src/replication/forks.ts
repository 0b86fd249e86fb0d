import { Refuse_Reason } from "@landfall/proto/gen/landfall/v1/replication";
import { holeAt } from "../model/gap.js";
import type { OriginId } from "../model/names.js";
import { nodeOfOrigin } from "../model/names.js";
import { announceNow } from "./announcing.js";
import { askWith } from "./asking.js";
import { avoid, forgiveAll, isPenalised, penalise } from "./candidates.js";
import { endServing } from "./serving.js";
import { consider } from "./sources.js";
import { announcedBy, claimOf, isAwaited, mayShow, witnessOf } from "./witnesses.js";
import {
  heldNext,
  isOfThisNode,
  isOwn,
  keyId,
  type Conn,
  type Effect,
  type Fork,
  type KeyId,
  type MachineEvent,
  type MachineState,
  type Mend,
} from "./machine-state.js";

/** A fork that nobody here can mend: its peer is asked again only to notice when somebody else has. */
export const FORKED_MS = 60_000;
/** Records of a later origin came: whether the fork can be mended now is looked at after so long, and then twice as long. */
const LOOK_AGAIN_MS = 1_000;
/** How often a peer that claims more of what this node writes is asked before the node goes on under another origin. */
const SILENT_TRIES = 4;

/**
 * What is done when two histories of one origin meet (docs/adr/0017-restored-nodes.md). The node whose origin it is looks
 * for where they part, takes a new origin if it still appends under this one, and appends again, under an origin of their
 * own, the records to which it gave numbers that others had. Whoever holds these records in both places gives up the
 * former one, which is a gap then, and filled by those who hold the other history.
 */
export function onFork(state: MachineState, conn: Conn, key: KeyId, now: number, out: Effect[]): void {
  out.push({ type: "fork", conn: conn.id, key });
  const known = state.forks.get(key);
  if (known !== undefined && known.conn >= 0 && (known.dueAt <= now || state.mends.has(key))) return;
  state.forks.set(key, { isShown: true, conn: conn.id, dueAt: now, lookedAt: now, tries: 0 });
}

/** A peer says how much it holds of what this node wrote: more than the node itself, it may be. */
export function hearClaim(state: MachineState, conn: Conn, key: KeyId, now: number, out: Effect[]): void {
  const next = claimOf(state, conn, key);
  if (next === 0 || state.mends.has(key)) return;
  const known = state.forks.get(key);
  // While it is looked into, only somebody who may show more is a reason to begin anew.
  const isNews = known?.conn !== conn.id && mayShow(state, key, conn) && !isPenalised(state, conn.peer, key, now);
  if (known !== undefined && state.conns.has(known.conn) && (known.isShown || !isNews)) return;
  if (isOwn(state, key)) {
    // Under its present origin nothing was ever written but by this very process.
    if (state.share !== undefined) onOwnClaim(state, conn, key, now, out);
    else if (state.isReborn) refute(state, conn, key, next, out);
    else state.forks.set(key, { isShown: false, conn: conn.id, dueAt: now, lookedAt: now, tries: 0 });
    return;
  }
  const names = state.keys.get(key);
  const isWritten = heldNext(state, key) > 0 && !state.again.has(key);
  if (names === undefined || !isWritten) return;
  // What it asks for anyway it compares anyway.
  if (next > heldNext(state, key) && conn.rights.mayRequest(names.stream, names.origin)) return;
  state.forks.set(key, { isShown: false, conn: conn.id, dueAt: now, lookedAt: now, tries: 0 });
}

/** Looked into one after the other. */
function onOwnClaim(state: MachineState, conn: Conn, key: KeyId, now: number, out: Effect[]): void {
  const known = state.forks.get(key);
  const isOpen = known !== undefined && (known.isShown || state.conns.has(known.conn));
  if (!isOpen) awaitOwn(state, conn, key, now, out);
}

/** Other nodes of this site may have read from the log, and told others of, what this one has written and not read itself yet. */
function awaitOwn(state: MachineState, conn: Conn, key: KeyId, now: number, out: Effect[]): void {
  const names = state.keys.get(key);
  const claimed = announcedBy(conn, key);
  if (names === undefined || claimed <= heldNext(state, key)) {
    endMend(state, key, now, out);
    return;
  }
  const tries = state.forks.get(key)?.tries ?? 0;
  // Where the log cannot be read, it is tried again then.
  state.forks.set(key, { isShown: false, conn: conn.id, dueAt: now + FORKED_MS, lookedAt: now, tries });
  out.push({ type: "settle", key, ...names, settling: { why: "own", claimed } });
}

/**
 * All of this node's own records that were in the site's log is here.
 * @param claimed what a peer had said of it before the log was read to its end
 */
export function onOwnSettled(state: MachineState, key: KeyId, claimed: number, now: number, out: Effect[]): void {
  const fork = state.forks.get(key);
  if (fork === undefined || fork.isShown || !isOwn(state, key) || state.mends.has(key)) return;
  const conn = state.conns.get(fork.conn);
  if (claimed > heldNext(state, key)) {
    if (!state.isReborn) begin(state, key, fork.conn, now, out);
    else if (conn !== undefined) refute(state, conn, key, claimed, out);
    return;
  }
  // What was written meanwhile is in the log, too.
  endMend(state, key, now, out);
}

/** Goes on with what is due. */
export function considerFork(state: MachineState, key: KeyId, now: number, out: Effect[]): void {
  const mend = state.mends.get(key);
  if (mend?.step === "search") {
    const conn = state.conns.get(mend.conn);
    if (conn !== undefined && now - mend.heardAt <= conn.tuning.stallMs) return;
    if (conn !== undefined) penalise(state, conn.peer, key, now);
    giveUp(state, key, now);
    return;
  }
  const fork = state.forks.get(key);
  if (mend !== undefined || fork === undefined || fork.dueAt > now) return;
  const conn = state.conns.get(fork.conn);
  const isClaim = isAwaited(state, key) && !fork.isShown;
  if (isClaim && conn !== undefined) awaitOwn(state, conn, key, now, out);
  else if (isClaim) endMend(state, key, now, out);
  else begin(state, key, fork.conn, now, out);
}

/** Records came under another origin of a node: those of its former ones may stand again among them. */
export function lookAgain(state: MachineState, key: KeyId): void {
  const names = state.keys.get(key);
  const all = names === undefined ? undefined : state.byNode.get(keyId(names.stream, nodeOfOrigin(names.origin)));
  if (all === undefined || all.length < 2) return;
  for (const other of all) {
    const fork = state.forks.get(other);
    // What this node has written is searched for first.
    const isUnsearched = isOfThisNode(state, other) && !state.again.has(other);
    if (other === key || isOwn(state, other) || heldNext(state, other) === 0) continue;
    if (fork?.dueAt === Infinity) fork.dueAt = fork.lookedAt + waitOf(fork);
    else if (fork === undefined && !isUnsearched)
      state.forks.set(other, { isShown: false, conn: -1, dueAt: 0, lookedAt: 0, tries: 0 });
  }
}

/**
 * The answer to the question whether the peer holds the same history up to where the search stands.
 * @param shown the record that it holds there, as it arrived
 */
export function onProbed(
  state: MachineState,
  key: KeyId,
  isSame: boolean,
  now: number,
  out: Effect[],
  shown?: unknown,
): void {
  const mend = state.mends.get(key);
  if (mend?.step !== "search") return;
  if (isSame) Object.assign(mend, { low: mend.at, shown });
  else Object.assign(mend, { high: mend.at - 1, isRefused: true });
  if (mend.low < mend.high) probe(state, key, mend, Math.ceil((mend.low + mend.high) / 2), now, out);
  // What the peer holds there must have been seen: a claim alone makes nobody give up what he wrote.
  else if (!isSame && mend.low === 0 && mend.at > 0) probe(state, key, mend, 0, now, out);
  else onFound(state, key, mend, now, out);
}

/** What the peer has shown there stands here, too, or it does not. */
export function onMatched(
  state: MachineState,
  { key, isSame, isUnread }: Extract<MachineEvent, { type: "matched" }>,
  now: number,
  out: Effect[],
): void {
  const mend = state.mends.get(key);
  if (mend?.step !== "match") return;
  const next = announcedBy(state.conns.get(mend.conn), key);
  if (isUnread === true) giveUp(state, key, now);
  // Without another record shown, whatever the peer said is no reason to give up anything.
  else if (isSame === false || (isSame === undefined && mend.isRefused === true)) onParted(state, key, mend, now, out);
  // It has said so of what follows, or both have gone on meanwhile.
  else if (mend.isRefused === true || next > mend.low + 1) giveUp(state, key, now);
  // All that the peer holds is here; of what one of them does not hold any more nobody can tell.
  else endSame(state, key, mend, now, out);
}

/** The peer has nothing to show for what it announced. */
export function onProbeRefused(
  state: MachineState,
  conn: Conn,
  key: KeyId,
  reason: Refuse_Reason,
  now: number,
  out: Effect[],
): void {
  const mend = state.mends.get(key);
  if (mend?.step !== "search") return;
  if (reason === Refuse_Reason.FORK && mend.at > 0) {
    onProbed(state, key, false, now, out);
    return;
  }
  const { next = 0, holes = [] } = conn.announced.get(key) ?? {};
  // Without the record before it, it cannot tell whose history this is.
  const isUnsure = reason === Refuse_Reason.BEHIND && holeAt(holes, mend.at - 1) !== undefined;
  if (reason === Refuse_Reason.NOT_FOUND || isUnsure) {
    avoid(state, conn.peer, key, now + FORKED_MS);
    if (isOwn(state, key)) {
      leaveUnseen(state, key, mend, out);
      return;
    }
  }
  giveUp(state, key, now);
  if (reason !== Refuse_Reason.BEHIND || isUnsure) return;
  if (next > heldNext(state, key)) refute(state, conn, key, next, out);
  else state.refuted.set(`${conn.peer} ${key}`, next);
  endMend(state, key, now, out);
}

export function onReincarnated(
  state: MachineState,
  { key, own }: Extract<MachineEvent, { type: "reincarnated" }>,
  now: number,
  out: Effect[],
): void {
  const mend = state.mends.get(key);
  if (own === undefined) {
    giveUp(state, key, now);
    return;
  }
  if (own !== state.own) becomeAnother(state, own, now, out);
  if (mend?.step !== "reincarnate") return;
  if (mend.isUnseen === true) endMend(state, key, now, out);
  else appendFrom(state, key, mend, now, out);
}

export function onAppendedAgain(
  state: MachineState,
  { key, ok }: Extract<MachineEvent, { type: "appendedAgain" }>,
  now: number,
  out: Effect[],
): void {
  const mend = state.mends.get(key);
  if (mend?.step !== "append") return;
  if (!ok) {
    giveUp(state, key, now);
    return;
  }
  state.again.add(key);
  mend.step = "set-aside";
  out.push({ type: "setAside", key, isForked: true });
}

export function onSetAside(
  state: MachineState,
  { key, part }: Extract<MachineEvent, { type: "setAside" }>,
  now: number,
  out: Effect[],
): void {
  const fork = state.forks.get(key);
  state.mends.delete(key);
  if (part === undefined) {
    if (fork !== undefined) {
      fork.dueAt = Infinity;
      fork.lookedAt = now;
      fork.tries++;
    }
    consider(state, key, now, out);
    return;
  }
  // There may be more.
  if (fork !== undefined) Object.assign(fork, { conn: -1, dueAt: now + LOOK_AGAIN_MS, lookedAt: now, tries: 0 });
  forgiveAll(state, key);
  for (const conn of state.conns.values()) refuseThere(state, conn, key, part, now, out);
  consider(state, key, now, out);
}

/** Records that this node appended in a former life stand again, or are about to: finishes what a stop has cut short. */
export function onAgain(state: MachineState, key: KeyId, now: number, out: Effect[]): void {
  state.mends.set(key, { step: "append", conn: -1, requestId: 0, at: 0, low: 0, high: 0, heardAt: now });
  out.push({ type: "appendAgain", key, from: 0 });
}

/** Whether this is the answer to a request for a single record; `undefined` for the key when nobody waits for it any more. */
export function takeProbe(
  state: MachineState,
  conn: number,
  requestId: number,
): { readonly key: KeyId | undefined } | undefined {
  if (state.probes.get(requestId) !== conn) return undefined;
  const key = state.requests.get(requestId)?.key;
  forgetProbe(state, requestId);
  return { key: key !== undefined && state.mends.get(key)?.requestId === requestId ? key : undefined };
}

function forgetProbe(state: MachineState, requestId: number): void {
  state.probes.delete(requestId);
  state.requests.delete(requestId);
}

/** Searches over this connection are over. */
export function dropSearches(state: MachineState, conn: number, now: number): void {
  for (const [id, over] of state.probes) if (over === conn) forgetProbe(state, id);
  for (const [key, mend] of state.mends) {
    if (mend.conn !== conn || mend.step !== "search") continue;
    giveUp(state, key, now);
  }
}

function begin(state: MachineState, key: KeyId, id: number, now: number, out: Effect[]): void {
  const names = state.keys.get(key);
  const mend: Mend = { step: "set-aside", conn: id, requestId: 0, at: 0, low: 0, high: 0, heardAt: now };
  const held = heldNext(state, key);
  const isWritten = held > 0 || isOwn(state, key);
  if (names === undefined || !isOfThisNode(state, key) || state.again.has(key) || !isWritten) {
    state.mends.set(key, mend);
    out.push({ type: "setAside", key, isForked: id >= 0 });
    return;
  }
  const conn = witnessOf(state, key, id, now);
  const next = announcedBy(conn, key);
  const canShow = conn !== undefined && mayShow(state, key, conn);
  if (conn === undefined || next === 0 || (!canShow && !isOwn(state, key))) {
    // Whoever claims it later says so. What was shown is looked into again.
    if (state.forks.get(key)?.isShown === true) giveUp(state, key, now);
    else if (isAwaited(state, key)) endMend(state, key, now, out);
    else state.forks.delete(key);
    return;
  }
  const search: Mend = { ...mend, step: "search", conn: conn.id, high: Math.min(held, next - 1) };
  state.mends.set(key, search);
  // Who is silent again and again does not keep this node from a new origin: where histories part may be seen later, too.
  const isSilent = isOwn(state, key) && (state.forks.get(key)?.tries ?? 0) >= SILENT_TRIES;
  if (canShow && !isSilent) probe(state, key, search, search.high, now, out);
  else leaveUnseen(state, key, search, out);
}

function probe(state: MachineState, key: KeyId, mend: Mend, at: number, now: number, out: Effect[]): void {
  const names = state.keys.get(key);
  const conn = state.conns.get(mend.conn);
  if (names === undefined || conn === undefined) {
    giveUp(state, key, now);
    return;
  }
  mend.at = at;
  mend.heardAt = now;
  mend.requestId = state.nextRequestId++;
  state.probes.set(mend.requestId, conn.id);
  const { stream, origin } = names;
  const value = { id: mend.requestId, stream, origin, from: at, to: at + 1, digests: [], staged: undefined };
  askWith(state, conn, key, value, [at - 1], out);
}

/** It may not show it, over this link; but numbers must not be given twice meanwhile. Where histories part others may show. */
function leaveUnseen(state: MachineState, key: KeyId, mend: Mend, out: Effect[]): void {
  mend.isUnseen = true;
  reincarnate(state, key, mend, out);
}

function reincarnate(state: MachineState, key: KeyId, mend: Mend, out: Effect[]): void {
  mend.step = "reincarnate";
  const next = announcedBy(state.conns.get(mend.conn), key);
  out.push({ type: "reincarnate", conn: mend.conn, key, next });
}

/** Both histories are the same up to `low`, and the peer's goes on there: with the same record, it may be, if that was its last. */
function onFound(state: MachineState, key: KeyId, mend: Mend, now: number, out: Effect[]): void {
  if (mend.low >= heldNext(state, key)) {
    onParted(state, key, mend, now, out);
    return;
  }
  mend.step = "match";
  out.push({ type: "match", key, seq: mend.low, payload: mend.shown });
}

/** Both histories are the same up to `low`, and the peer's goes on with another record. */
function onParted(state: MachineState, key: KeyId, mend: Mend, now: number, out: Effect[]): void {
  if (isOwn(state, key)) reincarnate(state, key, mend, out);
  else appendFrom(state, key, mend, now, out);
}

function appendFrom(state: MachineState, key: KeyId, mend: Mend, now: number, out: Effect[]): void {
  if (mend.low < heldNext(state, key)) {
    mend.step = "append";
    out.push({ type: "appendAgain", key, from: mend.low });
    return;
  }
  endSame(state, key, mend, now, out);
}

/** What is here is what the peer holds, too; at most it has more. */
function endSame(state: MachineState, key: KeyId, mend: Mend, now: number, out: Effect[]): void {
  const peer = state.conns.get(mend.conn)?.peer;
  const next = announcedBy(state.conns.get(mend.conn), key);
  if (peer !== undefined) state.refuted.set(`${peer} ${key}`, next);
  forgiveAll(state, key);
  endMend(state, key, now, out);
}

/** Nothing is left to be done, but for what others have claimed meanwhile. */
function endMend(state: MachineState, key: KeyId, now: number, out: Effect[]): void {
  state.mends.delete(key);
  state.forks.delete(key);
  hearClaims(state, key, now, out);
}

/** What was said before it counted. */
function hearClaims(state: MachineState, key: KeyId, now: number, out: Effect[]): void {
  for (const conn of state.conns.values()) {
    hearClaim(state, conn, key, now, out);
    if (state.forks.has(key)) return;
  }
}

/** The former origin is like any other from now on. */
function becomeAnother(state: MachineState, own: OriginId, now: number, out: Effect[]): void {
  const former = state.own;
  state.own = own;
  state.isReborn = true;
  state.doubted.add(former);
  const keys = [...state.keys].filter(([, { origin }]) => origin === former).map(([key]) => key);
  for (const conn of state.conns.values()) announceNow(state, conn, keys, out);
  for (const key of keys) {
    hearClaims(state, key, now, out);
    consider(state, key, now, out);
  }
}

/** A peer whose next record is one of these, or the one behind them, has received what is not here any more. */
function refuseThere(
  state: MachineState,
  conn: Conn,
  key: KeyId,
  { from, to }: { from: number; to: number },
  now: number,
  out: Effect[],
): void {
  for (const serving of [conn.serving.get(key), conn.filling.get(key)]) {
    if (serving === undefined || serving.position <= from || serving.position > to) continue;
    endServing(conn, serving.id);
    const value = { id: serving.id, reason: Refuse_Reason.FORK };
    out.push({ type: "send", conn: conn.id, message: { $case: "refuse", value } });
    avoid(state, conn.peer, key, now + FORKED_MS);
  }
}

function refute(state: MachineState, conn: Conn, key: KeyId, next: number, out: Effect[]): void {
  state.forks.delete(key);
  state.refuted.set(`${conn.peer} ${key}`, next);
  out.push({ type: "refuted", conn: conn.id, key, next });
}

/** It is tried again after a while. */
function giveUp(state: MachineState, key: KeyId, now: number): void {
  state.mends.delete(key);
  const fork = state.forks.get(key);
  if (fork === undefined) return;
  fork.dueAt = now + waitOf(fork);
  fork.lookedAt = now;
  fork.tries++;
}

function waitOf({ tries }: Fork): number {
  return Math.min(FORKED_MS, LOOK_AGAIN_MS * 2 ** tries);
}
