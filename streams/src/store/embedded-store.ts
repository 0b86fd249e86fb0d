import { crc32 } from "node:zlib";
import {
  COMMIT_CACHED_BYTES_MAX,
  COMMIT_FOLLOWED_BYTES_MAX,
  EXPIRY_INTERVAL_MS,
  FOLLOW_RECORDS,
  LATEST_PARALLEL,
  OFFSET_AHEAD_MS_MAX,
  OFFSET_SLOT_COUNT,
  UNSEALED_JOURNALS_MAX,
} from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { nodeName, originId, siteName, streamName } from "../model/names.js";
import { checkBatch, checkMayAppend, checkRecords } from "./append-input.js";
import { lackingOf, withUnderWay } from "./batch-check.js";
import { SharedBackground, inlineBackground, workerBackground } from "./background.js";
import { BlockCache } from "./block-cache.js";
import { expiredRuns, isOverdue } from "./expiry.js";
import { GapKeeper } from "./gap-keeper.js";
import { FilePool } from "./file-pool.js";
import { GroupCommit } from "./group-commit.js";
import { Hurry } from "./hurry.js";
import { ownJournalBlock } from "./journal-block.js";
import { JournalIndex } from "./journal-index.js";
import { JournalReader } from "./journal-reader.js";
import { Lineage } from "./lineage.js";
import { checkCursor } from "./cursor-walk.js";
import { readDigestFile } from "./digest-file.js";
import { holdingsOf } from "./holdings.js";
import { LogReader } from "./log-reader.js";
import { Maintenance, isHealed } from "./maintenance.js";
import { nodeDisk } from "./node-disk.js";
import { openFolder, SILENT_LOG } from "./open-folder.js";
import { Pace } from "./pace.js";
import { checkLimit, checkSeq, checkSpans, checkTopicQuery } from "./query-check.js";
import { repairRange } from "./repair-range.js";
import { RunLog, type RecordSink } from "./run-log.js";
import { SealedTransfers } from "./sealed-transfers.js";
import { SegmentReader } from "./segment-reader.js";
import { Signal } from "./signal.js";
import { StoreDigests } from "./store-digests.js";
import { TopicLister } from "./topic-lister.js";
import { TopicReader } from "./topic-reader.js";
import type { Env, TimerHandle } from "../env.js";
import type { Gap, Hole } from "../model/gap.js";
import type { OriginId, StreamName, TopicName } from "../model/names.js";
import type { Cursor, NewRecord, OriginRecord, Seq, StoredRecord, VersionVector } from "../model/record.js";
import type { Background } from "./background.js";
import type { Disk } from "./disk.js";
import type { HandedOver } from "./expiry.js";
import type { Group } from "./group.js";
import type { JournalBlock } from "./journal-block.js";
import type { OpenFolder, StoreLog } from "./open-folder.js";
import type { RepairOptions } from "./repair-range.js";
import type { Run } from "./segment-format.js";
import type {
  Appended,
  Batch,
  Committed,
  DigestSpan,
  GapListener,
  LocalStore,
  OriginHoldings,
  Retention,
  SealedRun,
  SealedRunReader,
  SealedRunWriter,
  SpanDigests,
  StoreStats,
  TopicQuery,
} from "./store.js";
import type { StreamState } from "./stream-state.js";

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
  /** How long each stream is kept here; by default, everything for ever. */
  readonly retention?: (stream: StreamName) => Retention | undefined;
  /** What is not handed over does not expire (S6); by default everything counts as handed over. */
  readonly handedOver?: HandedOver;
  /** Above this use of the disk, in percent, what is not handed over may expire, too. */
  readonly diskPercentMax?: number;
  /** Whether this node may append to a stream (R8); by default, to all. */
  readonly mayAppend?: (stream: StreamName) => boolean;
  /** What this node appends is in another log first and applied from there, under its own origin too. */
  readonly followsLog?: boolean;
  /** Whether full journals are sealed; false is for tests of the journal. */
  readonly sealing?: boolean;
  /** For tests; see limits.ts for the defaults. */
  readonly journalFileBytes?: number;
  readonly commitBytes?: number;
  readonly pendingBytesMax?: number;
  readonly cacheBytes?: number;
  readonly windowBytes?: number;
}

