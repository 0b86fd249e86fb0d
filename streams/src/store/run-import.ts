import { join } from "node:path";
import { STAGED_SYNC_BYTES_MIN, STAGED_SYNC_MS } from "../limits.js";
import { syncError, writeError } from "./disk-errors.js";
import { RunCheck } from "./run-check.js";
import { nameOfRun } from "./run-name.js";
import { decodeRunColumns, runBlockLength } from "./run-block.js";
import { readStagedBlocks } from "./staged-blocks.js";
import { SegmentWriter } from "./run-writer.js";
import { segmentName } from "./segment-format.js";
import { stagedName } from "./staged-files.js";
import type { Env } from "../env.js";
import type { Disk } from "./disk.js";
import type { NewSegment } from "./seal.js";
import type { SealedRun } from "./store.js";

export interface RunImportOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly env: Env;
}

/**
 * Takes a run of another site in, block by block, into a staged file, which becomes a segment only once it is complete.
 * Every block is verified when it comes: its checksum, and that it is what the run has there (`RunCheck`). What is on disk of it
 * survives a crash, and is gone on with.
 */
export class RunImport {
  private syncedAt: number;
  private syncedBytes: number;

  private constructor(
    private readonly options: RunImportOptions,
    readonly run: SealedRun,
    private readonly number: number,
    private readonly writer: SegmentWriter,
    private readonly check: RunCheck,
  ) {
    this.syncedAt = options.env.monotonic();
    this.syncedBytes = writer.bytes;
  }

  /** @param number of the staged file. @throws LandfallError INVALID_ARGUMENT, DISK_FULL, DISK_FAILED */
  static async begin(options: RunImportOptions, number: number, run: SealedRun): Promise<RunImport> {
    const check = new RunCheck(run);
    const { disk, folder } = options;
    const writer = await SegmentWriter.create(disk, join(folder, stagedName(number)), number, run.packed);
    return new RunImport(options, run, number, writer, check).begun();
  }

  /**
   * Goes on with what a former process has written: the first blocks, up to the first that is not whole or not right; what
   * lies behind is cut off. Undefined when there is nothing of it.
   * @throws LandfallError INVALID_ARGUMENT, DISK_FULL, DISK_FAILED
   */
  static async resume(options: RunImportOptions, number: number, run: SealedRun): Promise<RunImport | undefined> {
    const check = new RunCheck(run);
    const path = join(options.folder, stagedName(number));
    const file = await options.disk.open(path, "write").catch((error: unknown) => {
      throw writeError(error, path);
    });
    try {
      const writer = SegmentWriter.onto(file, path, run.packed);
      const resumed = new RunImport(options, run, number, writer, check).begun();
      for await (const { bytes, columns } of readStagedBlocks(file, check)) writer.adoptBlock(bytes, columns);
      await file.truncate(writer.bytes);
      // A process that was killed may have written without waiting.
      await file.sync();
      resumed.syncedBytes = writer.bytes;
      if (resumed.blocks > 0) return resumed;
    } catch (error) {
      await file.close().catch(() => undefined);
      throw syncError(error, path);
    }
    await file.close();
    return undefined;
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
    if (this.isSyncDue()) await this.sync();
    else await this.writer.flush();
  }

  /**
   * Everything is here, and on disk as a segment that nobody knows of yet.
   * @param arrived ms since 1970; @param number of the segment
   * @throws LandfallError CORRUPT_BLOCK, DISK_FULL, DISK_FAILED
   */
  async finish(arrived: number, number: number): Promise<NewSegment> {
    const { run, writer } = this;
    const { disk, folder } = this.options;
    this.check.end(nameOfRun(run, writer.entries));
    writer.endRun({ arrived, rawBytes: run.rawBytes });
    const bytes = await writer.finish(number);
    const path = join(folder, segmentName(number));
    try {
      await disk.rename(join(folder, stagedName(this.number)), path);
      // Before any manifest can name it.
      await disk.syncFolder(folder);
    } catch (error) {
      throw writeError(error, path);
    }
    return { number, bytes, runs: writer.runs };
  }

  /** Closes the file; what came stays in it. */
  async suspend(): Promise<void> {
    await this.writer.suspend().catch(() => undefined);
  }

  abandon(): Promise<void> {
    return this.writer.abandon();
  }

  private begun(): this {
    const { stream, origin, from, to } = this.run;
    // Its values stay packed: digests are made of them when somebody asks, or when it is merged.
    this.writer.beginRun(stream, origin, from, to, "nowhere");
    return this;
  }

  /** Over a slow link, a piece that is worth a sync takes long to come: what came is made durable sooner. */
  private isSyncDue(): boolean {
    const { env } = this.options;
    const isLate = env.monotonic() - this.syncedAt >= STAGED_SYNC_MS;
    return isLate && this.writer.bytes - this.syncedBytes >= STAGED_SYNC_BYTES_MIN;
  }

  private async sync(): Promise<void> {
    await this.writer.flushNow();
    this.syncedAt = this.options.env.monotonic();
    this.syncedBytes = this.writer.bytes;
  }
}
