import { APPEND_RECORDS_MAX } from "../limits.js";
import { isFillable } from "../model/gap.js";
import type { GapReason, Hole } from "../model/gap.js";
import type { OriginId, TopicName } from "../model/names.js";
import type { Seq } from "../model/record.js";
import type { Generation } from "./generation.js";
import type { Run } from "./segment-format.js";
import type { StreamState } from "./stream-state.js";

/** Consecutive seqs [start, end): one block of a journal, a run, or a gap. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly generation?: Generation;
  /** Number of the block in the generation. */
  readonly block?: number;
  readonly run?: Run;
  /** Of a gap: why nothing is here. */
  readonly reason?: GapReason;
}

/**
 * Which seqs of one origin in one stream are here, or known to be gone, in order, from 0. Damage leaves a hole: `next`
 * then stands at its beginning, so that peers send it again, and what lies behind stays readable by topic until the
 * hole is healed.
 */
export class OriginLog {
  /** First seq that is lacking, of what is durable. */
  next = 0;
  /** First seq that neither is here nor is on its way to the disk. */
  planned = 0;
  /** Largest offset of the origin in this stream. */
  highest = 0;
  private pieces: Piece[] = [];
  /** Topics of the applied records that have the largest offset; undefined when they are not all known. */
  private atHighest: Set<TopicName> | undefined;
  /** What fills gaps and is on its way to the disk. */
  private filling: [number, number][] = [];

  constructor(
    readonly stream: StreamState,
    readonly origin: OriginId,
  ) {}

  saw(offset: number): void {
    if (offset > this.highest) {
      this.highest = offset;
      this.atHighest = undefined;
    }
    if (offset > this.stream.highest) this.stream.highest = offset;
  }

  /** The same of a record that was applied. */
  sawApplied(topic: TopicName, offset: number): void {
    if (offset < this.highest) return;
    if (offset > this.highest) {
      const topics = this.atHighest ?? new Set();
      topics.clear();
      this.saw(offset);
      this.atHighest = topics;
    }
    this.atHighest?.add(topic);
    // One append gives an offset to so many topics at most: whoever sends more is not worth the memory.
    if ((this.atHighest?.size ?? 0) > APPEND_RECORDS_MAX) this.atHighest = undefined;
  }

  /** Whether the topic has this offset, which is none below the largest; undefined when that has to be looked up. */
  hasAtHighest(topic: TopicName, offset: number): boolean | undefined {
    return offset < this.highest ? undefined : this.atHighest?.has(topic);
  }

  /** First seq behind everything that is here, holes or not. */
  get end(): number {
    return this.pieces.at(-1)?.end ?? 0;
  }

  /** False when some of these seqs are here already; nothing is added then. Records take the place of gaps. */
  add(piece: Piece): boolean {
    let at = this.findStart(piece.start);
    const before = this.pieces[at - 1];
    const after = this.pieces[at];
    if ((before !== undefined && before.end > piece.start) || (after !== undefined && after.start < piece.end)) {
      if (!this.clearGaps(piece)) return false;
      at = this.findStart(piece.start);
    }
    if (at === this.pieces.length) this.pieces.push(piece);
    else this.pieces.splice(at, 0, piece);
    if (piece.start <= this.next) this.advance();
    return true;
  }

  /** What of [from, to) is not here is gone, as far as is known. */
  addGap(from: number, to: number, reason: GapReason): void {
    for (const [start, end] of this.missing(from, to)) this.add({ start, end, reason });
  }

  /** Gaps, and what damage has left lacking; neighbours of one reason are one. */
  holes(): Hole[] {
    const holes: { from: Seq; to: Seq; reason: GapReason }[] = [];
    let at = 0;
    const put = (from: number, to: number, reason: GapReason): void => {
      const last = holes.at(-1);
      if (last !== undefined && last.to === from && last.reason === reason) last.to = to as Seq;
      else holes.push({ from: from as Seq, to: to as Seq, reason });
    };
    for (const { start, end, reason } of this.pieces) {
      if (start > at) put(at, start, "damaged");
      if (reason !== undefined) put(start, end, reason);
      at = end;
    }
    return holes;
  }

  /** Puts runs in the place of the pieces that are gone. */
  replace(isGone: (piece: Piece) => boolean, runs: readonly Piece[]): void {
    this.pieces = this.pieces.filter((piece) => !isGone(piece));
    for (const run of runs) this.add(run);
  }

