import { crc32 } from "node:zlib";
import { OFFSET_SLOT_COUNT } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { nodeName, siteName, streamName } from "../model/names.js";
import { checkBatch, checkRecords } from "./append-input.js";
import { BlockCache } from "./block-cache.js";
import { EncodedRecords } from "./encoded-records.js";
import { GroupCommit } from "./group-commit.js";
import { nodeDisk } from "./node-disk.js";
import { openFolder } from "./open-folder.js";
import { checkCursor, checkLimit, originRecords, streamRecords, topicRecords } from "./queries.js";
import { RecordReader } from "./record-reader.js";
import type { Env } from "../env.js";
import type { OriginId, StreamName, TopicName } from "../model/names.js";
import type { Cursor, NewRecord, OriginRecord, Seq, StoredRecord, VersionVector } from "../model/record.js";
import type { Disk } from "./disk.js";
import type { OpenFolder, StoreLog } from "./open-folder.js";
import type { Appended, Batch, Committed, StoreStats, StreamStore, TopicQuery } from "./store.js";

export interface EmbeddedStoreOptions {
  /** Created when it is not there. */
  readonly folder: string;
  readonly site: string;
  readonly node: string;
  /** Writer slot, 0…1023; by default a hash of the origin. */
  readonly slot?: number;
  readonly env: Env;
  /** A pino logger fits. */
  readonly log?: StoreLog;
  readonly disk?: Disk;
  /** For tests; see limits.ts for the defaults. */
  readonly journalFileBytes?: number;
  readonly commitBytes?: number;
  readonly pendingBytesMax?: number;
  readonly cacheBytes?: number;
}

const SILENT: StoreLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * Opens the store in a folder of its own: one journal for all streams, an index in memory that is rebuilt from it.
 * @throws LandfallError FOLDER_IN_USE, UNSUPPORTED_FORMAT, INVALID_SETTINGS, INVALID_NAME, DISK_FULL, DISK_FAILED
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<StreamStore> {
  const { slot, log = SILENT, disk = nodeDisk } = options;
  if (slot !== undefined && !(Number.isInteger(slot) && slot >= 0 && slot < OFFSET_SLOT_COUNT)) {
    throw new LandfallError("INVALID_SETTINGS", `slot ${slot}: want a whole number from 0 to ${OFFSET_SLOT_COUNT - 1}`);
  }
  siteName(options.site);
  nodeName(options.node);
  const opened = await openFolder({ ...options, disk, log });
  return new EmbeddedStore(opened, options, log);
}

