import type { OriginId } from "../model/names.js";
import type { StreamIndex } from "./stream-index.js";

/**
 * Which seqs of one origin in one stream are here, as blocks in order of seq.
 *
 * Normally they are gapless from 0. A damaged block leaves a hole: `next` then stands at its beginning, so that
 * peers send it again, and what lies behind stays readable by topic until the hole is healed.
 */
export class OriginLog {
  private readonly blocks: number[] = [];
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];
  /** First seq that is lacking. */
  next = 0;

  constructor(
    readonly stream: StreamIndex,
    readonly origin: OriginId,
  ) {}

  /** First seq behind everything that is here, holes or not. */
  get end(): number {
    return this.ends.at(-1) ?? 0;
  }

  /** False when some of these seqs are here already; nothing is added then. */
  add(block: number, firstSeq: number, count: number): boolean {
    const at = this.findStart(firstSeq);
    const end = firstSeq + count;
    if (at > 0 && (this.ends[at - 1] as number) > firstSeq) return false;
    if (at < this.starts.length && (this.starts[at] as number) < end) return false;
    this.blocks.splice(at, 0, block);
    this.starts.splice(at, 0, firstSeq);
    this.ends.splice(at, 0, end);
    if (firstSeq === this.next) this.next = this.contiguousEnd(end);
    return true;
  }

  /** The block that holds `seq` and its first seq, or undefined. */
  locate(seq: number): { readonly block: number; readonly start: number; readonly end: number } | undefined {
    const at = this.findStart(seq + 1) - 1;
    if (at < 0 || (this.ends[at] as number) <= seq) return undefined;
    return { block: this.blocks[at] as number, start: this.starts[at] as number, end: this.ends[at] as number };
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
      const next = this.starts[this.findStart(at)] ?? to;
      parts.push([at, Math.min(next, to)]);
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

  /** Index of the first block that begins at or after `seq`. */
  private findStart(seq: number): number {
    let low = 0;
    let high = this.starts.length;
    // Almost always asked for the end.
    if (high === 0 || (this.starts[high - 1] as number) < seq) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.starts[middle] as number) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
