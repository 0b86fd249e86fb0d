import { crc32 } from "node:zlib";
import {
  APPEND_BYTES_MAX,
  APPEND_RECORDS_MAX,
  BLOCK_BYTES_MAX,
  BLOCK_RECORDS_MAX,
  JOURNAL_BLOCK_BYTES,
  TOPIC_NAME_BYTES_MAX,
  VALUE_BYTES_MAX,
} from "../limits.js";
import {
  BLOCK_HEADER_BYTES,
  BLOCK_MAGIC,
  COUNT_AT,
  CRC_AT,
  FIRST_SEQ_AT,
  LENGTH_AT,
  RECORD_HEADER_BYTES,
  TOPIC_COUNT_AT,
} from "./block-layout.js";
import { HeaderBytes, isTime } from "./append-input.js";
import { JOURNAL_BLOCK_VERSION } from "./journal-block.js";
import { FRAME_HEAD_BYTES, writeFrameHead } from "./journal-format.js";
import { FIRST_CHAR, LATER_CHAR, TOPIC_CHARS } from "./topic-chars.js";
import type { TopicName } from "../model/names.js";
import type { NewRecord, OriginRecord } from "../model/record.js";
import type { BatchOffsets } from "./batch-offsets.js";
import type { Generation } from "./generation.js";
import type { OriginLog } from "./origin-log.js";

/** What waits for a group to become durable. */
export interface Waiting {
  resolve(): void;
  reject(error: unknown): void;
}

/** Where a group was, to go back to when what is put in turns out not to be right. */
interface Mark {
  readonly length: number;
  readonly frames: number;
  readonly log: OriginLog | undefined;
  readonly blockAt: number;
  readonly firstSeq: number;
  readonly blockCount: number;
  readonly lowest: number;
  readonly highest: number;
  readonly records: number;
  readonly blocks: number;
}

interface Applied {
  readonly log: OriginLog;
  readonly records: readonly OriginRecord[];
  /** Of the records, made when somebody asks. */
  keys: Set<string> | undefined;
}

/** What a block needs besides its records: the head of its frame, its own, and the names of stream and origin. */
const BLOCK_ROOM_BYTES = 1024;
/** Odd and with its bits spread, so that short names that differ in one character do not meet. */
const HASH_FACTOR = 0x9e3779b1 | 0;
const NO_BYTES = new Uint8Array(0);

/**
 * One group commit in the making: records are written into its buffer, block by block, as they are handed over; in one pass
 * that checks them, too. What an append or apply has put in before one of its records proved wrong is taken back. The blocks
 * become known to their generation when they are closed, invisible until the group is durable.
 */
export class Group {
  readonly waiting: Waiting[] = [];
  length = 0;
  recordsAppended = 0;
  recordsApplied = 0;
  private readonly applied: Applied[] = [];
  readonly firstRecord: number;
  readonly firstBlock: number;
  endBlock: number;
  private view: DataView;
  private readonly frames: number[] = [];
  private log: OriginLog | undefined;
  private blockAt = 0;
  private firstSeq = 0;
  private blockCount = 0;
  private lowest = Infinity;
  private highest = 0;
  /** Of the record that was put last: where it begins, and the hash of its topic's name. */
  private recordAt = 0;
  private hash = 0;

  /** @param start where the group will begin in its file */
  constructor(
    readonly generation: Generation,
    readonly start: number,
    public bytes: Uint8Array<ArrayBuffer>,
  ) {
    this.view = new DataView(bytes.buffer);
    this.firstRecord = generation.count;
    this.firstBlock = this.endBlock = generation.blocks.length;
  }

  /**
   * Puts records in that are new. Returns their largest offset; undefined, and nothing is changed, when one of them cannot be taken.
   * @throws LandfallError CLOCK_REFUSED, INVALID_ARGUMENT, VALUE_TOO_LARGE, then nothing is changed either
   */
  append(
    log: OriginLog,
    firstSeq: number,
    records: readonly NewRecord[],
    received: number,
    offsets: BatchOffsets,
  ): number | undefined {
    if (records.length > APPEND_RECORDS_MAX) return undefined;
    return this.unlessWrong(() => this.putAll(log, firstSeq, records, received, offsets));
  }

