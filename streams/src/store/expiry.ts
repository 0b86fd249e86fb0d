import type { StreamName } from "../model/names.js";
import type { Run } from "./segment-format.js";
import type { Retention } from "./store.js";
import type { StreamState } from "./stream-state.js";

/** Runs that their stream's retention no longer covers, whole ones only. */
export function expiredRuns(
  streams: readonly StreamState[],
  retention: (stream: StreamName) => Retention | undefined,
  nowMs: number,
): Run[] {
  const gone: Run[] = [];
  for (const stream of streams) {
    const limits = stream.runs.length === 0 ? undefined : retention(stream.name);
    if (limits === undefined) continue;
    const { ageMs = Infinity, bytes = Infinity } = limits;
    let kept = 0;
    // The newest first: they are what the limit in bytes leaves.
    for (const run of stream.runs.slice().sort((a, b) => b.received - a.received || b.from - a.from)) {
      kept += run.at + run.bytes - run.begin;
      if (kept > bytes || run.received < nowMs - ageMs) gone.push(run);
    }
  }
  return gone;
}
