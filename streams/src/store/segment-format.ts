import { crc32 } from "node:zlib";
import { LandfallError } from "../model/errors.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { OriginLog } from "./origin-log.js";

/**
 * A segment file, format version 2: a head of 16 bytes ("LFSG", u32 version, u32 number, u32 CRC-32 of these), then for
 * each run its blocks, its index pages and its directory; then the footer, JSON (`RunMeta[]`), and the trailer of 16
 * bytes: u32 bytes of the footer, u32 CRC-32 of the footer, u32 version, "LFSE". docs/format.md says it all.
 * Version 1 has no blocks of version 2; it is read like any other.
 */
export const SEGMENT_VERSION = 2;
export const SEGMENT_HEAD_BYTES = 16;
export const SEGMENT_TRAILER_BYTES = 16;
const HEAD_MAGIC = 0x4753464c;
const TRAILER_MAGIC = 0x4553464c;

/** What the footer says of one run: records of one origin in one stream, seqs [from, to), sorted by topic and offset. */
export interface RunMeta {
  readonly stream: StreamName;
  readonly origin: OriginId;
  readonly from: number;
  readonly to: number;
  /** Fewer than `to - from` where a compacted stream has dropped what was superseded. */
  readonly count: number;
  readonly topics: number;
  readonly blocks: number;
  /** Bytes of the records, unpacked. */
  readonly rawBytes: number;
  readonly lowest: number;
  readonly highest: number;
  readonly fromTime: number;
  readonly toTime: number;
  /** Largest time of receipt: what expiry by age looks at. */
  readonly received: number;
  /** Where the directory lies, and its CRC-32. */
  readonly at: number;
  readonly bytes: number;
  readonly crc: number;
  /** Where the first block lies. */
  readonly begin: number;
  /** Values went through the codec, columns through brotli. */
  readonly packed: boolean;
  /** When all of it arrived at this site, where other sites made the blocks: ms since 1970, instead of what those say. */
  readonly arrived?: number;
  /**
   * Digests of what it holds of each chunk, in order: records, high, low (run-digests.ts). They were made of the records
   * when they were sealed, and are added up when runs are merged. Absent in runs of other sites and of older programs.
   */
  readonly digests?: readonly number[];
}

export interface Run extends RunMeta {
  readonly segment: Segment;
  readonly log: OriginLog;
  /** Some of it cannot be read: it is lacking, as far as replication is concerned. */
  damaged: boolean;
  /** Also made later, see digest-file.ts. */
  digests?: readonly number[];
}

/** What the footer says of it, and a worker needs to read it. */
export function metaOf(run: Run): RunMeta {
  const { segment: _segment, log: _log, damaged: _damaged, ...meta } = run;
  return meta;
}

export interface Segment {
  readonly number: number;
  readonly bytes: number;
  readonly runs: Run[];
}

export function segmentName(number: number): string {
  return `segment-${String(number).padStart(8, "0")}.lfs`;
}

export function segmentNumber(name: string): number | undefined {
  const digits = /^segment-(\d{8})\.lfs$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function encodeSegmentHead(number: number): Uint8Array {
  const bytes = Buffer.alloc(SEGMENT_HEAD_BYTES);
  bytes.writeUInt32LE(HEAD_MAGIC, 0);
  bytes.writeUInt32LE(SEGMENT_VERSION, 4);
  bytes.writeUInt32LE(number, 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 12)), 12);
  return bytes;
}

/** Whether a segment of this number begins with these bytes. */
export function isSegmentHead(bytes: Uint8Array, number: number): boolean {
  if (bytes.byteLength < SEGMENT_HEAD_BYTES) return false;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, SEGMENT_HEAD_BYTES);
  const isIts = buffer.readUInt32LE(0) === HEAD_MAGIC && buffer.readUInt32LE(8) === number;
  return isIts && buffer.readUInt32LE(12) === crc32(buffer.subarray(0, 12));
}

export function encodeFooter(runs: readonly RunMeta[]): Uint8Array {
  const json = Buffer.from(JSON.stringify(runs));
  const bytes = Buffer.alloc(json.byteLength + SEGMENT_TRAILER_BYTES);
  json.copy(bytes);
  bytes.writeUInt32LE(json.byteLength, json.byteLength);
  bytes.writeUInt32LE(crc32(json), json.byteLength + 4);
  bytes.writeUInt32LE(SEGMENT_VERSION, json.byteLength + 8);
  bytes.writeUInt32LE(TRAILER_MAGIC, json.byteLength + 12);
  return bytes;
}

/** Bytes of the footer that this trailer announces. @throws LandfallError CORRUPT_BLOCK, UNSUPPORTED_FORMAT */
export function decodeTrailer(trailer: Uint8Array, name: string): { readonly bytes: number; readonly crc: number } {
  const buffer = Buffer.from(trailer.buffer, trailer.byteOffset, trailer.byteLength);
  if (buffer.byteLength < SEGMENT_TRAILER_BYTES || buffer.readUInt32LE(12) !== TRAILER_MAGIC) {
    throw new LandfallError("CORRUPT_BLOCK", `${name} does not end like a segment`);
  }
  const version = buffer.readUInt32LE(8);
  if (version < 1 || version > SEGMENT_VERSION) {
    throw new LandfallError(
      "UNSUPPORTED_FORMAT",
      `${name} has format ${version}, which this program does not read; nothing was changed`,
    );
  }
  return { bytes: buffer.readUInt32LE(0), crc: buffer.readUInt32LE(4) };
}

/** @throws LandfallError CORRUPT_BLOCK */
export function decodeFooter(footer: Uint8Array, crc: number, name: string): RunMeta[] {
  if (crc32(footer) !== crc) throw new LandfallError("CORRUPT_BLOCK", `the footer of ${name} is damaged`);
  return JSON.parse(Buffer.from(footer.buffer, footer.byteOffset, footer.byteLength).toString("utf8")) as RunMeta[];
}
