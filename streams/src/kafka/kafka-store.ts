import { crc32 } from "node:zlib";
import { OFFSET_SLOT_COUNT } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { originId, streamName } from "../model/names.js";
import { checkMayAppend, checkRecords } from "../store/append-input.js";
import { isAhead } from "../store/embedded-store.js";
import { checkClock } from "../store/offset-clock.js";
import { HeldRun } from "./held-run.js";
import { Numbering } from "./numbering.js";
import { POSITIONS } from "./positions.js";
import { NODES } from "./site-nodes.js";
import type { Env } from "../env.js";
import type { Gap, Hole } from "../model/gap.js";
import type { OriginId, StreamName, TopicName } from "../model/names.js";
import type { Cursor, NewRecord, OriginRecord, Seq, StoredRecord, VersionVector } from "../model/record.js";
import type { EmbeddedStore } from "../store/embedded-store.js";
import type {
  Appended,
  Batch,
  Committed,
  DigestSpan,
  GapListener,
  LocalStore,
  OriginHoldings,
  SealedRun,
  SealedRunReader,
  SealedRunWriter,
  SharedLog,
  SpanDigests,
  StoreStats,
  TopicQuery,
} from "../store/store.js";
import type { Inbox } from "./inbox.js";
import type { Partition } from "./partition.js";
import type { BatchBody } from "./record-batch.js";
import type { SiteLog, UnderWayBytes } from "./site-log.js";
import { TurnByTurn } from "./turn-by-turn.js";
import { UnderWay } from "./under-way.js";

export interface KafkaStoreOptions {
  readonly site: string;
  readonly slot: number | undefined;
  readonly env: Env;
  readonly mayAppend: ((stream: StreamName) => boolean) | undefined;
  readonly isCompacted: (stream: StreamName) => boolean;
}

/** Of a run, read at once to be written again. */
const RUN_PART_BYTES = 1024 * 1024;
/** What a record costs besides its value while it waits. */
const RECORD_ROOM_BYTES = 200;

/**
 * The store of a node whose site keeps its log in Kafka: what is written goes there first and comes back from there, in the
 * order that all nodes of the site see; what is read is read from the store in the node's own folder.
 */
export class KafkaStore implements LocalStore {
  private readonly numbering: Numbering;
  private readonly underWay = new UnderWay();
  private readonly turns = new TurnByTurn<StreamName>();
  private readonly bringingTurns = new TurnByTurn<StreamName>();
  private recordsAppended = 0;
  private recordsApplied = 0;
  private closing: Promise<void> | undefined;

