import type { OriginId } from "../model/names.js";
import type { Generation } from "./generation.js";
import type { Run } from "./segment-format.js";
import type { StreamState } from "./stream-state.js";

/** Consecutive seqs [start, end): one block of a journal, or a run. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly generation?: Generation;
  /** Number of the block in the generation. */
  readonly block?: number;
  readonly run?: Run;
}

/**
 * Which seqs of one origin in one stream are here, in order. Normally they are gapless from 0. Damage leaves a hole:
 * `next` then stands at its beginning, so that peers send it again, and what lies behind stays readable by topic until
 * the hole is healed.
 */
export class OriginLog {
  /** First seq that is lacking, of what is durable. */
  next = 0;
  /** First seq that neither is here nor is on its way to the disk. */
  planned = 0;
  /** Largest offset of the origin in this stream. */
  highest = 0;
  private pieces: Piece[] = [];

  constructor(
    readonly stream: StreamState,
    readonly origin: OriginId,
  ) {}

  saw(offset: number): void {
    if (offset > this.highest) this.highest = offset;
    if (offset > this.stream.highest) this.stream.highest = offset;
  }

  /** First seq behind everything that is here, holes or not. */
  get end(): number {
    return this.pieces.at(-1)?.end ?? 0;
  }

  /** False when some of these seqs are here already; nothing is added then. */
  add(piece: Piece): boolean {
    const at = this.findStart(piece.start);
    const before = this.pieces[at - 1];
    const after = this.pieces[at];
    if (before !== undefined && before.end > piece.start) return false;
    if (after !== undefined && after.start < piece.end) return false;
    if (after === undefined) this.pieces.push(piece);
    else this.pieces.splice(at, 0, piece);
    if (piece.start <= this.next) this.advance();
    return true;
  }

  /** Puts runs in the place of the pieces that are gone. */
  replace(isGone: (piece: Piece) => boolean, runs: readonly Piece[]): void {
    this.pieces = this.pieces.filter((piece) => !isGone(piece));
    for (const run of runs) this.add(run);
  }

  /** What begins before `seq` is taken as known: it expired, or never came. */
  startAt(seq: number): void {
    if (this.next < seq) this.next = seq;
    this.advance();
  }

  /** A run turned out to be damaged: its seqs are lacking again. */
  lose(run: Run): void {
    const piece = this.pieces.find((one) => one.run === run);
    if (piece === undefined) return;
    this.pieces = this.pieces.filter((one) => one !== piece);
    if (this.next > piece.start) this.next = this.planned = piece.start;
  }

  locate(seq: number): Piece | undefined {
    const piece = this.pieces[this.findStart(seq + 1) - 1];
    return piece === undefined || piece.end <= seq ? undefined : piece;
  }

  /** The first piece that begins at or after `seq`. */
  after(seq: number): Piece | undefined {
    return this.pieces[this.findStart(seq)];
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

  /** The first seq at or after `seq` that is not here. */
  contiguousEnd(seq: number): number {
    let end = seq;
    for (let here = this.locate(end); here !== undefined; here = this.locate(end)) end = here.end;
    return end;
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
