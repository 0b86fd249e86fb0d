import { holeAt, type Hole } from "../src/model/gap.js";
import { nodeOfOrigin, streamName, type OriginId } from "../src/model/names.js";
import type { Cursor } from "../src/model/record.js";
import { cursorAfter, walksOf } from "../src/store/cursor-walk.js";
import type { OriginLog } from "../src/store/origin-log.js";
import { StreamState } from "../src/store/stream-state.js";

export const STREAM = streamName("bigblue.containers");

/** What a site has on disk: one stream, each record a number; gaps and cursors by the store's own code. */
export class SimDisk {
  readonly stream = new StreamState(STREAM, 0);
  readonly #values = new Map<OriginId, (number | undefined)[]>();
  /** Which former own records stand again, and as what; by origin. */
  readonly again = new Map<OriginId, { readonly from: number; readonly to: number; readonly as: OriginId }>();

  /** Former own origins under which it was put back. */
  readonly restored = new Set<OriginId>();

  /** Former own origins of which damage has taken something: what lay behind that comes again (R3). */
  readonly scarred = new Set<OriginId>();

  /** @param own the origin under which its site appends */
  constructor(public own: OriginId) {}

  log(origin: OriginId): OriginLog {
    return this.stream.log(origin);
  }

  get origins(): OriginId[] {
    return [...this.stream.logs.keys()];
  }

  next(origin: OriginId): number {
    return this.stream.logs.get(origin)?.next ?? 0;
  }

  value(origin: OriginId, seq: number): number | undefined {
    return this.#values.get(origin)?.[seq];
  }

  /** Of all records that are here. */
  values(): number[] {
    return this.origins.flatMap((origin) => this.valuesOf(origin));
  }

  valuesOf(origin: OriginId): number[] {
    return (this.#values.get(origin) ?? []).filter((value) => value !== undefined);
  }

  /** Gaps as replication sees them. */
  holes(origin: OriginId): Hole[] {
    return this.stream.logs.get(origin)?.holes() ?? [];
  }

  /**
   * Keeps records that are lacking; where damage was, what is here is passed over. False, and nothing is kept, when others are
   * here, or they lie beyond the next one.
   */
  put(origin: OriginId, firstSeq: number, values: readonly number[]): boolean {
    const log = this.log(origin);
    const end = firstSeq + values.length;
    const known = Math.min(end, log.next);
    const filled = log.fillable(firstSeq, known);
    const isLacking = filled.reduce((sum, [from, to]) => sum + to - from, 0) === known - firstSeq;
    if (firstSeq > log.next || !(isLacking || this.scarred.has(origin))) return false;
    const all = this.#valuesIn(origin);
    for (const [from, to] of [...filled, ...log.missing(known, end)]) {
      log.add({ start: from, end: to });
      for (let seq = from; seq < to; seq++) all[seq] = values[seq - firstSeq];
    }
    return true;
  }

  #valuesIn(origin: OriginId): (number | undefined)[] {
    const all = this.#values.get(origin) ?? [];
    this.#values.set(origin, all);
    return all;
  }

  note(origin: OriginId, { from, to, reason }: Hole): void {
    this.log(origin).addGap(from, to, reason);
  }

  /** Drops the pieces that end at or before `to`, and says which. */
  expire(origin: OriginId, to: number): [number, number][] {
    const log = this.log(origin);
    const gone: [number, number][] = [];
    log.replace((piece) => {
      const isGone = piece.reason === undefined && piece.end <= to;
      if (isGone) gone.push([piece.start, piece.end]);
      return isGone;
    }, []);
    for (const [start, end] of gone) {
      log.addGap(start, end, "expired");
      this.#values.get(origin)?.fill(undefined, start, end);
    }
    return gone;
  }

  /** Whether this record of an origin stands under a later one of the same node. */
  standsAgain(origin: OriginId, value: number): boolean {
    return this.#siblings(origin).some((other) => this.#values.get(other)?.includes(value) === true);
  }

