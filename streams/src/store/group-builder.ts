import { APPEND_BYTES_MAX, BLOCK_RECORDS_MAX, JOURNAL_BLOCK_BYTES, OFFSET_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { encodeHeaders } from "./block-headers.js";
import { RECORD_HEADER_BYTES } from "./block-layout.js";
import { planBlock } from "./block.js";
import { checkClock, nextOffset } from "./offset-clock.js";
import type { OriginId, StreamName, TopicName } from "../model/names.js";
import type { Headers, NewRecord, Offset, OriginRecord, Seq, TimestampMs } from "../model/record.js";
import type { BlockPlan } from "./block.js";
import type { RecordIndex } from "./record-index.js";
import type { Appended, Batch } from "./store.js";

/** What is being written of one origin in one stream. */
interface LogDraft {
  readonly stream: StreamName;
  readonly origin: OriginId;
  /** First seq that neither the index nor this group has. */
  next: number;
  /** Records of the block that is being filled. */
  open: OriginRecord[];
  openBytes: number;
}

interface StreamDraft {
  readonly logs: Map<OriginId, LogDraft>;
  /** Largest offset of each topic that this group touches. */
  readonly offsets: Map<TopicName, number>;
}

/** The records as their callers handed them over, copied; validated by `append-input`. */
export interface PendingRecord extends NewRecord {
  readonly headers: Headers;
}

/**
 * Collects what one group commit will write: gives seqs and offsets, finds out what of a batch is already here.
 * Decides only; the index is read, never changed, so a group that fails to become durable leaves no trace.
 */
export class GroupBuilder {
  readonly plans: BlockPlan[] = [];
  recordsAppended = 0;
  recordsApplied = 0;
  private readonly streams = new Map<StreamName, StreamDraft>();
  private lastHeaders: Headers | undefined;
  private lastHeadersBytes = 0;

  constructor(
    private readonly index: RecordIndex,
    private readonly own: OriginId,
    private readonly slot: number,
    private readonly blockBytes: number = JOURNAL_BLOCK_BYTES,
  ) {}

  /** @throws LandfallError CLOCK_REFUSED; nothing of these records is in the group then */
  append(stream: StreamName, records: readonly PendingRecord[], nowMs: number): Appended[] {
    checkClock(nowMs);
    const draft = this.stream(stream);
    const log = this.log(draft, stream, this.own);
    const received = Math.floor(nowMs) as TimestampMs;
    const offsets: Offset[] = [];
    for (const { topic } of records) {
      const offset = nextOffset(nowMs, this.lastOffset(draft, stream, topic), this.slot);
      draft.offsets.set(topic, offset);
      offsets.push(offset);
    }
    const appended: Appended[] = [];
    records.forEach((record, i) => {
      const given = { offset: offsets[i] as Offset, seq: log.next++ as Seq, received };
      this.put(log, { ...record, ...given });
      appended.push({ topic: record.topic, ...given });
    });
    this.recordsAppended += records.length;
    return appended;
  }

  /** @throws LandfallError SEQ_GAP, CLOCK_REFUSED, PROTOCOL_ERROR; nothing of the batch is in the group then */
  apply(batch: Batch): void {
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
        const record = records[seq - firstSeq] as OriginRecord;
        this.put(log, record);
        if (record.offset > this.lastOffset(draft, stream, record.topic))
          draft.offsets.set(record.topic, record.offset);
      }
      this.recordsApplied += to - from;
    }
    log.next = this.behind(log, end);
  }

  /** Ends all blocks; the group is `plans` then. */
  finish(): void {
    for (const draft of this.streams.values()) for (const log of draft.logs.values()) this.endBlock(log);
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

  private put(log: LogDraft, record: OriginRecord): void {
    if (record.headers !== this.lastHeaders) {
      this.lastHeaders = record.headers;
      this.lastHeadersBytes = encodeHeaders(record.headers).byteLength;
    }
    const bytes = RECORD_HEADER_BYTES + this.lastHeadersBytes + record.value.byteLength + 1 + record.topic.length;
    const last = log.open.at(-1);
    const fits = log.openBytes + bytes <= this.blockBytes && log.open.length < BLOCK_RECORDS_MAX;
    if (last !== undefined && (!fits || last.seq + 1 !== record.seq)) this.endBlock(log);
    log.open.push(record);
    log.openBytes += bytes;
  }

  private endBlock(log: LogDraft): void {
    const first = log.open[0];
    if (first === undefined) return;
    this.plans.push(planBlock({ stream: log.stream, origin: log.origin, firstSeq: first.seq, records: log.open }));
    log.open = [];
    log.openBytes = 0;
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
      log = { stream, origin, next: this.index.vectorNext(stream, origin), open: [], openBytes: 0 };
      draft.logs.set(origin, log);
    }
    return log;
  }

  private lastOffset(draft: StreamDraft, stream: StreamName, topic: TopicName): number {
    return draft.offsets.get(topic) ?? this.index.streams.get(stream)?.topic(topic)?.lastOffset ?? 0;
  }
}

/** About what these records take on disk; what COMMIT_PENDING_BYTES_MAX counts. @throws LandfallError INVALID_ARGUMENT */
export function pendingBytes(records: readonly { value: Uint8Array; topic: string }[]): number {
  let bytes = 0;
  for (const { value, topic } of records) bytes += RECORD_HEADER_BYTES + 1 + topic.length + value.byteLength;
  if (bytes > APPEND_BYTES_MAX) {
    throw new LandfallError(
      "INVALID_ARGUMENT",
      `${bytes} bytes at once, at most ${APPEND_BYTES_MAX} are kept as one unit: hand over fewer records`,
    );
  }
  return bytes;
}
