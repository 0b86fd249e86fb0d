import { crc32 } from "node:zlib";
import { BLOCK_RECORDS_MAX, RUN_BLOCK_BYTES, RUN_INDEX_PAGE_ENTRIES } from "../limits.js";
import { writeError, syncError } from "./disk-errors.js";
import { RecordDigester } from "./record-digest.js";
import { RunBlockBuilder } from "./run-block-builder.js";
import { RunDigests, takeFromBlock } from "./run-digests.js";
import { encodeEntries, encodePages } from "./run-index.js";
import { encodeFooter, encodeSegmentHead } from "./segment-format.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { Disk, DiskFile } from "./disk.js";
import type { RunBlock } from "./run-block.js";
import type { RunColumns } from "./run-columns.js";
import type { RunFields } from "./run-block-builder.js";
import type { BlockEntry, PageEntry } from "./run-index.js";
import type { RunMeta } from "./segment-format.js";

/** Written to disk, and synced, in pieces of about this size: a long sync would hold up those of the journal. */
const CHUNK_BYTES = 4 * 1024 * 1024;
/** A packed block holds more records: they cost less space that way. */
const PACKED_BLOCK_BYTES = 4 * RUN_BLOCK_BYTES;
/** With a new topic, a block ends that is filled to this share: then most topics begin a block, or lie in one whole. */
const FILLED = 0.75;

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
  private chunks: Uint8Array[] = [];
  private chunkBytes = 0;
  private flushed = 0;
  private run: OpenRun | undefined;
  private lastTopic = "";
  private writing: Promise<void> = Promise.resolve();
  /** Of the block in the making; undefined until there is enough of it to tell. */
  private shouldPack: boolean | undefined;

  private constructor(
    private readonly file: DiskFile,
    private readonly path: string,
    private readonly packed: boolean,
  ) {
    this.shouldPack = packed ? undefined : false;
  }

  /** @throws LandfallError DISK_FULL, DISK_FAILED */
  static async create(disk: Disk, path: string, number: number, packed: boolean): Promise<SegmentWriter> {
    try {
      // What a crash may have left under this name is no segment that anybody knows.
      await disk.remove(path);
      const writer = new SegmentWriter(await disk.open(path, "create"), path, packed);
      writer.push(encodeSegmentHead(number));
      return writer;
    } catch (error) {
      throw writeError(error, path);
    }
  }

  get bytes(): number {
    return this.flushed + this.chunkBytes;
  }

  beginRun(stream: StreamName, origin: OriginId, from: number, to: number, digestsFrom: DigestsFrom = "records"): void {
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
  }

  /** The next record in order of (topic, offset); its value is [from, to) of `source`. */
  add(topic: string, fields: RunFields, source: Uint8Array, from: number, to: number): void {
    this.begin(topic);
    this.block.add(topic, fields, source, from, to);
    const { made } = this.run as OpenRun;
    if (made !== undefined) {
      const { seq, offset, timestamp, received, headers } = fields;
      this.digester.take(topic, headers, seq, offset, timestamp, received, source, from, to);
      made.add(seq, this.digester.high, this.digester.low);
    }
    this.took(1, fields.headers.byteLength + to - from, fields.received);
  }

  /** The next records: [from, to) of a block, all of this topic. */
  addSlice(topic: string, block: RunBlock, from: number, to: number): void {
    const { valueStarts, headerBytes, headerOf, received } = block;
    this.begin(topic);
    this.digestSlice(topic, block, from, to);
    for (let at = from; at < to;) {
      const room = Math.min(to, at + BLOCK_RECORDS_MAX - this.block.count);
      const bytesMax = (valueStarts[at] as number) + RUN_BLOCK_BYTES;
      let end = at + 1;
      while (end < room && (valueStarts[end] as number) < bytesMax) end++;
      let bytes = (valueStarts[end] as number) - (valueStarts[at] as number);
      let newest = 0;
      for (let i = at; i < end; i++) {
        bytes += (headerBytes[headerOf?.[i] ?? 0] as Uint8Array).byteLength;
        if ((received[i] as number) > newest) newest = received[i] as number;
      }
      this.block.addSlice(topic, block, at, end);
      this.took(end - at, bytes, newest);
      at = end;
    }
  }

  private digestSlice(topic: string, block: RunBlock, from: number, to: number): void {
    const { made } = this.run as OpenRun;
    if (made === undefined) return;
    const { digester } = this;
    for (let i = from; i < to; i++) {
      takeFromBlock(digester, topic, block, i);
      made.add(block.seqs[i] as number, digester.high, digester.low);
    }
  }

  /** The next block of the run as another site made it. */
  addBlock(bytes: Uint8Array, { count, topics, offsets, timestamps, received }: RunColumns): void {
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
    this.push(bytes);
  }

  private begin(topic: string): void {
    if (topic === this.lastTopic) return;
    if (this.block.bytes >= this.blockBytesMax * FILLED) this.endBlock();
    (this.run as OpenRun).topics++;
    this.lastTopic = topic;
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

  /**
   * Once in a while, for large runs: what is ready goes to disk, while the next is made.
   * @throws LandfallError DISK_FULL, DISK_FAILED
   */
  async flush(force = false): Promise<void> {
    if (this.chunkBytes === 0 || (!force && this.chunkBytes < CHUNK_BYTES)) return;
    const bytes = this.chunks.length === 1 ? (this.chunks[0] as Uint8Array) : Buffer.concat(this.chunks);
    const at = this.flushed;
    this.flushed += bytes.byteLength;
    this.chunks = [];
    this.chunkBytes = 0;
    await this.writing;
    this.writing = this.write(bytes, at);
    // Whoever flushes or finishes next learns of it.
    this.writing.catch(() => undefined);
  }

  private async write(bytes: Uint8Array, at: number): Promise<void> {
    try {
      await this.file.write(bytes, at);
    } catch (error) {
      throw writeError(error, this.path);
    }
    try {
      await this.file.sync();
    } catch (error) {
      throw syncError(error, this.path);
    }
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
      this.push(bytes);
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
    this.push(directory);
  }

  /** Writes the footer and waits until all of it is on disk. Returns the size. @throws LandfallError */
  async finish(): Promise<number> {
    this.push(encodeFooter(this.runs));
    await this.flush(true);
    await this.writing;
    await this.file.close();
    return this.flushed;
  }

  async abandon(): Promise<void> {
    await this.writing.catch(() => undefined);
    await this.file.close().catch(() => undefined);
  }

  private endBlock(): void {
    const { block } = this;
    if (block.count === 0) return;
    const { count, topics, minOffset, maxOffset, minTime, maxTime } = block;
    const first = topics[0] as string;
    const last = topics[topics.length - 1] as string;
    const at = this.bytes;
    const bytes = block.finish(this.shouldPack ?? !block.isRandom);
    this.shouldPack = this.packed ? undefined : false;
    const entry = { at, bytes: bytes.byteLength, count, first, last, minOffset, maxOffset, minTime, maxTime };
    (this.run as OpenRun).entries.push(entry);
    this.push(bytes);
  }

  private push(bytes: Uint8Array): void {
    this.chunks.push(bytes);
    this.chunkBytes += bytes.byteLength;
  }
}

function smallest(numbers: Float64Array): number {
  return numbers.reduce((a, b) => Math.min(a, b), Infinity);
}

function largest(numbers: Float64Array): number {
  return numbers.reduce((a, b) => Math.max(a, b), -Infinity);
}
