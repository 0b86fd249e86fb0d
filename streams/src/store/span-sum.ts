import { DIGEST_CHUNK_RECORDS } from "../limits.js";
import { DIGEST_NUMBERS, chunkBounds } from "./run-digests.js";
import type { SeqRange } from "../model/record.js";
import type { NamedDigest, RunDigest } from "./digest-job.js";
import type { Run } from "./segment-format.js";
import type { DigestSpan, SpanDigests } from "./store.js";

const MODULUS = 2 ** 32;

/** Adds up the digests of a span's cells, from its first seq on. */
export class SpanSum {
  /** First seq that is not accounted for. */
  next: number;
  private readonly firstCell: number;
  private readonly cells: { count: number; high: number; low: number }[];
  private readonly broken: [number, number][] = [];
  private readonly named: NamedDigest[] = [];

  constructor(private readonly span: DigestSpan) {
    const { from, to, step } = span;
    this.next = from;
    this.firstCell = Math.floor(from / step);
    const count = to <= from ? 0 : Math.ceil(to / step) - this.firstCell;
    this.cells = Array.from({ length: count }, () => ({ count: 0, high: 0, low: 0 }));
  }

  get isDone(): boolean {
    return this.next >= this.span.to;
  }

  done(): SpanDigests {
    const { from, to, step } = this.span;
    const next = Math.min(this.next, to);
    const cells = this.cells.slice(0, next <= from ? 0 : Math.ceil(next / step) - this.firstCell);
    const named = this.named.sort((a, b) => a.seq - b.seq);
    return { cells, next, damaged: this.broken, named };
  }

  /** Nothing is here up to there. */
  skip(to: number): void {
    this.next = Math.max(this.next, to);
  }

  /** What is here up to there cannot be read. */
  damaged(to: number): void {
    const end = Math.min(to, this.span.to);
    if (end > this.next) this.broken.push([this.next, end]);
    this.skip(to);
  }

  addRecord(record: NamedDigest): void {
    this.add(record.seq, 1, record.high, record.low);
    if (this.span.step === 1) this.named.push(record);
    this.next = record.seq + 1;
  }

  /** Whether what is wanted of a run is made of whole parts of its list of digests. */
  fits(run: Run): boolean {
    const { to, step } = this.span;
    if (step === 1) return false;
    const isBound = (seq: number): boolean => seq <= run.from || seq >= run.to || seq % DIGEST_CHUNK_RECORDS === 0;
    const [start, end] = this.part(run);
    const isOneCell = (Math.floor(start / step) + 1) * step >= end;
    return (isOneCell || step % DIGEST_CHUNK_RECORDS === 0) && isBound(this.next) && isBound(to);
  }

  addChunks(run: Run, digests: readonly number[]): void {
    this.addParts(run.to, chunkBounds(run), { parts: digests, named: [] });
  }

  /** Digests of what lies between bounds; those that are wanted here are whole. */
  addParts(end: number, bounds: readonly number[], { parts, named }: RunDigest): void {
    const { to } = this.span;
    for (let i = 0; i + 1 < bounds.length; i++) {
      const at = bounds[i] as number;
      if (at < this.next || at >= to) continue;
      const [count, high, low] = parts.slice(i * DIGEST_NUMBERS, (i + 1) * DIGEST_NUMBERS) as [number, number, number];
      this.add(at, count, high, low);
    }
    if (this.span.step === 1) {
      for (const one of named) if (one.seq >= this.next && one.seq < to) this.named.push(one);
    }
    this.skip(Math.min(end, to));
  }

  /** Where within a run one of its cells, or all of it, begins or ends. */
  boundsWithin(run: Run): number[] {
    const [from, to] = this.part(run);
    const { step } = this.span;
    const bounds = [from, to];
    for (let at = (Math.floor(from / step) + 1) * step; at < to; at += step) bounds.push(at);
    return bounds;
  }

  namedWithin(run: Run): SeqRange[] {
    return this.span.step === 1 ? [this.part(run)] : [];
  }

  private part(run: Run): [number, number] {
    return [Math.max(this.next, run.from), Math.min(this.span.to, run.to)];
  }

  private add(seq: number, count: number, high: number, low: number): void {
    const cell = this.cells[Math.floor(seq / this.span.step) - this.firstCell];
    if (cell === undefined) return;
    cell.count += count;
    cell.high = (cell.high + high) % MODULUS;
    cell.low = (cell.low + low) % MODULUS;
  }
}
