import {
  internKey,
  isOfThisNode,
  isOwn,
  keyId,
  type Announced,
  type Conn,
  type Effect,
  type Key,
  type MachineState,
} from "./machine-state.js";
import { forgive } from "./candidates.js";
import { hearClaim } from "./forks.js";
import { consider, updateDistance } from "./sources.js";
import { KEYS_PER_LINK_MAX } from "./wire-limits.js";

/** Announcements kept of what a peer is not believed about. A peer of our own fleet has few, and not for long. */
const UNHEARD_MAX = 4_096;

/**
 * A peer says how far it has a key. It is believed only about what it may hold, and what may be there at all (R8).
 * @returns false when it has told of more keys than there can be, and the link is closed
 */
export function hear(
  state: MachineState,
  conn: Conn,
  names: Key,
  announced: Announced,
  now: number,
  out: Effect[],
): boolean {
  if (!conn.rights.mayBelieve(names.stream, names.origin)) {
    if (!conn.unheard.has(keyId(names.stream, names.origin))) out.push({ type: "refused", conn: conn.id, names });
    keepAside(conn, names, announced);
    return true;
  }
  if (conn.announced.size >= KEYS_PER_LINK_MAX && !conn.announced.has(keyId(names.stream, names.origin))) {
    const reason = `more than ${KEYS_PER_LINK_MAX} histories, of which there cannot be so many`;
    out.push({ type: "close", conn: conn.id, reason, code: "OVERLOADED" });
    return false;
  }
  const key = internKey(state, names.stream, names.origin);
  const { holes } = announced;
  // What it did not give before it may have given up, and others have filled.
  if (holes.length > 0 && conn.announced.get(key)?.holes.length === 0) forgive(state, conn.peer, key);
  conn.announced.set(key, announced);
  if (isOfThisNode(state, key)) hearClaim(state, conn, key, now, out);
  if (isOwn(state, key)) return true;
  if (state.sources.get(key)?.conn === conn.id) updateDistance(state, key, out);
  consider(state, key, now, out);
  return true;
}

/** What a peer is not believed about: nobody looks at it before rules let it count. */
export function keepAside(conn: Conn, key: Key, announced: Announced): void {
  const id = keyId(key.stream, key.origin);
  if (conn.unheard.size >= UNHEARD_MAX && !conn.unheard.has(id)) conn.hasMore = true;
  else conn.unheard.set(id, { key, announced });
}
