/**
 * Topics of one generation, numbered as they come: a hash table in typed arrays, so that a topic costs 64 bytes and what
 * its name has beyond the first 16, and no object. All of a topic lies in one line of the processor's cache: with a
 * million topics, every look at memory is one that has to wait. A topic is a name within a stream (by its number).
 */
const STRIDE = 16;
const HASH = 0;
const STREAM = 1;
const LENGTH = 2;
/** Where in `tails` the rest of a long name stands. */
const TAIL = 3;
/** The first 16 bytes of the name. */
const NAME = 4;
const NAME_BYTES = 16;
const HEAD = 8;
const DISORDERED = 9;
/** As a float64. */
const HIGHEST = 6;

export class TopicTable {
  count = 0;
  private entries: Int32Array<ArrayBuffer>;
  private floats: Float64Array;
  private bytes: Uint8Array;
  private tails = new Uint8Array(0);
  private tailsLength = 0;
  private slots: Int32Array;

  /** @param capacity topics expected; it grows beyond by itself */
  constructor(capacity: number) {
    this.entries = new Int32Array(Math.max(capacity, 16) * STRIDE);
    this.floats = new Float64Array(this.entries.buffer);
    this.bytes = new Uint8Array(this.entries.buffer);
    this.slots = new Int32Array(slotsFor(Math.max(capacity, 16))).fill(-1);
  }

  get capacity(): number {
    return this.entries.length / STRIDE;
  }

  /** The topic's number, or -1. */
  find(stream: number, name: string): number {
    const bytes = Buffer.from(name, "latin1");
    return this.lookup(stream, bytes, 0, bytes.length, hashName(stream, bytes, 0, bytes.length));
  }

  /** @param hash what `hashName` says */
  lookup(stream: number, bytes: Uint8Array, at: number, length: number, hash: number): number {
    const { slots, entries } = this;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const topic = slots[slot] as number;
      if (topic < 0) return -1;
      const entry = topic * STRIDE;
      if (entries[entry + HASH] !== hash || entries[entry + LENGTH] !== length) continue;
      if (entries[entry + STREAM] === stream && this.isNamed(entry, bytes, at, length)) return topic;
    }
  }

  add(stream: number, bytes: Uint8Array, at: number, length: number, hash: number): number {
    if (this.count * STRIDE === this.entries.length) this.grow();
    const topic = this.count++;
    const entry = topic * STRIDE;
    const { entries } = this;
    entries[entry + HASH] = hash;
    entries[entry + STREAM] = stream;
    entries[entry + LENGTH] = length;
    entries[entry + HEAD] = -1;
    const name = (entry + NAME) * 4;
    const inside = Math.min(length, NAME_BYTES);
    for (let i = 0; i < inside; i++) this.bytes[name + i] = bytes[at + i] as number;
    if (length > NAME_BYTES) this.addTail(entry, bytes, at + NAME_BYTES, length - NAME_BYTES);
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    while ((this.slots[slot] as number) >= 0) slot = (slot + 1) & mask;
    this.slots[slot] = topic;
    return topic;
  }

  name(topic: number): string {
    const entry = topic * STRIDE;
    const length = this.entries[entry + LENGTH] as number;
    const from = (entry + NAME) * 4;
    const start = Buffer.from(this.bytes.buffer, from, Math.min(length, NAME_BYTES)).toString("latin1");
    if (length <= NAME_BYTES) return start;
    const tail = this.entries[entry + TAIL] as number;
    return start + Buffer.from(this.tails.buffer, tail, length - NAME_BYTES).toString("latin1");
  }

  stream(topic: number): number {
    return this.entries[topic * STRIDE + STREAM] as number;
  }

  /** Newest record of the topic, -1 for none. */
  head(topic: number): number {
    return this.entries[topic * STRIDE + HEAD] as number;
  }

  /** Largest offset of the topic; 0 for none. */
  highest(topic: number): number {
    return this.floats[topic * (STRIDE / 2) + HIGHEST] as number;
  }

  /** Whether a record came with a smaller offset than one before it. */
  isDisordered(topic: number): boolean {
    return this.entries[topic * STRIDE + DISORDERED] === 1;
  }

  /** Takes the next record of a topic in; returns the one before it, or -1. */
  push(topic: number, record: number, offset: number): number {
    const { entries, floats } = this;
    const entry = topic * STRIDE;
    const head = entries[entry + HEAD] as number;
    entries[entry + HEAD] = record;
    const highest = topic * (STRIDE / 2) + HIGHEST;
    if (offset > (floats[highest] as number)) floats[highest] = offset;
    else entries[entry + DISORDERED] = 1;
    return head;
  }

  private isNamed(entry: number, bytes: Uint8Array, at: number, length: number): boolean {
    const name = (entry + NAME) * 4;
    const inside = length < NAME_BYTES ? length : NAME_BYTES;
    for (let i = 0; i < inside; i++) if (this.bytes[name + i] !== bytes[at + i]) return false;
    const tail = (this.entries[entry + TAIL] as number) - NAME_BYTES;
    for (let i = NAME_BYTES; i < length; i++) if (this.tails[tail + i] !== bytes[at + i]) return false;
    return true;
  }

  private addTail(entry: number, bytes: Uint8Array, at: number, length: number): void {
    while (this.tailsLength + length > this.tails.length) this.tails = doubled(this.tails);
    this.entries[entry + TAIL] = this.tailsLength;
    for (let i = 0; i < length; i++) this.tails[this.tailsLength++] = bytes[at + i] as number;
  }

  private grow(): void {
    const entries = new Int32Array(this.entries.length * 2);
    entries.set(this.entries);
    this.entries = entries;
    this.floats = new Float64Array(entries.buffer);
    this.bytes = new Uint8Array(entries.buffer);
    const size = slotsFor(this.capacity);
    if (size === this.slots.length) return;
    this.slots = new Int32Array(size).fill(-1);
    for (let topic = 0; topic < this.count; topic++) {
      let slot = (entries[topic * STRIDE + HASH] as number) & (size - 1);
      while ((this.slots[slot] as number) >= 0) slot = (slot + 1) & (size - 1);
      this.slots[slot] = topic;
    }
  }
}

const HASH_START = 0x811c9dc5 | 0;
const HASH_PRIME = 0x01000193;

/** FNV-1a over the name, with the stream mixed in, and well enough for the low bits to choose the slot. */
export function hashName(stream: number, bytes: Uint8Array, at: number, length: number): number {
  let hash = HASH_START;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ (bytes[at + i] as number), HASH_PRIME);
  const both = hash ^ Math.imul(stream + 1, 0x9e3779b1);
  const mixed = Math.imul(both ^ (both >>> 16), 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}

/** A power of two, never more than half full. */
function slotsFor(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(capacity * 2));
}

function doubled(array: Uint8Array): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(Math.max(array.length * 2, 16));
  grown.set(array);
  return grown;
}
