import { LandfallError } from "../model/errors.js";
import { GAP_REASONS } from "../model/gap.js";
import type { GapReason } from "../model/gap.js";
import { originId } from "../model/names.js";
import type { OriginId } from "../model/names.js";

/**
 * The one header that every Kafka record of Landfall carries, under the name `landfall`; little-endian. docs/kafka.md describes it
 * for other programs.
 *
 *      0  u8   version           10  i64  offset; of a gap, the seq behind its last
 *      1  u8   kind              18  i64  timestamp, ms since 1970: when it was measured
 *      2  i64  seq; of a gap,    26  i64  received, ms since 1970: when its origin first stored it
 *              its first         34  u8   length of the origin's name, then the name, then the record's headers (a gap's reason)
 */
export const HEADER_NAME = "landfall";
export const HEADER_VERSION = 1;
export const HEADER_FIXED_BYTES = 35;
const SEQ_AT = 2;
const OFFSET_AT = 10;
const TIMESTAMP_AT = 18;
const RECEIVED_AT = 26;
const ORIGIN_AT = 34;

/**
 * A record of a stream; and what readers of records skip: a gap, the mark with which a process begins to write, what nodes of
 * the site say to each other, and the mark behind which nothing comes of what a node has brought before.
 */
export const KIND = { record: 1, gap: 2, claim: 3, word: 4, fence: 5 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];
const KINDS: readonly number[] = Object.values(KIND);

export interface RecordHeader {
  readonly kind: Kind;
  readonly seq: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly received: number;
  readonly origin: OriginId;
  /** Headers of the record, encoded as in a block; the reason of a gap. */
  readonly rest: Uint8Array;
}

export function headerBytes(header: Pick<RecordHeader, "origin" | "rest">): number {
  return HEADER_FIXED_BYTES + header.origin.length + header.rest.length;
}

/** Writes it at `at`, where there is room for `headerBytes`. */
export function writeHeader(header: RecordHeader, bytes: Uint8Array, view: DataView, at: number): void {
  const { origin, rest } = header;
  bytes[at] = HEADER_VERSION;
  bytes[at + 1] = header.kind;
  writeNumbers(view, at, header.seq, header.offset, header.timestamp, header.received);
  bytes[at + ORIGIN_AT] = origin.length;
  for (let i = 0; i < origin.length; i++) bytes[at + HEADER_FIXED_BYTES + i] = origin.charCodeAt(i);
  bytes.set(rest, at + HEADER_FIXED_BYTES + origin.length);
}

/** The numbers alone, of a header that begins at `at`. */
export function writeNumbers(
  view: DataView,
  at: number,
  seq: number,
  offset: number,
  timestamp: number,
  received: number,
): void {
  writeInt64(view, at + SEQ_AT, seq);
  writeInt64(view, at + OFFSET_AT, offset);
  writeInt64(view, at + TIMESTAMP_AT, timestamp);
  writeInt64(view, at + RECEIVED_AT, received);
}

/** Reads headers; origins repeat, so their names are made once. */
export class HeaderReader {
  private last: { readonly bytes: Uint8Array; readonly origin: OriginId } | undefined;

  /** Undefined for what is none, or none of this version. */
  read(bytes: Uint8Array): RecordHeader | undefined {
    if (bytes.length < HEADER_FIXED_BYTES || bytes[0] !== HEADER_VERSION) return undefined;
    const kind = bytes[1] as Kind;
    const end = HEADER_FIXED_BYTES + (bytes[ORIGIN_AT] as number);
    if (!KINDS.includes(kind) || bytes.length < end) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const seq = readInt64(view, SEQ_AT);
    const offset = readInt64(view, OFFSET_AT);
    const timestamp = readInt64(view, TIMESTAMP_AT);
    const received = readInt64(view, RECEIVED_AT);
    if (seq < 0 || offset < 0 || ![seq, offset, timestamp, received].every(Number.isSafeInteger)) return undefined;
    const origin = this.origin(bytes.subarray(HEADER_FIXED_BYTES, end));
    if (origin === undefined) return undefined;
    return { kind, seq, offset, timestamp, received, origin, rest: bytes.subarray(end) };
  }

  private origin(name: Uint8Array): OriginId | undefined {
    if (this.last !== undefined && isEqual(this.last.bytes, name)) return this.last.origin;
    try {
      const origin = originId(Buffer.from(name.buffer, name.byteOffset, name.length).toString("latin1"));
      this.last = { bytes: name.slice(), origin };
      return origin;
    } catch {
      return undefined;
    }
  }
}

export function reasonBytes(reason: GapReason): Uint8Array {
  return new TextEncoder().encode(reason);
}

/** @throws LandfallError CORRUPT_BLOCK */
export function readReason(rest: Uint8Array): GapReason {
  const text = Buffer.from(rest).toString("latin1");
  const reason = GAP_REASONS.find((known) => known === text);
  if (reason === undefined) throw new LandfallError("CORRUPT_BLOCK", `no reason for a gap: ${JSON.stringify(text)}`);
  return reason;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Any safe integer; two halves are faster than a BigInt. */
export function writeInt64(view: DataView, at: number, value: number, isLittle = true): void {
  const high = Math.floor(value / 2 ** 32);
  view.setInt32(isLittle ? at + 4 : at, high, isLittle);
  view.setUint32(isLittle ? at : at + 4, value - high * 2 ** 32, isLittle);
}

export function readInt64(view: DataView, at: number, isLittle = true): number {
  return view.getInt32(isLittle ? at + 4 : at, isLittle) * 2 ** 32 + view.getUint32(isLittle ? at : at + 4, isLittle);
}
