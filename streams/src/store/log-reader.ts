import { BLOCK_BYTES_MAX, READ_BYTES_MAX, READ_RECORDS_MAX } from "../limits.js";
import { isLandfallError } from "../model/errors.js";
import { cursorAfter, walksOf } from "./cursor-walk.js";
import { recordStarts } from "./journal-block.js";
import { recordsOf } from "./journal-reader.js";
import type { GapReason, Hole } from "../model/gap.js";
import type { Cursor, Seq, StoredRecord } from "../model/record.js";
import type { CursorWalk } from "./cursor-walk.js";
import type { JournalReader } from "./journal-reader.js";
import type { OriginLog, Piece } from "./origin-log.js";
import type { RecordSink, RunLog } from "./run-log.js";
import type { Run } from "./segment-format.js";
import type { StreamState } from "./stream-state.js";

/** Room that a block needs besides its records: its head, and the names of stream and origin. */
const BLOCK_ROOM_BYTES = 1024;

/** Counts records and bytes until either is enough; the first record always fits. */
class Budget {
  records = 0;
  private bytes = 0;
  constructor(
    private readonly limit: number,
    private readonly bytesMax: number,
  ) {}

  get full(): boolean {
    return this.records >= this.limit;
  }

  /** False when it no longer fits. */
  take(bytes: number): boolean {
    this.bytes += bytes;
    if (this.full || (this.records > 0 && this.bytes > this.bytesMax)) return false;
    this.records++;
    return true;
  }
}

/** Reads in order of seq: one origin, or all of a stream. */
export class LogReader {
  constructor(
    private readonly journals: JournalReader,
    private readonly runs: RunLog,
  ) {}

  /** Records of one origin from a seq on, as many as surely fit into one block of `maxBytes`. */
  async origin(log: OriginLog, from: number, maxBytes: number): Promise<StoredRecord[]> {
    const budget = new Budget(READ_RECORDS_MAX, Math.min(maxBytes, BLOCK_BYTES_MAX) - BLOCK_ROOM_BYTES);
    const records: StoredRecord[] = [];
    let isOpen = true;
    for (let seq = from; isOpen && seq < log.next;) {
      const piece = log.locate(seq);
      if (piece === undefined) break;
      seq = await this.take(piece, seq, Math.min(piece.end, log.next), budget, records, true);
      isOpen = seq === piece.end;
    }
    return records;
  }

  /**
   * Gives a sink records of one origin from a seq on, up to `to`, as long as they lie in sealed runs and it takes them. Returns the
   * first seq that was not given.
   */
  async give(log: OriginLog, from: number, to: number, sink: RecordSink): Promise<number> {
    for (let seq = from; seq < to;) {
      const piece = log.locate(seq);
      if (piece?.run === undefined) return seq;
      const window = await this.runs.window(piece.run, seq);
      const until = Math.min(to, piece.end, window.to);
      seq = window.give(seq, until, sink);
      if (seq < until) return seq;
    }
    return to;
  }

  /** What the cursor's owner lacks, older pieces first. */
  async stream(
    stream: StreamState | undefined,
    cursor: Cursor | undefined,
    limit: number,
  ): Promise<{ records: StoredRecord[]; cursor: Cursor }> {
    const budget = new Budget(Math.min(limit, READ_RECORDS_MAX), READ_BYTES_MAX);
    const walks = walksOf(stream, cursor);
    const records: StoredRecord[] = [];
    let isOpen = true;
    while (isOpen && !budget.full) {
      let chosen: { walk: CursorWalk; piece: Piece } | undefined;
      for (const walk of walks) {
        const piece = walk.piece();
        if (piece !== undefined && (chosen === undefined || isOlder(piece, chosen.piece))) chosen = { walk, piece };
      }
      if (chosen === undefined) break;
      const { walk, piece } = chosen;
      const to = Math.min(piece.end, walk.end);
      walk.seq = await this.take(piece, walk.seq, to, budget, records, false);
      isOpen = walk.seq === to;
    }
    return { records, cursor: cursorAfter(cursor, walks) };
  }

  /** Why the record with this seq cannot be read, and up to where; undefined when it can, or never came. */
  async hole(log: OriginLog, seq: number): Promise<Hole | undefined> {
    const piece = log.locate(seq);
    const end = piece?.end ?? log.after(seq)?.start;
    if (end === undefined) return undefined;
    const until = (to: number, reason: GapReason): Hole => ({ from: seq as Seq, to: to as Seq, reason });
    if (piece === undefined) return until(end, "damaged");
    if (piece.reason !== undefined) return until(end, piece.reason);
    try {
      const here = await this.take(piece, seq, end, new Budget(1, READ_BYTES_MAX), [], true);
      if (here > seq || piece.run === undefined) return undefined;
      return until(await this.supersededTo(piece.run, seq), "superseded");
    } catch (error) {
      if (isLandfallError(error, "CORRUPT_BLOCK")) return until(end, "damaged");
      throw error;
    }
  }

  private async supersededTo(run: Run, from: number): Promise<number> {
    for (let at = from; at < run.to;) {
      const window = await this.runs.window(run, at);
      for (; at < window.to; at++) if (window.bytes(at) >= 0) return at;
    }
    return run.to;
  }

  /**
   * Takes what fits of [seq, end) of a piece; returns the first seq that was not taken.
   * @param gapless stop at what expired or was superseded; otherwise pass over it
   */
  private async take(
    piece: Piece,
    seq: number,
    end: number,
    budget: Budget,
    records: StoredRecord[],
    gapless: boolean,
  ): Promise<number> {
    const { generation, run } = piece;
    let at = seq;
    if (generation !== undefined) {
      const number = piece.block as number;
      const { firstSeq, extra } = generation.block(number);
      const block = await this.journals.block(generation, number);
      const starts = recordStarts(block);
      const first = at - firstSeq;
      for (let i = first; at < end; i++, at++) {
        if (!budget.take((starts[i + 1] as number) - (starts[i] as number) + extra)) break;
      }
      const take = recordsOf(generation, number, block, at - firstSeq - first);
      for (let i = first; i < at - firstSeq; i++) records.push(take(i));
      return at;
    }
    if (run === undefined) return seq;
    while (at < end) {
      const window = await this.runs.window(run, at);
      const until = Math.min(end, window.to);
      const seqs: number[] = [];
      for (; at < until; at++) {
        const bytes = window.bytes(at);
        if (bytes < 0 && !gapless) continue;
        if (bytes < 0 || !budget.take(bytes)) break;
        seqs.push(at);
      }
      for (const record of window.records(seqs)) records.push(record);
      if (at < until) break;
    }
    return at;
  }
}

/** Sealed before unsealed, then in order of the journal. */
function isOlder(a: Piece, b: Piece): boolean {
  if (a.run !== undefined || b.run !== undefined) {
    if (a.run === undefined || b.run === undefined) return a.run !== undefined;
    return a.run.segment.number < b.run.segment.number;
  }
  const [x, y] = [a.generation?.number ?? 0, b.generation?.number ?? 0];
  return x < y || (x === y && (a.block ?? 0) < (b.block ?? 0));
}