  /** Words keep their order, also while their topic is made. */
  private said: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly local: EmbeddedStore,
    private readonly log: SiteLog,
    private readonly inbox: Inbox,
    private readonly options: KafkaStoreOptions,
  ) {
    this.numbering = new Numbering({
      now: () => options.env.now(),
      slot: () => options.slot ?? crc32(this.origin) % OFFSET_SLOT_COUNT,
      durable: (stream) => ({ next: local.vector(stream)[this.origin] ?? 0, highest: local.highestOffset(stream) }),
    });
  }

  get origin(): OriginId {
    return this.local.origin;
  }

  readonly shared: SharedLog = {
    say: (words) => {
      this.checkOpen();
      const ready = this.said.then(() => this.log.words());
      this.said = ready.catch(() => undefined);
      return ready.then((partition) => this.log.put(partition, { kind: "word", origin: this.origin, words }, 0));
    },
    onWords: (listener) => this.log.onWords(listener),
    nodes: () => this.log.nodes(),
    fence: (node) => this.log.fence(node),
    left: () => this.inbox.left(),
    settled: (stream, origin, why) =>
      this.open(async () => {
        const { term } = this.log;
        await this.log.settled(stream, origin);
        if (why === "ask") await this.inbox.goOn(stream, origin, term);
        if (why === "fill") await this.log.mending(stream, origin);
      }),
    giveUp: () => this.log.giveUp(),
    onFenced: (listener) => this.log.onFenced(listener),
  };

  /** What a power cut could cost, in words; undefined for nothing. */
  get warning(): string | undefined {
    return this.log.warning;
  }

  get underWayBytes(): UnderWayBytes {
    return this.log.underWayBytes;
  }

  async append(stream: StreamName, records: readonly NewRecord[]): Promise<Appended[]> {
    this.checkOpen();
    checkStream(stream);
    checkMayAppend(stream, this.options);
    if (records.length === 0) return [];
    checkRecords(records);
    checkClock(this.options.env.now());
    const bytes = sizeOf(records);
    return this.log.appending(bytes, async () => {
      const partition = this.log.ready(stream, this.origin);
      if (partition !== undefined && !this.turns.isTaken(stream) && !this.isBehind(stream)) {
        return await this.appendNow(partition, records, bytes, undefined);
      }
      const own = records.map(ownRecord);
      const { appended } = await this.turns.take(stream, async () => {
        const prepared = await this.log.prepared(stream, this.origin);
        if (!this.isBehind(stream)) return { appended: this.appendNow(prepared, own, bytes, undefined) };
        // What is on its way counts, and can be looked up when it is here.
        await this.underWay.idle(stream);
        const floors = await this.local.topicFloors(stream, own);
        return { appended: this.appendNow(prepared, own, bytes, floors) };
      });
      return await appended;
    });
  }

  apply(batch: Batch): Promise<void> {
    return this.take(batch, ownRecord, this.log.term);
  }

  /** The same for records that nobody changes from now on. @throws LandfallError TAKEN_OVER when this term of bringing is over */
  applyKept(batch: Batch, term: number): Promise<void> {
    return this.take(batch, (record) => record, term);
  }

  /** Of what this node brings; see `SiteLog.term`. */
  get term(): number {
    return this.log.term;
  }

  /** Undefined where the local store has to take the records of this run one by one. */
  hold(run: SealedRun, term: number): HeldRun | undefined {
    this.checkOpen();
    const { stream, origin, from, to, count } = run;
    // Of one of which records were superseded, Kafka would not get what the store has.
    if (count !== to - from) return undefined;
    const isNext = (this.local.vector(stream)[origin] ?? 0) === from && this.underWay.of(stream, origin).length === 0;
    const hasAny = origin === this.origin || this.log.mending(stream, origin) !== undefined;
    return isNext && !hasAny && !this.options.isCompacted(stream) ? new HeldRun(run, term) : undefined;
  }

  /**
   * Records of a run that is held, from this seq on, in their order. In Kafka when it resolves, and the body may be used again.
   * @throws LandfallError SEQ_GAP when some of them have come another way, and as `apply`
   */
  async putHeld(held: HeldRun, firstSeq: Seq, body: BatchBody): Promise<void> {
    this.checkOpen();
    const { stream, origin, from } = held.run;
    const { count, length } = body;
    const end = firstSeq + count;
    const isHere = (this.local.vector(stream)[origin] ?? 0) !== from;
    if (isHere || this.underWay.of(stream, origin).some((other) => other[0] < end && other[1] > firstSeq)) {
      throw new LandfallError("SEQ_GAP", `${stream}: records of ${origin} from seq ${firstSeq} on came another way`);
    }
    // Also of what Kafka has: another who brings it waits until it is here.
    void this.underWay.add(stream, origin, firstSeq, end, held.settled);
    const history = historyOf(stream, origin);
    await this.log.arriving(history, length, () =>
      this.inPartition(stream, origin, (partition) => {
        // Whoever reads it, before or after Kafka has answered, knows that it is held.
        partition.held.add(held);
        const page = { kind: "page", origin, firstSeq, count, body } as const;
        return this.log.bring(held.term, partition, page, length, () => this.log.refusedBefore(history));
      }),
    );
    this.recordsApplied += count;
  }

  /** Takes the run itself, all of whose records are in Kafka. @throws LandfallError as `receiveSealed` */
  async install(held: HeldRun, reader: SealedRunReader): Promise<void> {
    this.checkOpen();
    const { blocks } = held.run;
    const writer = await this.local.receiveSealed(held.run);
    try {
      for (let block = 0; block < blocks;) {
        const { bytes, next } = await reader.read(block, RUN_PART_BYTES);
        await writer.add(bytes);
        block = next;
      }
    } catch (error) {
      await writer.abandon();
      throw error;
    }
    await writer.finish();
    await this.log.installed(held);
  }

  /** What Kafka has of the run is taken from there; it is here when it resolves. */
  giveUp(held: HeldRun): Promise<void> {
    return this.log.givenUp(held);
  }

  private async take(batch: Batch, keep: Keep, term: number): Promise<void> {
    this.checkOpen();
    checkStream(batch.stream);
    const { stream, origin } = batch;
    const mending = this.log.mending(stream, origin);
    // Of what follows, nothing can have been here.
    if (mending !== undefined && batch.firstSeq < (this.local.vector(stream)[origin] ?? 0)) {
      // What Kafka has is not brought there again.
      const kept = { ...batch, records: batch.records.map(keep) };
      await mending;
      return this.take(kept, (record) => record, term);
    }
    const lacking = this.lacking(batch);
    // Of its own, a node takes what damage cost it here; Kafka has had that.
    if (origin === this.origin) return lacking.length === 0 ? undefined : this.local.apply(batch);
    if (lacking.length === 0) return this.underWay.settled(stream, origin);
    const parts = partsOf(batch, lacking, keep);
    const bytes = parts.reduce((sum, { records }) => sum + sizeOf(records), 0);
    const applied = this.log.arriving(historyOf(stream, origin), bytes, () => this.bring(term, stream, origin, parts));
    // From now on, so that the next batch of the origin may follow at once.
    await Promise.all(lacking.map(([from, to]) => this.underWay.add(stream, origin, from, to, applied)));
    for (const [from, to] of lacking) this.recordsApplied += to - from;
  }

  async noteGap(stream: StreamName, origin: OriginId, hole: Hole): Promise<void> {
    this.checkOpen();
    checkStream(stream);
    originId(origin);
    const { from, to } = hole;
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || to <= from) {
      throw new LandfallError("INVALID_ARGUMENT", `a gap from seq ${from} to ${to}`);
    }
    if (origin === this.origin) {
      throw new LandfallError("PROTOCOL_ERROR", `${stream}: a gap in what this node itself appends`);
    }
    const next = this.local.vector(stream)[origin] ?? 0;
    if (from > next) {
      const why = `${stream}: a gap of ${origin} begins at seq ${from}, but ${next} is the next one lacking here`;
      throw new LandfallError("SEQ_GAP", why);
    }
    // Below that all is here, or a gap already.
    if (to <= next) return;
    const { term } = this.log;
    const gap = { kind: "gap", stream, origin, hole: { ...hole } } as const;
    await this.log.arriving(historyOf(stream, origin), 0, () =>
      this.inPartition(stream, origin, (partition) => this.log.bring(term, partition, gap, 0, () => undefined)),
    );
  }

  streams(): StreamName[] {
    this.checkOpen();
    return this.local.streams().filter((name) => name !== POSITIONS);
  }

  vector(stream: StreamName): VersionVector {
    this.checkOpen();
    return stream === POSITIONS ? {} : this.local.vector(stream);
  }

  topics(stream: StreamName, query: { prefix?: string; after?: string; limit: number }): TopicName[] {
    this.checkOpen();
    return this.local.topics(shown(stream), query);
  }

  readTopic(stream: StreamName, topic: TopicName, query: TopicQuery): Promise<StoredRecord[]> {
    return this.open(() => this.local.readTopic(shown(stream), topic, query));
  }

  readStream(
    stream: StreamName,
    cursor: Cursor | undefined,
    limit: number,
  ): Promise<{ records: StoredRecord[]; cursor: Cursor }> {
    return this.open(() => this.local.readStream(shown(stream), cursor, limit));
  }

  readOrigin(stream: StreamName, origin: OriginId, from: Seq, maxBytes: number): Promise<OriginRecord[]> {
    return this.open(() => this.local.readOrigin(shown(stream), origin, from, maxBytes));
  }

  gaps(stream: StreamName): Gap[] {
    this.checkOpen();
    return this.local.gaps(shown(stream));
  }

  holeAt(stream: StreamName, origin: OriginId, seq: Seq): Promise<Hole | undefined> {
    return this.open(() => this.local.holeAt(shown(stream), origin, seq));
  }

  onGaps(listener: GapListener): () => void {
    this.checkOpen();
    return this.local.onGaps((gaps) => {
      if (gaps.stream !== POSITIONS) listener(gaps);
    });
  }

  onCommit(listener: (committed: readonly Committed[]) => void): () => void {
    this.checkOpen();
    return this.local.onCommit((committed) => {
      const told = committed.filter(({ stream }) => stream !== POSITIONS);
      if (told.length > 0) listener(told);
    });
  }

  latest(stream: StreamName, query: { prefix?: string; after?: string; limit: number }): Promise<StoredRecord[]> {
    return this.open(() => this.local.latest(shown(stream), query));
  }

  follow(
    stream: StreamName,
    cursor: Cursor | undefined,
    options?: { readonly limit?: number; readonly signal?: AbortSignal },
  ): AsyncGenerator<{ records: StoredRecord[]; cursor: Cursor }, void, void> {
    this.checkOpen();
    return this.local.follow(shown(stream), cursor, options);
  }

  openSealed(stream: StreamName, origin: OriginId, from: Seq): Promise<SealedRunReader | undefined> {
    return this.open(() => this.local.openSealed(shown(stream), origin, from));
  }

  prepareSealed(
    stream: StreamName,
    origin: OriginId,
    from: Seq,
    isFirst?: boolean,
  ): Promise<SealedRunReader | undefined> | undefined {
    this.checkOpen();
    return this.local.prepareSealed(shown(stream), origin, from, isFirst);
  }

  receiveSealed(run: SealedRun): Promise<SealedRunWriter> {
    return this.open(() => {
      checkStream(run.stream);
      return this.inbox.receive(run);
    });
  }

  resumeSealed(): Promise<SealedRunWriter[]> {
    return this.open(() => this.inbox.resume());
  }

  reincarnate(): Promise<OriginId> {
    return this.open(async () => {
      await this.underWay.idle();
      const origin = await this.local.reincarnate();
      this.numbering.forgetAll();
      // Where it is not noted, Kafka is read once more than it need be.
      await this.log.reincarnated().catch(() => undefined);
      return origin;
    });
  }

  restoredOrigins(): readonly OriginId[] {
    this.checkOpen();
    return this.local.restoredOrigins();
  }

  appendAgain(stream: StreamName, origin: OriginId, from: Seq): Promise<void> {
    return this.open(() => this.local.appendAgain(stream, origin, from));
  }

  appendedAgain(): { readonly stream: StreamName; readonly origin: OriginId }[] {
    this.checkOpen();
    return this.local.appendedAgain();
  }

  setAside(stream: StreamName, origin: OriginId, isForked: boolean): Promise<Hole | undefined> {
    return this.open(() => this.local.setAside(stream, origin, isForked));
  }

  standsAgain(stream: StreamName, origin: OriginId, record: OriginRecord): Promise<boolean> {
    return this.open(() => this.local.standsAgain(stream, origin, record));
  }

  expire(): Promise<number> {
    return this.open(() => this.local.expire());
  }

  holdings(stream: StreamName): OriginHoldings[] {
    this.checkOpen();
    return this.local.holdings(shown(stream));
  }

  digests(stream: StreamName, origin: OriginId, spans: readonly DigestSpan[], deep: boolean): Promise<SpanDigests[]> {
    return this.open(() => this.local.digests(shown(stream), origin, spans, deep));
  }

  repair(stream: StreamName, origin: OriginId, from: Seq, to: Seq): Promise<Hole[]> {
    return this.open(() => this.local.repair(shown(stream), origin, from, to));
  }

  stats(): StoreStats {
    this.checkOpen();
    const stats = this.local.stats();
    const { local, recordsAppended, recordsApplied } = this;
    const failed = stats.failed ?? this.log.failed;
    const own = local.vector(POSITIONS);
    return {
      ...stats,
      recordsAppended,
      recordsApplied,
      streams: stats.streams - (Object.keys(own).length > 0 ? 1 : 0),
      get topics() {
        return stats.topics - local.topics(POSITIONS, { limit: POSITIONS_COUNTED_MAX }).length;
      },
      ...(failed !== undefined && { failed }),
    };
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    // It hands nothing more on, and what it has put is waited for with the rest: not longer, where Kafka does not answer.
    const inbox = this.inbox.close();
    await this.log.close();
    await inbox;
    await this.local.close();
  }

  private async appendNow(
    partition: Partition,
    records: readonly NewRecord[],
    bytes: number,
    floors: ArrayLike<number> | undefined,
  ): Promise<Appended[]> {
    const { stream } = partition;
    const batch = this.numbering.number(stream, this.origin, records, floors);
    const takeBack = (): void => this.numbering.takeBack(stream, batch.firstSeq);
    const put = this.log.put(partition, { kind: "records", batch }, bytes, takeBack);
    await this.underWay.add(batch.stream, batch.origin, batch.firstSeq, batch.firstSeq + records.length, put);
    this.recordsAppended += records.length;
    return batch.records.map(({ topic, offset, seq, received }) => ({ topic, offset, seq, received }));
  }

  private bring(term: number, stream: StreamName, origin: OriginId, parts: readonly Batch[]): Promise<void> {
    const onRefused = (): void => this.log.refusedBefore(historyOf(stream, origin));
    return this.inPartition(stream, origin, async (partition) => {
      const puts = parts.map((batch) =>
        this.log.bring(term, partition, { kind: "records", batch }, sizeOf(batch.records), onRefused),
      );
      await Promise.all(puts);
    });
  }

  /** For what comes from other sites: at once where the partition can be written to; else when it is prepared, and what came before is put. */
  private async inPartition(
    stream: StreamName,
    origin: OriginId,
    put: (partition: Partition) => Promise<void>,
  ): Promise<void> {
    const ready = this.log.readyToBring(stream, origin);
    if (ready !== undefined && !this.bringingTurns.isTaken(stream)) return put(ready);
    const { done } = await this.bringingTurns.take(stream, async () => ({
      done: put(await this.log.preparedToBring(stream, origin)),
    }));
    return done;
  }

  /** What of the batch is neither here nor on its way. */
  private lacking(batch: Batch): [number, number][] {
    return this.local.lacking(batch, this.underWay.of(batch.stream, batch.origin), this.origin);
  }

  private isBehind(stream: StreamName): boolean {
    return isAhead(this.numbering.highest(stream), this.options.env.now());
  }

  private async open<T>(work: () => Promise<T>): Promise<T> {
    this.checkOpen();
    return work();
  }

  private checkOpen(): void {
    if (this.closing !== undefined) throw new LandfallError("CLOSED", "the store was closed");
  }
}