class EmbeddedStore implements StreamStore {
  readonly origin: OriginId;
  private readonly commit: GroupCommit;
  private readonly reader: RecordReader;
  private readonly listeners = new Set<(committed: readonly Committed[]) => void>();
  private readonly reading = new Set<Promise<unknown>>();
  private corruptBlocks: number;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly opened: OpenFolder,
    options: EmbeddedStoreOptions,
    private readonly log: StoreLog,
  ) {
    const { origin, index, journal, nextCommit } = opened;
    this.origin = origin;
    this.corruptBlocks = opened.damages.length;
    const cache = new BlockCache(options.cacheBytes);
    this.reader = new RecordReader(index, journal, cache, (error) => this.noteCorrupt(error));
    this.commit = new GroupCommit({
      index,
      journal,
      cache,
      origin,
      nextCommit,
      slot: options.slot ?? crc32(origin) % OFFSET_SLOT_COUNT,
      env: options.env,
      ...(options.commitBytes === undefined ? {} : { commitBytes: options.commitBytes }),
      ...(options.pendingBytesMax === undefined ? {} : { pendingBytes: options.pendingBytesMax }),
      onCommit: (committed) => this.notify(committed),
    });
  }

  // oxlint-disable-next-line require-await -- async, so that what is refused is a rejection like any other
  async append(stream: StreamName, records: readonly NewRecord[]): Promise<Appended[]> {
    this.checkOpen();
    streamName(stream);
    if (records.length === 0) return [];
    checkRecords(records, this.topicTest(stream));
    return this.commit.append(stream, EncodedRecords.of(records));
  }

  async apply(batch: Batch): Promise<void> {
    this.checkOpen();
    checkBatch(batch, this.topicTest(batch.stream));
    await this.commit.apply(batch, EncodedRecords.of(batch.records));
  }

  streams(): StreamName[] {
    this.checkOpen();
    return [...this.opened.index.streams.keys()].sort();
  }

  vector(stream: StreamName): VersionVector {
    this.checkOpen();
    return this.opened.index.streams.get(stream)?.vector() ?? {};
  }

  topics(stream: StreamName, query: { prefix?: string; after?: string; limit: number }): TopicName[] {
    this.checkOpen();
    checkLimit(query.limit);
    return this.opened.index.streams.get(stream)?.names(query.prefix ?? "", query.after, query.limit) ?? [];
  }

  async readTopic(stream: StreamName, topic: TopicName, query: TopicQuery): Promise<StoredRecord[]> {
    this.checkOpen();
    checkLimit(query.limit);
    const { index } = this.opened;
    const found = index.streams.get(stream)?.topic(topic);
    return found === undefined ? [] : this.read(topicRecords(index, found, query));
  }

  async readStream(
    stream: StreamName,
    cursor: Cursor | undefined,
    limit: number,
  ): Promise<{ records: StoredRecord[]; cursor: Cursor }> {
    this.checkOpen();
    checkLimit(limit);
    checkCursor(cursor);
    const { index } = this.opened;
    const found = streamRecords(index, index.streams.get(stream), cursor, limit);
    return { records: await this.read(found.records), cursor: found.cursor };
  }

  async readOrigin(stream: StreamName, origin: OriginId, from: Seq, maxBytes: number): Promise<OriginRecord[]> {
    this.checkOpen();
    const { index } = this.opened;
    const log = index.streams.get(stream)?.logs.get(origin);
    return log === undefined ? [] : this.read(originRecords(index, log, from, maxBytes));
  }

  onCommit(listener: (committed: readonly Committed[]) => void): () => void {
    this.checkOpen();
    // Wrapped, so that the same function may be registered twice.
    const own = (committed: readonly Committed[]): void => listener(committed);
    this.listeners.add(own);
    return () => void this.listeners.delete(own);
  }

  stats(): StoreStats {
    this.checkOpen();
    const { index, journal } = this.opened;
    const { failed } = this.commit;
    return {
      recordsAppended: this.commit.recordsAppended,
      recordsApplied: this.commit.recordsApplied,
      commits: this.commit.commits,
      bytesWritten: this.commit.bytesWritten,
      bytesOnDisk: journal.bytesOnDisk,
      topics: index.topicCount,
      streams: index.streams.size,
      corruptBlocks: this.corruptBlocks,
      ...(failed === undefined ? {} : { failed: `${failed.code}: ${failed.message}` }),
    };
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    await this.commit.idle();
    await Promise.allSettled(this.reading);
    this.listeners.clear();
    try {
      await this.opened.journal.close();
    } finally {
      await this.opened.lock.release();
    }
  }

  private async read(records: readonly number[]): Promise<StoredRecord[]> {
    const reading = this.reader.read(records);
    this.reading.add(reading);
    try {
      return await reading;
    } finally {
      this.reading.delete(reading);
    }
  }

  /** A listener that throws must not stop the others, nor the store. */
  private notify(committed: readonly Committed[]): void {
    for (const listener of this.listeners) {
      try {
        listener(committed);
      } catch (error) {
        this.log.error({ err: error }, "a listener of commits failed");
      }
    }
  }

  private noteCorrupt(error: LandfallError): void {
    this.corruptBlocks++;
    this.log.error({ err: error }, "a corrupt block was not served");
  }

  private topicTest(stream: StreamName): (name: string) => boolean {
    const index = this.opened.index.streams.get(stream);
    return (name) => index?.topic(name) !== undefined;
  }

  private checkOpen(): void {
    if (this.closing !== undefined) throw new LandfallError("CLOSED", "the store was closed");
  }
}