  /**
   * What is there turned out to be damaged: a gap is in its place, which peers fill. `next` stays where it is, because all
   * behind it is here.
   */
  giveUp(isDamaged: (piece: Piece) => boolean): void {
    // What comes again has the offsets that it had.
    this.atHighest = undefined;
    this.pieces = this.pieces.map((piece) =>
      isDamaged(piece) ? { start: piece.start, end: piece.end, reason: "damaged" } : piece,
    );
  }

  locate(seq: number): Piece | undefined {
    const piece = this.pieces[this.findStart(seq + 1) - 1];
    return piece === undefined || piece.end <= seq ? undefined : piece;
  }

  /** The first piece that begins at or after `seq`. */
  after(seq: number): Piece | undefined {
    return this.pieces[this.findStart(seq)];
  }

  /** Whether some of [from, to) lies in a journal. */
  hasUnsealed(from: number, to: number): boolean {
    return this.pieces.some(({ start, end, generation }) => end > from && start < to && generation !== undefined);
  }

  /** The parts of [from, to) that are not here. */
  missing(from: number, to: number): [number, number][] {
    const parts: [number, number][] = [];
    let at = from;
    while (at < to) {
      const here = this.locate(at);
      if (here !== undefined) {
        at = here.end;
        continue;
      }
      const next = Math.min(this.after(at)?.start ?? to, to);
      parts.push([at, next]);
      at = next;
    }
    return parts;
  }

  /** Whether nothing of [from, to) is here or will ever be, because newer records took its place; so it is when empty. */
  isSuperseded(from: number, to: number): boolean {
    for (let at = from; at < to;) {
      const piece = this.locate(at);
      if (piece?.reason !== "superseded") return false;
      at = piece.end;
    }
    return from <= to;
  }

  /** The parts of [from, to) that lie in gaps which may be filled, and are not being filled. */
  fillable(from: number, to: number): [number, number][] {
    const parts: [number, number][] = [];
    for (let at = from; at < to;) {
      const piece = this.locate(at) ?? this.after(at);
      if (piece === undefined || piece.start >= to) break;
      const end = Math.min(piece.end, to);
      if (piece.reason !== undefined && isFillable(piece.reason)) parts.push([Math.max(piece.start, at), end]);
      at = end;
    }
    return this.filling.reduce((left, [start, end]) => rangesWithout(left, start, end), parts);
  }

  /** These seqs, which lie in gaps, are on their way to the disk. */
  fill(from: number, to: number): void {
    this.filling.push([from, to]);
  }

  /** These seqs came to the disk. */
  filled(from: number, to: number): void {
    if (this.filling.length > 0) this.filling = rangesWithout(this.filling, from, to);
  }

  /** What was on its way to the disk did not get there. */
  forgetPlans(): void {
    this.planned = this.next;
    this.filling = [];
    this.atHighest = undefined;
  }

  /** The first seq at or after `seq` that is not here. */
  contiguousEnd(seq: number): number {
    let end = seq;
    for (let here = this.locate(end); here !== undefined; here = this.locate(end)) end = here.end;
    return end;
  }

  /** Makes room for a piece where only gaps are; false when records are there, and nothing is changed. */
  private clearGaps({ start, end }: Piece): boolean {
    const overlaps = (piece: Piece): boolean => piece.start < end && piece.end > start;
    if (this.pieces.some((piece) => overlaps(piece) && piece.reason === undefined)) return false;
    this.pieces = this.pieces.flatMap((piece) =>
      overlaps(piece)
        ? rangesWithout([[piece.start, piece.end]], start, end).map(([from, to]) => ({
            ...piece,
            start: from,
            end: to,
          }))
        : [piece],
    );
    return true;
  }

  private advance(): void {
    this.next = this.contiguousEnd(this.next);
    if (this.planned < this.next) this.planned = this.next;
  }

  /** Index of the first piece that begins at or after `seq`. */
  private findStart(seq: number): number {
    const { pieces } = this;
    let low = 0;
    let high = pieces.length;
    // Almost always asked for the end.
    if (high === 0 || (pieces[high - 1] as Piece).start < seq) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((pieces[middle] as Piece).start < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export function rangesWithout(ranges: readonly [number, number][], from: number, to: number): [number, number][] {
  return ranges.flatMap(([start, end]): [number, number][] => {
    if (end <= from || start >= to) return [[start, end]];
    const parts: [number, number][] = [];
    if (start < from) parts.push([start, from]);
    if (end > to) parts.push([to, end]);
    return parts;
  });
}
