import { crc32 } from "node:zlib";
import { BLOCK_CACHE_BYTES_MAX, READ_PARALLEL_MAX, READ_RUN_BYTES_MAX } from "../limits.js";
import { LandfallError, isLandfallError } from "../model/errors.js";
import { openBlock } from "./block-topics.js";
import { EntryPage, decodePages, lastEntryNotAfter, lastNotAfter } from "./run-index.js";
import { segmentName } from "./segment-format.js";
import { SizedCache } from "./sized-cache.js";
import { Slots } from "./slots.js";
import type { Room } from "../codec/values.js";
import type { BlockRecords, BlockTopics } from "./block-topics.js";
import type { FilePool } from "./file-pool.js";
import type { RunBlock } from "./run-block.js";
import type { BlockEntry, PageEntry } from "./run-index.js";
import type { Run } from "./segment-format.js";

/** What a cached block costs besides what is in it, about. */
const BLOCK_OVERHEAD_BYTES = 512;

/** Records that are unpacked in one go, so that nothing else waits for more than some milliseconds. */
const PIECE_RECORDS_MAX = 4_000;

/** Neighbouring blocks that are read at once. */
interface Piece {
  readonly entries: readonly BlockEntry[];
  readonly blocks: Promise<readonly BlockTopics[]>;
}

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

  /**
   * The records of a run with seqs in [from, to), block by block; they are not kept. While some blocks are looked at, the next
   * are read.
   * @param room where the values of whole blocks may be put, each asked for right before the block is given
   * @throws LandfallError CORRUPT_BLOCK, DISK_FAILED
   */
  async *scan(run: Run, from: number, to: number, room?: Room): AsyncGenerator<BlockRecords> {
    let ahead: Piece | undefined;
    for await (const page of this.entries(run)) {
      for (let first = 0; first < page.length;) {
        const entries = page.slice(first, endOfPiece(page, first));
        const blocks = this.read(run, entries);
        // Whoever waits for it learns of it.
        blocks.catch(() => undefined);
        if (ahead !== undefined) yield* this.picked(run, ahead, from, to, room);
        ahead = { entries, blocks };
        first += entries.length;
      }
    }
    if (ahead !== undefined) yield* this.picked(run, ahead, from, to, room);
  }

  private async *picked(
    run: Run,
    { entries, blocks }: Piece,
    from: number,
    to: number,
    room: Room | undefined,
  ): AsyncGenerator<BlockRecords> {
    for (const [i, block] of (await blocks).entries()) {
      const records = this.guard(run, (entries[i] as BlockEntry).at, () => block.withSeqs(from, to, room));
      if (records !== undefined) yield records;
    }
  }

  private async blocksOf(run: Run, entries: readonly BlockEntry[]): Promise<readonly BlockTopics[]> {
    const known = entries.map(({ at }) => this.blocks.get(keyOf(run, at)));
    const reads: Promise<readonly BlockTopics[]>[] = [];
    for (let i = 0; i < entries.length;) {
      const block = known[i];
      if (block !== undefined) {
        reads.push(Promise.resolve([block]));
        i++;
        continue;
      }
      const end = endOfPiece(entries, i, known);
      reads.push(this.read(run, entries.slice(i, end)));
      i = end;
    }
    return (await Promise.all(reads)).flat();
  }

  /** @param entries of a piece */
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

/** Up to where, from entry `first` on, blocks lie one behind the other, in either direction, none is known, and one read is enough. */
function endOfPiece(entries: readonly BlockEntry[], first: number, known: readonly unknown[] = []): number {
  let { at, bytes, count } = entries[first] as BlockEntry;
  let end = first + 1;
  for (; end < entries.length && known[end] === undefined; end++) {
    const next = entries[end] as BlockEntry;
    bytes += next.bytes;
    count += next.count;
    const isNext = next.at === at + bytes - next.bytes || next.at + next.bytes === at;
    if (!isNext || bytes > READ_RUN_BYTES_MAX || count > PIECE_RECORDS_MAX) break;
    at = Math.min(at, next.at);
  }
  return end;
}

/** @throws LandfallError CORRUPT_BLOCK when the block is another than the index says */
function checkPlace(entry: BlockEntry, count: number, first: string): void {
  if (count === entry.count && first === entry.first) return;
  throw new LandfallError("CORRUPT_BLOCK", "corrupt block of a run: it belongs elsewhere");
}
