import { join } from "node:path";
import { SEGMENT_OWN_BYTES } from "../limits.js";
import { SealScan } from "./seal-scan.js";
import { sortRecords } from "./seal-sort.js";
import { SegmentWriter } from "./run-writer.js";
import { segmentName } from "./segment-format.js";
import type { Disk } from "./disk.js";
import type { RunMeta } from "./segment-format.js";

/** One journal file to be sealed. */
export interface SealJob {
  readonly kind: "seal";
  readonly folder: string;
  /** Number of the journal file. */
  readonly journal: number;
  /** Where its last commit that counts ends. */
  readonly size: number;
  /** Places of the blocks that count, in pairs of position and length, and when each arrived. */
  readonly blocks: Float64Array;
  /** Numbers for new segments are taken from here on. */
  readonly nextSegment: number;
  readonly packed: boolean;
  /** Another journal waits to be sealed next: what memory this one takes is kept for it. */
  readonly more: boolean;
}

/** Memory for a journal, used again by the next: fresh memory costs as much as reading the journal into it. */
export class JournalMemory {
  private bytes: Buffer = Buffer.alloc(0);

  /** So many bytes, whatever is in them. */
  take(size: number): Buffer {
    if (this.bytes.byteLength < size) this.bytes = Buffer.allocUnsafeSlow(size);
    return this.bytes.subarray(0, size);
  }

  release(): void {
    this.bytes = Buffer.alloc(0);
  }
}

export interface NewSegment {
  readonly number: number;
  readonly bytes: number;
  readonly runs: readonly RunMeta[];
}

/** Few enough for all of them to stay in the processor's cache. */
const RECORDS_AT_ONCE = 256;

/** Turns a journal file into segments: each run sorted by topic and offset, large streams apart, small ones together. */
export async function sealJournal(disk: Disk, job: SealJob, memory: JournalMemory): Promise<NewSegment[]> {
  const scan = await SealScan.read(disk, job, memory);
  const sorted = sortRecords(scan);
  const made: NewSegment[] = [];
  let writer: SegmentWriter | undefined;
  let number = job.nextSegment;
  const finish = async (): Promise<void> => {
    if (writer === undefined) return;
    const done = writer;
    writer = undefined;
    made.push({ number: number++, bytes: await done.finish(), runs: done.runs });
  };
  try {
    let at = 0;
    const runs = scan.runs;
    // Runs are numbered by stream: those of one stream are neighbours.
    for (let first = 0; first < runs.length;) {
      let end = first;
      let bytes = 0;
      const { stream } = runs[first] as (typeof runs)[number];
      for (; end < runs.length && runs[end]?.stream === stream; end++) bytes += runs[end]?.bytes ?? 0;
      const isLarge = bytes >= SEGMENT_OWN_BYTES;
      if (isLarge) await finish();
      writer ??= await SegmentWriter.create(disk, join(job.folder, segmentName(number)), number, job.packed);
      for (let i = first; i < end; i++) {
        const run = runs[i] as (typeof runs)[number];
        writer.beginRun(run.stream, run.origin, run.from, run.to);
        const numbers = run.from - at;
        for (const until = at + run.count; at < until;) {
          const end = Math.min(until, at + RECORDS_AT_ONCE);
          scan.give(sorted, at, end, numbers, writer);
          at = end;
          if (writer.isDue) await writer.flush();
        }
        writer.endRun();
      }
      if (isLarge) await finish();
      first = end;
    }
    await finish();
    await disk.syncFolder(job.folder);
    return made;
  } catch (error) {
    await writer?.abandon();
    throw error;
  } finally {
    if (!job.more) memory.release();
  }
}
