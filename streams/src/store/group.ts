import { crc32 } from "node:zlib";
import { BLOCK_BYTES_MAX, BLOCK_RECORDS_MAX, JOURNAL_BLOCK_BYTES } from "../limits.js";
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
import { JOURNAL_BLOCK_VERSION } from "./journal-block.js";
import { FRAME_HEAD_BYTES, writeFrameHead } from "./journal-format.js";
import type { Generation } from "./generation.js";
import type { OriginLog } from "./origin-log.js";

/** What waits for a group to become durable. */
export interface Waiting {
  resolve(): void;
  reject(error: unknown): void;
}

const SLACK_BYTES = 1024;

/**
 * One group commit in the making: records are written into its buffer, and into the columns of their generation, as
 * they are handed over; invisible until the group is durable.
 */
export class Group {
  readonly waiting: Waiting[] = [];
  length = 0;
  recordsAppended = 0;
  recordsApplied = 0;
  readonly firstRecord: number;
  readonly firstBlock: number;
  endRecord: number;
  endBlock: number;
  private view: DataView;
  private readonly frames: number[] = [];
  private log: OriginLog | undefined;
  private blockAt = 0;
  private firstSeq = 0;
  private blockCount = 0;
  private blockFirstRecord = 0;

  /** @param start where the group will begin in its file */
  constructor(
    readonly generation: Generation,
    readonly start: number,
    public bytes: Uint8Array,
  ) {
    this.view = new DataView(bytes.buffer);
    this.firstRecord = this.endRecord = generation.count;
    this.firstBlock = this.endBlock = generation.blocks.length;
  }

  /** Makes room for so many records, which take `recordBytes` with all but the names of their topics. */
  reserve(records: number, recordBytes: number, nameBytes: number): void {
    const blocks = Math.ceil((recordBytes + nameBytes) / (JOURNAL_BLOCK_BYTES / 2)) + records / BLOCK_RECORDS_MAX + 2;
    const wanted = this.length + recordBytes + nameBytes + Math.ceil(blocks) * SLACK_BYTES;
    if (wanted <= this.bytes.byteLength) return;
    const grown = new Uint8Array(Math.max(wanted, this.bytes.byteLength * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  /** Writes a record; there is room for it. */
  put(
    log: OriginLog,
    seq: number,
    topic: string,
    offset: number,
    timestamp: number,
    received: number,
    headers: Uint8Array | undefined,
    value: Uint8Array,
  ): void {
    const nameBytes = topic.length;
    const valueBytes = value.byteLength;
    const headersBytes = headers === undefined ? 0 : headers.byteLength;
    this.blockFor(log, seq, RECORD_HEADER_BYTES + nameBytes + headersBytes + valueBytes);
    const { view, bytes, length: at } = this;
    view.setFloat64(at, offset, true);
    view.setFloat64(at + 8, timestamp, true);
    view.setFloat64(at + 16, received, true);
    view.setUint16(at + 24, nameBytes, true);
    view.setUint16(at + 26, headersBytes, true);
    view.setUint32(at + 28, valueBytes, true);
    const nameAt = at + RECORD_HEADER_BYTES;
    for (let i = 0; i < nameBytes; i++) bytes[nameAt + i] = topic.charCodeAt(i);
    let end = nameAt + nameBytes;
    if (headers !== undefined) {
      bytes.set(headers, end);
      end += headersBytes;
    }
    bytes.set(value, end);
    this.length = end + valueBytes;
    this.generation.add(log.stream.number, bytes, nameAt, nameBytes, offset, timestamp, at - this.blockAt);
    this.blockCount++;
    this.endRecord = this.generation.count;
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

  private blockFor(log: OriginLog, seq: number, recordBytes: number): void {
    const { blockCount, blockAt } = this;
    if (this.log === log && this.firstSeq + blockCount === seq && blockCount < BLOCK_RECORDS_MAX) {
      const size = this.length - blockAt;
      if (size < JOURNAL_BLOCK_BYTES && size + recordBytes <= BLOCK_BYTES_MAX) return;
    }
    this.closeBlock();
    this.log = log;
    this.firstSeq = seq;
    this.blockCount = 0;
    this.blockFirstRecord = this.generation.count;
    this.frames.push(this.length);
    this.blockAt = this.length + FRAME_HEAD_BYTES;
    let at = this.blockAt + BLOCK_HEADER_BYTES;
    at = this.writeName(log.stream.name, at);
    this.length = this.writeName(log.origin, at);
  }

  private closeBlock(): void {
    const { log, view, bytes, blockAt: at } = this;
    if (log === undefined) return;
    this.log = undefined;
    const size = this.length - at;
    for (let i = 0; i < BLOCK_MAGIC.length; i++) bytes[at + i] = BLOCK_MAGIC[i] as number;
    bytes[at + 3] = JOURNAL_BLOCK_VERSION;
    view.setUint32(at + LENGTH_AT, size, true);
    view.setUint32(at + FIRST_SEQ_AT, this.firstSeq % 2 ** 32, true);
    view.setUint32(at + FIRST_SEQ_AT + 4, Math.floor(this.firstSeq / 2 ** 32), true);
    view.setUint32(at + COUNT_AT, this.blockCount, true);
    view.setUint32(at + TOPIC_COUNT_AT, 0, true);
    const before = crc32(bytes.subarray(at, at + CRC_AT));
    view.setUint32(at + CRC_AT, crc32(bytes.subarray(at + CRC_AT + 4, this.length), before), true);
    this.generation.blocks.push({
      log,
      firstSeq: this.firstSeq,
      firstRecord: this.blockFirstRecord,
      count: this.blockCount,
      position: this.start + at,
      bytes: size,
      arrived: 0,
      extra: 1,
    });
    this.endBlock = this.generation.blocks.length;
  }

  private writeName(name: string, at: number): number {
    this.bytes[at] = name.length;
    for (let i = 0; i < name.length; i++) this.bytes[at + 1 + i] = name.charCodeAt(i);
    return at + 1 + name.length;
  }
}
