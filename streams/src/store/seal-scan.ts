import { join } from "node:path";
import { isLandfallError } from "../model/errors.js";
import { RECORD_HEADER_BYTES } from "./block-layout.js";
import { readError } from "./disk-errors.js";
import { journalFields, journalRecordAt, parseJournalBlock } from "./journal-block.js";
import { journalName } from "./journal-format.js";
import { TopicTable, hashName } from "./topic-table.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { Disk } from "./disk.js";
import type { JournalBlock, JournalFields } from "./journal-block.js";
import type { RunFields } from "./run-block-builder.js";
import type { SegmentWriter } from "./run-writer.js";
import type { SealJob } from "./seal.js";

const NO_BYTES = new Uint8Array(0);
/** A line of the processor's cache, and how much of a record is looked at beforehand. */
const LINE_BYTES = 64;
const TOUCHED_BYTES = 4 * LINE_BYTES;

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
  /** Where each record begins in the journal. */
  private readonly recordAts: Uint32Array;
  private readonly blockOf: Uint32Array;
  private readonly blocks: Found[] = [];
  private readonly blockFirst: number[] = [];
  private readonly names: string[] = [];
  private readonly fields = journalFields();
  private readonly given: RunFields = { seq: 0, offset: 0, timestamp: 0, received: 0, arrived: 0, headers: NO_BYTES };
  private nameBytes: Buffer = Buffer.alloc(64 * 1024);
  /** Only so that looking is not found to be useless. */
  seen = 0;

  private constructor(
    private readonly bytes: Uint8Array,
    readonly runs: readonly ScannedRun[],
  ) {
    const count = runs.reduce((sum, run) => sum + run.count, 0);
    this.topics = new TopicTable(count);
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

  /** Name of a topic, made once: for those that must be compared. */
  name(topic: number): string {
    return (this.names[topic] ??= this.topics.name(topic));
  }

  /** Gives records [from, to) of `order` to the writer. */
  give(order: Uint32Array, from: number, to: number, writer: SegmentWriter): void {
    this.touch(order, from, to);
    const names = this.namesOf(order, from, to);
    const { given, bytes } = this;
    for (let i = from; i < to; i++) {
      const record = order[i] as number;
      const number = this.blockOf[record] as number;
      const { block, position, arrived } = this.blocks[number] as Found;
      const { offset, timestamp, received, headersAt, valueAt, end } = this.fieldsOf(record);
      given.seq = block.firstSeq + record - (this.blockFirst[number] as number);
      given.offset = offset;
      given.timestamp = timestamp;
      given.received = received;
      given.arrived = arrived;
      given.headers = headersAt === valueAt ? NO_BYTES : block.bytes.subarray(headersAt, valueAt);
      writer.add(names[i - from] as string, given, bytes, position + valueAt, position + end);
    }
  }

  private fieldsOf(record: number): JournalFields {
    const { block, position } = this.blocks[this.blockOf[record] as number] as Found;
    return journalRecordAt(block, (this.recordAts[record] as number) - position, this.fields);
  }

  /** Names of the topics of these records, all made text at once, then cut: that is much cheaper than one by one. */
  private namesOf(order: Uint32Array, from: number, to: number): string[] {
    const { bytes, topicOf } = this;
    const ends: number[] = [];
    let end = 0;
    let last = -1;
    for (let i = from; i < to; i++) {
      const record = order[i] as number;
      const topic = topicOf[record] as number;
      if (topic !== last) {
        const { nameAt, nameBytes } = this.fieldsOf(record);
        const at = (this.blocks[this.blockOf[record] as number] as Found).position + nameAt;
        if (end + nameBytes > this.nameBytes.byteLength)
          this.nameBytes = Buffer.concat([this.nameBytes, this.nameBytes]);
        for (let c = 0; c < nameBytes; c++) this.nameBytes[end + c] = bytes[at + c] as number;
        end += nameBytes;
        last = topic;
      }
      ends.push(end);
    }
    const text = this.nameBytes.toString("latin1", 0, end);
    const names: string[] = [];
    for (let i = 0, start = 0, name = ""; i < ends.length; i++) {
      if (ends[i] !== start) {
        name = text.slice(start, ends[i]);
        start = ends[i] as number;
      }
      names.push(name);
    }
    return names;
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

  private scan({ block, position }: Found, number: number, run: number, first: number): number {
    const { fields, topics } = this;
    const { bytes, count } = block;
    const hashes = new Int32Array(count);
    let at = block.recordsAt;
    for (let i = 0; i < count; i++) {
      const { nameAt, nameBytes, offset, end } = journalRecordAt(block, at, fields);
      hashes[i] = hashName(run, bytes, nameAt, nameBytes);
      this.offsets[first + i] = offset;
      this.recordAts[first + i] = position + at;
      at = end;
    }
    this.seen ^= topics.touch(hashes);
    at = block.recordsAt;
    for (let i = 0; i < count; i++) {
      const { nameAt, nameBytes, end } = journalRecordAt(block, at, fields);
      const hash = hashes[i] as number;
      let topic = topics.lookup(run, bytes, nameAt, nameBytes, hash);
      if (topic < 0) topic = topics.add(run, bytes, nameAt, nameBytes, hash);
      this.topicOf[first + i] = topic;
      this.blockOf[first + i] = number;
      at = end;
    }
    return first + count;
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
