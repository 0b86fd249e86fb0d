import { holeAt, missingIn } from "../model/gap.js";
import {
  DISTANCE_INFINITE,
  plusCost,
  receivedNext,
  spreadHash,
  type Conn,
  type KeyId,
  type MachineState,
} from "./machine-state.js";

/** How good a peer is as the source of one key; compared field by field, smaller is better. */
interface Rank {
  /** 0: ahead and holds the next seq, or the origin itself; 1: ahead, but lacks the next seq; 2: not ahead. */
  readonly lacks: number;
  /** Records that it lacks of those that this site lacks. */
  readonly missing: number;
  readonly distance: number;
  readonly spread: number;
}

export interface Candidate {
  readonly conn: Conn;
  readonly distance: number;
  readonly ahead: boolean;
}

/**
 * The best peer to request a key from, or undefined (rules 4 to 6 of SPEC.md, "Choosing a source").
 * `except` is left out; with `onlyAhead`, only peers that hold more than this site.
 */
export function bestSource(
  state: MachineState,
  key: KeyId,
  now: number,
  options: { except?: Conn; onlyAhead?: boolean } = {},
): Candidate | undefined {
  const mine = receivedNext(state, key);
  const names = state.keys.get(key);
  const feasible = state.feasible.get(key);
  let best: (Candidate & { rank: Rank }) | undefined;
  if (names === undefined) return undefined;
  for (const conn of state.conns.values()) {
    if (conn === options.except || !conn.rights.mayRequest(names.stream, names.origin)) continue;
    const announced = conn.announced.get(key);
    if (announced === undefined) continue;
    const ahead = announced.next > mine;
    const isOrigin = announced.distance === 0;
    if (!ahead) {
      if (options.onlyAhead === true) continue;
      // It takes this key from us and has nothing that we lack: to ask it would close a loop.
      if (conn.serving.has(key)) continue;
      if (announced.distance >= DISTANCE_INFINITE) continue;
      // A request beyond a peer's own end would be refused.
      if (announced.next < mine && !isOrigin) continue;
      // Rule 5: not ahead of us, not the origin, and not provably nearer to the origin than we ever were.
      if (
        !isOrigin &&
        feasible !== undefined &&
        !(announced.next >= feasible.next && announced.distance < feasible.distance)
      )
        continue;
    }
    if (isPenalised(state, conn.peer, key, now)) continue;
    const distance = plusCost(announced.distance, conn.tuning.cost);
    const rank: Rank = {
      lacks: ahead && holeAt(announced.holes, mine) !== undefined ? 1 : ahead || isOrigin ? 0 : 2,
      missing: missingIn(announced.holes, mine, announced.next),
      distance,
      spread: spreadHash(`${key} ${conn.peer} ${state.self}`),
    };
    if (best === undefined || compareRank(rank, best.rank) < 0) best = { conn, distance, ahead, rank };
  }
  return best;
}

function compareRank(a: Rank, b: Rank): number {
  return a.lacks - b.lacks || a.missing - b.missing || a.distance - b.distance || a.spread - b.spread;
}

const PENALTY_MS_MIN = 2_000;
export const PENALTY_MS_MAX = 60_000;

export function isPenalised(state: MachineState, peer: string, key: KeyId, now: number): boolean {
  const penalty = state.penalties.get(`${peer} ${key}`);
  return penalty !== undefined && penalty.until > now;
}

/** A stalling or refusing peer is avoided for this key, twice as long each time, also after it reconnects (rule 4). */
export function penalise(state: MachineState, peer: string, key: KeyId, now: number, capMs = PENALTY_MS_MAX): void {
  const id = `${peer} ${key}`;
  const penalty = state.penalties.get(id) ?? { until: 0, strikes: 0 };
  penalty.until = now + Math.min(capMs, PENALTY_MS_MAX, PENALTY_MS_MIN * 2 ** Math.min(penalty.strikes, 5));
  penalty.strikes++;
  state.penalties.set(id, penalty);
}

/** Not asked for this key before `until`. */
export function avoid(state: MachineState, peer: string, key: KeyId, until: number): void {
  state.penalties.set(`${peer} ${key}`, { until, strikes: 0 });
}

export function forgive(state: MachineState, peer: string, key: KeyId): void {
  if (state.penalties.size > 0) state.penalties.delete(`${peer} ${key}`);
}

/** All peers may be asked for this key again. */
export function forgiveAll(state: MachineState, key: KeyId): void {
  for (const id of state.penalties.keys()) if (id.endsWith(` ${key}`)) state.penalties.delete(id);
}
