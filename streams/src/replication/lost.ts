import { holeAt, type Hole } from "../model/gap.js";
import { isUnsent } from "./asking.js";
import { isPenalised } from "./candidates.js";
import { noteGap } from "./gap-waits.js";
import {
  isOfThisNode,
  isOwn,
  lostAt,
  receivedNext,
  type Effect,
  type KeyId,
  type MachineState,
} from "./machine-state.js";
import { dropSource, leave } from "./sources.js";

/** After a start links come up, and whoever holds what is lacking says so, within so long. */
const HOLDER_MS = 30_000;

/**
 * Takes note of what damage has cost a former origin of this node: damage found at a start makes it append under a new one.
 * Nobody else can have these records but peers that got them before; what all nodes of a site read from one log comes again
 * from there.
 */
export function learnLost(state: MachineState, key: KeyId, nextSeq: number, holes: readonly Hole[]): void {
  const hole = holeAt(holes, nextSeq);
  if (hole === undefined || state.share !== undefined || !isOfThisNode(state, key) || isOwn(state, key)) {
    state.lost.delete(key);
  } else {
    const { to } = hole;
    const known = state.lost.get(key);
    state.lost.set(key, { ...(known?.to === to && known), to, isNoted: false });
  }
}

/**
 * Once no peer in reach has held the next of what was lost for long enough, it is a gap, so that what lies behind it goes on. A
 * peer that turns up with it later fills it, like any other.
 */
export function considerLost(state: MachineState, key: KeyId, now: number, out: Effect[]): void {
  const lost = lostAt(state, key);
  if (lost === undefined || lost.isNoted) return;
  if (state.mends.has(key) || hasHolder(state, key, now)) {
    delete lost.since;
    return;
  }
  lost.since ??= now;
  if (now - lost.since < HOLDER_MS) return;
  const source = state.sources.get(key);
  if (source === undefined) noteGap(state, key, { to: lost.to, reason: "damaged" }, out);
  else if (isUnsent(state, source.requestId)) dropSource(state, key, out);
  else if (source.state === "active") leave(state, key, source, now, out);
}

/** The gap could not be written down: that is tried again. */
export function notNoted(state: MachineState, key: KeyId): void {
  const lost = state.lost.get(key);
  if (lost === undefined) return;
  lost.isNoted = false;
  delete lost.since;
}

function hasHolder(state: MachineState, key: KeyId, now: number): boolean {
  const names = state.keys.get(key);
  const mine = receivedNext(state, key);
  return [...state.conns.values()].some(({ peer, rights, announced }) => {
    const said = announced.get(key);
    if (names === undefined || said === undefined || said.next <= mine) return false;
    if (!rights.mayRequest(names.stream, names.origin) || isPenalised(state, peer, key, now)) return false;
    return holeAt(said.holes, mine) === undefined;
  });
}
