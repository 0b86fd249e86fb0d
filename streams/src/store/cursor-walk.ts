import { LandfallError } from "../model/errors.js";
import type { OriginId } from "../model/names.js";
import type { Cursor, SeqRange } from "../model/record.js";
import type { OriginLog, Piece } from "./origin-log.js";
import type { StreamState } from "./stream-state.js";

/** A reader's way through [seq, end) of one origin: through a gap that it passed before, or on from where it stood. */
export class CursorWalk {
  /** Gaps that were passed on the way. */
  readonly passed: [number, number][] = [];

  constructor(
    readonly log: OriginLog,
    /** Next seq to be read; nothing before it is left. */
    public seq: number,
    readonly end: number,
  ) {}

  /** What is to be read next, gaps before it passed; undefined at the end. */
  piece(): Piece | undefined {
    const { log, end } = this;
    while (this.seq < end) {
      const piece = log.locate(this.seq);
      if (piece !== undefined && piece.reason === undefined) return piece;
      const to = Math.min(piece?.end ?? log.after(this.seq)?.start ?? end, end);
      // What was superseded never comes again.
      if (piece?.reason !== "superseded") this.passed.push([this.seq, to]);
      this.seq = to;
    }
    return undefined;
  }
}

/** One walk through each gap that the cursor has passed, and one on from its place, for each origin. */
export function walksOf(stream: StreamState | undefined, cursor: Cursor | undefined): CursorWalk[] {
  return [...(stream?.logs.values() ?? [])].flatMap((log) => {
    const gaps = cursor?.gaps?.[log.origin] ?? [];
    const next = cursor?.next[log.origin] ?? 0;
    return [
      ...gaps.map(([from, to]) => new CursorWalk(log, Math.min(from, log.next), Math.min(to, log.next))),
      new CursorWalk(log, next, log.next),
    ];
  });
}

/** Where the reader stands after these walks. */
export function cursorAfter(cursor: Cursor | undefined, walks: readonly CursorWalk[]): Cursor {
  const next: Record<OriginId, number> = { ...cursor?.next };
  const gaps: Record<OriginId, readonly SeqRange[]> = {};
  for (const { log, seq } of walks) if (seq > (next[log.origin] ?? 0)) next[log.origin] = seq;
  const walked = new Map<OriginId, CursorWalk[]>();
  for (const walk of walks) walked.set(walk.log.origin, [...(walked.get(walk.log.origin) ?? []), walk]);
  for (const origin of new Set([...(Object.keys(cursor?.gaps ?? {}) as OriginId[]), ...walked.keys()])) {
    const before = cursor?.gaps?.[origin] ?? [];
    const own = walked.get(origin) ?? [];
    const left = before.flatMap(([from, to], i): SeqRange[] => {
      const walk = own[i];
      return walk === undefined ? [[from, to]] : [...walk.passed, [Math.max(walk.seq, from), to]];
    });
    const joined = joinRanges([...left, ...(own.at(-1)?.passed ?? [])]);
    if (joined.length > 0) gaps[origin] = joined;
  }
  return { v: 1, next, ...(Object.keys(gaps).length > 0 && { gaps }) };
}

/** In order, neighbours joined, without empty ones. */
function joinRanges(ranges: readonly SeqRange[]): SeqRange[] {
  const joined: [number, number][] = [];
  for (const [from, to] of ranges.filter((range) => range[0] < range[1]).sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last !== undefined && last[1] >= from) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

/** @throws LandfallError INVALID_ARGUMENT */
export function checkCursor(cursor: Cursor | undefined): void {
  if (cursor === undefined) return;
  const { v, next, gaps = {} } = cursor as { v: unknown; next: unknown; gaps?: unknown };
  if (v === 1 && isObject(next) && Object.values(next).every(isSeq) && isObject(gaps)) {
    const isFine = ([origin, ranges]: [string, unknown]): boolean => areRanges(ranges, next[origin] as number);
    if (Object.entries(gaps).every(isFine)) return;
  }
  throw new LandfallError("INVALID_ARGUMENT", "not a cursor of this version: begin without one");
}

/** In order, apart from each other, below `next`. */
function areRanges(ranges: unknown, next: number): boolean {
  let end = -1;
  return (
    Array.isArray(ranges) &&
    ranges.every((range: unknown) => {
      if (!Array.isArray(range) || range.length !== 2) return false;
      const [from, to] = range as [unknown, unknown];
      const isFine = isSeq(from) && isSeq(to) && from > end && to > from && to <= next;
      if (isFine) end = to;
      return isFine;
    })
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isSeq(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
