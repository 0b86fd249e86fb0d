import type { Hole } from "../model/gap.js";
import type { Seq } from "../model/record.js";
import type { OriginLog } from "./origin-log.js";
import type { OriginHoldings } from "./store.js";
import type { StreamState } from "./stream-state.js";

/** What a stream holds of each origin, and what it lacks, in order of origin. */
export function holdingsOf(stream: StreamState | undefined): OriginHoldings[] {
  const held = [...(stream?.logs.values() ?? [])].flatMap((log) => holdingOf(log) ?? []);
  return held.sort((a, b) => (a.origin < b.origin ? -1 : 1));
}

/** Undefined where nothing is known of the origin. */
export function holdingOf(log: OriginLog): OriginHoldings | undefined {
  const gaps = log.holes();
  // Behind all that is here, a run may lie that turned out to be damaged.
  const lost = lostBehind(log);
  if (lost !== undefined) gaps.push(lost);
  const next = Math.max(log.end, lost?.to ?? 0) as Seq;
  return next > 0 ? { origin: log.origin, next, gaps } : undefined;
}

function lostBehind(log: OriginLog): Hole | undefined {
  const runs = log.stream.runs.filter((run) => run.damaged && run.log === log && run.to > log.end);
  if (runs.length === 0) return undefined;
  const to = Math.max(...runs.map((run) => run.to));
  return { from: log.end as Seq, to: to as Seq, reason: "damaged" };
}
