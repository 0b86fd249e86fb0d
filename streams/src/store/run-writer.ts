import { crc32 } from "node:zlib";
import { BLOCK_RECORDS_MAX, RUN_BLOCK_BYTES, RUN_INDEX_PAGE_ENTRIES } from "../limits.js";
import { compareNames } from "./compare-names.js";
import { writeError } from "./disk-errors.js";
import { RecordDigester } from "./record-digest.js";
import { RunBlockBuilder } from "./run-block-builder.js";
import { RunDigests, takeFromBlock } from "./run-digests.js";
import { encodeEntries, encodePages } from "./run-index.js";
import { SEGMENT_HEAD_BYTES, encodeFooter, encodeSegmentHead } from "./segment-format.js";
import type { OriginId, StreamName } from "../model/names.js";
import { SegmentOutput } from "./segment-output.js";
import type { Disk, DiskFile } from "./disk.js";
import type { NamedBytesBlock } from "./run-block.js";
import type { RunColumns } from "./run-columns.js";
import type { BlockEntry, PageEntry } from "./run-index.js";
import type { RunMeta } from "./segment-format.js";

/** A packed block holds more records: they cost less space that way. */
const PACKED_BLOCK_BYTES = 4 * RUN_BLOCK_BYTES;
/** With a new topic, a block ends that is filled to this share: then most topics begin a block, or lie in one whole. */
const FILLED = 0.75;

/** Behind a topic with so much in a block that is not packed, the block ends, too. Packed ones would grow by 3 %. */
const LONG_TOPIC_BYTES = RUN_BLOCK_BYTES / 2;

/**
 * Where the digests of a run come from: its records as they are written, the runs that it is made of, or nowhere, where
 * records are not unpacked.
 */
export type DigestsFrom = "records" | "nowhere" | readonly number[];

interface OpenRun {
  readonly stream: StreamName;
  readonly origin: OriginId;
  readonly from: number;
  readonly to: number;
  readonly begin: number;
  readonly entries: BlockEntry[];
  count: number;
  topics: number;
  rawBytes: number;
  received: number;
  /** Of the records that are added, unless they come from elsewhere. */
  readonly made: RunDigests | undefined;
  readonly digests?: readonly number[];
}

/** Writes one segment file, run after run, each sorted by topic and offset. */
export class SegmentWriter {
  readonly runs: RunMeta[] = [];
  private readonly block = new RunBlockBuilder();
  private readonly digester = new RecordDigester();
  private run: OpenRun | undefined;
  /** The topic that was begun last: its name is [nameAt, nameAt + nameBytes) of `name`. */
  private name: Uint8Array = new Uint8Array(0);
  private nameAt = 0;
  private nameBytes = 0;
  /** The topic of the last block from another site. */
  private lastTopic = "";
  /** What was in the block before that topic. */
  private topicBegin = 0;
  /** Of the block in the making; undefined until there is enough of it to tell. */
  private shouldPack: boolean | undefined;

  private constructor(
    private readonly output: SegmentOutput,
    private readonly packed: boolean,
  ) {
    this.shouldPack = packed ? undefined : false;
  }

  /** @throws LandfallError DISK_FULL, DISK_FAILED */
  static async create(disk: Disk, path: string, number: number, packed: boolean): Promise<SegmentWriter> {
    try {
      // What a crash may have left under this name is no segment that anybody knows.
      await disk.remove(path);
      const output = new SegmentOutput(await disk.open(path, "create"), path);
      output.push(encodeSegmentHead(number));
      return new SegmentWriter(output, packed);
    } catch (error) {
      throw writeError(error, path);
    }
  }

  /** Goes on with a file that has a head, and blocks that are to be adopted. */
  static onto(file: DiskFile, path: string, packed: boolean): SegmentWriter {
    return new SegmentWriter(new SegmentOutput(file, path, SEGMENT_HEAD_BYTES), packed);
  }

  /** Blocks of the run that is being written. */
  get entries(): readonly BlockEntry[] {
    return this.run?.entries ?? [];
  }

  get bytes(): number {
    return this.output.bytes;
  }

  /** @param digestsFrom by default from the records, unless they are sealed in a hurry: then whoever asks for digests has them made */
  beginRun(
    stream: StreamName,
    origin: OriginId,
    from: number,
    to: number,
    digestsFrom: DigestsFrom = this.packed ? "records" : "nowhere",
  ): void {
    const made = digestsFrom === "records" ? new RunDigests(from, to) : undefined;
    const digests = typeof digestsFrom === "string" ? made?.numbers : digestsFrom;
    this.run = {
      stream,
      origin,
      from,
      to,
      begin: this.bytes,
      entries: [],
      count: 0,
      topics: 0,
      rawBytes: 0,
      received: 0,
      made,
      ...(digests !== undefined && { digests }),
    };
    this.lastTopic = "";
    this.nameBytes = 0;
  }

