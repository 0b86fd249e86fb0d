import { join } from "node:path";
import { RunCheck } from "./run-check.js";
import { nameOfRun } from "./run-name.js";
import { decodeRunColumns, runBlockLength } from "./run-block.js";
import { SegmentWriter } from "./run-writer.js";
import { segmentName } from "./segment-format.js";
import type { Disk } from "./disk.js";
import type { NewSegment } from "./seal.js";
import type { SealedRun } from "./store.js";

/**
 * Takes a run of another site in, block by block, into a segment of its own, which counts only once it is complete.
 * Every block is verified when it comes: its checksum, and that it is what the run has there (`RunCheck`).
 */
export class RunImport {
  private constructor(
    readonly run: SealedRun,
    readonly number: number,
    private readonly writer: SegmentWriter,
    private readonly check: RunCheck,
  ) {}

  /** @throws LandfallError INVALID_ARGUMENT, DISK_FULL, DISK_FAILED */
  static async begin(disk: Disk, folder: string, number: number, run: SealedRun): Promise<RunImport> {
    const check = new RunCheck(run);
    const writer = await SegmentWriter.create(disk, join(folder, segmentName(number)), number, run.packed);
    // Its values stay packed: digests are made of them when somebody asks, or when it is merged.
    writer.beginRun(run.stream, run.origin, run.from, run.to, "nowhere");
    return new RunImport(run, number, writer, check);
  }

  /** Blocks that are here. */
  get blocks(): number {
    return this.check.blocks;
  }

  /** @param bytes whole blocks. @throws LandfallError CORRUPT_BLOCK, INVALID_NAME, DISK_FULL, DISK_FAILED */
  async add(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength;) {
      const rest = bytes.subarray(at);
      const block = rest.subarray(0, runBlockLength(rest));
      const columns = decodeRunColumns(block);
      this.check.add(columns, block.byteLength);
      this.writer.addBlock(block, columns);
      at += block.byteLength;
    }
    await this.writer.flush();
  }

  /** Everything is here and on disk; `arrived`: ms since 1970. @throws LandfallError CORRUPT_BLOCK, DISK_FULL, DISK_FAILED */
  async finish(arrived: number): Promise<NewSegment> {
    const { run, writer } = this;
    this.check.end(nameOfRun(run, writer.entries));
    writer.endRun({ arrived, rawBytes: run.rawBytes });
    const bytes = await writer.finish();
    return { number: this.number, bytes, runs: writer.runs };
  }

  abandon(): Promise<void> {
    return this.writer.abandon();
  }
}
