/**
 * Topics of one generation, numbered as they come: a hash table in typed arrays and the names one behind the other, so
 * that a topic costs its name and some forty bytes, and no object. A topic is a name within a stream (by its number).
 */
export class TopicTable {
  count = 0;
  /** Newest record of the topic, -1 for none. */
  heads: Int32Array;
  /** First record of the topic. */
  firsts: Int32Array;
  /** Largest offset given or seen of the topic, whether durable or not. */
  highest: Float64Array;
  /** 1 when a record came with a smaller offset than one before it. */
  disordered: Uint8Array;
  streams: Int32Array;
  private hashes: Int32Array;
  private nameAts: Uint32Array;
  private names: Uint8Array;
  private namesLength = 0;
  private slots: Int32Array;

  /** @param capacity topics expected; it grows beyond by itself */
  constructor(capacity: number) {
    this.heads = new Int32Array(capacity);
    this.firsts = new Int32Array(capacity);
    this.highest = new Float64Array(capacity);
    this.disordered = new Uint8Array(capacity);
    this.streams = new Int32Array(capacity);
    this.hashes = new Int32Array(capacity);
    this.nameAts = new Uint32Array(capacity + 1);
    this.names = new Uint8Array(capacity * 12);
    this.slots = new Int32Array(slotsFor(capacity)).fill(-1);
  }

  /** The topic's number, or -1. */
  find(stream: number, name: string): number {
    const bytes = Buffer.from(name, "latin1");
    return this.lookup(stream, bytes, 0, bytes.byteLength, hashName(stream, bytes, 0, bytes.byteLength));
  }

  /** @param hash what `hashName` says */
  lookup(stream: number, bytes: Uint8Array, at: number, length: number, hash: number): number {
    const mask = this.slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const topic = this.slots[slot] as number;
      if (topic < 0 || (this.hashes[topic] === hash && this.isSame(topic, stream, bytes, at, length))) return topic;
    }
  }

  add(stream: number, bytes: Uint8Array, at: number, length: number, hash: number): number {
    if (this.count === this.heads.length) this.grow();
    const topic = this.count++;
    while (this.namesLength + length > this.names.byteLength) this.names = doubled(this.names, Uint8Array);
    for (let i = 0; i < length; i++) this.names[this.namesLength + i] = bytes[at + i] as number;
    this.nameAts[topic] = this.namesLength;
    this.namesLength += length;
    this.nameAts[topic + 1] = this.namesLength;
    this.streams[topic] = stream;
    this.hashes[topic] = hash;
    this.heads[topic] = -1;
    this.firsts[topic] = -1;
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    while ((this.slots[slot] as number) >= 0) slot = (slot + 1) & mask;
    this.slots[slot] = topic;
    return topic;
  }

  name(topic: number): string {
    const from = this.nameAts[topic] as number;
    return Buffer.from(this.names.buffer, from, (this.nameAts[topic + 1] as number) - from).toString("latin1");
  }

  private isSame(topic: number, stream: number, bytes: Uint8Array, at: number, length: number): boolean {
    const from = this.nameAts[topic] as number;
    if ((this.nameAts[topic + 1] as number) - from !== length || this.streams[topic] !== stream) return false;
    for (let i = 0; i < length; i++) if (this.names[from + i] !== bytes[at + i]) return false;
    return true;
  }

  private grow(): void {
    this.heads = doubled(this.heads, Int32Array);
    this.firsts = doubled(this.firsts, Int32Array);
    this.highest = doubled(this.highest, Float64Array);
    this.disordered = doubled(this.disordered, Uint8Array);
    this.streams = doubled(this.streams, Int32Array);
    this.hashes = doubled(this.hashes, Int32Array);
    const nameAts = new Uint32Array(this.heads.length + 1);
    nameAts.set(this.nameAts);
    this.nameAts = nameAts;
    const size = slotsFor(this.heads.length);
    if (size === this.slots.length) return;
    this.slots = new Int32Array(size).fill(-1);
    for (let topic = 0; topic < this.count; topic++) {
      let slot = (this.hashes[topic] as number) & (size - 1);
      while ((this.slots[slot] as number) >= 0) slot = (slot + 1) & (size - 1);
      this.slots[slot] = topic;
    }
  }
}

/** FNV-1a over the name, begun with the stream, then mixed: its low bits choose the slot. */
export function hashName(stream: number, bytes: Uint8Array, at: number, length: number): number {
  let hash = hashStart(stream);
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ (bytes[at + i] as number), 0x01000193);
  return hashEnd(hash);
}

export function hashStart(stream: number): number {
  return 0x811c9dc5 ^ Math.imul(stream, 0x9e3779b1);
}

export function hashEnd(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}

/** A power of two, never more than half full. */
function slotsFor(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(capacity * 2));
}

type Numbers = Int32Array | Uint32Array | Float64Array | Uint8Array;

export function doubled<T extends Numbers>(array: T, make: new (length: number) => T): T {
  const grown = new make(Math.max(array.length * 2, 16));
  grown.set(array);
  return grown;
}