  /**
   * Puts records of another origin in: those of the ranges of seqs, of records that begin with `firstSeq`. False, and nothing is
   * changed, when one of them cannot be taken.
   * @throws LandfallError INVALID_ARGUMENT, VALUE_TOO_LARGE, then nothing is changed either
   */
  apply(
    log: OriginLog,
    ranges: readonly (readonly [number, number])[],
    firstSeq: number,
    records: readonly OriginRecord[],
  ): boolean {
    if (records.length > APPEND_RECORDS_MAX) return false;
    const isRight = this.unlessWrong(() => {
      const headers = new HeaderBytes();
      let left = APPEND_BYTES_MAX;
      for (const [from, to] of ranges) {
        for (let seq = from; seq < to; seq++) {
          const record = records[seq - firstSeq] as OriginRecord;
          const bytes = this.put(log, seq, record, record.received, headers);
          left -= bytes;
          if (bytes < 0 || left < 0) return undefined;
          this.stamp(record.offset);
        }
      }
      return true;
    });
    if (isRight === true) this.applied.push({ log, records, keys: undefined });
    return isRight === true;
  }

  /** Whether records that were applied have this offset in this topic of this origin. */
  holds(log: OriginLog, topic: TopicName, offset: number): boolean {
    return this.applied.some((one) => {
      if (one.log !== log) return false;
      one.keys ??= new Set(one.records.map((record) => keyOf(record.topic, record.offset)));
      return one.keys.has(keyOf(topic, offset));
    });
  }

  /** Nothing more is put in. Returns how many bytes it takes in the file. */
  close(): number {
    this.closeBlock();
    return this.length;
  }

  /** Writes the heads of all frames; the group is closed. */
  frame(commit: number, salt: Uint8Array, arrived: number): Uint8Array {
    const frames = this.frames.length;
    for (let i = 0; i < frames; i++) {
      const at = this.frames[i] as number;
      const blockBytes = (this.frames[i + 1] ?? this.length) - at - FRAME_HEAD_BYTES;
      writeFrameHead({ blockBytes, index: i, frames, commit, arrived }, salt, this.bytes, at);
    }
    for (let i = this.firstBlock; i < this.endBlock; i++) this.generation.setArrived(i, arrived);
    return this.bytes.subarray(0, this.length);
  }

  /** Takes back what was put in since the mark. */
  rewind(mark: Mark): void {
    this.length = mark.length;
    this.frames.length = mark.frames;
    this.log = mark.log;
    this.blockAt = mark.blockAt;
    this.firstSeq = mark.firstSeq;
    this.blockCount = mark.blockCount;
    this.lowest = mark.lowest;
    this.highest = mark.highest;
    this.endBlock = mark.blocks;
    this.generation.rollBack(mark.records, mark.blocks);
  }

  mark(): Mark {
    return {
      length: this.length,
      frames: this.frames.length,
      log: this.log,
      blockAt: this.blockAt,
      firstSeq: this.firstSeq,
      blockCount: this.blockCount,
      lowest: this.lowest,
      highest: this.highest,
      records: this.generation.count,
      blocks: this.generation.blocks.length,
    };
  }

  private putAll(
    log: OriginLog,
    firstSeq: number,
    records: readonly NewRecord[],
    received: number,
    offsets: BatchOffsets,
  ): number | undefined {
    const headers = new HeaderBytes();
    let highest = 0;
    let left = APPEND_BYTES_MAX;
    for (let i = 0; i < records.length; i++) {
      const bytes = this.put(log, firstSeq + i, records[i] as NewRecord, received, headers);
      left -= bytes;
      if (bytes < 0 || left < 0) return undefined;
      const offset = offsets.next(this.hash);
      this.stamp(offset);
      if (offset > highest) highest = offset;
    }
    return highest;
  }

  private unlessWrong<T>(work: () => T | undefined): T | undefined {
    const mark = this.mark();
    let result: T | undefined;
    try {
      result = work();
    } finally {
      if (result === undefined) this.rewind(mark);
    }
    return result;
  }

