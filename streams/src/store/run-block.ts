import { brotliDecompressSync, crc32 } from "node:zlib";
import { decodeValues } from "../codec/values.js";
import { BLOCK_RECORDS_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { decodeHeaders } from "./block-headers.js";
import { readPackedColumns, readPackedTopics } from "./packed-columns.js";
import { readPlainColumns, readPlainTopics } from "./plain-columns.js";
import { corruptRun } from "./run-columns.js";
import { VarintReader } from "./varint.js";
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
const HEAD_BYTES = 32;
const PACKED = 1;
const COLUMN_BYTES_MAX = 64 * 1024 * 1024;

/** A block, unpacked. */
export interface RunBlock extends RunColumns {
  readonly headers: readonly Headers[];
  /** The value of record i is [valueStarts[i], valueStarts[i + 1]) of it. */
  readonly bytes: Uint8Array;
  readonly valueStarts: Uint32Array;
}

interface Head {
  readonly version: number;
  readonly isPacked: boolean;
  readonly count: number;
  readonly topics: number;
  readonly columns: Uint8Array;
  readonly values: Uint8Array;
}

/** Names of a block's topics, without unpacking the values. @throws LandfallError CORRUPT_BLOCK */
export function decodeRunTopics(block: Uint8Array): string[] {
  const { version, columns, topics } = checkHead(block);
  return version === PLAIN_VERSION ? readPlainTopics(columns, topics) : readPackedTopics(columns, topics);
}

/** Verifies the checksum and unpacks. @throws LandfallError CORRUPT_BLOCK */
export function decodeRunBlock(block: Uint8Array): RunBlock {
  const head = checkHead(block);
  const { columns, valueStarts, bytes } = head.version === PLAIN_VERSION ? readPlain(head) : readFirstVersion(head);
  if (valueStarts[columns.count] !== bytes.byteLength) throw corruptRun("its values do not add up");
  return { ...columns, headers: columns.headerBytes.map((header) => decodeHeaders(header, 0)), bytes, valueStarts };
}

interface Parts {
  readonly columns: RunColumns;
  readonly valueStarts: Uint32Array;
  readonly bytes: Uint8Array;
}

function readPlain({ columns: stored, values, count, topics }: Head): Parts {
  return { ...readPlainColumns(stored, count, topics), bytes: values };
}

function readFirstVersion({ columns: stored, values: bytes, count, topics, isPacked }: Head): Parts {
  const { columns, end } = readPackedColumns(stored, count, topics);
  const valueStarts = new Uint32Array(count + 1);
  if (!isPacked) {
    const lengths = new VarintReader(stored, end);
    for (let i = 0, at = 0; i < count; i++) valueStarts[i + 1] = at += lengths.get();
    return { columns, valueStarts, bytes };
  }
  const values = decodeValues(bytes, Array.from(columns.timestamps));
  if (values.length !== count) throw corruptRun("its values do not add up");
  values.forEach(({ byteLength }, i) => (valueStarts[i + 1] = (valueStarts[i] as number) + byteLength));
  // They are views of one buffer, one behind the other.
  const { buffer } = values[0] as Uint8Array;
  return { columns, valueStarts, bytes: new Uint8Array(buffer, 0, valueStarts[count]) };
}

/** The value of record `i`: a view that the block shares. */
export function runValue({ bytes, valueStarts }: RunBlock, i: number): Uint8Array {
  const at = valueStarts[i] as number;
  // Cheaper than `subarray`, which looks up how to make one.
  return new Uint8Array(bytes.buffer, bytes.byteOffset + at, (valueStarts[i + 1] as number) - at);
}

/** @param columns as they are stored; `columnBytes` they have unpacked */
export function encodeRunBlock(
  isPacked: boolean,
  count: number,
  topics: number,
  columns: Uint8Array,
  columnBytes: number,
  values: Uint8Array,
): Uint8Array {
  const block = Buffer.allocUnsafeSlow(HEAD_BYTES + columns.byteLength + values.byteLength);
  block.fill(0, 0, HEAD_BYTES);
  block.writeUInt32LE(MAGIC, 0);
  block[8] = isPacked ? PACKED_VERSION : PLAIN_VERSION;
  block[9] = isPacked ? PACKED : 0;
  block.writeUInt32LE(count, 12);
  block.writeUInt32LE(topics, 16);
  block.writeUInt32LE(columnBytes, 20);
  block.writeUInt32LE(columns.byteLength, 24);
  block.writeUInt32LE(values.byteLength, 28);
  block.set(columns, HEAD_BYTES);
  block.set(values, HEAD_BYTES + columns.byteLength);
  block.writeUInt32LE(crc32(block.subarray(8)), 4);
  return block;
}

function checkHead(block: Uint8Array): Head {
  if (block.byteLength < HEAD_BYTES) throw corruptRun("it is cut short");
  const buffer = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  if (buffer.readUInt32LE(0) !== MAGIC) throw corruptRun("it does not begin like a block of a run");
  if (crc32(buffer.subarray(8)) !== buffer.readUInt32LE(4)) throw corruptRun("the checksum does not fit");
  const version = buffer[8] as number;
  if (version !== PACKED_VERSION && version !== PLAIN_VERSION) throw corruptRun(`format version ${version}`);
  const isPacked = version === PACKED_VERSION && ((buffer[9] as number) & PACKED) !== 0;
  const [count, topics] = [buffer.readUInt32LE(12), buffer.readUInt32LE(16)];
  const [raw, stored, valueBytes] = [buffer.readUInt32LE(20), buffer.readUInt32LE(24), buffer.readUInt32LE(28)];
  const isSane = count > 0 && count <= BLOCK_RECORDS_MAX && topics > 0 && topics <= count && raw <= COLUMN_BYTES_MAX;
  if (!isSane || HEAD_BYTES + stored + valueBytes !== block.byteLength) throw corruptRun("impossible numbers");
  const at = block.byteOffset + HEAD_BYTES;
  let columns = new Uint8Array(block.buffer, at, stored);
  if (isPacked) {
    try {
      columns = brotliDecompressSync(columns, { maxOutputLength: raw });
    } catch (cause) {
      throw new LandfallError("CORRUPT_BLOCK", "corrupt block of a run: it cannot be unpacked", { cause });
    }
  }
  return { version, isPacked, count, topics, columns, values: new Uint8Array(block.buffer, at + stored, valueBytes) };
}
