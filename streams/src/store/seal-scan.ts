import { join } from "node:path";
import { isLandfallError } from "../model/errors.js";
import { RECORD_HEADER_BYTES } from "./block-layout.js";
import { readError } from "./disk-errors.js";
import { journalFields, journalRecordAt, parseJournalBlock } from "./journal-block.js";
import { journalName } from "./journal-format.js";
import { TopicTable, hashName } from "./topic-table.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { Disk } from "./disk.js";
import type { JournalBlock } from "./journal-block.js";
import type { SegmentWriter } from "./run-writer.js";
import type { SealJob } from "./seal.js";

const NO_BYTES = new Uint8Array(0);

interface Found {
  readonly block: JournalBlock;
  readonly position: number;
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

/** A journal file in memory, its records by number: run after run, in order of seq. */
export class SealScan {
  readonly topics: TopicTable;
  /** Number of each record's topic in `topics`, where the "stream" is the number of the run. */
  readonly topicOf: Int32Array;
  readonly offsets: Float64Array;
  private readonly recordAts: Uint32Array;
  private readonly blockOf: Uint32Array;
  private readonly blocks: Found[] = [];
  private readonly blockFirst: number[] = [];
  private readonly names: string[] = [];
  private readonly fields = journalFields();

  private constructor(
    private readonly bytes: Uint8Array,
    readonly runs: readonly ScannedRun[],
  ) {
    const count = runs.reduce((sum, run) => sum + run.count, 0);
    this.topics = new TopicTable(Math.max(64, count >>> 2));
    this.topicOf = new Int32Array(count);
    this.offsets = new Float64Array(count);
    this.recordAts = new Uint32Array(count);
    this.blockOf = new Uint32Array(count);
    let record = 0;
    runs.forEach((run, number) => {
      for (const found of run.blocks) {
        this.blockFirst.push(record);
        record = this.scan(found, this.blocks.push(found) - 1, number, record);
      }
    });
  }

  /** Blocks that are damaged by now are left out: what they held is lacking. @throws LandfallError DISK_FAILED */
  static async read(disk: Disk, job: SealJob): Promise<SealScan> {
    const path = join(job.folder, journalName(job.journal));
    const bytes = new Uint8Array(job.size);
    try {
      const file = await disk.open(path, "read");
      try {
        await file.read(bytes, 0);
      } finally {
        await file.close();
      }
    } catch (error) {
      throw readError(error, path);
    }
    const found: Found[] = [];
    for (let i = 0; i < job.blocks.length; i += 3) {
      const [position, length, arrived] = job.blocks.subarray(i, i + 3) as unknown as [number, number, number];
      try {
        const block = parseJournalBlock(bytes.subarray(position, position + length));
        found.push({ block, position, arrived });
      } catch (error) {
        if (!isLandfallError(error, "CORRUPT_BLOCK")) throw error;
      }
    }
    return new SealScan(bytes, runsOf(found));
  }

  /** Name of a topic, made once. */
  name(topic: number): string {
    return (this.names[topic] ??= this.topics.name(topic));
  }

  give(record: number, writer: SegmentWriter): void {
    const number = this.blockOf[record] as number;
    const { block, position, arrived } = this.blocks[number] as Found;
    const { fields } = this;
    const at = this.recordAts[record] as number;
    const { offset, timestamp, received, headersAt, valueAt, end } = journalRecordAt(block, at, fields);
    const seq = block.firstSeq + record - (this.blockFirst[number] as number);
    const topic = this.name(this.topicOf[record] as number);
    const headers = headersAt === valueAt ? NO_BYTES : block.bytes.subarray(headersAt, valueAt);
    writer.add(
      topic,
      seq,
      offset,
      timestamp,
      received,
      arrived,
      headers,
      this.bytes,
      position + valueAt,
      position + end,
    );
  }

  private scan({ block }: Found, number: number, run: number, first: number): number {
    const { fields, topics } = this;
    const { bytes, count } = block;
    let at = block.recordsAt;
    let record = first;
    for (let i = 0; i < count; i++) {
      const { nameAt, nameBytes, offset, end } = journalRecordAt(block, at, fields);
      const hash = hashName(run, bytes, nameAt, nameBytes);
      let topic = topics.lookup(run, bytes, nameAt, nameBytes, hash);
      if (topic < 0) topic = topics.add(run, bytes, nameAt, nameBytes, hash);
      this.topicOf[record] = topic;
      this.offsets[record] = offset;
      this.recordAts[record] = at;
      this.blockOf[record++] = number;
      at = end;
    }
    return record;
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
