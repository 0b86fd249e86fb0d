import { crc32 } from "node:zlib";
import { BLOCK_BYTES_MAX } from "../limits.js";
import { viewOf } from "./block-layout.js";

/**
 * Layout of a journal file, format versions 1, 2 (whose blocks are of version 2, see journal-block.ts) and 3 (which may overwrite
 * an earlier journal, of which bytes then stand behind the last commit); little-endian. docs/format.md describes it for other programs.
 *
 * File head:  0 "LANDFALL" · 8 u32 version · 12 u32 number of the file · 16 8 bytes salt · 24 u32 CRC-32 of these · 28 u32 0
 * Then frames: 0 u32 magic · 4 u32 CRC-32 of the rest of the head, begun with the salt · 8 u32 bytes of the block
 *              · 12 u32 index of this frame in its commit · 16 u32 frames in the commit · 20 u32 0
 *              · 24 f64 number of the commit · 32 f64 arrived, ms since 1970 · 40 the block
 */
export const FORMAT_VERSION = 3;
/** Older formats that are read, too; what is written is of the newest. */
export const FORMAT_VERSION_MIN = 1;
export const FILE_HEAD_BYTES = 32;
export const FRAME_HEAD_BYTES = 40;
/** Of a journal in a file of its own, and of one that lies in the file of an earlier one. */
const PLAIN_VERSION = 2;
const OVERWRITING_VERSION = 3;
const FILE_MAGIC = "LANDFALL";
/** "LFFR". */
const FRAME_MAGIC = 0x5246464c;
export const FRAME_MAGIC_BYTES = Buffer.from("LFFR");

export interface FileHead {
  readonly number: number;
  /** Random per file: a frame smuggled into a record's value cannot know it, and is no frame (see journal-scan). */
  readonly salt: Uint8Array;
  /** Behind the last commit there may be bytes of an earlier journal. */
  readonly overwrites: boolean;
}

export interface FrameHead {
  readonly blockBytes: number;
  readonly index: number;
  readonly frames: number;
  /** Counts all commits of the journal, over all files, without a gap. */
  readonly commit: number;
  readonly arrived: number;
}

export function journalName(number: number): string {
  return `journal-${String(number).padStart(8, "0")}.log`;
}

/** The file's number, or undefined when this is no journal's name. */
export function journalNumber(name: string): number | undefined {
  const digits = /^journal-(\d{8})\.log$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The number of the file that is kept to be overwritten, or undefined when this is no name of such a one. */
export function spareNumber(name: string): number | undefined {
  const digits = /^spare-(\d{8})\.log$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function spareName(number: number): string {
  return `spare-${String(number).padStart(8, "0")}.log`;
}

export function encodeFileHead(head: FileHead): Uint8Array {
  const bytes = Buffer.alloc(FILE_HEAD_BYTES);
  bytes.write(FILE_MAGIC, "latin1");
  bytes.writeUInt32LE(head.overwrites ? OVERWRITING_VERSION : PLAIN_VERSION, 8);
  bytes.writeUInt32LE(head.number, 12);
  bytes.set(head.salt, 16);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 24)), 24);
  return bytes;
}

/** The head; or the version when it is another one; or undefined when it is no head at all. */
export function decodeFileHead(bytes: Uint8Array): FileHead | number | undefined {
  if (bytes.byteLength < FILE_HEAD_BYTES) return undefined;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, FILE_HEAD_BYTES);
  if (buffer.toString("latin1", 0, 8) !== FILE_MAGIC) return undefined;
  const version = buffer.readUInt32LE(8);
  if (version < FORMAT_VERSION_MIN || version > FORMAT_VERSION) return version;
  if (buffer.readUInt32LE(24) !== crc32(buffer.subarray(0, 24))) return undefined;
  return {
    number: buffer.readUInt32LE(12),
    salt: Uint8Array.from(buffer.subarray(16, 24)),
    overwrites: version === OVERWRITING_VERSION,
  };
}

export function writeFrameHead(head: FrameHead, salt: Uint8Array, target: Uint8Array, at: number): void {
  const bytes = target.subarray(at, at + FRAME_HEAD_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, FRAME_MAGIC, true);
  view.setUint32(8, head.blockBytes, true);
  view.setUint32(12, head.index, true);
  view.setUint32(16, head.frames, true);
  view.setUint32(20, 0, true);
  view.setFloat64(24, head.commit, true);
  view.setFloat64(32, head.arrived, true);
  view.setUint32(4, crc32(bytes.subarray(8), crc32(salt)), true);
}

/** The head at the beginning of `bytes`, or undefined when there is none. */
export function decodeFrameHead(bytes: Uint8Array, salt: Uint8Array): FrameHead | undefined {
  if (bytes.byteLength < FRAME_HEAD_BYTES) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== FRAME_MAGIC) return undefined;
  if (view.getUint32(4, true) !== crc32(bytes.subarray(8, FRAME_HEAD_BYTES), crc32(salt))) return undefined;
  const head = {
    blockBytes: view.getUint32(8, true),
    index: view.getUint32(12, true),
    frames: view.getUint32(16, true),
    commit: view.getFloat64(24, true),
    arrived: view.getFloat64(32, true),
  };
  const sane = head.blockBytes <= BLOCK_BYTES_MAX && head.index < head.frames && Number.isSafeInteger(head.commit);
  return sane ? head : undefined;
}

/** The head of which these bytes differ in one bit, or undefined. */
export function frameHeadBut1Bit(bytes: Uint8Array, salt: Uint8Array): FrameHead | undefined {
  const changed = Uint8Array.from(bytes.subarray(0, FRAME_HEAD_BYTES));
  for (let bit = 0; bit < changed.byteLength * 8; bit++) {
    const at = bit >>> 3;
    changed[at] = (changed[at] as number) ^ (1 << (bit & 7));
    const head = decodeFrameHead(changed, salt);
    if (head !== undefined) return head;
    changed[at] = bytes[at] as number;
  }
  return undefined;
}