  /** The records that follow are of this topic, larger than the last; its name is [at, at + length) of `source`. */
  beginTopic(source: Uint8Array, at: number, length: number): void {
    this.nextTopic();
    this.name = source;
    this.nameAt = at;
    this.nameBytes = length;
    this.block.beginTopic(source, at, length);
    if (this.run?.made !== undefined) this.digester.beginTopic(source, at, length);
  }

  /** The next record: its headers are [headersAt, valueAt) of `source`, its value [valueAt, end). */
  add(
    seq: number,
    offset: number,
    timestamp: number,
    received: number,
    arrived: number,
    source: Uint8Array,
    headersAt: number,
    valueAt: number,
    end: number,
  ): void {
    const { block } = this;
    // A block begins with a topic, also where that topic began in the one before.
    if (block.topicCount === 0) block.beginTopic(this.name, this.nameAt, this.nameBytes);
    block.add(seq, offset, timestamp, received, arrived, source, headersAt, valueAt, end);
    const { made } = this.run as OpenRun;
    if (made !== undefined) {
      const { digester } = this;
      digester.take(seq, offset, timestamp, received, source, headersAt, valueAt, source, valueAt, end);
      made.add(seq, digester.high, digester.low);
    }
    this.took(1, end - headersAt, received);
  }

  /** The next records: [from, to) of a block, all of its topic number `topic`, which may be that of the records before. */
  addSlice(block: NamedBytesBlock, topic: number, from: number, to: number): void {
    const { names, nameEnds, valueStarts, headerBytes, headerOf, received } = block;
    const nameAt = nameEnds[topic] as number;
    const nameBytes = (nameEnds[topic + 1] as number) - nameAt;
    if (compareNames(names, nameAt, nameBytes, this.name, this.nameAt, this.nameBytes) !== 0)
      this.beginTopic(names, nameAt, nameBytes);
    this.digestSlice(block, from, to);
    for (let at = from; at < to;) {
      const room = Math.min(to, at + BLOCK_RECORDS_MAX - this.block.count);
      const bytesMax = (valueStarts[at] as number) + RUN_BLOCK_BYTES;
      let end = at + 1;
      while (end < room && (valueStarts[end] as number) < bytesMax) end++;
      let bytes = (valueStarts[end] as number) - (valueStarts[at] as number);
      let newest = 0;
      for (let i = at; i < end; i++) {
        bytes += (headerBytes[headerOf?.[i] ?? 0] as Uint8Array).length;
        if ((received[i] as number) > newest) newest = received[i] as number;
      }
      if (this.block.topicCount === 0) this.block.beginTopic(this.name, this.nameAt, this.nameBytes);
      this.block.addSlice(block, at, end);
      this.took(end - at, bytes, newest);
      at = end;
    }
  }

  private digestSlice(block: NamedBytesBlock, from: number, to: number): void {
    const { made } = this.run as OpenRun;
    if (made === undefined) return;
    const { digester } = this;
    for (let i = from; i < to; i++) {
      takeFromBlock(digester, block, i);
      made.add(block.seqs[i] as number, digester.high, digester.low);
    }
  }

  private noteBlock(bytes: Uint8Array, { count, topics, offsets, timestamps, received }: RunColumns): void {
    const run = this.run as OpenRun;
    const [first, last] = [topics[0] as string, topics.at(-1) as string];
    run.topics += topics.length - (first === this.lastTopic ? 1 : 0);
    run.count += count;
    run.received = Math.max(run.received, largest(received));
    this.lastTopic = last;
    run.entries.push({
      at: this.bytes,
      bytes: bytes.byteLength,
      count,
      first,
      last,
      minOffset: smallest(offsets),
      maxOffset: largest(offsets),
      minTime: smallest(timestamps),
      maxTime: largest(timestamps),
    });
  }

  /** The next block of the run as another site made it. */
  addBlock(bytes: Uint8Array, columns: RunColumns): void {
    this.noteBlock(bytes, columns);
    this.output.push(bytes);
  }

  /** The same, of a block that is in the file already. */
  adoptBlock(bytes: Uint8Array, columns: RunColumns): void {
    this.noteBlock(bytes, columns);
    this.output.skip(bytes.byteLength);
  }

