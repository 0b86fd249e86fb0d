import { crc32 } from "node:zlib";
import { BLOCK_CACHE_BYTES_MAX } from "../limits.js";
import { LandfallError, isLandfallError } from "../model/errors.js";
import { decodeRunBlock } from "./run-block.js";
import { decodeEntries, decodePages, lastNotAfter } from "./run-index.js";
import { segmentName } from "./segment-format.js";
import { SizedCache } from "./sized-cache.js";
import type { FilePool } from "./file-pool.js";
import type { RunBlock } from "./run-block.js";
import type { BlockEntry, PageEntry } from "./run-index.js";
import type { Run } from "./segment-format.js";

/** What a cached block costs besides its bytes, for each record, about. */
const RECORD_OVERHEAD_BYTES = 80;

/** Reads sealed runs: directories, index pages and blocks, each verified (S3), the recent ones kept unpacked. */
export class SegmentReader {
  private readonly pages: SizedCache<readonly (PageEntry | BlockEntry)[]>;
  private readonly blocks: SizedCache<RunBlock>;

  /** @param onCorrupt called once for each damaged place that is met */
  constructor(
    private readonly files: FilePool,
    private readonly onCorrupt: (run: Run, error: LandfallError) => void,
    cacheBytes: number = BLOCK_CACHE_BYTES_MAX,
  ) {
    this.blocks = new SizedCache(cacheBytes);
    this.pages = new SizedCache(Math.max(cacheBytes >>> 2, 64 * 1024));
  }

  /** Entries of the blocks that may hold a topic, in order. @throws LandfallError CORRUPT_BLOCK, DISK_FAILED */
  async entriesOf(run: Run, topic: string): Promise<BlockEntry[]> {
    const pages = await this.directory(run);
    const found: BlockEntry[] = [];
    for (let i = lastNotAfter(pages, topic); i >= 0; i--) {
      const entries = await this.page(run, pages[i] as PageEntry);
      let at = lastNotAfter(entries, topic);
      while (at >= 0 && (entries[at] as BlockEntry).last >= topic) found.push(entries[at--] as BlockEntry);
      // Further pages back only if the topic began before this one.
      if (at >= 0) break;
    }
    return found.reverse();
  }

  /** All entries, page by page. */
  async *entries(run: Run): AsyncGenerator<readonly BlockEntry[]> {
    for (const page of await this.directory(run)) yield await this.page(run, page);
  }

  async directory(run: Run): Promise<readonly PageEntry[]> {
    return (await this.list(run, run.at, run.bytes, run.crc, decodePages)) as readonly PageEntry[];
  }

  async page(run: Run, page: PageEntry): Promise<readonly BlockEntry[]> {
    return (await this.list(run, page.at, page.bytes, page.crc, decodeEntries)) as readonly BlockEntry[];
  }

  /** @param keep false for a scan, which would push everything else out of the cache */
  async block(run: Run, entry: BlockEntry, keep = true): Promise<RunBlock> {
    const key = `${run.segment.number}:${entry.at}`;
    const cached = this.blocks.get(key);
    if (cached !== undefined) return cached;
    const bytes = await this.bytes(run, entry.at, entry.bytes);
    const block = this.guard(run, entry.at, () => {
      const decoded = decodeRunBlock(bytes, run.arrived);
      if (decoded.count === entry.count && decoded.topics[0] === entry.first) return decoded;
      throw new LandfallError("CORRUPT_BLOCK", "corrupt block of a run: it belongs elsewhere");
    });
    if (keep) {
      this.blocks.add(key, block, block.bytes.byteLength + block.count * RECORD_OVERHEAD_BYTES);
    }
    return block;
  }

  /** Some bytes of a run's file. @throws LandfallError CORRUPT_BLOCK, DISK_FAILED */
  async bytes(run: Run, at: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    const read = await this.files.read(segmentName(run.segment.number), bytes, at);
    if (read === length) return bytes;
    return this.guard(run, at, () => {
      throw new LandfallError("CORRUPT_BLOCK", "the file is cut short");
    });
  }

  private async list(
    run: Run,
    at: number,
    length: number,
    crc: number,
    decode: (bytes: Uint8Array) => readonly (PageEntry | BlockEntry)[],
  ): Promise<readonly (PageEntry | BlockEntry)[]> {
    const key = `${run.segment.number}:${at}`;
    const cached = this.pages.get(key);
    if (cached !== undefined) return cached;
    const bytes = await this.bytes(run, at, length);
    const list = this.guard(run, at, () => {
      if (crc32(bytes) !== crc) throw new LandfallError("CORRUPT_BLOCK", "a damaged index page");
      return decode(bytes);
    });
    this.pages.add(key, list, length * 3);
    return list;
  }

  private guard<T>(run: Run, at: number, work: () => T): T {
    try {
      return work();
    } catch (cause) {
      if (!isLandfallError(cause, "CORRUPT_BLOCK")) throw cause;
      const where = `${segmentName(run.segment.number)} at ${at}`;
      const error = new LandfallError("CORRUPT_BLOCK", `${where}: ${cause.message}; its records are not served`, {
        cause,
      });
      this.onCorrupt(run, error);
      throw error;
    }
  }
}
