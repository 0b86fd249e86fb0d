import type { Position } from "../geo/great-circle.js";
import { bearingDeg, distanceNm, interpolate } from "../geo/great-circle.js";
import type { LaneNetwork } from "./network.js";
import { LANES } from "./network.js";

/** A way over sea: waypoints by name, the first of which may be any point of a lane. Plain data, so it can be stored. */
export interface Passage {
  /** Names of the waypoints; empty for a point between two of them. */
  readonly names: readonly string[];
  readonly points: readonly Position[];
  /** Distance from the start to each point, nautical miles; the last is the whole. */
  readonly milesNm: readonly number[];
}

/** Shortest way over the lanes between two waypoints (quays are named by their UN/LOCODE). */
export function passageBetween(from: string, to: string, lanes: LaneNetwork = LANES): Passage {
  const start = lanes.nodes.get(from);
  if (start === undefined) throw new Error(`no sea lane starts at ${from}`);
  return measured(shortest(from, to, lanes), lanes);
}

/** From the middle of `passage` at `doneNm` to another quay: back or on to the next waypoint, whichever is shorter. */
export function divert(passage: Passage, doneNm: number, to: string, lanes: LaneNetwork = LANES): Passage {
  const here = positionAt(passage, doneNm);
  const { index } = legAt(passage, doneNm);
  const candidates = [passage.names[index], passage.names[index + 1]].filter(
    (name) => name !== undefined && name !== "",
  );
  let best: Passage | undefined;
  for (const via of candidates) {
    if (via === undefined) continue;
    const rest = shortest(via, to, lanes);
    const candidate = withPoints(["", ...rest], [here, ...rest.map((name) => pointOf(name, lanes))]);
    if (best === undefined || lengthNm(candidate) < lengthNm(best)) best = candidate;
  }
  if (best === undefined) throw new Error(`no sea lane leads from here to ${to}`);
  return best;
}

/** Whole length, nautical miles. */
export function lengthNm(passage: Passage): number {
  return passage.milesNm.at(-1) ?? 0;
}

/** Where one is after `doneNm`. */
export function positionAt(passage: Passage, doneNm: number): Position {
  const { index, fraction } = legAt(passage, doneNm);
  const a = passage.points[index];
  const b = passage.points[index + 1];
  if (a === undefined) throw new Error("a passage needs a point");
  return b === undefined ? a : interpolate(a, b, fraction);
}

/** Course over ground after `doneNm`, degrees. */
export function courseAt(passage: Passage, doneNm: number): number {
  const { index } = legAt(passage, doneNm);
  const end = passage.points[index + 1] ?? passage.points[index];
  // A mile before the end of a leg the bearing to the end turns wild; take it from a mile back.
  const before = positionAt(passage, Math.min(doneNm, Math.max(0, (passage.milesNm[index + 1] ?? 0) - 1)));
  return end === undefined ? 0 : bearingDeg(before, end);
}

function legAt(passage: Passage, doneNm: number): { index: number; fraction: number } {
  const last = passage.points.length - 2;
  let index = 0;
  while (index < last && (passage.milesNm[index + 1] ?? 0) <= doneNm) index++;
  const start = passage.milesNm[index] ?? 0;
  const length = (passage.milesNm[index + 1] ?? start) - start;
  const fraction = length > 0 ? Math.min(1, Math.max(0, (doneNm - start) / length)) : 0;
  return { index, fraction };
}

function pointOf(name: string, lanes: LaneNetwork): Position {
  const point = lanes.nodes.get(name);
  if (point === undefined) throw new Error(`sea lanes: no waypoint is called ${name}`);
  return point;
}

function measured(names: readonly string[], lanes: LaneNetwork): Passage {
  return withPoints(
    names,
    names.map((name) => pointOf(name, lanes)),
  );
}

function withPoints(names: readonly string[], points: readonly Position[]): Passage {
  const milesNm: number[] = [];
  let sum = 0;
  points.forEach((point, i) => {
    const previous = points[i - 1];
    if (previous !== undefined) sum += distanceNm(previous, point);
    milesNm.push(sum);
  });
  return { names, points, milesNm };
}

/** Dijkstra over some sixty waypoints. */
function shortest(from: string, to: string, lanes: LaneNetwork): string[] {
  const far = new Map<string, number>([[from, 0]]);
  const previous = new Map<string, string>();
  const done = new Set<string>();
  for (;;) {
    let here: string | undefined;
    for (const [name, nm] of far) {
      if (!done.has(name) && (here === undefined || nm < (far.get(here) ?? Infinity))) here = name;
    }
    if (here === undefined) throw new Error(`no sea lane leads from ${from} to ${to}`);
    if (here === to) break;
    done.add(here);
    for (const next of lanes.neighbours.get(here) ?? []) {
      const nm = (far.get(here) ?? 0) + distanceNm(pointOf(here, lanes), pointOf(next, lanes));
      if (nm < (far.get(next) ?? Infinity)) {
        far.set(next, nm);
        previous.set(next, here);
      }
    }
  }
  const way = [to];
  for (let at = previous.get(to); at !== undefined; at = previous.get(at)) way.unshift(at);
  return way;
}
