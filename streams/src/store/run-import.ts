import { join } from "node:path";
import { LandfallError } from "../model/errors.js";
import { topicName } from "../model/names.js";
import { decodeRunColumns, runBlockLength } from "./run-block.js";
import { SegmentWriter } from "./run-writer.js";
import { segmentName } from "./segment-format.js";
import { OFFSET_MAX, RUN_RECORDS_MAX } from "../limits.js";
import type { Disk } from "./disk.js";
import type { RunColumns } from "./run-columns.js";
import type { NewSegment } from "./seal.js";
import type { SealedRun } from "./store.js";

/**
 * Takes a run of another site in, block by block, into a segment of its own, which counts only once it is complete.
 * Every block is verified when it comes: its checksum, that topics and offsets go on in order, and that each seq is one
 * of the run's and new. Values stay packed: they are what the origin's checksum says.
 */
export class RunImport {
  blocks = 0;
  private count = 0;
  private lastTopic = "";
  private lastOffset = -1;
  private readonly seen: Uint8Array;

  private constructor(
    readonly run: SealedRun,
    readonly number: number,
    private readonly writer: SegmentWriter,
  ) {
    this.seen = new Uint8Array(Math.ceil((run.to - run.from) / 8));
  }

  /** @throws LandfallError INVALID_ARGUMENT, DISK_FULL, DISK_FAILED */
  static async begin(disk: Disk, folder: string, number: number, run: SealedRun): Promise<RunImport> {
    const { from, to, count, blocks } = run;
    const span = to - from;
    const isSane = [from, to, count, blocks].every((n) => Number.isSafeInteger(n) && n >= 0);
    if (!isSane || span > RUN_RECORDS_MAX || count < 1 || count > span || blocks < 1 || blocks > count) {
      throw new LandfallError(
        "INVALID_ARGUMENT",
        `no run has seqs ${from} to ${to}, ${count} records, ${blocks} blocks`,
      );
    }
    const writer = await SegmentWriter.create(disk, join(folder, segmentName(number)), number, run.packed);
    // Its values stay packed: digests are made of them when somebody asks, or when it is merged.
    writer.beginRun(run.stream, run.origin, from, to, "nowhere");
    return new RunImport(run, number, writer);
  }

  /** @param bytes whole blocks. @throws LandfallError CORRUPT_BLOCK, DISK_FULL, DISK_FAILED */
  async add(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength;) {
      const rest = bytes.subarray(at);
      const block = rest.subarray(0, runBlockLength(rest));
      const columns = decodeRunColumns(block);
      this.verify(columns);
      this.writer.addBlock(block, columns);
      this.blocks++;
      at += block.byteLength;
    }
    await this.writer.flush();
  }

  /** Everything is here and on disk; `arrived`: ms since 1970. @throws LandfallError CORRUPT_BLOCK, DISK_FULL, DISK_FAILED */
  async finish(arrived: number): Promise<NewSegment> {
    const { run, blocks, count } = this;
    if (blocks !== run.blocks || count !== run.count) {
      throw wrong(`it ended after ${blocks} blocks with ${count} records, not ${run.blocks} with ${run.count}`);
    }
    this.writer.endRun({ arrived, rawBytes: run.rawBytes });
    const bytes = await this.writer.finish();
    return { number: this.number, bytes, runs: this.writer.runs };
  }

  abandon(): Promise<void> {
    return this.writer.abandon();
  }

  private verify({ count, topics, topicEnds, seqs, offsets, received, timestamps }: RunColumns): void {
    const { run, seen } = this;
    if (this.blocks === run.blocks) throw wrong(`more than ${run.blocks} blocks`);
    let i = 0;
    topics.forEach((topic, number) => {
      const goesOn = number === 0 && topic === this.lastTopic;
      if (!goesOn) {
        if (topic <= this.lastTopic) throw wrong("topics out of order");
        this.lastTopic = topicName(topic);
        this.lastOffset = -1;
      }
      for (const end = topicEnds[number] as number; i < end; i++) {
        const offset = offsets[i] as number;
        if (!(offset > this.lastOffset && offset <= OFFSET_MAX)) throw wrong("offsets out of order");
        this.lastOffset = offset;
        const at = (seqs[i] as number) - run.from;
        const bit = 1 << (at & 7);
        const isIts = Number.isSafeInteger(at) && at >= 0 && at < run.to - run.from;
        if (!isIts || ((seen[at >>> 3] as number) & bit) !== 0) throw wrong("a seq that is not the run's, or twice");
        seen[at >>> 3] = (seen[at >>> 3] as number) | bit;
        if (!Number.isSafeInteger(received[i]) || !Number.isSafeInteger(timestamps[i])) throw wrong("impossible times");
      }
    });
    this.count += count;
  }
}

function wrong(what: string): LandfallError {
  return new LandfallError("CORRUPT_BLOCK", `a run from another site: ${what}`);
}
