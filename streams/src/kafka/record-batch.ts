import { LandfallError } from "../model/errors.js";
import { crc32c } from "./crc32c.js";
import { BATCH_BYTES, BATCH_RECORDS_MAX } from "./kafka-limits.js";
import {
  HEADER_FIXED_BYTES,
  HEADER_NAME,
  KIND,
  headerBytes,
  readInt64,
  writeHeader,
  writeInt64,
  writeNumbers,
} from "./record-header.js";
import type { OriginId } from "../model/names.js";
import { viewOf } from "../store/block-layout.js";
import { WORDS_BYTES_MAX, copyWords } from "../store/value-pieces.js";
import type { RecordSink } from "../store/run-log.js";
import type { RecordHeader } from "./record-header.js";

/**
 * Kafka's record batch, version 2, as brokers store and serve it; big-endian, numbers within a record as zigzag varints.
 * Written here because a library that makes objects of every record and header costs more than the broker does.
 */
const HEAD_BYTES = 61;
/** Behind the base offset and the length, which `length` does not count. */
const PREFIX_BYTES = 12;
const LENGTH_AT = 8;
const LEADER_EPOCH_AT = 12;
const MAGIC_AT = 16;
const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
const LAST_DELTA_AT = 23;
const BASE_TIME_AT = 27;
const MAX_TIME_AT = 35;
const PRODUCER_ID_AT = 43;
const PRODUCER_EPOCH_AT = 51;
const SEQUENCE_AT = 53;
const COUNT_AT = 57;
const MAGIC = 2;
const COMPRESSION_MASK = 7;
const CONTROL_MASK = 0x20;
/** A varint of what JavaScript's integers hold. */
const VARINT_BYTES_MAX = 10;
const HEADER_KEY = Buffer.from(HEADER_NAME, "latin1");
/** One header, and its name, as varints and bytes. */
const HEADER_HEAD = Uint8Array.from([2, 2 * HEADER_KEY.length, ...HEADER_KEY]);
const COMPRESSIONS = ["none", "gzip", "snappy", "lz4", "zstd"];

/** Who writes, as the broker knows it: with these, and the number of a batch's first record, a batch that is repeated is kept once. */
export interface ProducerIdentity {
  /** 64 bits. */
  readonly id: bigint;
  readonly epoch: number;
}

export interface OutRecord {
  /** ASCII. */
  readonly key: string;
  readonly value: Uint8Array;
  readonly header: RecordHeader;
}

/** Bytes of a batch in the sense of Kafka's limits: no more than this for these records. */
export function recordBytesMax({ key, value, header }: OutRecord): number {
  return roomOf(key.length, value.length, headerBytes(header));
}

function roomOf(keyBytes: number, valueBytes: number, inHeader: number): number {
  return keyBytes + valueBytes + inHeader + HEADER_KEY.length + 7 * VARINT_BYTES_MAX;
}

/** Records of one origin as a batch has them, written one after the other; who writes it and which it is, is put in last. */
export class BatchBody implements RecordSink {
  count = 0;
  private bytes = new Uint8Array(BATCH_BYTES);
  private view = viewOf(this.bytes);
  private end = HEAD_BYTES;
  private base = 0;
  private latest = 0;
  /** What is the same in the headers of all of them. */
  private header: Uint8Array = this.bytes;
  private source: Uint8Array = this.bytes;
  private sourceView = this.view;

  constructor(origin: OriginId) {
    this.begin(origin);
  }

  /** Another batch, in the same memory: nobody may need the one before any more. */
  begin(origin: OriginId): void {
    this.count = 0;
    this.end = HEAD_BYTES;
    // It is a window of a run's records.
    this.source = this.bytes;
    this.sourceView = this.view;
    this.header = new Uint8Array(HEADER_FIXED_BYTES + origin.length);
    const fields = {
      kind: KIND.record,
      seq: 0,
      offset: 0,
      timestamp: 0,
      received: 0,
      origin,
      rest: this.header.subarray(0, 0),
    };
    writeHeader(fields, this.header, viewOf(this.header), 0);
  }

  /** It grew for a record that is larger than a batch. */
  get isLarge(): boolean {
    return this.bytes.length > BATCH_BYTES;
  }

  /** Bytes of the batch. */
  get length(): number {
    return this.end;
  }

