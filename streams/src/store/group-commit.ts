import { setImmediate as immediate } from "node:timers/promises";
import {
  COMMIT_AT_ONCE_BYTES,
  COMMIT_BUFFERS_KEPT_BYTES_MAX,
  COMMIT_BYTES_MAX,
  COMMIT_PENDING_BYTES_MAX,
  JOURNAL_AHEAD_SHARE,
  JOURNAL_FILE_BYTES,
  JOURNAL_OVER_SHARE,
} from "../limits.js";
import { LandfallError, isLandfallError } from "../model/errors.js";
import { Group } from "./group.js";
import type { Generation } from "./generation.js";
import { BatchOffsets } from "./batch-offsets.js";
import { isBurst } from "./burst.js";
import { checkClock } from "./offset-clock.js";
import { FILE_HEAD_BYTES } from "./journal-format.js";
import { lackingOf } from "./batch-check.js";
import { checkRecords } from "./append-input.js";
import type { Env } from "../env.js";
import type { OriginId, TopicName } from "../model/names.js";
import type { NewRecord, Offset, OriginRecord, Seq, TimestampMs } from "../model/record.js";
import type { HoldsUnsealed } from "./batch-check.js";
import type { Catalog } from "./catalog.js";
import type { Journal } from "./journal.js";
import type { OriginLog } from "./origin-log.js";
import type { StreamState } from "./stream-state.js";
import type { Appended, Batch, Committed } from "./store.js";

export interface GroupCommitOptions {
  readonly catalog: Catalog;
  readonly journal: Journal;
  /** Under which own records are appended, and their slot; both may change between two commits. */
  readonly origin: () => OriginId;
  readonly slot: () => number;
  readonly env: Env;
  readonly nextCommit: number;
  readonly commitBytes?: number;
  readonly pendingBytes?: number;
  readonly journalFileBytes?: number;
  /** Records under the own origin are applied like any other's. */
  readonly followsLog?: boolean;
  /** Whether a durable record that is not sealed has this offset in this topic of this origin. */
  readonly holds: HoldsUnsealed;
  /** After a group became visible. */
  readonly onCommit: (committed: readonly Committed[], group: Group, bytes: Uint8Array) => void;
  /** Records came that fill gaps of this origin. */
  readonly onFilled: (log: OriginLog) => void;
  /** A generation is full and durable: nothing more is written to it. */
  readonly onFull: (generation: Generation) => void;
}

/** A commit takes so many milliseconds on a disk that is slow: then a few large ones bring more than many small ones. */
const COMMIT_QUICK_MS = 1.5;
/** Over so many commits their time is averaged, about. */
const COMMITS_REMEMBERED = 8;
/** A group's buffer to begin with. */
const GROUP_BYTES = 64 * 1024;

/**
 * One write and one fdatasync for everything that arrived while the last one ran, over all streams and origins.
 * Records are encoded and numbered when they are handed over, into the last group that waits. When a group
 * fails, so do those behind it, and all is forgotten: nothing of them was visible.
 */
export class GroupCommit {
  commits = 0;
  recordsAppended = 0;
  recordsApplied = 0;
  bytesWritten = 0;
  /** Bytes of all that was taken in, durable or not. */
  bytesTaken = 0;
  /** Why the last commit failed; cleared by the next that succeeds. */
  failed: LandfallError | undefined;
  private readonly offsets = new BatchOffsets();
  /** Those that wait, the first in line first. */
  private readonly groups: Group[] = [];
  /** Bytes in them. */
  private pendingBytes = 0;
  private nextCommit: number;
  private running: Promise<void> | undefined;
  /** The one on its way to the disk. */
  private writing: Group | undefined;
  /** How long a commit takes, on average of the last. */
  private commitMs = 0;
  /** When the journal's file was begun, or this. */
  private fileBegunMs: number;
  private readonly spare: Uint8Array<ArrayBuffer>[] = [];

  constructor(private readonly options: GroupCommitOptions) {
    this.nextCommit = options.nextCommit;
    this.fileBegunMs = options.env.monotonic();
  }

