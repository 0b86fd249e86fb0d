import { decodeHeaders, encodeHeaders } from "./block-headers.js";
import type { OriginRecord } from "../model/record.js";

/**
 * A digest of records: two sums modulo 2^32. Digests of parts add up to the digest of the whole, in any order, so nodes
 * may cut and sort their blocks as they like.
 */
export interface RecordDigest {
  readonly high: number;
  readonly low: number;
}

export const NO_RECORDS: RecordDigest = { high: 0, low: 0 };

/** Name of the function below, in the API: sites whose names differ cannot be compared. */
export const DIGEST_NAME = "murmur3-sums";

const SEEDS = { high: 0x4c_46_44_31, low: -0x61_c8_86_47 } as const;
const FIXED_BYTES = 32;
const NO_BYTES = new Uint8Array(0);

export function addDigests(a: RecordDigest, b: RecordDigest): RecordDigest {
  return { high: (a.high + b.high) >>> 0, low: (a.low + b.low) >>> 0 };
}

/** Of all that every site holds of a record: seq, offset, timestamp, received, topic, headers by name, value. */
export function digestOf(record: OriginRecord): RecordDigest {
  const { seq, offset, timestamp, received, topic, headers, value } = record;
  shared.take(topic, encodeHeaders(headers), seq, offset, timestamp, received, value, 0, value.byteLength);
  return { high: shared.high, low: shared.low };
}

/** Digests record after record without making anything for each: the store's worker does millions of them. */
export class RecordDigester {
  /** Of the record that was taken last. */
  high = 0;
  low = 0;
  /** What is hashed before the value: seq, offset, timestamp, received, then topic and headers as JSON. */
  private a = 0;
  private b = 0;
  private head = Buffer.alloc(1024);
  private headView = viewOf(this.head);
  private headEnd = 0;
  private topic: string | undefined;
  private headers: Uint8Array = NO_BYTES;
  private headerText = Buffer.alloc(0);
  private source: Uint8Array = NO_BYTES;
  private sourceView = viewOf(NO_BYTES);

  /** @param headers as block-headers.ts encodes them. The value is [from, to) of `source`. */
  take(
    topic: string,
    headers: Uint8Array,
    seq: number,
    offset: number,
    timestamp: number,
    received: number,
    source: Uint8Array,
    from: number,
    to: number,
  ): void {
    const isKnown = isSame(headers, this.headers);
    if (!isKnown || topic !== this.topic) this.writeNames(topic, headers, isKnown);
    const { headView } = this;
    headView.setFloat64(0, seq, true);
    headView.setFloat64(8, offset, true);
    headView.setFloat64(16, timestamp, true);
    headView.setFloat64(24, received, true);
    if (source !== this.source) {
      this.source = source;
      this.sourceView = viewOf(source);
    }
    this.hash(source, from, to);
  }

  private writeNames(topic: string, headers: Uint8Array, isKnown: boolean): void {
    if (!isKnown) {
      const read = decodeHeaders(headers, 0);
      const pairs = Object.keys(read).sort();
      this.headerText = Buffer.from(pairs.map((name) => `,${JSON.stringify([name, read[name]])}`).join(""));
      this.headers = headers.slice();
    }
    this.topic = topic;
    const { headerText } = this;
    const wanted = FIXED_BYTES + topic.length + headerText.byteLength + 4;
    if (wanted > this.head.byteLength) {
      this.head = Buffer.alloc(2 * wanted);
      this.headView = viewOf(this.head);
    }
    const { head } = this;
    let at = FIXED_BYTES;
    // A topic's name is ASCII, and none of its characters is escaped.
    head[at++] = 0x5b;
    head[at++] = 0x22;
    for (let i = 0; i < topic.length; i++) head[at++] = topic.charCodeAt(i);
    head[at++] = 0x22;
    head.set(headerText, at);
    at += headerText.byteLength;
    head[at++] = 0x5d;
    this.headEnd = at;
  }

  /** MurmurHash3, 32 bits, with two seeds at once: of the head and then the value, as if they were one text. */
  private hash(source: Uint8Array, from: number, to: number): void {
    const { headView, head, headEnd } = this;
    this.a = SEEDS.high;
    this.b = SEEDS.low;
    const whole = headEnd & ~3;
    this.words(headView, 0, whole);
    // The word in which the value begins.
    let rest = 0;
    let bits = 0;
    for (let at = whole; at < headEnd; at++, bits += 8) rest |= (head[at] as number) << bits;
    let at = from;
    if (bits > 0) {
      for (; bits < 32 && at < to; bits += 8) rest |= (source[at++] as number) << bits;
      if (bits === 32) {
        const k = mixed(rest);
        this.a = step(this.a, k);
        this.b = step(this.b, k);
        rest = 0;
        bits = 0;
      }
    }
    if (bits === 0) {
      const end = at + ((to - at) & ~3);
      this.words(this.sourceView, at, end);
      for (at = end; at < to; at++, bits += 8) rest |= (source[at] as number) << bits;
    }
    const k = bits > 0 ? mixed(rest) : 0;
    const length = headEnd + to - from;
    this.high = finished(this.a ^ k ^ length);
    this.low = finished(this.b ^ k ^ length);
  }

  private words(view: DataView, from: number, to: number): void {
    let { a, b } = this;
    for (let at = from; at < to; at += 4) {
      const k = mixed(view.getInt32(at, true));
      a = step(a, k);
      b = step(b, k);
    }
    this.a = a;
    this.b = b;
  }
}

const shared = new RecordDigester();

function step(h: number, k: number): number {
  const x = h ^ k;
  return (Math.imul((x << 13) | (x >>> 19), 5) + -0x19_ab_94_9c) | 0;
}

function mixed(word: number): number {
  const k = Math.imul(word, -0x33_61_d2_af);
  return Math.imul((k << 15) | (k >>> 17), 0x1b_87_35_93);
}

function finished(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85_eb_ca_6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2_b2_ae_35);
  return (h ^ (h >>> 16)) >>> 0;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false;
  for (let i = 0; i < a.byteLength; i++) if (a[i] !== b[i]) return false;
  return true;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