  take(
    topic: string,
    seq: number,
    offset: number,
    timestamp: number,
    received: number,
    headers: Uint8Array,
    values: Uint8Array,
    valueAt: number,
    length: number,
  ): boolean {
    const { header, count } = this;
    const inHeader = header.length + headers.length;
    const room = roomOf(topic.length, length, inHeader);
    if (this.end + room > this.bytes.length && !this.grow(room)) return false;
    if (count === BATCH_RECORDS_MAX) return false;
    if (count === 0) this.base = this.latest = received;
    if (received > this.latest) this.latest = received;
    const { bytes, view } = this;
    let at = putRecordHead(bytes, this.end, received - this.base, count, topic, length, inHeader);
    if (values !== this.source) {
      this.source = values;
      this.sourceView = viewOf(values);
    }
    if (length <= WORDS_BYTES_MAX) copyWords(this.sourceView, valueAt, view, at, length);
    else bytes.set(values.subarray(valueAt, valueAt + length), at);
    at = putHeaderHead(bytes, at + length, inHeader);
    for (let i = 0; i < header.length; i++) bytes[at + i] = header[i] as number;
    writeNumbers(view, at, seq, offset, timestamp, received);
    at += header.length;
    for (let i = 0; i < headers.length; i++) bytes[at + i] = headers[i] as number;
    this.end = at + headers.length;
    this.count++;
    return true;
  }

  /** The batch, once it is known which it is. */
  finish(producer: ProducerIdentity, sequence: number): Uint8Array {
    const { count, base, latest } = this;
    return finished(this.bytes, this.view, this.end, { count, base, latest }, producer, sequence);
  }

  /** A record that is larger than a batch has one of its own. */
  private grow(room: number): boolean {
    if (this.count > 0) return false;
    this.bytes = new Uint8Array(this.end + room);
    this.view = viewOf(this.bytes);
    return true;
  }
}

/** One batch of all these records; Kafka's own time of each is when its origin received it. */
export function encodeBatch(
  records: readonly OutRecord[],
  { id, epoch }: ProducerIdentity,
  sequence: number,
): Uint8Array {
  let room = HEAD_BYTES;
  for (const record of records) room += recordBytesMax(record);
  const bytes = new Uint8Array(room);
  const view = new DataView(bytes.buffer);
  const base = (records[0] as OutRecord).header.received;
  let latest = base;
  let at = HEAD_BYTES;
  for (let i = 0; i < records.length; i++) {
    const { key, value, header } = records[i] as OutRecord;
    if (header.received > latest) latest = header.received;
    const inHeader = headerBytes(header);
    at = putRecordHead(bytes, at, header.received - base, i, key, value.length, inHeader);
    bytes.set(value, at);
    at = putHeaderHead(bytes, at + value.length, inHeader);
    writeHeader(header, bytes, view, at);
    at += inHeader;
  }
  return finished(bytes, view, at, { count: records.length, base, latest }, { id, epoch }, sequence);
}

/** All that stands before a record's value. Returns where that begins. */
function putRecordHead(
  bytes: Uint8Array,
  start: number,
  delta: number,
  number: number,
  key: string,
  valueBytes: number,
  inHeader: number,
): number {
  const size =
    1 +
    varintBytes(delta) +
    varintBytes(number) +
    varintBytes(key.length) +
    key.length +
    varintBytes(valueBytes) +
    valueBytes +
    HEADER_HEAD.length +
    varintBytes(inHeader) +
    inHeader;
  let at = putVarint(bytes, start, size);
  bytes[at++] = 0;
  at = putVarint(bytes, at, delta);
  at = putVarint(bytes, at, number);
  at = putVarint(bytes, at, key.length);
  for (let c = 0; c < key.length; c++) bytes[at++] = key.charCodeAt(c);
  return putVarint(bytes, at, valueBytes);
}

/** What stands between a record's value and its one header's. Returns where that begins. */
function putHeaderHead(bytes: Uint8Array, start: number, inHeader: number): number {
  let at = start;
  for (let i = 0; i < HEADER_HEAD.length; i++) bytes[at++] = HEADER_HEAD[i] as number;
  return putVarint(bytes, at, inHeader);
}

function putVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start;
  let zigzag = value < 0 ? -2 * value - 1 : 2 * value;
  while (zigzag >= 128) {
    bytes[at++] = (zigzag % 128) | 128;
    zigzag = Math.floor(zigzag / 128);
  }
  bytes[at++] = zigzag;
  return at;
}

/** Puts the head before records that end at `end`. */
function finished(
  bytes: Uint8Array,
  view: DataView,
  end: number,
  { count, base, latest }: { readonly count: number; readonly base: number; readonly latest: number },
  { id, epoch }: ProducerIdentity,
  sequence: number,
): Uint8Array {
  view.setInt32(LENGTH_AT, end - PREFIX_BYTES);
  view.setInt32(LEADER_EPOCH_AT, -1);
  view.setInt8(MAGIC_AT, MAGIC);
  view.setInt16(ATTRIBUTES_AT, 0);
  view.setInt32(LAST_DELTA_AT, count - 1);
  writeInt64(view, BASE_TIME_AT, base, false);
  writeInt64(view, MAX_TIME_AT, latest, false);
  view.setBigInt64(PRODUCER_ID_AT, id);
  view.setInt16(PRODUCER_EPOCH_AT, epoch);
  view.setInt32(SEQUENCE_AT, sequence);
  view.setInt32(COUNT_AT, count);
  view.setUint32(CRC_AT, crc32c(bytes, ATTRIBUTES_AT, end));
  return bytes.subarray(0, end);
}