  /**
   * @param floors largest offset known of each record's topic, when the clock is too far behind the stream's
   * @throws LandfallError CLOCK_REFUSED, DISK_FULL, DISK_FAILED, OVERLOADED, INVALID_NAME, INVALID_ARGUMENT, VALUE_TOO_LARGE
   */
  append(
    stream: StreamState,
    records: readonly NewRecord[],
    floors: ArrayLike<number> | undefined,
  ): Promise<Appended[]> {
    const { env } = this.options;
    const [origin, slot] = [this.options.origin(), this.options.slot()];
    const received = Math.floor(env.now()) as TimestampMs;
    checkClock(received);
    const log = stream.log(origin);
    const firstSeq = log.planned;
    const count = records.length;
    const { offsets } = this;
    let highest: number | undefined;
    const group = this.put((into) => {
      offsets.begin(count, received, slot, stream.highestEver, floors);
      highest = into.append(log, firstSeq, records, received, offsets);
      return highest !== undefined;
    });
    if (group === undefined || highest === undefined) throw wrong(records);
    log.planned = firstSeq + count;
    log.saw(highest);
    group.recordsAppended += count;
    const given = offsets.given();
    const topics = topicsOf(records);
    return new Promise((resolve, reject) => {
      // Made when it is durable: thousands of objects that wait for the disk would be moved about by the collector.
      group.waiting.push({ resolve: () => resolve(appended(topics, given, firstSeq, received)), reject });
      this.start();
    });
  }

  /** @throws LandfallError SEQ_GAP, PROTOCOL_ERROR, CLOCK_REFUSED, DISK_FULL, DISK_FAILED, OVERLOADED, INVALID_NAME, INVALID_ARGUMENT, VALUE_TOO_LARGE */
  apply(stream: StreamState, batch: Batch): Promise<void> {
    const own = this.options.followsLog === true ? undefined : this.options.origin();
    const { origin, firstSeq, records } = batch;
    const log = stream.log(origin);
    const onItsWay = this.writing === undefined ? this.groups : [this.writing, ...this.groups];
    const holds = (topic: TopicName, offset: number): boolean =>
      onItsWay.some((group) => group.holds(log, topic, offset)) || this.options.holds(log, topic, offset);
    const lacking = lackingOf(holds, log, batch, own);
    if (lacking.length === 0) {
      checkRecords(records);
      return this.settled();
    }
    const group = this.put((into) => into.apply(log, lacking, firstSeq, records));
    if (group === undefined) throw wrong(records);
    for (const [from, to] of lacking) {
      for (let seq = from; seq < to; seq++) {
        const { topic, offset } = records[seq - firstSeq] as OriginRecord;
        log.sawApplied(topic, offset);
      }
      group.recordsApplied += to - from;
      if (from < log.planned) log.fill(from, Math.min(to, log.planned));
    }
    log.planned = Math.max(log.planned, log.contiguousEnd(firstSeq + records.length));
    return new Promise((resolve, reject) => {
      group.waiting.push({ resolve, reject });
      this.start();
    });
  }

