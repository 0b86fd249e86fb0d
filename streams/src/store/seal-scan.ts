import { join } from "node:path";
import { VALUE_BYTES_MAX } from "../limits.js";
import { isLandfallError } from "../model/errors.js";
import {
  RECORD_HEADERS_BYTES_AT,
  RECORD_HEADER_BYTES,
  RECORD_OFFSET_AT,
  RECORD_RECEIVED_AT,
  RECORD_TIMESTAMP_AT,
  RECORD_TOPIC_AT,
  RECORD_VALUE_BYTES_AT,
  corrupt,
} from "./block-layout.js";
import { readError } from "./disk-errors.js";
import { inSecondVersion } from "./journal-block-v1.js";
import { parseJournalBlock } from "./journal-block.js";
import { journalName } from "./journal-format.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { Disk } from "./disk.js";
import type { JournalBlock } from "./journal-block.js";
import type { SegmentWriter } from "./run-writer.js";
import type { JournalMemory, SealJob } from "./seal.js";
import type { Sorted } from "./seal-sort.js";

/** A line of the processor's cache, and how much of a record is looked at beforehand. */
const LINE_BYTES = 64;
const TOUCHED_BYTES = 4 * LINE_BYTES;

interface Found {
  readonly block: JournalBlock;
  /** Where its records lie in `SealScan.bytes`. */
  readonly from: number;
  readonly to: number;
  readonly arrived: number;
}

/** Consecutive seqs of one origin in one stream. */
export interface ScannedRun {
  readonly stream: StreamName;
  readonly origin: OriginId;
  readonly from: number;
  to: number;
  count: number;
  bytes: number;
  readonly blocks: Found[];
}

/**
 * A journal file in memory, its records by number: run after run, in order of seq, so that the seq of record r of a run
 * that begins with record f is `run.from + r - f`. Each is as docs/format.md has it for version 2: fixed fields, name, headers, value.
 */
export class SealScan {
  readonly count: number;
  /** Where each record begins in `bytes`. */
  readonly recordAts: Uint32Array;
  readonly view: DataView;
  private readonly blockOf: Uint32Array;
  private readonly arrivedAt: Float64Array;
  /** Only so that looking is not found to be useless. */
  private seen = 0;

  private constructor(
    readonly bytes: Uint8Array,
    readonly runs: readonly ScannedRun[],
  ) {
    this.count = runs.reduce((sum, run) => sum + run.count, 0);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.recordAts = new Uint32Array(this.count);
    this.blockOf = new Uint32Array(this.count);
    this.arrivedAt = new Float64Array(runs.reduce((sum, run) => sum + run.blocks.length, 0));
    let record = 0;
    let number = 0;
    for (const run of runs) {
      for (const found of run.blocks) {
        this.arrivedAt[number] = found.arrived;
        this.blockOf.fill(number++, record, record + found.block.count);
        this.scan(found, record);
        record += found.block.count;
      }
    }
  }

  /** Blocks that are damaged by now are left out: what they held is lacking. @throws LandfallError DISK_FAILED, CORRUPT_BLOCK */
  static async read(disk: Disk, job: SealJob, memory: JournalMemory): Promise<SealScan> {
    const path = join(job.folder, journalName(job.journal));
    let bytes: Uint8Array = memory.take(job.size);
    try {
      const file = await disk.open(path, "read");
      try {
        bytes = bytes.subarray(0, await file.read(bytes, 0));
      } finally {
        await file.close();
      }
    } catch (error) {
      throw readError(error, path);
    }
    const found: Found[] = [];
    const added: Uint8Array[] = [];
    let size = bytes.byteLength;
    for (let i = 0; i < job.blocks.length; i += 3) {
      const [position, length, arrived] = job.blocks.subarray(i, i + 3) as unknown as [number, number, number];
      try {
        const block = parseJournalBlock(bytes.subarray(position, position + length));
        if (block.names === undefined) {
          found.push({ block, from: position + block.recordsAt, to: position + length, arrived });
          continue;
        }
        const records = inSecondVersion(block);
        found.push({ block, from: size, to: size + records.byteLength, arrived });
        added.push(records);
        size += records.byteLength;
      } catch (error) {
        if (!isLandfallError(error, "CORRUPT_BLOCK")) throw error;
      }
    }
    return new SealScan(added.length === 0 ? bytes : Buffer.concat([bytes, ...added], size), runsOf(found));
  }

