import { DIGEST_CHUNK_RECORDS, DIGEST_READ_BYTES, DIGEST_RECORDS_READ_MAX } from "../limits.js";
import { LandfallError, isLandfallError } from "../model/errors.js";
import { SpanSum } from "./span-sum.js";
import { writeDigestFile } from "./digest-file.js";
import { digestOf } from "./record-digest.js";
import { DIGEST_NUMBERS, chunkBounds } from "./run-digests.js";
import { metaOf } from "./segment-format.js";
import type { SeqRange, StoredRecord } from "../model/record.js";
import type { Background } from "./background.js";
import type { RunDigest } from "./digest-job.js";
import type { Disk } from "./disk.js";
import type { StoreLog } from "./open-folder.js";
import type { OriginLog, Piece } from "./origin-log.js";
import type { Run } from "./segment-format.js";
import type { DigestSpan, SpanDigests } from "./store.js";

export interface StoreDigestsOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly log: StoreLog;
  /** Reads runs, one after the other. */
  readonly worker: Background;
  /** Reads what is not sealed, from the disk and not from what is in memory: about so many bytes of consecutive records. */
  readonly unsealed: (log: OriginLog, from: number, bytes: number) => Promise<StoredRecord[]>;
  /** Runs whose digests stand in a file of their own. */
  readonly late: readonly Run[];
  readonly onDamaged: (run: Run, error: LandfallError) => void;
}

/**
 * Digests of what a store holds of an origin. Those of sealed runs were made when they were sealed and are only added up,
 * chunk by chunk; for all else the records are read: those of unsealed journals and of parts of chunks each time, those of runs
 * that came without digests once.
 */
export class StoreDigests {
  private readonly late: Set<Run>;
  private turn: Promise<unknown> = Promise.resolve();
  private isStale = false;

  constructor(private readonly options: StoreDigestsOptions) {
    this.late = new Set(options.late);
  }

  /** @param deep read every byte, whatever is stored. @throws LandfallError DISK_FAILED, CLOSED */
  async of(log: OriginLog, spans: readonly DigestSpan[], deep: boolean): Promise<SpanDigests[]> {
    const sums = spans.map((span) => new SpanSum(span));
    let left = DIGEST_RECORDS_READ_MAX;
    while (left > 0) {
      const open = sums.filter((sum) => !sum.isDone);
      if (open.length === 0) break;
      const at = Math.min(...open.map((sum) => sum.next));
      const piece = log.locate(at);
      const end = piece?.end ?? log.after(at)?.start ?? Infinity;
      const here = open.filter((sum) => sum.next < end);
      if (piece?.run !== undefined) left -= await this.addRun(piece.run, here, deep);
      else if (piece?.generation !== undefined) left -= await this.addUnsealed(log, piece, here[0] as SpanSum);
      else for (const sum of here) sum.skip(end);
    }
    if (this.isStale) await this.write();
    return sums.map((sum) => sum.done());
  }

  async close(): Promise<void> {
    await this.options.worker.close();
    await this.turn;
  }

  /** Returns how many records were read. */
  private async addRun(run: Run, sums: readonly SpanSum[], deep: boolean): Promise<number> {
    if (run.damaged) {
      for (const sum of sums) sum.damaged(run.to);
      return 0;
    }
    if (!deep && run.digests !== undefined && sums.every((sum) => sum.fits(run))) {
      for (const sum of sums) sum.addChunks(run, run.digests);
      return 0;
    }
    const bounds = new Set(chunkBounds(run));
    for (const sum of sums) for (const bound of sum.boundsWithin(run)) bounds.add(bound);
    const sorted = [...bounds].sort((a, b) => a - b);
    const named = sums.flatMap((sum) => sum.namedWithin(run));
    let read: RunDigest;
    try {
      read = await this.read(run, sorted, named);
      this.learn(run, sorted, read.parts);
    } catch (error) {
      // Merged or expired meanwhile: what is in its place is looked up anew.
      if (!run.log.stream.runs.includes(run)) return 0;
      if (!isLandfallError(error, "CORRUPT_BLOCK")) throw error;
      this.options.onDamaged(run, error);
      for (const sum of sums) sum.damaged(run.to);
      return run.count;
    }
    for (const sum of sums) sum.addParts(run.to, sorted, read);
    return run.count;
  }

  /** Reads a piece of an unsealed journal on, for one span. Returns how many records were read. */
  private async addUnsealed(log: OriginLog, piece: Piece, sum: SpanSum): Promise<number> {
    const from = sum.next;
    try {
      const records = await this.options.unsealed(log, from, DIGEST_READ_BYTES);
      // Sealed meanwhile, and superseded.
      if (records.length === 0) sum.skip(from + 1);
      for (const record of records) {
        if (sum.isDone) break;
        const { seq, topic, offset } = record;
        sum.addRecord({ seq, topic, offset, ...digestOf(record) });
      }
      return Math.max(1, records.length);
    } catch (error) {
      if (!isLandfallError(error, "CORRUPT_BLOCK")) throw error;
      sum.damaged(piece.end);
      return piece.end - from;
    }
  }

  private read(run: Run, bounds: readonly number[], named: readonly SeqRange[]): Promise<RunDigest> {
    const { worker, folder } = this.options;
    const job = { kind: "digest", folder, segment: run.segment.number, meta: metaOf(run), bounds, named } as const;
    const read = this.turn.then(() => worker.digest(job));
    this.turn = read.catch(() => undefined);
    return read;
  }

  /**
   * All of a run was read: what is stored of it must be the same, or else the bytes have changed in a way that no checksum
   * tells.
   */
  private learn(run: Run, bounds: readonly number[], parts: readonly number[]): void {
    const whole = new SpanSum({ from: run.from, to: run.to, step: DIGEST_CHUNK_RECORDS });
    whole.addParts(run.to, bounds, { parts, named: [] });
    const digests = whole.done().cells.flatMap(({ count, high, low }) => [count, high, low]);
    if (run.digests === undefined) {
      run.digests = digests;
      this.late.add(run);
      this.isStale = true;
    } else if (digests.length !== run.digests.length || digests.some((one, i) => one !== run.digests?.[i])) {
      const chunk = digests.findIndex((one, i) => one !== run.digests?.[i]) / DIGEST_NUMBERS;
      const at = Math.max(
        run.from,
        (Math.floor(run.from / DIGEST_CHUNK_RECORDS) + Math.floor(chunk)) * DIGEST_CHUNK_RECORDS,
      );
      throw new LandfallError("CORRUPT_BLOCK", `its records from seq ${at} on are not those that were sealed`);
    }
  }

  private async write(): Promise<void> {
    const { disk, folder, log } = this.options;
    this.isStale = false;
    for (const run of this.late) if (!run.log.stream.runs.includes(run)) this.late.delete(run);
    const runs = [...this.late];
    this.turn = this.turn
      .then(() => writeDigestFile(disk, folder, runs))
      .catch((error: unknown) =>
        log.warn({ err: error }, "digests could not be kept; they are made again when asked for"),
      );
    await this.turn;
  }
}
