import { crc32 } from "node:zlib";
import { BLOCK_CACHE_BYTES_MAX, READ_PARALLEL_MAX, READ_RUN_BYTES_MAX } from "../limits.js";
import { LandfallError, isLandfallError } from "../model/errors.js";
import { openBlock } from "./block-topics.js";
import { decodeRunBlock } from "./run-block.js";
import { EntryPage, decodePages, lastEntryNotAfter, lastNotAfter } from "./run-index.js";
import { segmentName } from "./segment-format.js";
import { SizedCache } from "./sized-cache.js";
import { Slots } from "./slots.js";
import type { BlockTopics } from "./block-topics.js";
import type { FilePool } from "./file-pool.js";
import type { RunBlock } from "./run-block.js";
import type { BlockEntry, PageEntry } from "./run-index.js";
import type { Run } from "./segment-format.js";

/** What a cached block costs besides what is in it, about. */
const BLOCK_OVERHEAD_BYTES = 512;

/** Reads sealed runs: directories, index pages and blocks, each verified (S3), the recent ones kept. */
export class SegmentReader {
  private readonly directories: SizedCache<readonly PageEntry[]>;
  private readonly pages: SizedCache<EntryPage>;
  private readonly blocks: SizedCache<BlockTopics>;
  /** All threads are at it, and what a commit has to write never waits behind more than that. */
  private readonly reading = new Slots(READ_PARALLEL_MAX);

  /** @param onCorrupt called once for each damaged place that is met */
  constructor(
    private readonly files: FilePool,
    private readonly onCorrupt: (run: Run, error: LandfallError) => void,
    cacheBytes: number = BLOCK_CACHE_BYTES_MAX,
  ) {
    this.blocks = new SizedCache(cacheBytes);
    const indexBytes = Math.max(cacheBytes >>> 3, 64 * 1024);
    this.directories = new SizedCache(indexBytes);
    this.pages = new SizedCache(indexBytes);
  }

  /** Entries of the blocks that may hold a topic, in order. @throws LandfallError CORRUPT_BLOCK, DISK_FAILED */
  async entriesOf(run: Run, topic: string): Promise<BlockEntry[]> {
    const pages = await this.directory(run);
    const found: BlockEntry[] = [];
    for (let i = lastNotAfter(pages, topic); i >= 0; i--) {
      const page = await this.page(run, pages[i] as PageEntry);
      let at = lastEntryNotAfter(page, topic);
      for (; at >= 0; at--) {
        const entry = page.entry(at);
        if (entry.last < topic) break;
        found.push(entry);
      }
      // Further pages back only if the topic began before this one.
      if (at >= 0) break;
    }
    return found.reverse();
  }

  /** All entries, page by page. */
  async *entries(run: Run): AsyncGenerator<readonly BlockEntry[]> {
    for (const page of await this.directory(run)) yield (await this.page(run, page)).all();
  }

  private directory(run: Run): Promise<readonly PageEntry[]> {
    return this.index(this.directories, run, run, decodePages);
  }

  private page(run: Run, page: PageEntry): Promise<EntryPage> {
    return this.index(this.pages, run, page, (bytes) => new EntryPage(bytes));
  }

  /**
   * What these blocks of a run hold of a topic, in their order. Those that lie one behind the other are read at once.
   * @throws LandfallError CORRUPT_BLOCK, DISK_FAILED
   */
  async topic(run: Run, entries: readonly BlockEntry[], topic: string): Promise<RunBlock[]> {
    const found: RunBlock[] = [];
    const blocks = await this.blocksOf(run, entries);
    blocks.forEach((block, i) => {
      const { at } = entries[i] as BlockEntry;
      const records = this.guard(run, at, () => block.topic(topic));
      if (records !== undefined) found.push(records);
      this.blocks.add(keyOf(run, at), block, block.bytes + BLOCK_OVERHEAD_BYTES);
    });
    return found;
  }

