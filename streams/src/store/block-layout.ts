import { LandfallError } from "../model/errors.js";

/**
 * Layout of a block, format version 1; little-endian. docs/format.md describes it for other programs.
 *
 *     0  3 bytes  "LFB"            12  u64  first seq
 *     3  u8       version          20  u32  count of records
 *     4  u32      length in bytes  24  u32  count of topic names
 *     8  u32      CRC-32 of all    28  stream, origin, topic names: u8 length, then the bytes, each
 *                 other bytes          then the records, see RECORD_*
 */
export const BLOCK_VERSION = 1;
export const BLOCK_MAGIC = [0x4c, 0x46, 0x42] as const;
export const LENGTH_AT = 4;
export const CRC_AT = 8;
export const FIRST_SEQ_AT = 12;
export const COUNT_AT = 20;
export const TOPIC_COUNT_AT = 24;
export const BLOCK_HEADER_BYTES = 28;

/** Within a record: offset, timestamp, received as f64; topic index and bytes of headers as u16; bytes of value as u32. */
export const RECORD_OFFSET_AT = 0;
export const RECORD_TIMESTAMP_AT = 8;
export const RECORD_RECEIVED_AT = 16;
export const RECORD_TOPIC_AT = 24;
export const RECORD_HEADERS_BYTES_AT = 26;
export const RECORD_VALUE_BYTES_AT = 28;
export const RECORD_HEADER_BYTES = 32;

export function corrupt(what: string, at: number): LandfallError {
  return new LandfallError("CORRUPT_BLOCK", `corrupt block: ${what} (at byte ${at} of the block)`);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