/** Of threads for which appends or peers may have to wait: a little, or others on a busy machine would hold up both. */
const AWAITED_NICENESS = 3;
/** Of threads for which nobody waits. */
const IDLE_NICENESS = 10;

/**
 * Opens the store in a folder of its own: a journal for all streams, sealed into segments sorted by topic.
 * @throws LandfallError FOLDER_IN_USE, UNSUPPORTED_FORMAT, INVALID_SETTINGS, INVALID_NAME, DISK_FULL, DISK_FAILED
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<EmbeddedStore> {
  const { slot, log = SILENT_LOG, disk = nodeDisk } = options;
  if (slot !== undefined && !(Number.isInteger(slot) && slot >= 0 && slot < OFFSET_SLOT_COUNT)) {
    throw new LandfallError("INVALID_SETTINGS", `slot ${slot}: want a whole number from 0 to ${OFFSET_SLOT_COUNT - 1}`);
  }
  siteName(options.site);
  nodeName(options.node);
  const opened = await openFolder({ ...options, disk, log });
  const late = await readDigestFile(disk, options.folder, opened.catalog);
  return new EmbeddedStore(opened, options, log, disk, late);
}

export class EmbeddedStore implements LocalStore {
  private readonly commit: GroupCommit;
  private readonly files: FilePool;
  private readonly journals: JournalReader;
  private readonly topicReader: TopicReader;
  private readonly logReader: LogReader;
  private readonly index: JournalIndex;
  private readonly lister: TopicLister;
  private readonly maintenance: Maintenance;
  private readonly hurry: Hurry;
  private readonly pace: Pace;
  private readonly gapKeeper: GapKeeper;
  private readonly transfers: SealedTransfers;
  private readonly lineage: Lineage;
  private readonly summing: StoreDigests;
  private readonly repairing: RepairOptions;
  private recordsReceived = 0;
  private readonly listeners = new Set<(committed: readonly Committed[]) => void>();
  private readonly damageListeners = new Set<(stream: StreamName, origin: OriginId) => void>();
  private readonly reading = new Set<Promise<unknown>>();
  /** Appends that have to look at the disk first, and those behind them. */
  private gate: Promise<unknown> | undefined;
  private corruptBlocks: number;
  private closing: Promise<void> | undefined;
  private readonly closers = new Set<() => void>();
  private expiry: TimerHandle | undefined;

  constructor(
    private readonly opened: OpenFolder,
    private readonly options: EmbeddedStoreOptions,
    private readonly log: StoreLog,
    private readonly disk: Disk,
    late: readonly Run[],
  ) {
    const { catalog, journal, nextCommit, manifest } = opened;
    const { folder, cacheBytes, env, commitBytes, pendingBytesMax, journalFileBytes } = options;
    this.corruptBlocks = opened.damages;
    this.files = new FilePool(disk, folder);
    this.journals = new JournalReader(this.files, new BlockCache(cacheBytes), (error) => this.noteCorrupt(error));
    const segments = new SegmentReader(this.files, (run, error) => this.noteDamagedRun(run, error), cacheBytes);
    const runLog = new RunLog(segments, options.windowBytes);
    const index = new JournalIndex(catalog, this.journals);
    this.index = index;
    this.topicReader = new TopicReader(catalog, this.journals, index, segments);
    this.logReader = new LogReader(this.journals, runLog);
    this.lister = new TopicLister(catalog, index, disk, folder);
    const background = (niceness: number): Background =>
      disk === nodeDisk ? workerBackground(disk, niceness) : inlineBackground(disk);
    const helper = new SharedBackground(background(AWAITED_NICENESS));
    this.hurry = new Hurry(env, () => this.maintenance.start());
    this.maintenance = new Maintenance({
      disk,
      folder,
      catalog,
      spares: opened.spares,
      manifest,
      log,
      sealer: new SharedBackground(background(AWAITED_NICENESS)),
      merger: new SharedBackground(background(IDLE_NICENESS)),
      helper,
      isHurried: () => this.hurry.isOn,
      env,
      onSealed: (bytes, ms) => this.pace.sealed(bytes, ms),
      compacted: (stream) => options.retention?.(stream)?.compact === true,
      readers: () => Promise.allSettled(this.reading),
      forget: async (name, runs) => {
        for (const run of runs) runLog.forget(run);
        await this.files.forget(name);
      },
    });
    this.pace = new Pace(env, () => this.maintenance.progress());
    this.gapKeeper = new GapKeeper({
      own: () => this.origin,
      log,
      write: (gaps) => this.maintenance.exclusive(() => this.maintenance.noteGaps(gaps)),
    });
    this.transfers = new SealedTransfers({
      disk,
      folder,
      env,
      catalog,
      reader: segments,
      maintenance: this.maintenance,
      extractor: helper,
      hurry: this.hurry,
      roll: () => this.roll(),
      onDamaged: (run, error) => this.noteDamagedRun(run, error),
      onReceived: (committed, records) => {
        this.recordsReceived += records;
        this.tell([committed]);
      },
    });
    // What is in memory would say nothing of the disk.
    const uncached = new JournalReader(this.files, new BlockCache(0), (error) => this.noteCorrupt(error));
    const fromDisk = new LogReader(uncached, runLog);
    this.summing = new StoreDigests({
      disk,
      folder,
      log,
      worker: background(IDLE_NICENESS),
      unsealed: (of, from, bytes) => this.read(fromDisk.origin(of, from, bytes)),
      late,
      onDamaged: (run, error) => this.noteDamagedRun(run, error),
    });
    this.repairing = {
      digests: this.summing,
      sealNow: () => this.sealed(),
      noteGaps: (gaps) => this.maintenance.exclusive(() => this.maintenance.noteGaps(gaps)),
      changed: (log) => this.gapKeeper.changed(log),
    };
    this.commit = new GroupCommit({
      catalog,
      journal,
      origin: () => this.origin,
      nextCommit,
      env,
      slot: () => options.slot ?? crc32(this.origin) % OFFSET_SLOT_COUNT,
      ...(commitBytes === undefined ? {} : { commitBytes }),
      ...(pendingBytesMax === undefined ? {} : { pendingBytes: pendingBytesMax }),
      ...(journalFileBytes === undefined ? {} : { journalFileBytes }),
      ...(options.followsLog === undefined ? {} : { followsLog: options.followsLog }),
      holds: (log, topic, offset) => index.holds(log, topic, offset),
      onCommit: (committed, group, bytes) => this.committed(committed, group, bytes),
      onFilled: (filled) => this.gapKeeper.changed(filled),
      onFull: (generation) => {
        if (options.sealing !== false) this.maintenance.seal(generation);
      },
    });
    this.lineage = new Lineage({
      disk,
      folder,
      catalog,
      identity: opened.identity,
      maintenance: this.maintenance,
      transfers: this.transfers,
      gapKeeper: this.gapKeeper,
      log: this.logReader,
      topics: this.topicReader,
      reading: (work) => this.read(work),
      apply: (batch) => this.apply(batch),
      sealed: () => this.sealed(),
    });
    if (options.sealing !== false) this.maintenance.open(opened.full);
    if (options.retention !== undefined) this.expireLater();
  }

  get origin(): OriginId {
    return this.opened.identity.origin;
  }

  async append(stream: StreamName, records: readonly NewRecord[]): Promise<Appended[]> {
    this.checkOpen();
    streamName(stream);
    checkMayAppend(stream, this.options);
    if (records.length === 0) return [];
    const state = this.opened.catalog.streams.forWriting(stream);
    if (this.gate === undefined && !this.mustWait(state)) {
      const before = this.commit.bytesTaken;
      const appended = this.commit.append(state, records, undefined);
      return this.pace.hold(appended, this.commit.bytesTaken - before, this.maintenance.waiting);
    }
    checkRecords(records);
    const own = records.map(ownRecord);
    return this.later(async () => {
      await this.room();
      if (!this.isBehind(state)) return this.commit.append(state, own, undefined);
      // What is on its way to the disk counts, and can be looked up when it is there.
      await this.commit.idle();
      const floors = await this.read(this.lastOffsets(state, own));
      return this.commit.append(state, own, floors);
    });
  }

  async apply(batch: Batch): Promise<void> {
    this.checkOpen();
    checkBatch(batch);
    const state = this.opened.catalog.streams.forWriting(batch.stream);
    if (this.gate === undefined && !this.isCrowded()) {
      const before = this.commit.bytesTaken;
      const applied = this.commit.apply(state, batch);
      return this.pace.hold(applied, this.commit.bytesTaken - before, this.maintenance.waiting);
    }
    checkRecords(batch.records);
    const records = batch.records.map(ownRecord);
    return this.later(async () => {
      await this.room();
      return this.commit.apply(state, { ...batch, records });
    });
  }

  /**
   * Applies batches, and appends to a stream of this node's own how far its source was read with them: in one turn, so that the
   * note is in the same group commit as the last of them, or in a later one. It is never durable where one of them is not.
   * @throws LandfallError as `apply`
   */
  async applyWithNote(batches: readonly Batch[], stream: StreamName, note: NewRecord): Promise<void> {
    this.checkOpen();
    const all = (): Promise<unknown>[] => {
      const done: Promise<unknown>[] = [];
      try {
        for (const batch of batches) {
          checkBatch(batch);
          done.push(this.commit.apply(this.opened.catalog.streams.forWriting(batch.stream), batch));
        }
        done.push(this.commit.append(this.opened.catalog.streams.forWriting(stream), [note], undefined));
      } catch (error) {
        // Those before it may be there: without the note, they come again and are skipped.
        for (const one of done) one.catch(() => undefined);
        throw error;
      }
      return done;
    };
    if (this.gate === undefined && !this.isCrowded()) {
      const before = this.commit.bytesTaken;
      const done = Promise.all(all());
      await this.pace.hold(done, this.commit.bytesTaken - before, this.maintenance.waiting);
      return;
    }
    await this.later(async () => {
      await this.room();
      await Promise.all(all());
    });
  }

  /**
   * What `apply` would take of this batch now, with what is on its way here by another road; it throws what `apply` would.
   * @param own `apply` refuses what an origin of this name has not numbered here
   */
  lacking(
    batch: Batch,
    underWay: readonly (readonly [number, number])[],
    own: OriginId | undefined,
  ): [number, number][] {
    this.checkOpen();
    checkBatch(batch);
    checkRecords(batch.records);
    const log = this.opened.catalog.streams.forWriting(batch.stream).log(batch.origin);
    const holds = (topic: TopicName, offset: number): boolean => this.index.holds(log, topic, offset);
    return lackingOf(holds, withUnderWay(log, underWay), batch, own);
  }

  /** Largest offset that was ever known here of a stream: above it, any topic's next offset is new (O2). */
  highestOffset(stream: StreamName): number {
    this.checkOpen();
    return this.opened.catalog.streams.get(stream)?.highestEver ?? 0;
  }

  /** Of each record's topic the largest offset known here, as far as it is ahead of the clock. @throws LandfallError CORRUPT_BLOCK */
  async topicFloors(stream: StreamName, records: readonly NewRecord[]): Promise<number[]> {
    this.checkOpen();
    return this.read(this.lastOffsets(this.opened.catalog.streams.forWriting(stream), records));
  }

  streams(): StreamName[] {
    this.checkOpen();
    return this.opened.catalog.streams
      .existing()
      .map(({ name }) => name)
      .sort();
  }

  vector(stream: StreamName): VersionVector {
    this.checkOpen();
    return this.opened.catalog.streams.get(stream)?.vector() ?? {};
  }

  topics(stream: StreamName, query: { prefix?: string; after?: string; limit: number }): TopicName[] {
    this.checkOpen();
    checkLimit(query.limit);
    const state = this.opened.catalog.streams.get(stream);
    return state === undefined ? [] : this.lister.names(state, query.prefix ?? "", query.after, query.limit);
  }

  async readTopic(stream: StreamName, topic: TopicName, query: TopicQuery): Promise<StoredRecord[]> {
    this.checkOpen();
    checkTopicQuery(query);
    const state = this.opened.catalog.streams.get(stream);
    return state === undefined ? [] : this.read(this.topicReader.read(state, topic, query));
  }

  async readStream(
    stream: StreamName,
    cursor: Cursor | undefined,
    limit: number,
  ): Promise<{ records: StoredRecord[]; cursor: Cursor }> {
    this.checkOpen();
    checkLimit(limit);
    checkCursor(cursor);
    return this.read(this.logReader.stream(this.opened.catalog.streams.get(stream), cursor, limit));
  }

  async readOrigin(stream: StreamName, origin: OriginId, from: Seq, maxBytes: number): Promise<OriginRecord[]> {
    this.checkOpen();
    checkSeq(from);
    const log = this.opened.catalog.streams.get(stream)?.logs.get(origin);
    return log === undefined ? [] : this.read(this.logReader.origin(log, from, maxBytes));
  }

  /**
   * Gives a sink records of one origin from `from` on, up to `to`, as far as they lie in sealed runs and it takes them; without making
   * anything for each. Returns the first seq that was not given.
   * @throws LandfallError CLOSED, CORRUPT_BLOCK, DISK_FAILED
   */
  async giveOrigin(stream: StreamName, origin: OriginId, from: Seq, to: number, sink: RecordSink): Promise<number> {
    this.checkOpen();
    checkSeq(from);
    const log = this.opened.catalog.streams.get(stream)?.logs.get(origin);
    return log === undefined ? from : this.read(this.logReader.give(log, from, Math.min(to, log.next), sink));
  }

  onCommit(listener: (committed: readonly Committed[]) => void): () => void {
    this.checkOpen();
    // Wrapped, so that the same function may be registered twice.
    const own = (committed: readonly Committed[]): void => listener(committed);
    this.listeners.add(own);
    return () => void this.listeners.delete(own);
  }

  gaps(stream: StreamName): Gap[] {
    this.checkOpen();
    return this.gapKeeper.of(this.opened.catalog.streams.get(stream));
  }

  async noteGap(stream: StreamName, origin: OriginId, hole: Hole): Promise<void> {
    this.checkOpen();
    streamName(stream);
    originId(origin);
    const state = this.opened.catalog.streams.forWriting(stream);
    const log = state.log(origin);
    const wasBefore = log.next < hole.to;
    await this.gapKeeper.note(state, origin, hole);
    // Where damage had left the hole, what lies behind it counts from now on.
    const nextSeq = log.next as Seq;
    if (wasBefore && nextSeq > hole.to) this.tell([{ stream, origin, firstSeq: hole.to, nextSeq }]);
  }

  async holeAt(stream: StreamName, origin: OriginId, seq: Seq): Promise<Hole | undefined> {
    this.checkOpen();
    checkSeq(seq);
    const log = this.opened.catalog.streams.get(stream)?.logs.get(origin);
    return log === undefined ? undefined : this.read(this.logReader.hole(log, seq));
  }

  onGaps(listener: GapListener): () => void {
    this.checkOpen();
    return this.gapKeeper.onChange(listener);
  }

  /** Histories of which damage has taken sealed records that are not here again. */
  damaged(): { readonly stream: StreamName; readonly origin: OriginId }[] {
    this.checkOpen();
    return this.opened.catalog.streams.all.flatMap(({ name, runs }) => {
      const lacking = runs.filter((run) => run.damaged && !isHealed(run)).map(({ log }) => log.origin);
      return [...new Set(lacking)].map((origin) => ({ stream: name, origin }));
    });
  }

  /** Told of each damaged run that is met, once that is noted down, and before its gap is told of. Returns how to stop. */
  onDamaged(listener: (stream: StreamName, origin: OriginId) => void): () => void {
    this.checkOpen();
    this.damageListeners.add(listener);
    return () => void this.damageListeners.delete(listener);
  }

  async latest(stream: StreamName, query: { prefix?: string; after?: string; limit: number }): Promise<StoredRecord[]> {
    const names = this.topics(stream, query);
    const newest: StoredRecord[] = [];
    for (let i = 0; i < names.length; i += LATEST_PARALLEL) {
      const some = names.slice(i, i + LATEST_PARALLEL);
      const found = await Promise.all(some.map((name) => this.readTopic(stream, name, { limit: 1, reverse: true })));
      for (const [record] of found) if (record !== undefined) newest.push(record);
    }
    return newest;
  }

  async *follow(
    stream: StreamName,
    cursor: Cursor | undefined,
    options: { readonly limit?: number; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<{ records: StoredRecord[]; cursor: Cursor }, void, void> {
    const { limit = FOLLOW_RECORDS, signal } = options;
    this.checkOpen();
    const news = new Signal();
    const leave = this.onCommit((committed) => {
      if (committed.some((one) => one.stream === stream)) news.set();
    });
    const wake = (): void => news.set();
    signal?.addEventListener("abort", wake);
    this.closers.add(wake);
    let at = cursor;
    try {
      // oxlint-disable-next-line no-unmodified-loop-condition -- who holds the signal changes it
      while (signal?.aborted !== true && this.closing === undefined) {
        news.clear();
        const read = await this.readStream(stream, at, limit);
        at = read.cursor;
        if (read.records.length > 0) yield read;
        else await news.wait();
      }
    } finally {
      this.closers.delete(wake);
      signal?.removeEventListener("abort", wake);
      leave();
    }
  }

  async openSealed(stream: StreamName, origin: OriginId, from: Seq): Promise<SealedRunReader | undefined> {
    this.checkOpen();
    return this.read(this.transfers.send(stream, origin, from));
  }

  prepareSealed(
    stream: StreamName,
    origin: OriginId,
    from: Seq,
    isFirst = true,
  ): Promise<SealedRunReader | undefined> | undefined {
    this.checkOpen();
    return this.transfers.prepare(stream, origin, from, isFirst);
  }

  async receiveSealed(run: SealedRun): Promise<SealedRunWriter> {
    this.checkOpen();
    streamName(run.stream);
    originId(run.origin);
    return this.transfers.receive(run);
  }

  async resumeSealed(): Promise<SealedRunWriter[]> {
    this.checkOpen();
    return this.transfers.resume();
  }

  reincarnate(): Promise<OriginId> {
    this.checkOpen();
    return this.later(async () => {
      // What has a number of the old origin is on disk before the new one counts.
      await this.commit.idle();
      await this.opened.identity.takeIncarnation();
      return this.origin;
    });
  }

  restoredOrigins(): readonly OriginId[] {
    this.checkOpen();
    return this.opened.identity.restored;
  }

  async appendAgain(stream: StreamName, origin: OriginId, from: Seq): Promise<void> {
    this.checkOpen();
    checkSeq(from);
    return this.read(this.lineage.appendAgain(stream, origin, from));
  }

  appendedAgain(): { readonly stream: StreamName; readonly origin: OriginId }[] {
    this.checkOpen();
    return this.opened.identity.allAgain;
  }

  async setAside(stream: StreamName, origin: OriginId, isForked: boolean): Promise<Hole | undefined> {
    this.checkOpen();
    return this.lineage.setAside(stream, origin, isForked);
  }

  async standsAgain(stream: StreamName, origin: OriginId, record: OriginRecord): Promise<boolean> {
    this.checkOpen();
    return this.read(this.lineage.standsAgain(stream, origin, record));
  }

  holdings(stream: StreamName): OriginHoldings[] {
    this.checkOpen();
    return holdingsOf(this.opened.catalog.streams.get(stream));
  }

  async digests(
    stream: StreamName,
    origin: OriginId,
    spans: readonly DigestSpan[],
    deep: boolean,
  ): Promise<SpanDigests[]> {
    this.checkOpen();
    checkSpans(spans);
    const log = this.opened.catalog.streams.get(stream)?.logs.get(origin);
    if (log === undefined) return spans.map(({ from, to }) => nothingOf(from, to));
    return this.summing.of(log, spans, deep).catch((error: unknown) => {
      this.checkOpen();
      throw error;
    });
  }

  async repair(stream: StreamName, origin: OriginId, from: Seq, to: Seq): Promise<Hole[]> {
    this.checkOpen();
    checkSpans([{ from, to, step: Number.MAX_SAFE_INTEGER }]);
    const log = this.opened.catalog.streams.get(stream)?.logs.get(origin);
    return log === undefined ? [] : repairRange(log, from, to, this.repairing);
  }

  async expire(): Promise<number> {
    this.checkOpen();
    const { retention, env, folder, handedOver = () => Infinity, diskPercentMax = 100 } = this.options;
    if (retention === undefined) return 0;
    const { generations, streams } = this.opened.catalog;
    // Sealed by the next time.
    const last = generations.at(-1);
    if (last !== undefined && isOverdue(last, retention, env.now())) this.commit.roll();
    const isCrowded = (await this.disk.usedPercent(folder)) > diskPercentMax;
    return this.maintenance.exclusive(async () => {
      const gone = expiredRuns(streams.all, retention, isCrowded ? () => Infinity : handedOver, env.now());
      if (gone.length > 0) await this.maintenance.expire(gone);
      for (const log of new Set(gone.map((run) => run.log))) this.gapKeeper.changed(log);
      return gone.reduce((sum, { count }) => sum + count, 0);
    });
  }

  stats(): StoreStats {
    this.checkOpen();
    const { catalog, journal, spares } = this.opened;
    const { failed } = this.commit;
    const { lister } = this;
    const streams = catalog.streams.existing();
    return {
      recordsAppended: this.commit.recordsAppended,
      recordsApplied: this.commit.recordsApplied + this.recordsReceived,
      commits: this.commit.commits,
      bytesWritten: this.commit.bytesWritten,
      bytesOnDisk: catalog.bytesSealed + catalog.bytesUnsealed(journal) + spares.bytes,
      bytesSpare: spares.bytes,
      // For those who want to know it: it takes a look at every stream.
      get topics() {
        return lister.count(streams);
      },
      streams: streams.length,
      corruptBlocks: this.corruptBlocks,
      ...(failed === undefined ? {} : { failed: `${failed.code}: ${failed.message}` }),
    };
  }

  /** Until everything that can be sealed and merged is. */
  async settled(): Promise<void> {
    this.checkOpen();
    await this.maintenance.idle();
  }

  /** Seals the journal that is being written, too, and waits until everything is sealed and merged. */
  async sealNow(): Promise<void> {
    this.checkOpen();
    await this.sealed();
    await this.maintenance.idle();
  }

  /** Seals the journal that is being written, too. */
  private async sealed(): Promise<void> {
    await this.roll();
    this.maintenance.start();
    while (this.maintenance.waiting > 0 && this.maintenance.isSealing) await this.maintenance.progress();
  }

  private async roll(): Promise<void> {
    await this.commit.idle();
    this.commit.roll();
  }

  /** Over how many runs and unsealed journals a topic of this stream may be spread. */
  spread(stream: StreamName): { readonly runs: number; readonly journals: number } {
    this.checkOpen();
    const { catalog } = this.opened;
    return { runs: catalog.streams.get(stream)?.runs.length ?? 0, journals: catalog.generations.length };
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    this.expiry?.cancel();
    for (const wake of this.closers) wake();
    await this.gate?.catch(() => undefined);
    await this.commit.idle();
    this.hurry.close();
    this.maintenance.stop();
    await this.transfers.close();
    await this.summing.close();
    await this.maintenance.close();
    await Promise.allSettled(this.reading);
    this.listeners.clear();
    try {
      await this.files.close();
      await this.opened.journal.close();
    } finally {
      await this.opened.lock.release();
    }
  }

  private expireLater(): void {
    this.expiry = this.options.env.setTimer(EXPIRY_INTERVAL_MS, () => {
      const failed = (error: unknown): void => this.log.error({ err: error }, "expiry failed; it is tried again");
      if (this.closing !== undefined) return;
      this.expire().catch(failed);
      this.expireLater();
    });
  }

  private isCrowded(): boolean {
    return this.maintenance.waiting > UNSEALED_JOURNALS_MAX;
  }

  private mustWait(stream: StreamState): boolean {
    return this.isCrowded() || this.isBehind(stream);
  }

  /**
   * Some record of the stream is far ahead of this clock. Going on from it would take all topics there, so each is looked
   * up instead: a wrong clock somewhere spoils only the topics it wrote to (O2).
   */
  private isBehind(stream: StreamState): boolean {
    return isAhead(stream.highestEver, this.options.env.now());
  }

  private async room(): Promise<void> {
    while (this.isCrowded() && this.maintenance.isSealing) await this.maintenance.progress();
  }

  /** Of each record's topic the largest offset known here, as far as it is ahead of the clock. */
  private async lastOffsets(stream: StreamState, records: readonly NewRecord[]): Promise<number[]> {
    const base = this.options.env.now() * 1000 - OFFSET_SLOT_COUNT;
    const known = new Map<string, number>();
    for (const { topic } of records) {
      if (!known.has(topic)) known.set(topic, await this.topicReader.lastOffset(stream, topic, base));
    }
    return records.map(({ topic }) => known.get(topic) as number);
  }

  /** In turn behind others that wait. */
  private later<T>(work: () => Promise<T>): Promise<T> {
    const turn = (this.gate ?? Promise.resolve()).then(work, work);
    const gate = turn.then(
      () => undefined,
      () => undefined,
    );
    this.gate = gate;
    void gate.finally(() => {
      if (this.gate === gate) this.gate = undefined;
    });
    return turn;
  }

  private async read<T>(reading: Promise<T>): Promise<T> {
    this.reading.add(reading);
    try {
      return await reading;
    } finally {
      this.reading.delete(reading);
    }
  }

  private committed(committed: readonly Committed[], group: Group, bytes: Uint8Array): void {
    const { generation, firstBlock } = group;
    // Somebody reads along: in order of seq, or topics, up to what was here a moment ago.
    const isFollowed = this.closers.size > 0 || (firstBlock > 0 && generation.index.blocks === firstBlock);
    const bytesMax = isFollowed ? COMMIT_FOLLOWED_BYTES_MAX : COMMIT_CACHED_BYTES_MAX;
    if (bytes.byteLength <= Math.min(this.options.cacheBytes ?? bytesMax, bytesMax)) {
      const copy = bytes.slice();
      const blocks: JournalBlock[] = [];
      for (let i = firstBlock; i < group.endBlock; i++) {
        const { position, bytes: length, log, firstSeq, count } = generation.block(i);
        const block = copy.subarray(position - group.start, position - group.start + length);
        blocks.push(ownJournalBlock(block, { stream: log.stream.name, origin: log.origin, firstSeq, count }));
      }
      this.journals.remember(generation, firstBlock, blocks, copy.byteLength);
    }
    this.tell(committed);
  }

  private tell(committed: readonly Committed[]): void {
    // A listener that throws must not stop the others, nor the store.
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

  /** What a damaged run holds is lacking from now on, so that a peer sends it again. */
  private noteDamagedRun(run: Run, error: LandfallError): void {
    this.noteCorrupt(error);
    if (run.damaged) return;
    run.damaged = true;
    const { log } = run;
    log.giveUp((piece) => piece.run === run);
    this.maintenance
      .exclusive(() => this.maintenance.markDamaged(run))
      .then(() => {
        // What comes again is never on disk before the damage is noted there.
        for (const listener of this.damageListeners) listener(log.stream.name, log.origin);
        return this.gapKeeper.changed(log);
      })
      .catch((cause: unknown) => {
        this.log.error({ err: cause }, "damage could not be noted down");
      });
  }

  private checkOpen(): void {
    if (this.closing !== undefined) throw new LandfallError("CLOSED", "the store was closed");
  }
}

/** So far ahead of the clock that a stream's next offsets must not go on from there. */
export function isAhead(offset: number, nowMs: number): boolean {
  return offset > (nowMs + OFFSET_AHEAD_MS_MAX) * 1000;
}

/** A copy for later: the caller may use its buffers again meanwhile. */
function ownRecord<R extends NewRecord>(record: R): R {
  const { headers } = record;
  return { ...record, value: record.value.slice(), ...(headers === undefined ? {} : { headers: { ...headers } }) };
}

/** There is nothing of the origin. */
function nothingOf(from: number, to: number): SpanDigests {
  return { cells: [], next: Math.max(from, to), damaged: [], named: [] };
}