  /** Until everything that was accepted is durable or refused. */
  async idle(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  /** The next commit begins a new journal file; the current one is full, whatever it holds. */
  roll(): void {
    const { catalog, journal, onFull } = this.options;
    const generation = catalog.generations.at(-1);
    if (this.running !== undefined || generation === undefined || generation.number !== journal.endNumber) return;
    // Somebody else has asked already: what is sealed twice is not there the second time.
    if (generation.isFull) return;
    generation.isFull = true;
    onFull(generation);
  }

  /** What is here already may still be on its way to the disk. */
  private settled(): Promise<void> {
    const last = this.groups.at(-1) ?? this.writing;
    if (last === undefined) return Promise.resolve();
    return new Promise((resolve, reject) => void last.waiting.push({ resolve, reject }));
  }

  private start(): void {
    this.running ??= this.run();
  }

  /**
   * Has records written into the last group that waits, or into a new one where that becomes too large. Undefined, and
   * nothing is changed, when they cannot be taken.
   */
  private put(write: (into: Group) => boolean): Group | undefined {
    const { pendingBytes = COMMIT_PENDING_BYTES_MAX, commitBytes = COMMIT_BYTES_MAX } = this.options;
    if (this.failed?.code === "DISK_FAILED") throw this.failed;
    const last = this.groups.at(-1);
    let group = last ?? this.newGroup();
    try {
      let mark = group.mark();
      if (!write(group)) return undefined;
      if (group === last && group.length > commitBytes) {
        group.rewind(mark);
        group = this.newGroup();
        mark = group.mark();
        if (!write(group)) return undefined;
      }
      const bytes = group.length - mark.length;
      if (this.pendingBytes > 0 && this.pendingBytes + bytes > pendingBytes) {
        group.rewind(mark);
        throw new LandfallError("OVERLOADED", `${this.pendingBytes} bytes wait for the disk already; try again later`);
      }
      this.pendingBytes += bytes;
      this.bytesTaken += bytes;
      return group;
    } finally {
      // A commit of nothing would be missed by whoever reads the journal.
      if (group.length === 0) this.groups.splice(this.groups.indexOf(group), 1);
    }
  }

  private newGroup(): Group {
    const { catalog, journal, journalFileBytes = JOURNAL_FILE_BYTES } = this.options;
    const before = this.groups.at(-1) ?? this.writing;
    let generation = catalog.generations.at(-1);
    const isOld = generation !== undefined && generation.number <= journal.lastNumber;
    if (generation === undefined || generation.isFull || (isOld && generation.number !== journal.endNumber)) {
      generation = catalog.beginGeneration(journal.lastNumber + 1);
    }
    let start = FILE_HEAD_BYTES;
    if (before?.generation === generation) start = before.start + before.close();
    else if (generation.number === journal.endNumber) start = journal.endSize as number;
    const over = journal.isMakingNext ? journalFileBytes * JOURNAL_OVER_SHARE : 0;
    if (start > FILE_HEAD_BYTES && start >= journalFileBytes + over) {
      generation = catalog.beginGeneration(generation.number + 1);
      start = FILE_HEAD_BYTES;
    }
    const group = new Group(generation, start, this.spare.pop() ?? new Uint8Array(GROUP_BYTES));
    this.groups.push(group);
    return group;
  }

  private async run(): Promise<void> {
    // Let everybody who appends in this turn of the event loop into the first group, unless it is worth a commit already.
    if (!this.isQuick || (this.groups[0]?.length ?? 0) < COMMIT_AT_ONCE_BYTES) await Promise.resolve();
    for (let next = this.beginNext(); next !== undefined;) {
      const { group, written } = next;
      let bytes: Uint8Array;
      try {
        bytes = await written;
      } catch (error) {
        this.fail(group, error);
        next = this.beginNext();
        continue;
      }
      this.durable(group);
      const { isQuick } = this;
      // On a quick disk the next is on its way before anybody is told of this one: what they do then keeps nobody waiting.
      if (isQuick) next = this.beginNext();
      this.publish(group, bytes);
      for (const waiting of group.waiting) waiting.resolve();
      this.reuse(group.bytes);
      if (isQuick) continue;
      // On a slow one, what those who were waiting append now shares the next commit with what waits already.
      if (this.groups.length > 0) await immediate();
      next = this.beginNext();
    }
    this.running = undefined;
  }

  private reuse(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer.byteLength <= COMMIT_BUFFERS_KEPT_BYTES_MAX && this.spare.length < 2) this.spare.push(buffer);
  }

  /** Sends the first group that waits on its way to the disk, if there is one. */
  private beginNext(): { readonly group: Group; readonly written: Promise<Uint8Array> } | undefined {
    const group = this.groups.shift();
    this.writing = group;
    if (group === undefined) return undefined;
    group.close();
    this.pendingBytes -= group.length;
    return { group, written: this.write(group) };
  }

  /** Whether commits take less time than it takes to make the next, about. */
  private get isQuick(): boolean {
    return this.commitMs < COMMIT_QUICK_MS;
  }

