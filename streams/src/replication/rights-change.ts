import { Refuse_Reason } from "@landfall/proto/gen/landfall/v1/replication";
import { announceNow } from "./announcing.js";
import { considerFill, passOverFill } from "./fills.js";
import { hearClaim } from "./forks.js";
import { isOfThisNode, type Conn, type Effect, type MachineState } from "./machine-state.js";
import { hear, keepAside } from "./hearing.js";
import { endServing, pump } from "./serving.js";
import { consider, passOver } from "./sources.js";

/**
 * Rules have changed (A4, R8). What the connection may no longer carry ends at once: nothing more is served, asked for, told or
 * believed, and what is still under way is not taken in. What it may carry now begins, as if it had always been so.
 */
export function onRights(state: MachineState, conn: Conn, now: number, out: Effect[]): void {
  if (conn.hasMore) {
    out.push({ type: "close", conn: conn.id, reason: "rules have changed, and not all that the peer said was kept" });
    return;
  }
  stopServing(state, conn, out);
  stopRequesting(state, conn, now, out);
  judgeAnnouncements(state, conn, now, out);
  for (const key of conn.told.keys()) {
    const names = state.keys.get(key);
    if (names !== undefined && conn.rights.mayAnnounce(names.stream, names.origin)) continue;
    conn.told.delete(key);
    conn.unsaid.delete(key);
    conn.urgent.delete(key);
  }
  announceNow(state, conn, [...state.held.keys()], out);
  for (const key of state.keys.keys()) {
    consider(state, key, now, out);
    considerFill(state, key, now, out);
  }
  pump(state, conn, out);
}

/** The peer is told as it would be of a stream that is not there. */
function stopServing(state: MachineState, conn: Conn, out: Effect[]): void {
  for (const { id, key } of [...conn.serving.values(), ...conn.filling.values()]) {
    const names = state.keys.get(key);
    if (names !== undefined && conn.rights.maySend(names.stream, names.origin)) continue;
    endServing(conn, id);
    const value = { id, reason: Refuse_Reason.NOT_FOUND };
    out.push({ type: "send", conn: conn.id, message: { $case: "refuse", value } });
  }
}

function stopRequesting(state: MachineState, conn: Conn, now: number, out: Effect[]): void {
  for (const [key, source] of state.sources) {
    if (source.conn !== conn.id || mayRequest(state, conn, key)) continue;
    delete source.successor;
    passOver(state, key, now, out);
  }
  for (const [key, fill] of state.fills) {
    if (fill.conn === conn.id && !mayRequest(state, conn, key)) passOverFill(state, key, now, out);
  }
}

function judgeAnnouncements(state: MachineState, conn: Conn, now: number, out: Effect[]): void {
  for (const [id, announced] of conn.announced) {
    const key = state.keys.get(id);
    if (key === undefined || conn.rights.mayBelieve(key.stream, key.origin)) continue;
    conn.announced.delete(id);
    keepAside(conn, key, announced);
  }
  for (const [id, { key, announced }] of conn.unheard) {
    if (!conn.rights.mayBelieve(key.stream, key.origin)) continue;
    conn.unheard.delete(id);
    hear(state, conn, key, announced, now, out);
  }
  // What this node wrote it may be shown now, or not be sent any more.
  for (const key of conn.announced.keys()) if (isOfThisNode(state, key)) hearClaim(state, conn, key, now, out);
}

function mayRequest(state: MachineState, conn: Conn, key: string): boolean {
  const names = state.keys.get(key);
  return names !== undefined && conn.rights.mayRequest(names.stream, names.origin);
}