  /** A whole block, unpacked; it is not kept. @throws LandfallError CORRUPT_BLOCK, DISK_FAILED */
  async block(run: Run, entry: BlockEntry): Promise<RunBlock> {
    const bytes = await this.bytes(run, entry.at, entry.bytes);
    return this.guard(run, entry.at, () => {
      const block = decodeRunBlock(bytes, run.arrived);
      checkPlace(entry, block.count, block.topics[0] as string);
      return block;
    });
  }

  private async blocksOf(run: Run, entries: readonly BlockEntry[]): Promise<readonly BlockTopics[]> {
    const known = entries.map(({ at }) => this.blocks.get(keyOf(run, at)));
    const reads: Promise<readonly BlockTopics[]>[] = [];
    for (let i = 0; i < entries.length;) {
      const block = known[i];
      const first = i++;
      if (block !== undefined) {
        reads.push(Promise.resolve([block]));
        continue;
      }
      while (known[i] === undefined && follows(entries, first, i)) i++;
      reads.push(this.read(run, entries.slice(first, i)));
    }
    return (await Promise.all(reads)).flat();
  }

  /** @param entries of blocks that lie one behind the other, in either direction */
  private async read(run: Run, entries: readonly BlockEntry[]): Promise<readonly BlockTopics[]> {
    const begin = Math.min((entries[0] as BlockEntry).at, (entries.at(-1) as BlockEntry).at);
    const length = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    const bytes = await this.bytes(run, begin, length);
    return entries.map((entry) => {
      const from = entry.at - begin;
      return this.guard(run, entry.at, () => {
        const block = openBlock(bytes.subarray(from, from + entry.bytes), run.arrived);
        checkPlace(entry, block.count, block.first);
        return block;
      });
    });
  }

  /** Some bytes of a run's file. @throws LandfallError CORRUPT_BLOCK, DISK_FAILED */
  async bytes(run: Run, at: number, length: number): Promise<Uint8Array> {
    // All of it is overwritten, or refused.
    const bytes = Buffer.allocUnsafeSlow(length);
    const read = await this.reading.run(() => this.files.read(segmentName(run.segment.number), bytes, at));
    if (read === length) return bytes;
    return this.guard(run, at, () => {
      throw new LandfallError("CORRUPT_BLOCK", "the file is cut short");
    });
  }

  private async index<T>(
    cache: SizedCache<T>,
    run: Run,
    { at, bytes: length, crc }: { readonly at: number; readonly bytes: number; readonly crc: number },
    decode: (bytes: Uint8Array) => T,
  ): Promise<T> {
    const key = keyOf(run, at);
    const cached = cache.get(key);
    if (cached !== undefined) return cached;
    const bytes = await this.bytes(run, at, length);
    const index = this.guard(run, at, () => {
      if (crc32(bytes) !== crc) throw new LandfallError("CORRUPT_BLOCK", "a damaged index page");
      return decode(bytes);
    });
    cache.add(key, index, length * 3);
    return index;
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

function keyOf(run: Run, at: number): string {
  return `${run.segment.number}:${at}`;
}

/** Whether entry `i` is the block next to the one before it, behind it or in front of it, and one read is enough for all from `first`. */
function follows(entries: readonly BlockEntry[], first: number, i: number): boolean {
  const [begin, before, entry] = [entries[first], entries[i - 1], entries[i]];
  if (begin === undefined || before === undefined || entry === undefined) return false;
  if (entry.at === before.at + before.bytes) return entry.at + entry.bytes - begin.at <= READ_RUN_BYTES_MAX;
  return entry.at + entry.bytes === before.at && begin.at + begin.bytes - entry.at <= READ_RUN_BYTES_MAX;
}

/** @throws LandfallError CORRUPT_BLOCK when the block is another than the index says */
function checkPlace(entry: BlockEntry, count: number, first: string): void {
  if (count === entry.count && first === entry.first) return;
  throw new LandfallError("CORRUPT_BLOCK", "corrupt block of a run: it belongs elsewhere");
}
