import { JOURNAL_BLOCK_BYTES, OFFSET_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { BlockBuilder } from "./block-builder.js";
import { checkClock, nextOffset } from "./offset-clock.js";
import type { OriginId, StreamName, TopicName } from "../model/names.js";
import type { OriginRecord, Seq, TimestampMs } from "../model/record.js";
import type { EncodedRecords } from "./encoded-records.js";
import type { RecordIndex } from "./record-index.js";
import type { Appended, Batch } from "./store.js";

/** What is being written of one origin in one stream. */
interface LogDraft {
  readonly stream: StreamName;
  readonly origin: OriginId;
  /** First seq that neither the index nor this group has. */
  next: number;
  /** The block that is being filled. */
  block: BlockBuilder | undefined;
}

interface StreamDraft {
  readonly logs: Map<OriginId, LogDraft>;
  /** Largest offset of each topic that this group touches. */
  readonly offsets: Map<TopicName, number>;
}

/**
 * Collects what one group commit will write: gives seqs and offsets, finds out what of a batch is already here.
 * Decides only; the index is read, never changed, so a group that fails to become durable leaves no trace.
 */
export class GroupBuilder {
  /** In the order in which they are to be written. */
  readonly blocks: BlockBuilder[] = [];
  recordsAppended = 0;
  recordsApplied = 0;
  private readonly streams = new Map<StreamName, StreamDraft>();

  constructor(
    private readonly index: RecordIndex,
    private readonly own: OriginId,
    private readonly slot: number,
  ) {}

  /** @throws LandfallError CLOCK_REFUSED; nothing of these records is in the group then */
  append(stream: StreamName, records: EncodedRecords, nowMs: number): Appended[] {
    checkClock(nowMs);
    const draft = this.stream(stream);
    const log = this.log(draft, stream, this.own);
    const received = Math.floor(nowMs) as TimestampMs;
    const appended: Appended[] = [];
    for (let i = 0; i < records.count; i++) {
      const topic = records.topics[i] as TopicName;
      const offset = nextOffset(nowMs, this.lastOffset(draft, stream, topic), this.slot);
      draft.offsets.set(topic, offset);
      records.setGiven(i, offset, received);
      appended.push({ topic, offset, seq: (log.next + i) as Seq, received });
    }
    for (let i = 0; i < records.count; i++) this.put(log, records, i, log.next++);
    this.recordsAppended += records.count;
    return appended;
  }

  /** @throws LandfallError SEQ_GAP, CLOCK_REFUSED, PROTOCOL_ERROR; nothing of the batch is in the group then */
  apply(batch: Batch, encoded: EncodedRecords): void {
    const { stream, origin, firstSeq, records } = batch;
    const draft = this.stream(stream);
    const log = this.log(draft, stream, origin);
    const end = firstSeq + records.length;
    if (firstSeq > log.next) {
      throw new LandfallError(
        "SEQ_GAP",
        `${stream}: records of ${origin} begin at seq ${firstSeq}, but ${log.next} is the next one lacking here`,
      );
    }
    if (end <= log.next) return;
    if (origin === this.own) {
      throw new LandfallError(
        "PROTOCOL_ERROR",
        `${stream}: a peer holds records of ${origin} up to seq ${end}, but this node, which is that origin, wrote only ${log.next}: was its folder restored?`,
      );
    }
    const lacking = this.lacking(log, end);
    this.checkOffsets(batch, lacking);
    for (const [from, to] of lacking) {
      for (let seq = from; seq < to; seq++) {
        const { topic, offset } = records[seq - firstSeq] as OriginRecord;
        this.put(log, encoded, seq - firstSeq, seq);
        if (offset > this.lastOffset(draft, stream, topic)) draft.offsets.set(topic, offset);
      }
      this.recordsApplied += to - from;
    }
    log.next = this.behind(log, end);
  }

  /** Parts of [log.next, end) that are not in the index: all of it, unless damage left a hole there. */
  private lacking(log: LogDraft, end: number): [number, number][] {
    const durable = this.index.streams.get(log.stream)?.logs.get(log.origin);
    return durable === undefined ? [[log.next, end]] : durable.missing(log.next, end);
  }

  private behind(log: LogDraft, end: number): number {
    return this.index.streams.get(log.stream)?.logs.get(log.origin)?.contiguousEnd(end) ?? end;
  }

  /** O1: an offset is given once; and one that no clock may give would block its topic for ever. */
  private checkOffsets(batch: Batch, ranges: readonly [number, number][]): void {
    const { stream, origin, firstSeq, records } = batch;
    const seen = new Map<TopicName, number>();
    for (const [from, to] of ranges) {
      for (let seq = from; seq < to; seq++) {
        const { topic, offset } = records[seq - firstSeq] as OriginRecord;
        if (offset > OFFSET_MAX) {
          throw new LandfallError(
            "CLOCK_REFUSED",
            `${stream}:${topic}: offset ${offset} at seq ${seq} of ${origin} lies beyond the year 2200; refused`,
          );
        }
        if (offset <= (seen.get(topic) ?? -1) || this.index.holds(stream, topic, offset, origin)) {
          throw new LandfallError(
            "PROTOCOL_ERROR",
            `${stream}:${topic}: offset ${offset} at seq ${seq} of ${origin} was given before; refused`,
          );
        }
        seen.set(topic, offset);
      }
    }
  }

  private put(log: LogDraft, records: EncodedRecords, i: number, seq: number): void {
    if (log.block !== undefined && log.block.nextSeq === seq && log.block.add(records, i)) return;
    log.block = new BlockBuilder(log.stream, log.origin, seq, JOURNAL_BLOCK_BYTES);
    log.block.add(records, i);
    this.blocks.push(log.block);
  }

  private stream(name: StreamName): StreamDraft {
    let draft = this.streams.get(name);
    if (draft === undefined) {
      draft = { logs: new Map(), offsets: new Map() };
      this.streams.set(name, draft);
    }
    return draft;
  }

  private log(draft: StreamDraft, stream: StreamName, origin: OriginId): LogDraft {
    let log = draft.logs.get(origin);
    if (log === undefined) {
      log = { stream, origin, next: this.index.vectorNext(stream, origin), block: undefined };
      draft.logs.set(origin, log);
    }
    return log;
  }

  private lastOffset(draft: StreamDraft, stream: StreamName, topic: TopicName): number {
    return draft.offsets.get(topic) ?? this.index.streams.get(stream)?.topic(topic)?.lastOffset ?? 0;
  }
}
