import { brotliDecompressSync, crc32 } from "node:zlib";
import { decodeJoinedValues } from "../codec/values.js";
import { BLOCK_RECORDS_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { decodeHeaders } from "./block-headers.js";
import { readPackedColumns, readPackedTopics } from "./packed-columns.js";
import { PlainBlock } from "./plain-block.js";
import { corruptRun } from "./run-columns.js";
import { VarintReader } from "./varint.js";
import type { Room, RowRange } from "../codec/values.js";
import type { Headers } from "../model/record.js";
import type { RunColumns } from "./run-columns.js";

/**
 * A block of a sealed run: whole topics, or a slice of one. Little-endian:
 * 0 "LFRB" · 4 u32 CRC-32 of what follows · 8 u8 version · 9 u8 flags (1: packed) · 12 u32 records · 16 u32 topics
 * · 20 u32 bytes of the columns, unpacked · 24 u32 as stored · 28 u32 bytes of the values as stored · 32 columns, values
 */
const MAGIC = 0x4252464c;
/** Packed blocks are of the first version; it has blocks that are not packed, too, which are no longer written. */
const PACKED_VERSION = 1;
const PLAIN_VERSION = 2;
export const RUN_BLOCK_HEAD_BYTES = 32;
const PACKED = 1;
const COLUMN_BYTES_MAX = 64 * 1024 * 1024;

export interface RunValues {
  /** The value of record i is [valueStarts[i], valueStarts[i + 1]) of it. */
  readonly bytes: Uint8Array;
  readonly valueStarts: Uint32Array;
}

/** A block, unpacked, or what it has of one topic. */
export interface RunBlock extends RunColumns, RunValues {
  readonly headers: readonly Headers[];
}

/** What a block says of its records, without the names of their topics. */
export type UnnamedColumns = Omit<RunColumns, "topics">;

/**
 * A block, unpacked, with its topics' names as bytes: that of topic t is [nameEnds[t], nameEnds[t + 1]) of `names`. A class, because
 * objects that are put together from others differ in shape, and every look at one of millions of records would pay for that.
 */
export class NamedBytesBlock implements UnnamedColumns, RunValues {
  readonly count: number;
  readonly topicEnds: ArrayLike<number>;
  readonly seqs: Float64Array;
  readonly offsets: Float64Array;
  readonly timestamps: Float64Array;
  readonly received: Float64Array;
  readonly arrived: Float64Array;
  readonly headerBytes: readonly Uint8Array[];
  readonly headerOf: Uint16Array | undefined;

  constructor(
    columns: UnnamedColumns,
    readonly bytes: Uint8Array,
    readonly valueStarts: Uint32Array,
    readonly names: Uint8Array,
    readonly nameEnds: Uint32Array,
  ) {
    this.count = columns.count;
    this.topicEnds = columns.topicEnds;
    this.seqs = columns.seqs;
    this.offsets = columns.offsets;
    this.timestamps = columns.timestamps;
    this.received = columns.received;
    this.arrived = columns.arrived;
    this.headerBytes = columns.headerBytes;
    this.headerOf = columns.headerOf;
  }
}

/** A block whose checksum fits, its columns not packed (any more). */
export interface RunBlockHead {
  readonly version: number;
  readonly isPacked: boolean;
  readonly count: number;
  readonly topics: number;
  /** Bytes of the columns, unpacked. */
  readonly columnBytes: number;
  readonly columns: Uint8Array;
  readonly values: Uint8Array;
}

/** Names of a block's topics, without unpacking the values. @throws LandfallError CORRUPT_BLOCK */
export function decodeRunTopics(block: Uint8Array): string[] {
  const head = readRunHead(block);
  return plainBlockOf(head)?.topics ?? readPackedTopics(head.columns, head.topics);
}

/**
 * Verifies the checksum and unpacks.
 * @param arrived when all of it arrived, instead of what the block says: it was made at another site
 * @throws LandfallError CORRUPT_BLOCK
 */
export function decodeRunBlock(block: Uint8Array, arrived?: number): RunBlock {
  const head = readRunHead(block);
  const { columns, valueStarts } = readRunColumns(head);
  const values = valueStarts === undefined ? unpackRunValues(head, columns) : { valueStarts, bytes: head.values };
  if (values.valueStarts[columns.count] !== values.bytes.byteLength) throw corruptRun("its values do not add up");
  return runBlockOf(columns, values, arrived);
}

/**
 * The same, with names as bytes, for whoever moves records about and reads none.
 * @throws LandfallError CORRUPT_BLOCK
 */
export function decodeForMerging(block: Uint8Array, arrived?: number): NamedBytesBlock {
  const head = readRunHead(block);
  const plain = plainBlockOf(head);
  if (plain === undefined) {
    const unpacked = decodeRunBlock(block, arrived);
    const { topics } = unpacked;
    const nameEnds = new Uint32Array(topics.length + 1);
    topics.forEach((topic, t) => (nameEnds[t + 1] = (nameEnds[t] as number) + topic.length));
    const names = Buffer.from(topics.join(""), "latin1");
    return new NamedBytesBlock(unpacked, unpacked.bytes, unpacked.valueStarts, names, nameEnds);
  }
  const { columns, valueStarts } = plain.allUnnamed();
  if (valueStarts[columns.count] !== head.values.length) throw corruptRun("its values do not add up");
  if (arrived !== undefined) columns.arrived.fill(arrived);
  return new NamedBytesBlock(columns, head.values, valueStarts, plain.names, plain.nameEnds);
}

/** @param arrived when all of it arrived, instead of what the columns say */
export function runBlockOf(columns: RunColumns, values: RunValues, arrived?: number): RunBlock {
  const headers = columns.headerBytes.map((header) => decodeHeaders(header, 0));
  if (arrived !== undefined) columns.arrived.fill(arrived);
  return { ...columns, headers, ...values };
}

/** Verifies the checksum and unpacks everything but the values. @throws LandfallError CORRUPT_BLOCK */
export function decodeRunColumns(block: Uint8Array): RunColumns {
  return readRunColumns(readRunHead(block)).columns;
}

/** Verifies the checksum alone. @throws LandfallError CORRUPT_BLOCK */
export function checkRunBlock(block: Uint8Array): void {
  checkHead(block);
}

/** Bytes of the block that begins like this. @param head RUN_BLOCK_HEAD_BYTES of it. @throws LandfallError CORRUPT_BLOCK */
export function runBlockSize(head: Uint8Array): number {
  const view = new DataView(head.buffer, head.byteOffset, RUN_BLOCK_HEAD_BYTES);
  if (view.getUint32(0, true) !== MAGIC) throw corruptRun("it does not begin like a block of a run");
  return RUN_BLOCK_HEAD_BYTES + view.getUint32(24, true) + view.getUint32(28, true);
}

/** Whether a block of a run lies whole at the beginning of these bytes: its length. @throws LandfallError CORRUPT_BLOCK */
export function runBlockLength(bytes: Uint8Array): number {
  if (bytes.byteLength < RUN_BLOCK_HEAD_BYTES) throw corruptRun("it is cut short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, RUN_BLOCK_HEAD_BYTES);
  const length = RUN_BLOCK_HEAD_BYTES + view.getUint32(24, true) + view.getUint32(28, true);
  if (view.getUint32(0, true) !== MAGIC || length > bytes.byteLength) throw corruptRun("it is cut short");
  return length;
}

/** The columns of a block that is not packed, to be read where they lie; undefined of one that is. @throws LandfallError CORRUPT_BLOCK */
export function plainBlockOf({ version, columns, count, topics }: RunBlockHead): PlainBlock | undefined {
  return version === PLAIN_VERSION ? new PlainBlock(columns, count, topics) : undefined;
}

/** Where the values begin is among the columns unless they are packed. @throws LandfallError CORRUPT_BLOCK */
export function readRunColumns(head: RunBlockHead): {
  readonly columns: RunColumns;
  readonly valueStarts?: Uint32Array;
} {
  const { isPacked, columns: bytes, count, topics } = head;
  const plain = plainBlockOf(head);
  if (plain !== undefined) return plain.all();
  const { columns, end } = readPackedColumns(bytes, count, topics);
  if (isPacked) return { columns };
  const valueStarts = new Uint32Array(count + 1);
  const lengths = new VarintReader(bytes, end);
  for (let i = 0, at = 0; i < count; i++) {
    at += lengths.get();
    if (at > head.values.byteLength) throw corruptRun("its values do not add up");
    valueStarts[i + 1] = at;
  }
  return { columns, valueStarts };
}

/**
 * @param range only of these records
 * @param room for all of them; by default they have a buffer of their own
 * @throws LandfallError CORRUPT_BLOCK
 */
export function unpackRunValues(
  head: RunBlockHead,
  { count, timestamps }: RunColumns,
  range?: RowRange,
  room?: Room,
): RunValues {
  const { from, to } = range ?? { from: 0, to: count };
  const { bytes, starts } = decodeJoinedValues(head.values, timestamps, range, room);
  if (starts.length !== to - from + 1) throw corruptRun("its values do not add up");
  return { bytes, valueStarts: starts };
}

/** The value of record `i`: a view that the block shares. */
export function runValue({ bytes, valueStarts }: RunBlock, i: number): Uint8Array {
  const at = valueStarts[i] as number;
  // Cheaper than `subarray`, which looks up how to make one.
  return new Uint8Array(bytes.buffer, bytes.byteOffset + at, (valueStarts[i + 1] as number) - at);
}

/** What the head of a block says besides its checksum. */
export interface RunBlockFacts {
  readonly isPacked: boolean;
  readonly count: number;
  readonly topics: number;
  /** Bytes of the columns, unpacked and as they are stored. */
  readonly columnBytes: number;
  readonly storedBytes: number;
  readonly valueBytes: number;
}

/** Writes the head, checksum included; columns and values stand behind it already. */
export function writeRunBlockHead(block: Buffer, facts: RunBlockFacts): void {
  block.fill(0, 0, RUN_BLOCK_HEAD_BYTES);
  block.writeUInt32LE(MAGIC, 0);
  block[8] = facts.isPacked ? PACKED_VERSION : PLAIN_VERSION;
  block[9] = facts.isPacked ? PACKED : 0;
  block.writeUInt32LE(facts.count, 12);
  block.writeUInt32LE(facts.topics, 16);
  block.writeUInt32LE(facts.columnBytes, 20);
  block.writeUInt32LE(facts.storedBytes, 24);
  block.writeUInt32LE(facts.valueBytes, 28);
  block.writeUInt32LE(crc32(block.subarray(8)), 4);
}

/** Verifies the checksum, and unpacks the columns. @throws LandfallError CORRUPT_BLOCK */
export function readRunHead(block: Uint8Array): RunBlockHead {
  const head = checkHead(block);
  if (!head.isPacked) return head;
  try {
    return { ...head, columns: unpack(head.columns, head.columnBytes) };
  } catch (cause) {
    throw new LandfallError("CORRUPT_BLOCK", "corrupt block of a run: it cannot be unpacked", { cause });
  }
}

/** In one piece: pieces of the usual size are put together in the end, which costs more than unpacking them. */
function unpack(bytes: Uint8Array, length: number): Uint8Array {
  return brotliDecompressSync(bytes, { maxOutputLength: Math.max(1, length), chunkSize: Math.max(64, length) });
}

function checkHead(block: Uint8Array): RunBlockHead {
  if (block.byteLength < RUN_BLOCK_HEAD_BYTES) throw corruptRun("it is cut short");
  const buffer = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  if (buffer.readUInt32LE(0) !== MAGIC) throw corruptRun("it does not begin like a block of a run");
  if (crc32(buffer.subarray(8)) !== buffer.readUInt32LE(4)) throw corruptRun("the checksum does not fit");
  const version = buffer[8] as number;
  if (version !== PACKED_VERSION && version !== PLAIN_VERSION) throw corruptRun(`format version ${version}`);
  const isPacked = version === PACKED_VERSION && ((buffer[9] as number) & PACKED) !== 0;
  const [count, topics] = [buffer.readUInt32LE(12), buffer.readUInt32LE(16)];
  const [columnBytes, stored, valueBytes] = [buffer.readUInt32LE(20), buffer.readUInt32LE(24), buffer.readUInt32LE(28)];
  const isCount = count > 0 && count <= BLOCK_RECORDS_MAX && topics > 0 && topics <= count;
  const isLength = columnBytes <= COLUMN_BYTES_MAX && RUN_BLOCK_HEAD_BYTES + stored + valueBytes === block.byteLength;
  if (!isCount || !isLength) throw corruptRun("impossible numbers");
  const at = block.byteOffset + RUN_BLOCK_HEAD_BYTES;
  const columns = new Uint8Array(block.buffer, at, stored);
  const values = new Uint8Array(block.buffer, at + stored, valueBytes);
  return { version, isPacked, count, topics, columnBytes, columns, values };
}