  private nextTopic(): void {
    const { bytes } = this.block;
    // A long history has blocks of its own, so that whoever reads it need not read others.
    const isLong = this.shouldPack !== true && bytes - this.topicBegin >= LONG_TOPIC_BYTES;
    if (isLong || bytes >= this.blockBytesMax * FILLED) this.endBlock();
    (this.run as OpenRun).topics++;
    this.topicBegin = this.block.bytes;
  }

  private took(records: number, bytes: number, received: number): void {
    const run = this.run as OpenRun;
    run.count += records;
    run.rawBytes += bytes + records * 32;
    if (received > run.received) run.received = received;
    const { block } = this;
    if (this.shouldPack === undefined && block.bytes >= RUN_BLOCK_BYTES / 2) this.shouldPack = !block.isRandom;
    if (block.bytes >= this.blockBytesMax || block.count === BLOCK_RECORDS_MAX) this.endBlock();
  }

  private get blockBytesMax(): number {
    return this.shouldPack === true ? PACKED_BLOCK_BYTES : RUN_BLOCK_BYTES;
  }

  /** A piece of the file is full: it is time to flush. */
  get isDue(): boolean {
    return this.output.isDue;
  }

  /**
   * Once in a while, for large runs: what is ready goes to disk, while the next is made.
   * @throws LandfallError DISK_FULL, DISK_FAILED
   */
  async flush(): Promise<void> {
    if (this.output.isDue) await this.output.flush();
  }

  /** @param foreign what the run's blocks do not say, of a run from another site */
  endRun(foreign: Partial<Pick<RunMeta, "arrived" | "rawBytes">> = {}): void {
    this.endBlock();
    const run = this.run as OpenRun;
    const { entries, made: _made, ...meta } = run;
    if (run.count === 0) return;
    const pages: PageEntry[] = [];
    for (let i = 0; i < entries.length; i += RUN_INDEX_PAGE_ENTRIES) {
      const page = entries.slice(i, i + RUN_INDEX_PAGE_ENTRIES);
      const bytes = encodeEntries(page);
      pages.push({ at: this.bytes, bytes: bytes.byteLength, crc: crc32(bytes), first: (page[0] as BlockEntry).first });
      this.output.push(bytes);
    }
    const directory = encodePages(pages);
    this.runs.push({
      ...meta,
      blocks: entries.length,
      lowest: entries.reduce((min, { minOffset }) => Math.min(min, minOffset), Infinity),
      highest: entries.reduce((max, { maxOffset }) => Math.max(max, maxOffset), 0),
      fromTime: entries.reduce((min, { minTime }) => Math.min(min, minTime), Infinity),
      toTime: entries.reduce((max, { maxTime }) => Math.max(max, maxTime), -Infinity),
      at: this.bytes,
      bytes: directory.byteLength,
      crc: crc32(directory),
      packed: this.packed,
      ...foreign,
    });
    this.output.push(directory);
  }

  /** Begins to write what is there, be it little. @throws LandfallError DISK_FULL, DISK_FAILED */
  flushNow(): Promise<void> {
    return this.output.flush();
  }

  /**
   * Writes the footer and waits until all of it is on disk. Returns the size.
   * @param number of the segment, where it has another one than at first. @throws LandfallError
   */
  async finish(number?: number): Promise<number> {
    this.output.push(encodeFooter(this.runs));
    await this.output.finish(number === undefined ? undefined : encodeSegmentHead(number));
    return this.output.bytes;
  }

  /** Waits until what came is on disk, and closes the file as it is. @throws LandfallError DISK_FULL, DISK_FAILED */
  suspend(): Promise<void> {
    return this.output.finish();
  }

  abandon(): Promise<void> {
    return this.output.abandon();
  }

  private endBlock(): void {
    const { block } = this;
    this.topicBegin = 0;
    if (block.count === 0) return;
    const { count, minOffset, maxOffset, minTime, maxTime } = block;
    const [first, last] = block.ends;
    const at = this.bytes;
    const bytes = block.finish(this.shouldPack ?? !block.isRandom, this.output);
    this.shouldPack = this.packed ? undefined : false;
    (this.run as OpenRun).entries.push({ at, bytes, count, first, last, minOffset, maxOffset, minTime, maxTime });
  }
}

function smallest(numbers: Float64Array): number {
  let least = Infinity;
  for (let i = 0; i < numbers.length; i++) if ((numbers[i] as number) < least) least = numbers[i] as number;
  return least;
}

function largest(numbers: Float64Array): number {
  let most = -Infinity;
  for (let i = 0; i < numbers.length; i++) if ((numbers[i] as number) > most) most = numbers[i] as number;
  return most;
}
