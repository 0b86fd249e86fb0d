import type { ContainerEvent, ContainerEventType, ShipEventType } from "@landfall/proto/api";
import { compareKeys, type EventKey } from "./reading.js";

/** A container's loading, discharge or gate event. */
export interface ContainerMove extends EventKey {
  readonly type: ContainerEventType;
  readonly location?: string;
  readonly vessel?: string;
  readonly voyage?: string;
  readonly arrived: number;
}

/** A ship's arrival or departure. */
export interface ShipMove extends EventKey {
  readonly type: ShipEventType;
  readonly location?: string;
  readonly voyage?: string;
  readonly nextPort?: string;
  readonly arrived: number;
}

/** `moves` with one more, in order of their time; the oldest go when there are more than `max`. */
export function withMove<M extends EventKey>(moves: readonly M[], move: M, max: number): readonly M[] {
  let at = moves.length;
  // Nearly always the newest: search from the end.
  for (let before = moves[at - 1]; at > 0 && before && compareKeys(before, move) >= 0; before = moves[at - 1]) {
    if (compareKeys(before, move) === 0) return moves;
    at--;
  }
  const all = [...moves.slice(0, at), move, ...moves.slice(at)];
  return all.length > max ? all.slice(all.length - max) : all;
}

/** `moves` with others, which are in order of their time. */
export function withMoves<M extends EventKey>(moves: readonly M[], others: readonly M[], max: number): readonly M[] {
  if (moves.length === 0) return others.slice(-max);
  return others.reduce<readonly M[]>((all, move) => withMove(all, move, max), moves);
}

/** Moves of several streams in one order; the copy of an event in a port's stream counts once. */
export function mergeMoves<M extends ContainerMove | ShipMove>(lists: readonly (readonly M[])[]): readonly M[] {
  const filled = lists.filter((list) => list.length > 0);
  if (filled.length <= 1) return filled[0] ?? [];
  const seen = new Set<string>();
  return filled
    .flat()
    .sort(compareKeys)
    .filter((move) => {
      const what = `${move.type}|${move.time}|${move.location ?? ""}|${"vessel" in move ? (move.vessel ?? "") : ""}`;
      return !seen.has(what) && seen.add(what);
    });
}

/** Where the moves leave a container: aboard a ship, in a terminal, or neither. */
export function whereabouts(moves: readonly ContainerMove[]): { vessel?: string; location?: string } {
  const last = moves.at(-1);
  switch (last?.type) {
    case "LOAD":
      return last.vessel === undefined ? {} : { vessel: last.vessel };
    case "DISC":
    case "GTIN":
      return last.location === undefined ? {} : { location: last.location };
    case "GTOT":
    case undefined:
      return {};
  }
}

/** Half-open: from the first moment to before the second. Milliseconds since 1970, Infinity for no end yet. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * When a container was aboard which ship. A span ends at the next move of any kind, since a box that passes a
 * gate is not aboard, whatever was or was not reported before.
 */
export function spansAboard(moves: readonly ContainerMove[]): (Span & { readonly vessel: string })[] {
  const spans: (Span & { vessel: string })[] = [];
  moves.forEach((move, i) => {
    if (move.type !== "LOAD" || move.vessel === undefined) return;
    const to = moves[i + 1]?.time ?? Number.POSITIVE_INFINITY;
    if (to > move.time) spans.push({ vessel: move.vessel, from: move.time, to });
  });
  return spans;
}

/** The same time covered by as few spans as possible, in order. */
export function unionOfSpans(spans: readonly Span[]): Span[] {
  const union: { from: number; to: number }[] = [];
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    const last = union.at(-1);
    if (last && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else if (span.to > span.from) union.push({ from: span.from, to: span.to });
  }
  return union;
}

export function covers(spans: readonly Span[], time: number): boolean {
  return spans.some((span) => span.from <= time && time < span.to);
}

export function toContainerEvent(move: ContainerMove): ContainerEvent {
  return {
    type: move.type,
    time: iso(move.time),
    ...(move.location !== undefined && { location: move.location }),
    ...(move.vessel !== undefined && { vessel: move.vessel }),
    ...(move.voyage !== undefined && { voyage: move.voyage }),
    knownSince: iso(move.arrived),
  };
}

/** RFC 3339 in UTC. */
export function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
