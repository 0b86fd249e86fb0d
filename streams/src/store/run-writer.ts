import { crc32 } from "node:zlib";
import { BLOCK_RECORDS_MAX, RUN_BLOCK_BYTES, RUN_INDEX_PAGE_ENTRIES } from "../limits.js";
import { writeError, syncError } from "./disk-errors.js";
import { RunBlockBuilder } from "./run-block.js";
import { encodeEntries, encodePages } from "./run-index.js";
import { encodeFooter, encodeSegmentHead } from "./segment-format.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { Disk, DiskFile } from "./disk.js";
import type { BlockEntry, PageEntry } from "./run-index.js";
import type { RunColumns } from "./run-block.js";
import type { RunMeta } from "./segment-format.js";

/** Written to disk in pieces of about this size. */
const CHUNK_BYTES = 4 * 1024 * 1024;
/** A packed block holds more records: they cost less space that way. */
const PACKED_FACTOR = 4;

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
}

/** Writes one segment file, run after run, each sorted by topic and offset. */
export class SegmentWriter {
  readonly runs: RunMeta[] = [];
  private readonly block = new RunBlockBuilder();
  private chunks: Uint8Array[] = [];
  private chunkBytes = 0;
  private flushed = 0;
  private run: OpenRun | undefined;
  private lastTopic = "";

  private constructor(
    private readonly file: DiskFile,
    private readonly path: string,
    private readonly packed: boolean,
  ) {}

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

  beginRun(stream: StreamName, origin: OriginId, from: number, to: number): void {
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
    };
    this.lastTopic = "";
  }

  /** The next record in order of (topic, offset); its value is [valueAt, end) of `source`. */
  add(
    topic: string,
    seq: number,
    offset: number,
    timestamp: number,
    received: number,
    arrived: number,
    headers: Uint8Array,
    source: Uint8Array,
    valueAt: number,
    end: number,
  ): void {
    const { block } = this;
    const run = this.run as OpenRun;
    if (topic !== this.lastTopic) {
      run.topics++;
      this.lastTopic = topic;
    }
    run.count++;
    run.rawBytes += headers.byteLength + end - valueAt + 32;
    if (received > run.received) run.received = received;
    block.add(topic, seq, offset, timestamp, received, arrived, headers, source, valueAt, end);
    const bytesMax = this.packed ? RUN_BLOCK_BYTES * PACKED_FACTOR : RUN_BLOCK_BYTES;
    if (block.bytes >= bytesMax || block.count === BLOCK_RECORDS_MAX) this.endBlock();
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

  /** Once in a while, for large runs: what is ready goes to disk. @throws LandfallError DISK_FULL, DISK_FAILED */
  async flush(force = false): Promise<void> {
    if (this.chunkBytes === 0 || (!force && this.chunkBytes < CHUNK_BYTES)) return;
    const bytes = this.chunks.length === 1 ? (this.chunks[0] as Uint8Array) : Buffer.concat(this.chunks);
    try {
      await this.file.write(bytes, this.flushed);
    } catch (error) {
      throw writeError(error, this.path);
    }
    this.flushed += bytes.byteLength;
    this.chunks = [];
    this.chunkBytes = 0;
  }

  /** @param foreign what the run's blocks do not say, of a run from another site */
  endRun(foreign: Partial<Pick<RunMeta, "arrived" | "rawBytes">> = {}): void {
    this.endBlock();
    const run = this.run as OpenRun;
    const { entries, ...meta } = run;
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
    try {
      await this.file.sync();
    } catch (error) {
      throw syncError(error, this.path);
    }
    await this.file.close();
    return this.flushed;
  }

  async abandon(): Promise<void> {
    await this.file.close().catch(() => undefined);
  }

  private endBlock(): void {
    const { block } = this;
    if (block.count === 0) return;
    const { count, topics, minOffset, maxOffset, minTime, maxTime } = block;
    const first = topics[0] as string;
    const last = topics[topics.length - 1] as string;
    const at = this.bytes;
    const bytes = block.finish(this.packed);
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
