import { holeAt } from "../model/gap.js";
import { isPenalised } from "./candidates.js";
import { heldNext, isOwn, type Conn, type KeyId, type MachineState } from "./machine-state.js";

/**
 * Who is asked for what it holds: the one over connection `id` if it has shown another history and was not asked yet; otherwise
 * of those that claim more than is here one that can show it, did not fail to lately, and is that one if there are several. What
 * others of the site may have read from the log before this node counts only as it was said before the log was read.
 */
export function witnessOf(state: MachineState, key: KeyId, id: number, now: number): Conn | undefined {
  const met = state.conns.get(id);
  const fork = state.forks.get(key);
  if (isAwaited(state, key) || (met !== undefined && fork?.isShown === true && fork.tries === 0)) return met;
  const rank = (conn: Conn): number =>
    (mayShow(state, key, conn) ? 4 : 0) + (isPenalised(state, conn.peer, key, now) ? 0 : 2) + (conn === met ? 1 : 0);
  let best = met;
  for (const conn of state.conns.values())
    if (claimOf(state, conn, key) > 0 && (best === undefined || rank(conn) > rank(best))) best = conn;
  return best;
}

/** Up to where a peer has said that it holds the key; 0 for nothing, and for one that is gone. */
export function announcedBy(conn: Conn | undefined, key: KeyId): number {
  return conn?.announced.get(key)?.next ?? 0;
}

/** Whether claims are looked into only once the site's log was read to its end. */
export function isAwaited(state: MachineState, key: KeyId): boolean {
  return state.share !== undefined && isOwn(state, key);
}

export function mayShow(state: MachineState, key: KeyId, conn: Conn): boolean {
  const names = state.keys.get(key);
  return names !== undefined && conn.tellsGaps && conn.rights.mayProbe(names.stream, names.origin);
}

/**
 * Up to where a peer claims to have more than is here, or as much of what may be something else there: nobody asks for it, since
 * nobody writes to a former origin any more. 0 for neither, or where that was looked into.
 */
export function claimOf(state: MachineState, conn: Conn, key: KeyId): number {
  const next = announcedBy(conn, key);
  const held = heldNext(state, key);
  if (next === 0 || next < held || next <= (state.refuted.get(`${conn.peer} ${key}`) ?? 0)) return 0;
  return next > held || isDoubted(state, conn, key) ? next : 0;
}

/** Whether the last record may be another at this peer, which can show it, and what was before it. */
function isDoubted(state: MachineState, conn: Conn, key: KeyId): boolean {
  const origin = state.keys.get(key)?.origin;
  if (origin === undefined || !state.doubted.has(origin) || state.again.has(key)) return false;
  const { next = 0, holes = [] } = conn.announced.get(key) ?? {};
  return holeAt(holes, next - 1) === undefined && holeAt(holes, next - 2) === undefined;
}