  private async write(group: Group): Promise<Uint8Array> {
    const { journal, catalog, env, journalFileBytes = JOURNAL_FILE_BYTES } = this.options;
    const { generation } = group;
    let salt = journal.saltOf(generation.number);
    if (salt === undefined) {
      const full = catalog.generationOf(journal.endNumber);
      ({ salt } = await journal.prepare(generation.number));
      this.fileBegunMs = env.monotonic();
      if (full !== undefined && !full.isFull) {
        full.isFull = true;
        this.options.onFull(full);
      }
    }
    const bytes = group.frame(this.nextCommit, salt, env.now());
    const begun = env.monotonic();
    await journal.commit(bytes);
    this.commitMs += (env.monotonic() - begun - this.commitMs) / COMMITS_REMEMBERED;
    const end = group.start + bytes.byteLength;
    if (end >= journalFileBytes * JOURNAL_AHEAD_SHARE) {
      // In a burst the disk has no time to write everything twice: the next file grows while it is written, if there is no spare.
      const isHurried = isBurst(end, env.monotonic() - this.fileBegunMs, journalFileBytes);
      journal.prepareNext(isHurried ? 0 : journalFileBytes);
    }
    return bytes;
  }

  private durable(group: Group): void {
    this.failed = undefined;
    group.generation.lastCommit = this.nextCommit++;
    this.commits++;
    this.bytesWritten += group.length;
    this.recordsAppended += group.recordsAppended;
    this.recordsApplied += group.recordsApplied;
  }

  /** Durable: now everybody may see it. */
  private publish(group: Group, bytes: Uint8Array): void {
    const { generation, firstBlock, endBlock } = group;
    generation.show(endBlock);
    const before = new Map<OriginLog, number>();
    const filled = new Set<OriginLog>();
    const committed: Committed[] = [];
    const put = ({ stream, origin }: OriginLog, firstSeq: number, nextSeq: number): void =>
      void committed.push({ stream: stream.name, origin, firstSeq: firstSeq as Seq, nextSeq: nextSeq as Seq });
    for (let i = firstBlock; i < endBlock; i++) {
      const { log, firstSeq, count } = generation.block(i);
      const next = before.get(log) ?? log.next;
      before.set(log, next);
      log.add({ start: firstSeq, end: firstSeq + count, generation, block: i });
      if (firstSeq >= next) continue;
      log.filled(firstSeq, firstSeq + count);
      filled.add(log);
      put(log, firstSeq, Math.min(firstSeq + count, next));
    }
    for (const [log, firstSeq] of before) if (log.next > firstSeq) put(log, firstSeq, log.next);
    for (const log of filled) this.options.onFilled(log);
    this.options.onCommit(committed, group, bytes);
  }

  /** The group and all that was built on it never were. */
  private fail(group: Group, error: unknown): void {
    const { catalog, journal } = this.options;
    this.failed = isLandfallError(error)
      ? error
      : new LandfallError("DISK_FAILED", `a commit failed: ${String(error)}`, { cause: error });
    const dropped = [group, ...this.groups.splice(0)];
    for (const one of dropped) one.close();
    for (const { generation, firstRecord, firstBlock } of dropped.reverse()) {
      generation.rollBack(firstRecord, firstBlock);
    }
    catalog.forgetPlans();
    for (const generation of catalog.generations.slice().reverse()) {
      if (generation.count > 0 || generation.number <= journal.lastNumber) break;
      catalog.dropGeneration(generation);
    }
    this.pendingBytes = 0;
    for (const one of dropped) for (const waiting of one.waiting) waiting.reject(this.failed);
  }
}

// Loops, because these run too seldom to be compiled with what `map` calls, and for thousands of records each time; into
// arrays that are as long as they will be, because one that grows is copied again and again.

function topicsOf(records: readonly NewRecord[]): TopicName[] {
  const topics: TopicName[] = [];
  topics.length = records.length;
  for (let i = 0; i < records.length; i++) topics[i] = (records[i] as NewRecord).topic;
  return topics;
}

function appended(
  topics: readonly TopicName[],
  given: ArrayLike<number> | number,
  firstSeq: number,
  received: TimestampMs,
): Appended[] {
  const list: Appended[] = [];
  list.length = topics.length;
  for (let i = 0; i < topics.length; i++) {
    const offset = (typeof given === "number" ? given : given[i]) as Offset;
    list[i] = { topic: topics[i] as TopicName, offset, seq: (firstSeq + i) as Seq, received };
  }
  return list;
}

/** Why records could not be taken. */
function wrong(records: readonly NewRecord[]): LandfallError {
  try {
    checkRecords(records);
  } catch (error) {
    if (isLandfallError(error)) return error;
    throw error;
  }
  return new LandfallError("INVALID_ARGUMENT", "the records changed while they were written down");
}
