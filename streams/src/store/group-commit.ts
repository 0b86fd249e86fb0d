import {
  COMMIT_BUFFERS_KEPT_BYTES_MAX,
  COMMIT_BYTES_MAX,
  COMMIT_PENDING_BYTES_MAX,
  JOURNAL_FILE_BYTES,
} from "../limits.js";
import { LandfallError, isLandfallError } from "../model/errors.js";
import { Group } from "./group.js";
import type { Generation } from "./generation.js";
import { BatchOffsets } from "./batch-offsets.js";
import { checkClock } from "./offset-clock.js";
import { FILE_HEAD_BYTES } from "./journal-format.js";
import { lackingOf } from "./batch-check.js";
import type { Env } from "../env.js";
import type { OriginId, TopicName } from "../model/names.js";
import type { NewRecord, Offset, OriginRecord, Seq, TimestampMs } from "../model/record.js";
import type { CheckedRecords } from "./append-input.js";
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
  /** After a group became visible. */
  readonly onCommit: (committed: readonly Committed[], group: Group, bytes: Uint8Array) => void;
  /** Records came that fill gaps of this origin. */
  readonly onFilled: (log: OriginLog) => void;
  /** A generation is full and durable: nothing more is written to it. */
  readonly onFull: (generation: Generation) => void;
}

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
  /** Why the last commit failed; cleared by the next that succeeds. */
  failed: LandfallError | undefined;
  private readonly offsets = new BatchOffsets();
  private readonly groups: Group[] = [];
  private pendingBytes = 0;
  private readonly groupBytes = new Map<Group, number>();
  private nextCommit: number;
  private running: Promise<void> | undefined;
  private writing: Group | undefined;
  /** Where the next group begins in the last generation's file. */
  private plannedEnd: number;
  private readonly spare: Uint8Array[] = [];

  constructor(private readonly options: GroupCommitOptions) {
    this.nextCommit = options.nextCommit;
    this.plannedEnd = options.journal.endSize ?? FILE_HEAD_BYTES;
  }

  /**
   * @param floors largest offset known of each record's topic, when the clock is too far behind the stream's
   * @throws LandfallError CLOCK_REFUSED, DISK_FULL, DISK_FAILED, OVERLOADED
   */
  append(
    stream: StreamState,
    records: readonly NewRecord[],
    checked: CheckedRecords,
    floors: ArrayLike<number> | undefined,
  ): Promise<Appended[]> {
    const { env } = this.options;
    const [origin, slot] = [this.options.origin(), this.options.slot()];
    const received = Math.floor(env.now()) as TimestampMs;
    checkClock(received);
    const offsets =
      floors === undefined
        ? this.offsets.above(stream.highestEver, received, slot, checked.hashes)
        : this.offsets.aboveEach(floors, received, slot, checked.hashes);
    const group = this.groupFor(checked.bytes, records.length);
    group.reserve(records.length, checked.bytes, checked.nameBytes);
    const log = stream.log(origin);
    const { headers } = checked;
    const firstSeq = log.planned;
    const topics: TopicName[] = [];
    let highest = 0;
    for (let i = 0; i < records.length; i++) {
      const { topic, timestamp, value } = records[i] as NewRecord;
      const offset = offsets[i] as number;
      group.put(log, firstSeq + i, topic, offset, timestamp, received, headers?.[i], value);
      if (offset > highest) highest = offset;
      topics.push(topic);
    }
    log.planned = firstSeq + records.length;
    log.saw(highest);
    group.recordsAppended += records.length;
    // Made when it is wanted: thousands of objects that wait for the disk would be moved about by the collector.
    const appended = (): Appended[] =>
      topics.map((topic, i) => ({ topic, offset: offsets[i] as Offset, seq: (firstSeq + i) as Seq, received }));
    return new Promise((resolve, reject) => {
      group.waiting.push({ resolve: () => resolve(appended()), reject });
      this.start();
    });
  }

  /** @throws LandfallError SEQ_GAP, PROTOCOL_ERROR, CLOCK_REFUSED, DISK_FULL, DISK_FAILED, OVERLOADED */
  apply(stream: StreamState, batch: Batch, checked: CheckedRecords): Promise<void> {
    const { catalog } = this.options;
    const { origin, firstSeq, records } = batch;
    const log = stream.log(origin);
    const lacking = lackingOf(catalog, log, batch, this.options.origin());
    if (lacking.length === 0) return this.settled();
    const group = this.groupFor(checked.bytes, records.length);
    group.reserve(records.length, checked.bytes, checked.nameBytes);
    let highest = 0;
    for (const [from, to] of lacking) {
      for (let seq = from; seq < to; seq++) {
        const { topic, offset, timestamp, received, value } = records[seq - firstSeq] as OriginRecord;
        group.put(log, seq, topic, offset, timestamp, received, checked.headers?.[seq - firstSeq], value);
        if (offset > highest) highest = offset;
      }
      group.recordsApplied += to - from;
      if (from < log.planned) log.fill(from, Math.min(to, log.planned));
    }
    log.saw(highest);
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

  private groupFor(bytes: number, records: number): Group {
    const { pendingBytes = COMMIT_PENDING_BYTES_MAX, commitBytes = COMMIT_BYTES_MAX } = this.options;
    if (this.failed?.code === "DISK_FAILED") throw this.failed;
    if (records > 0 && this.pendingBytes + bytes > pendingBytes && this.pendingBytes > 0) {
      throw new LandfallError("OVERLOADED", `${this.pendingBytes} bytes wait for the disk already; try again later`);
    }
    this.pendingBytes += bytes;
    let group = this.groups.at(-1);
    if (group === undefined || (this.groupBytes.get(group) ?? 0) + bytes > commitBytes) {
      if (group !== undefined) this.plannedEnd += group.close();
      group = this.newGroup();
    }
    this.groupBytes.set(group, (this.groupBytes.get(group) ?? 0) + bytes);
    return group;
  }

  private newGroup(): Group {
    const { catalog, journal, journalFileBytes = JOURNAL_FILE_BYTES } = this.options;
    let generation = catalog.generations.at(-1);
    const isOld = generation !== undefined && generation.number <= journal.lastNumber;
    if (generation === undefined || generation.isFull || (isOld && generation.number !== journal.endNumber)) {
      generation = catalog.beginGeneration(journal.lastNumber + 1);
      this.plannedEnd = FILE_HEAD_BYTES;
    } else if (this.plannedEnd >= journalFileBytes) {
      generation = catalog.beginGeneration(generation.number + 1);
      this.plannedEnd = FILE_HEAD_BYTES;
    }
    const group = new Group(generation, this.plannedEnd, this.spare.pop() ?? new Uint8Array(64 * 1024));
    this.groups.push(group);
    return group;
  }

  private async run(): Promise<void> {
    // Let everybody who appends in this turn of the event loop into the first group.
    await Promise.resolve();
    while (this.groups.length > 0) {
      const group = this.groups.shift() as Group;
      // Groups behind it know already where it ends; those to come learn it now.
      if (this.groups.length === 0) this.plannedEnd += group.close();
      this.pendingBytes -= this.groupBytes.get(group) ?? 0;
      this.groupBytes.delete(group);
      this.writing = group;
      try {
        await this.commit(group);
        for (const waiting of group.waiting) waiting.resolve();
      } catch (error) {
        this.fail(group, error);
      }
      this.writing = undefined;
    }
    this.running = undefined;
  }

  private async commit(group: Group): Promise<void> {
    const { journal, catalog, env, journalFileBytes = JOURNAL_FILE_BYTES } = this.options;
    const { generation } = group;
    const full = generation.number === journal.endNumber ? undefined : catalog.generationOf(journal.endNumber);
    const { salt } = await journal.prepare(generation.number);
    if (full !== undefined && !full.isFull) {
      full.isFull = true;
      this.options.onFull(full);
    }
    const arrived = env.now();
    const bytes = group.frame(this.nextCommit, salt, arrived);
    await journal.commit(bytes);
    if (group.start + bytes.byteLength >= journalFileBytes / 2) journal.prepareNext(journalFileBytes);
    this.failed = undefined;
    generation.lastCommit = this.nextCommit++;
    this.commits++;
    this.bytesWritten += bytes.byteLength;
    this.recordsAppended += group.recordsAppended;
    this.recordsApplied += group.recordsApplied;
    generation.visible = group.endRecord;
    this.publish(group, bytes);
    if (group.bytes.byteLength <= COMMIT_BUFFERS_KEPT_BYTES_MAX && this.spare.length < 2) this.spare.push(group.bytes);
  }

  /** Durable: now everybody may see it. */
  private publish(group: Group, bytes: Uint8Array): void {
    const { generation, firstBlock, endBlock } = group;
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
    this.plannedEnd = journal.endSize ?? FILE_HEAD_BYTES;
    this.pendingBytes = 0;
    this.groupBytes.clear();
    for (const one of dropped) for (const waiting of one.waiting) waiting.reject(this.failed);
  }
}
