import { join } from "node:path";
import { LandfallError } from "../model/errors.js";
import { readError } from "./disk-errors.js";
import { checkRunBlock } from "./run-block.js";
import { nameOfRun } from "./run-name.js";
import { segmentName } from "./segment-format.js";
import type { Seq } from "../model/record.js";
import type { Disk, DiskFile } from "./disk.js";
import type { BlockEntry } from "./run-index.js";
import type { Run } from "./segment-format.js";
import type { SegmentReader } from "./segment-reader.js";
import type { SealedRun, SealedRunReader } from "./store.js";

/**
 * A sealed run that is sent as it lies on disk. Its file stays open: what is merged or expires meanwhile can still be
 * read to the end, and a transfer that was cut finds the very same bytes.
 */
export class RunExport implements SealedRunReader {
  readonly run: SealedRun;

  private constructor(
    private readonly file: DiskFile,
    private readonly path: string,
    private readonly entries: readonly BlockEntry[],
    run: Run,
  ) {
    const { stream, origin, from, to, count, rawBytes, packed } = run;
    const id = nameOfRun(run, entries);
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    this.run = {
      stream,
      origin,
      from: from as Seq,
      to: to as Seq,
      count,
      rawBytes,
      packed,
      blocks: entries.length,
      bytes,
      id,
    };
  }

  /** @throws LandfallError CORRUPT_BLOCK, DISK_FAILED */
  static async open(disk: Disk, folder: string, reader: SegmentReader, run: Run): Promise<RunExport> {
    const entries: BlockEntry[] = [];
    for await (const page of reader.entries(run)) entries.push(...page);
    const path = join(folder, segmentName(run.segment.number));
    const file = await disk.open(path, "read").catch((error: unknown) => {
      throw readError(error, path);
    });
    return new RunExport(file, path, entries, run);
  }

  async read(block: number, maxBytes: number): Promise<{ bytes: Uint8Array; next: number }> {
    const first = this.entries[block];
    if (first === undefined) throw new LandfallError("INVALID_ARGUMENT", `block ${block} of ${this.entries.length}`);
    let next = block + 1;
    let end = first.at + first.bytes;
    for (let entry = this.entries[next]; entry?.at === end && end + entry.bytes - first.at <= maxBytes;) {
      end += entry.bytes;
      entry = this.entries[++next];
    }
    const bytes = new Uint8Array(end - first.at);
    const read = await this.file.read(bytes, first.at).catch((error: unknown) => {
      throw readError(error, this.path);
    });
    if (read < bytes.byteLength) throw new LandfallError("CORRUPT_BLOCK", `${this.path} is cut short`);
    // What is damaged here is not handed on (S3).
    for (const { at, bytes: length } of this.entries.slice(block, next)) {
      checkRunBlock(bytes.subarray(at - first.at, at - first.at + length));
    }
    return { bytes, next };
  }

  close(): Promise<void> {
    return this.file.close();
  }
}
