import type { OriginId, StreamName } from "../model/names.js";
import type { Generation } from "./generation.js";
import type { Run } from "./segment-format.js";
import type { Retention } from "./store.js";
import type { StreamState } from "./stream-state.js";

export type RetentionOf = (stream: StreamName) => Retention | undefined;
/** First seq of the origin that is nowhere else yet, as far as this site knows. */
export type HandedOver = (stream: StreamName, origin: OriginId) => number;

/** Runs that their stream's retention no longer covers, whole ones only, and none that was not handed over (S6). */
export function expiredRuns(
  streams: readonly StreamState[],
  retention: RetentionOf,
  handedOver: HandedOver,
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
      const isOver = kept > bytes || run.received < nowMs - ageMs;
      if (isOver && run.to <= handedOver(run.stream, run.origin)) gone.push(run);
    }
  }
  return gone;
}

/** Whether the journal holds records that are old enough to expire: only what is sealed can. */
export function isOverdue({ blocks }: Pick<Generation, "blocks">, retention: RetentionOf, nowMs: number): boolean {
  return blocks.some(({ log, arrived }) => arrived < nowMs - (retention(log.stream.name)?.ageMs ?? Infinity));
}