/** What is put into the log later, for what was given now. */
type Keep = (record: OriginRecord) => OriginRecord;

/** Partitions whose positions are known, of which there are some for each stream, and nodes. */
const POSITIONS_COUNTED_MAX = 1_000_000;
/** Nobody writes to it. */
const NO_STREAM = "-" as StreamName;

function shown(stream: StreamName): StreamName {
  return stream === POSITIONS ? NO_STREAM : stream;
}

/** What of the batch is lacking, as it is now: the caller may use its buffers again while it waits. */
function partsOf(batch: Batch, lacking: readonly (readonly [number, number])[], keep: Keep): Batch[] {
  const { stream, origin, firstSeq, records } = batch;
  return lacking.map(([from, to]) => {
    const part = records.slice(from - firstSeq, to - firstSeq).map(keep);
    return { stream, origin, firstSeq: from as Seq, records: part };
  });
}

function historyOf(stream: StreamName, origin: OriginId): string {
  return `${stream} ${origin}`;
}

/** @throws LandfallError INVALID_NAME */
function checkStream(stream: StreamName): void {
  streamName(stream);
  if (stream !== POSITIONS && stream !== NODES) return;
  throw new LandfallError("INVALID_NAME", `${stream} is this node's own and no stream for records`);
}

function sizeOf(records: readonly NewRecord[]): number {
  return records.reduce((sum, { value }) => sum + value.length + RECORD_ROOM_BYTES, 0);
}

/** A copy: the caller may use its buffers again meanwhile. */
function ownRecord<R extends NewRecord>(record: R): R {
  const { headers } = record;
  return { ...record, value: record.value.slice(), ...(headers === undefined ? {} : { headers: { ...headers } }) };
}
