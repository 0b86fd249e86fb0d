import { announceNow, markUnsaid } from "./announcing.js";
import { ask, isUnsent } from "./asking.js";
import { bestSource, penalise } from "./candidates.js";
import { awaitHolder, holeAhead } from "./gap-waits.js";
import { hasTurn, keepsTurn, sharedDistance, standDown } from "./share.js";
import {
  DISTANCE_INFINITE,
  distanceOf,
  isOwn,
  lostAt,
  plusCost,
  receivedNext,
  type Conn,
  type Effect,
  type KeyId,
  type MachineState,
  type Source,
  type Staged,
} from "./machine-state.js";

/** Looks whether a key has the source it should have, and does what is needed. */
export function consider(state: MachineState, key: KeyId, now: number, out: Effect[]): void {
  if (isOwn(state, key)) return;
  // While a fork is mended, only what it waits for goes on.
  const isMending = state.mends.has(key);
  const source = state.sources.get(key);
  if (source === undefined) {
    if (isMending || state.lost.get(key)?.isNoted === true) return;
    const best = bestSource(state, key, now);
    const hole = best === undefined ? undefined : holeAhead(state, key, best.conn);
    if (hole === undefined) state.gapWaits.delete(key);
    if (best === undefined) {
      standDown(state, key, out);
      return;
    }
    // Nobody writes to a former origin any more: who is not ahead has nothing to send.
    if (!best.ahead && lostAt(state, key) !== undefined) return;
    if (!hasTurn(state, key, best, now, out)) return;
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
  if (isMending) return;
  const current = plusCost(conn.announced.get(key)?.distance ?? DISTANCE_INFINITE, conn.tuning.cost);
  const silentMs = now - source.heardAt;
  if (!keepsTurn(state, key, { distance: current, silentMs, stallMs: conn.tuning.stallMs }, out)) {
    if (silentMs > conn.tuning.stallMs) penalise(state, conn.peer, key, now);
    if (isUnsent(state, source.requestId)) dropSource(state, key, out);
    else leave(state, key, source, now, out);
    return;
  }
  const best = bestSource(state, key, now);
  if (best !== undefined && best.conn !== conn && best.distance < current) {
    const announced = best.conn.announced.get(key);
    if (announced !== undefined && (announced.next >= receivedNext(state, key) || announced.distance === 0)) {
      change(state, key, best.conn, now, out);
      return;
    }
  }
  if (silentMs > conn.tuning.stallMs) {
    const other = bestSource(state, key, now, { except: conn, onlyAhead: true });
    if (other !== undefined) {
      penalise(state, conn.peer, key, now);
      change(state, key, other.conn, now, out);
      return;
    }
  }
  if (isWithheld(state, key, source, conn, now)) {
    out.push({ type: "withheld", conn: conn.id, key, next: conn.announced.get(key)?.next ?? 0 });
    penalise(state, conn.peer, key, now);
    leave(state, key, source, now, out);
  }
}

/**
 * Whether a peer claims records, is asked for them, could send them, and does not. One that is busy sends something else
 * meanwhile, in the order in which the link serves streams; one that cannot read them says so. What comes to a process that does
 * not run waits there.
 */
function isWithheld(state: MachineState, key: KeyId, source: Source, conn: Conn, now: number): boolean {
  if ((conn.announced.get(key)?.next ?? 0) <= receivedNext(state, key)) {
    delete source.claimedAt;
    return false;
  }
  source.claimedAt ??= now;
  const since = Math.max(source.claimedAt, source.heardAt, conn.heardAt);
  return now - since > conn.tuning.claimMs && conn.window.isOpen && !isUnsent(state, source.requestId);
}

export function request(state: MachineState, key: KeyId, conn: Conn, now: number, out: Effect[]): void {
  const names = state.keys.get(key);
  const announced = conn.announced.get(key);
  if (names === undefined || announced === undefined) return;
  const id = state.nextRequestId++;
  const from = receivedNext(state, key);
  state.sources.set(key, {
    conn: conn.id,
    requestId: id,
    state: "active",
    heardAt: now,
    stopAt: 0,
    ...(announced.next > from && { claimedAt: now }),
  });
  const distance = plusCost(announced.distance, conn.tuning.cost);
  const feasible = state.feasible.get(key);
  if (feasible === undefined || announced.next > from || announced.distance === 0) {
    state.feasible.set(key, { next: announced.next, distance });
  } else if (distance < feasible.distance) {
    feasible.distance = distance;
  }
  updateDistance(state, key, out);
  const { stream, origin } = names;
  ask(state, conn, key, { id, stream, origin, from, to: 0, digests: [], staged: stagedOf(state, key) }, out);
}

function stagedOf(state: MachineState, key: KeyId): Staged | undefined {
  const staged = state.staged.get(key);
  return staged === undefined ? undefined : { run: staged.run, blocks: staged.blocks };
}

function change(state: MachineState, key: KeyId, to: Conn, now: number, out: Effect[]): void {
  const source = state.sources.get(key);
  if (source === undefined) return;
  if (isUnsent(state, source.requestId)) {
    dropSource(state, key, out);
    request(state, key, to, now, out);
    return;
  }
  source.successor = to.id;
  leave(state, key, source, now, out);
}

export function leave(state: MachineState, key: KeyId, source: Source, now: number, out: Effect[]): void {
  source.state = "stopping";
  source.stopAt = now;
  out.push({ type: "send", conn: source.conn, message: { $case: "stop", value: { id: source.requestId } } });
  updateDistance(state, key, out);
}

/** What a source is about to send turned out to be here: it is asked to stop, and what is under way is not taken in. */
export function passOver(state: MachineState, key: KeyId, now: number, out: Effect[]): void {
  const source = state.sources.get(key);
  if (source === undefined) return;
  if (isUnsent(state, source.requestId)) {
    dropSource(state, key, out);
    return;
  }
  source.isVoid = true;
  if (source.state === "active") leave(state, key, source, now, out);
}

export function dropSource(state: MachineState, key: KeyId, out: Effect[]): void {
  const source = state.sources.get(key);
  if (source !== undefined) state.requests.delete(source.requestId);
  state.sources.delete(key);
  updateDistance(state, key, out);
}

/** Own distance follows the source's; a change is told at once to those who depend on it. */
export function updateDistance(state: MachineState, key: KeyId, out: Effect[]): void {
  const source = state.sources.get(key);
  let distance = DISTANCE_INFINITE;
  if (source?.state === "active") {
    const conn = state.conns.get(source.conn);
    const announced = conn?.announced.get(key);
    if (conn !== undefined && announced !== undefined) distance = plusCost(announced.distance, conn.tuning.cost);
  } else if (source === undefined && state.share !== undefined && !isOwn(state, key)) {
    distance = sharedDistance(state, key);
  }
  if (distance === distanceOf(state, key)) return;
  state.distance.set(key, distance);
  const feasible = state.feasible.get(key);
  if (feasible === undefined && source === undefined && distance < DISTANCE_INFINITE) {
    state.feasible.set(key, { next: receivedNext(state, key), distance });
  } else if (feasible !== undefined && distance < feasible.distance) {
    feasible.distance = distance;
  }
  for (const conn of state.conns.values()) {
    if (conn.serving.has(key)) announceNow(state, conn, [key], out);
    else markUnsaid(state, conn, key, "urgent");
  }
}
