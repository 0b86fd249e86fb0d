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
/** Behind an opening bracket and a quotation mark. */
const NAME_AT = FIXED_BYTES + 2;
const [OPENING, QUOTE, CLOSING] = [0x5b, 0x22, 0x5d];
const NO_BYTES = new Uint8Array(0);

export function addDigests(a: RecordDigest, b: RecordDigest): RecordDigest {
  return { high: (a.high + b.high) >>> 0, low: (a.low + b.low) >>> 0 };
}

/** Of all that every site holds of a record: seq, offset, timestamp, received, topic, headers by name, value. */
export function digestOf({ seq, offset, timestamp, received, topic, headers, value }: OriginRecord): RecordDigest {
  const encoded = encodeHeaders(headers);
  shared.beginNamed(topic);
  shared.take(seq, offset, timestamp, received, encoded, 0, encoded.length, value, 0, value.length);
  return { high: shared.high, low: shared.low };
}

/** Digests record after record without making anything for each: the store's worker does millions of them. */
export class RecordDigester {
  /** Of the record that was taken last. */
  high = 0;
  low = 0;
  private a = 0;
  private b = 0;
  /** What is hashed before the value: seq, offset, timestamp, received, then topic and headers as JSON. */
  private head = Buffer.alloc(1024);
  private headView = viewOf(this.head);
  private nameEnd = 0;
  private headEnd = 0;
  private topic: string | undefined;
  /** Headers of the last record as bytes, and as they stand in the head. */
  private headers: Uint8Array = NO_BYTES;
  private headerText = Buffer.alloc(0);
  private source: Uint8Array = NO_BYTES;
  private sourceView = viewOf(NO_BYTES);

  /** The records that follow are of this topic: its name is [at, at + length) of `source`, ASCII of which nothing is escaped. */
  beginTopic(source: Uint8Array, at: number, length: number): void {
    this.topic = undefined;
    const head = this.roomFor(length);
    for (let i = 0; i < length; i++) head[NAME_AT + i] = source[at + i] as number;
    this.endName(length);
  }

  /** The same for a name that is text. */
  beginNamed(topic: string): void {
    if (topic === this.topic) return;
    this.topic = topic;
    const head = this.roomFor(topic.length);
    for (let i = 0; i < topic.length; i++) head[NAME_AT + i] = topic.charCodeAt(i);
    this.endName(topic.length);
  }

  /**
   * The next record of the topic. Its headers are [headersAt, headersEnd) of `headers`, as block-headers.ts encodes them, its
   * value [from, to) of `source`.
   */
  take(
    seq: number,
    offset: number,
    timestamp: number,
    received: number,
    headers: Uint8Array,
    headersAt: number,
    headersEnd: number,
    source: Uint8Array,
    from: number,
    to: number,
  ): void {
    if (!isSame(this.headers, headers, headersAt, headersEnd)) {
      this.setHeaders(headers.slice(headersAt, headersEnd));
      this.roomFor(this.nameEnd - NAME_AT);
      this.putHeaders();
    }
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

  private setHeaders(headers: Uint8Array): void {
    const read = decodeHeaders(headers, 0);
    const names = Object.keys(read).sort();
    this.headerText = Buffer.from(names.map((name) => `,${JSON.stringify([name, read[name]])}`).join(""));
    this.headers = headers;
  }

  private roomFor(nameBytes: number): Buffer {
    const wanted = NAME_AT + nameBytes + this.headerText.length + 2;
    if (wanted > this.head.length) {
      this.head = Buffer.concat([this.head], 2 * wanted);
      this.headView = viewOf(this.head);
    }
    return this.head;
  }

  private endName(length: number): void {
    const { head } = this;
    head[FIXED_BYTES] = OPENING;
    head[FIXED_BYTES + 1] = QUOTE;
    head[NAME_AT + length] = QUOTE;
    this.nameEnd = NAME_AT + length;
    this.putHeaders();
  }

  private putHeaders(): void {
    const { head, headerText, nameEnd } = this;
    head.set(headerText, nameEnd + 1);
    this.headEnd = nameEnd + headerText.length + 2;
    head[this.headEnd - 1] = CLOSING;
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

function isSame(known: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (known.length !== to - from) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[from + i]) return false;
  return true;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
