import { PENALTY_MS_MAX } from "./candidates.js";
import { receivedNext, type KeyId, type MachineState } from "./machine-state.js";
import { isShared } from "./share.js";
import { KEYS_KEPT_MAX } from "./wire-limits.js";

/**
 * Forgets keys of which nothing is here and nobody tells any more, with what was noted about them: peers may have made them up. A
 * peer that is avoided for a key is remembered until that has long been over.
 */
export function forgetUnused(state: MachineState, now: number): void {
  if (state.keys.size <= KEYS_KEPT_MAX) return;
  for (const [id, { until }] of state.penalties) if (until + PENALTY_MS_MAX < now) state.penalties.delete(id);
  const avoided = new Set([...state.penalties.keys()].map((id) => id.slice(id.indexOf(" ") + 1)));
  const before = state.keys.size;
  for (const key of state.keys.keys()) if (!avoided.has(key) && isUnused(state, key)) forget(state, key);
  if (state.keys.size === before) return;
  for (const [node, keys] of state.byNode) {
    const left = keys.filter((key) => state.keys.has(key));
    if (left.length > 0) state.byNode.set(node, left);
    else state.byNode.delete(node);
  }
}

function isUnused(state: MachineState, key: KeyId): boolean {
  if (receivedNext(state, key) > 0 || (state.holes.get(key)?.length ?? 0) > 0) return false;
  const { sources, fills, forks, mends, again, staged, lost } = state;
  if ([sources, fills, forks, mends, again, staged, lost].some((known) => known.has(key))) return false;
  if (isShared(state, key)) return false;
  for (const { announced, serving, filling, told } of state.conns.values()) {
    if ([announced, serving, filling, told].some((known) => known.has(key))) return false;
  }
  return true;
}

function forget(state: MachineState, key: KeyId): void {
  const { keys, held, received, staged, holes, gapWaits, distance, feasible } = state;
  for (const known of [keys, held, received, staged, holes, gapWaits, distance, feasible]) known.delete(key);
  for (const known of [state.share?.waits, state.share?.progress]) known?.delete(key);
}