export interface InRecord {
  /** Kafka's offset. */
  readonly position: number;
  /** Undefined for none. */
  readonly key: Uint8Array | undefined;
  readonly value: Uint8Array | undefined;
  /** Value of the header `landfall`. */
  readonly header: Uint8Array | undefined;
}

/** One batch of what a broker served. Its records are read when they are asked for. */
export interface InBatch {
  readonly first: number;
  /** Offset behind its last record, also where that was compacted away. */
  readonly next: number;
  /** @throws LandfallError CORRUPT_BLOCK, UNSUPPORTED_FORMAT */
  records(): InRecord[];
}

/**
 * The whole batches that begin in these bytes; a broker cuts the last one where its limit is.
 * @throws LandfallError UNSUPPORTED_FORMAT
 */
export function* readBatches(bytes: Uint8Array): Generator<InBatch> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + HEAD_BYTES <= bytes.length;) {
    const end = at + PREFIX_BYTES + view.getInt32(at + LENGTH_AT);
    if (end > bytes.length || end < at + HEAD_BYTES) return;
    if (view.getInt8(at + MAGIC_AT) !== MAGIC) {
      throw new LandfallError("UNSUPPORTED_FORMAT", "records of a program that is older than Kafka 0.11");
    }
    const start = at;
    const first = readInt64(view, at, false);
    yield {
      first,
      next: first + view.getInt32(at + LAST_DELTA_AT) + 1,
      records: () => recordsOf(bytes, view, start, end),
    };
    at = end;
  }
}

function recordsOf(bytes: Uint8Array, view: DataView, at: number, end: number): InRecord[] {
  if (view.getUint32(at + CRC_AT) !== crc32c(bytes, at + ATTRIBUTES_AT, end)) {
    throw new LandfallError("CORRUPT_BLOCK", "corrupt record batch: the checksum does not fit");
  }
  const attributes = view.getInt16(at + ATTRIBUTES_AT);
  // Of transactions, which are no records.
  if ((attributes & CONTROL_MASK) !== 0) return [];
  const compression = attributes & COMPRESSION_MASK;
  if (compression !== 0) {
    throw new LandfallError("UNSUPPORTED_FORMAT", `records compressed with ${COMPRESSIONS[compression] ?? "?"}`);
  }
  const first = readInt64(view, at, false);
  const count = view.getInt32(at + COUNT_AT);
  const records: InRecord[] = [];
  const input = new Reader(bytes.subarray(0, end), at + HEAD_BYTES);
  for (let i = 0; i < count; i++) {
    const length = input.varint();
    const next = input.at + length;
    if (length < 0 || next > end)
      throw new LandfallError("CORRUPT_BLOCK", "corrupt record batch: a record is cut short");
    input.at++;
    input.varint();
    const position = first + input.varint();
    const key = input.bytes();
    const value = input.bytes();
    let header: Uint8Array | undefined;
    for (let left = input.varint(); left > 0; left--) {
      const name = input.bytes();
      const content = input.bytes();
      if (name !== undefined && HEADER_KEY.equals(name)) header = content;
    }
    input.at = next;
    records.push({ position, key, value, header });
  }
  return records;
}

function varintBytes(value: number): number {
  let zigzag = value < 0 ? -2 * value - 1 : 2 * value;
  let bytes = 1;
  while (zigzag >= 128) {
    zigzag = Math.floor(zigzag / 128);
    bytes++;
  }
  return bytes;
}

class Reader {
  constructor(
    private readonly source: Uint8Array,
    public at: number,
  ) {}

  varint(): number {
    let zigzag = 0;
    for (let factor = 1, bytes = 0; bytes < VARINT_BYTES_MAX; factor *= 128, bytes++) {
      const byte = this.source[this.at++];
      if (byte === undefined) break;
      zigzag += (byte & 127) * factor;
      if (byte < 128) return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
    }
    throw new LandfallError("CORRUPT_BLOCK", "corrupt record batch: a number is cut short");
  }

  /** Undefined for a length of -1. */
  bytes(): Uint8Array | undefined {
    const length = this.varint();
    if (length < 0) return undefined;
    const start = this.at;
    this.at += length;
    if (this.at > this.source.length) {
      throw new LandfallError("CORRUPT_BLOCK", "corrupt record batch: a record is cut short");
    }
    return this.source.subarray(start, this.at);
  }
}