  /** Gives up records of an origin that stand under a later one of the same node, one stretch of them; says which. */
  setAside(origin: OriginId, isForked: boolean): { readonly from: number; readonly to: number } | undefined {
    const own = this.#values.get(origin) ?? [];
    const end = own.findLastIndex((value) => value !== undefined);
    if (end < 0 || origin === this.own) return undefined;
    for (const sibling of this.#siblings(origin)) {
      const copy = this.#values.get(sibling) ?? [];
      const first = copy[0] === undefined ? -1 : own.indexOf(copy[0]);
      const last = copy.indexOf(own[end]);
      const shift = first >= 0 ? first : last < 0 ? -1 : end - last;
      const isSame = copy.map((value, i) => value !== undefined && shift >= 0 && own[shift + i] === value);
      const from = isSame.indexOf(true);
      if (from < 0 || (shift === 0 && !isForked)) continue;
      const isOther = (same: boolean, i: number): boolean => i > from && !same && own[shift + i] !== undefined;
      const other = isSame.findIndex(isOther);
      const to = isSame.slice(0, other < 0 ? copy.length : other).lastIndexOf(true) + 1;
      this.#giveUp(origin, shift + from, shift + to);
      return { from: shift + from, to: shift + to };
    }
    return undefined;
  }

  #siblings(origin: OriginId): OriginId[] {
    return this.origins.filter((other) => other !== origin && nodeOfOrigin(other) === nodeOfOrigin(origin));
  }

  #giveUp(origin: OriginId, from: number, to: number): void {
    const log = this.log(origin);
    const gone: [number, number][] = [];
    const kept: [number, number][] = [];
    log.replace(({ start, end, reason }) => {
      const isGone = reason === undefined && end > from && start < to;
      if (isGone) gone.push([Math.max(start, from), Math.min(end, to)]);
      if (isGone && start < from) kept.push([start, from]);
      if (isGone && end > to) kept.push([to, end]);
      return isGone;
    }, []);
    for (const [start, end] of kept) log.add({ start, end });
    for (const [start, end] of gone) {
      log.addGap(start, end, "missed");
      this.#values.get(origin)?.fill(undefined, start, end);
    }
  }

  /** Every seq is here or in a gap, never both (R6). */
  problems(): string[] {
    return this.origins.flatMap((origin) => {
      const holes = this.holes(origin);
      const wrong: string[] = [];
      for (let seq = 0; seq < this.next(origin); seq++) {
        const isHere = this.value(origin, seq) !== undefined;
        const hole = holeAt(holes, seq);
        if (isHere === (hole !== undefined))
          wrong.push(`${origin} ${seq}: here ${isHere}, ${hole?.reason ?? "no gap"}`);
      }
      return wrong;
    });
  }

  /** What the cursor's owner has not seen, at most `limit` pieces of it. */
  read(cursor: Cursor | undefined, limit: number): { seen: { origin: OriginId; seq: number }[]; cursor: Cursor } {
    const walks = walksOf(this.stream, cursor);
    const seen: { origin: OriginId; seq: number }[] = [];
    let pieces = 0;
    for (const walk of walks) {
      for (let piece = walk.piece(); piece !== undefined && pieces++ < limit; piece = walk.piece()) {
        for (; walk.seq < Math.min(piece.end, walk.end); walk.seq++)
          seen.push({ origin: walk.log.origin, seq: walk.seq });
      }
    }
    return { seen, cursor: cursorAfter(cursor, walks) };
  }

  /** Records that are held up, because damage has left a hole before them. */
  heldUp(): string[] {
    return this.origins.flatMap((origin) => {
      const { next, end } = this.log(origin);
      return end > next ? [`${origin} ${next}-${end}`] : [];
    });
  }

  /** A backup: as this disk is now. */
  copy(): SimDisk {
    return this.#copyWithout(() => false);
  }

  /** As it is found again when these own records cannot be read any more: its site appends under another origin from now on. */
  damaged(from: number, to: number, own: OriginId): SimDisk {
    const copy = this.#copyWithout((origin, seq) => origin === this.own && from <= seq && seq < to);
    copy.scarred.add(this.own);
    copy.own = own;
    return copy;
  }

  #copyWithout(isLost: (origin: OriginId, seq: number) => boolean): SimDisk {
    const copy = new SimDisk(this.own);
    for (const [origin, again] of this.again) copy.again.set(origin, again);
    for (const origin of this.restored) copy.restored.add(origin);
    for (const origin of this.scarred) copy.scarred.add(origin);
    for (const origin of this.origins) {
      const [log, values] = [copy.log(origin), copy.#valuesIn(origin)];
      for (let seq = 0; seq < this.log(origin).end; seq++) {
        const piece = this.log(origin).locate(seq);
        if (piece === undefined || isLost(origin, seq)) continue;
        if (piece.reason !== undefined) log.addGap(seq, seq + 1, piece.reason);
        else if (log.add({ start: seq, end: seq + 1 })) values[seq] = this.value(origin, seq);
      }
    }
    return copy;
  }
}