  /** Gives the records at places [from, to) to the writer, all of one run; `numbers` more than a record's number is its seq. */
  give({ order, begins }: Sorted, from: number, to: number, numbers: number, writer: SegmentWriter): void {
    const { bytes, view, recordAts, blockOf, arrivedAt } = this;
    this.touch(order, from, to);
    for (let place = from; place < to; place++) {
      const record = order[place] as number;
      const at = recordAts[record] as number;
      const nameBytes = view.getUint16(at + RECORD_TOPIC_AT, true);
      const headersAt = at + RECORD_HEADER_BYTES + nameBytes;
      const valueAt = headersAt + view.getUint16(at + RECORD_HEADERS_BYTES_AT, true);
      const end = valueAt + view.getUint32(at + RECORD_VALUE_BYTES_AT, true);
      if (begins[place] === 1) writer.beginTopic(bytes, at + RECORD_HEADER_BYTES, nameBytes);
      writer.add(
        record + numbers,
        view.getFloat64(at + RECORD_OFFSET_AT, true),
        view.getFloat64(at + RECORD_TIMESTAMP_AT, true),
        view.getFloat64(at + RECORD_RECEIVED_AT, true),
        arrivedAt[blockOf[record] as number] as number,
        bytes,
        headersAt,
        valueAt,
        end,
      );
    }
  }

  /**
   * Looks at where these records lie, all over the journal. Nothing comes of it, but the processor waits for all of it
   * at once, instead of for each record in turn: that is most of what it costs to put them in order.
   */
  private touch(order: Uint32Array, from: number, to: number): void {
    const { recordAts, bytes } = this;
    let seen = 0;
    for (let i = from; i < to; i++) {
      const at = recordAts[order[i] as number] as number;
      for (let line = 0; line < TOUCHED_BYTES; line += LINE_BYTES) seen ^= bytes[at + line] as number;
    }
    this.seen ^= seen;
  }

  /** Checks once what is relied on from then on. @throws LandfallError CORRUPT_BLOCK */
  private scan({ block, from, to: end }: Found, first: number): void {
    const { view, recordAts } = this;
    let at = from;
    for (let i = 0; i < block.count; i++) {
      if (at + RECORD_HEADER_BYTES > end) throw corrupt("a record is cut short", at);
      const nameBytes = view.getUint16(at + RECORD_TOPIC_AT, true);
      const valueBytes = view.getUint32(at + RECORD_VALUE_BYTES_AT, true);
      recordAts[first + i] = at;
      at += RECORD_HEADER_BYTES + nameBytes + view.getUint16(at + RECORD_HEADERS_BYTES_AT, true) + valueBytes;
      if (nameBytes === 0 || nameBytes > 255 || valueBytes > VALUE_BYTES_MAX || at > end) {
        throw corrupt("a record reaches beyond the block", at);
      }
    }
  }
}

function runsOf(found: readonly Found[]): ScannedRun[] {
  const byLog = new Map<string, Found[]>();
  for (const one of found) {
    const key = `${one.block.stream} ${one.block.origin}`;
    const same = byLog.get(key);
    if (same === undefined) byLog.set(key, [one]);
    else same.push(one);
  }
  const runs: ScannedRun[] = [];
  for (const key of [...byLog.keys()].sort()) {
    let run: ScannedRun | undefined;
    for (const one of (byLog.get(key) as Found[]).sort((a, b) => a.block.firstSeq - b.block.firstSeq)) {
      const { stream, origin, firstSeq, count, bytes } = one.block;
      if (run === undefined || run.to !== firstSeq) {
        run = { stream, origin, from: firstSeq, to: firstSeq, count: 0, bytes: 0, blocks: [] };
        runs.push(run);
      }
      run.to += count;
      run.count += count;
      run.bytes += bytes.byteLength - count * RECORD_HEADER_BYTES;
      run.blocks.push(one);
    }
  }
  return runs;
}
