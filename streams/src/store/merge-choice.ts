import { MERGE_FAN_IN, RUN_RECORDS_MAX, SEALED_RECORDS_MIN } from "../limits.js";
import type { StreamName } from "../model/names.js";
import type { Run } from "./segment-format.js";
import type { StreamState } from "./stream-state.js";

/** Small runs are merged together, up to so many records in one job: many streams may have a few each. */
const JOB_RECORDS_MAX = 2 * RUN_RECORDS_MAX;
/** Runs below this size are one tier; above, each tier holds runs MERGE_FAN_IN times as large. */
const TIER_RECORDS = 1024;

export interface MergeChoice {
  /** Groups of neighbours of one origin in one stream, with nothing between them that could still come. */
  readonly runs: readonly (readonly Run[])[];
  readonly compact: boolean;
}

/** What should be merged next; undefined when every topic is spread over few enough runs. */
export function chooseMerge(
  streams: readonly StreamState[],
  compacted: (stream: StreamName) => boolean,
): MergeChoice | undefined {
  const groups: Run[][] = [];
  let records = 0;
  for (const stream of streams) {
    if (stream.runs.length < MERGE_FAN_IN) continue;
    const compact = compacted(stream.name);
    const group = chooseGroup(stream);
    if (group === undefined) continue;
    if (compact) return { runs: [group], compact };
    groups.push(group);
    for (const run of group) records += run.count;
    if (records >= JOB_RECORDS_MAX) break;
  }
  return groups.length === 0 ? undefined : { runs: groups, compact: false };
}

/** A run that was sealed in a hurry and is not packed yet: with nothing else to do, it is. It is smaller then, and ready to be sent. */
export function choosePacking(streams: readonly StreamState[]): MergeChoice | undefined {
  for (const { runs } of streams) {
    const run = runs.find(({ packed, damaged, count }) => !packed && !damaged && count >= SEALED_RECORDS_MIN);
    if (run !== undefined) return { runs: [[run]], compact: false };
  }
  return undefined;
}

/** The first MERGE_FAN_IN neighbours of one origin that are of one tier. */
function chooseGroup(stream: StreamState): Run[] | undefined {
  const byLog = new Map<unknown, Run[]>();
  for (const run of stream.runs) {
    const runs = byLog.get(run.log);
    if (runs === undefined) byLog.set(run.log, [run]);
    else runs.push(run);
  }
  for (const runs of byLog.values()) {
    if (runs.length < MERGE_FAN_IN) continue;
    runs.sort((a, b) => a.from - b.from);
    let group: Run[] = [];
    for (const run of runs) {
      const last = group.at(-1);
      const fits =
        last !== undefined &&
        // A copy of a compacted stream has holes between most of its runs: they become holes within one.
        run.log.isSuperseded(last.to, run.from) &&
        tier(last) === tier(run) &&
        run.to - (group[0] as Run).from <= RUN_RECORDS_MAX;
      if (!fits) group = [];
      if (run.damaged) {
        group = [];
        continue;
      }
      group.push(run);
      if (group.length === MERGE_FAN_IN) return group;
    }
  }
  return undefined;
}

function tier(run: Run): number {
  return Math.max(0, Math.floor(Math.log(run.count / TIER_RECORDS) / Math.log(MERGE_FAN_IN)));
}