  /**
   * Writes a record, all but its offset, which `stamp` adds. Returns the bytes it takes without its topic's name; -1 when it cannot
   * be taken.
   */
  private put(log: OriginLog, seq: number, record: NewRecord, received: number, headers: HeaderBytes): number {
    const { topic, timestamp, value } = record;
    if (typeof topic !== "string" || !(value instanceof Uint8Array) || !isTime(timestamp)) return -1;
    const nameBytes = topic.length;
    // Of bytes, `length` is an instruction and `byteLength` a call; three of them are a tenth of what a record costs.
    const valueBytes = value.length;
    if (nameBytes === 0 || nameBytes > TOPIC_NAME_BYTES_MAX || valueBytes > VALUE_BYTES_MAX) return -1;
    const header = record.headers === undefined ? NO_BYTES : (headers.of(record.headers) ?? NO_BYTES);
    const headersBytes = header.length;
    const recordBytes = RECORD_HEADER_BYTES + nameBytes + headersBytes + valueBytes;
    this.blockFor(log, seq, recordBytes);
    if (this.length + recordBytes > this.bytes.length) this.grow(recordBytes);
    const { view, bytes, length: at } = this;
    view.setFloat64(at + 8, timestamp, true);
    view.setFloat64(at + 16, received, true);
    view.setUint16(at + 24, nameBytes, true);
    view.setUint16(at + 26, headersBytes, true);
    view.setUint32(at + 28, valueBytes, true);
    const nameAt = at + RECORD_HEADER_BYTES;
    let hash = 0;
    let chars = TOPIC_CHARS[topic.charCodeAt(0)] === (FIRST_CHAR | LATER_CHAR) ? LATER_CHAR : 0;
    for (let i = 0; i < nameBytes; i++) {
      const code = topic.charCodeAt(i);
      hash = Math.imul(hash ^ code, HASH_FACTOR);
      chars &= TOPIC_CHARS[code] ?? 0;
      bytes[nameAt + i] = code;
    }
    if (chars === 0) return -1;
    let end = nameAt + nameBytes;
    if (headersBytes > 0) {
      bytes.set(header, end);
      end += headersBytes;
    }
    bytes.set(value, end);
    this.recordAt = at;
    this.hash = hash;
    this.length = end + valueBytes;
    this.blockCount++;
    return recordBytes - nameBytes;
  }

  private stamp(offset: number): void {
    this.view.setFloat64(this.recordAt, offset, true);
    if (offset < this.lowest) this.lowest = offset;
    if (offset > this.highest) this.highest = offset;
  }

  private blockFor(log: OriginLog, seq: number, recordBytes: number): void {
    const { blockCount, blockAt } = this;
    if (this.log === log && this.firstSeq + blockCount === seq && blockCount < BLOCK_RECORDS_MAX) {
      const size = this.length - blockAt;
      if (size < JOURNAL_BLOCK_BYTES && size + recordBytes <= BLOCK_BYTES_MAX) return;
    }
    this.closeBlock();
    if (this.length + BLOCK_ROOM_BYTES > this.bytes.length) this.grow(BLOCK_ROOM_BYTES + recordBytes);
    this.log = log;
    this.firstSeq = seq;
    this.blockCount = 0;
    this.lowest = Infinity;
    this.highest = 0;
    this.frames.push(this.length);
    this.blockAt = this.length + FRAME_HEAD_BYTES;
    let at = this.blockAt + BLOCK_HEADER_BYTES;
    at = this.writeName(log.stream.name, at);
    this.length = this.writeName(log.origin, at);
  }

  private closeBlock(): void {
    const { log, view, bytes, blockAt: at, generation, blockCount: count } = this;
    if (log === undefined) return;
    this.log = undefined;
    const size = this.length - at;
    for (let i = 0; i < BLOCK_MAGIC.length; i++) bytes[at + i] = BLOCK_MAGIC[i] as number;
    bytes[at + 3] = JOURNAL_BLOCK_VERSION;
    view.setUint32(at + LENGTH_AT, size, true);
    view.setUint32(at + FIRST_SEQ_AT, this.firstSeq % 2 ** 32, true);
    view.setUint32(at + FIRST_SEQ_AT + 4, Math.floor(this.firstSeq / 2 ** 32), true);
    view.setUint32(at + COUNT_AT, count, true);
    view.setUint32(at + TOPIC_COUNT_AT, 0, true);
    const before = crc32(bytes.subarray(at, at + CRC_AT));
    view.setUint32(at + CRC_AT, crc32(bytes.subarray(at + CRC_AT + 4, this.length), before), true);
    generation.blocks.push({
      log,
      firstSeq: this.firstSeq,
      firstRecord: generation.count,
      count,
      lowest: this.lowest,
      highest: this.highest,
      position: this.start + at,
      bytes: size,
      arrived: 0,
      extra: 1,
    });
    generation.count += count;
    this.endBlock = generation.blocks.length;
  }

  /** Makes room for so many bytes more. */
  private grow(bytes: number): void {
    const grown = new Uint8Array(Math.max(this.length + bytes, this.bytes.byteLength * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  private writeName(name: string, at: number): number {
    this.bytes[at] = name.length;
    for (let i = 0; i < name.length; i++) this.bytes[at + 1 + i] = name.charCodeAt(i);
    return at + 1 + name.length;
  }
}

function keyOf(topic: TopicName, offset: number): string {
  return `${offset} ${topic}`;
}
