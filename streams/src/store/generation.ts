import { setImmediate as immediate } from "node:timers/promises";
import { TopicTable, doubled, hashName } from "./topic-table.js";
import { journalFields, journalRecordAt } from "./journal-block.js";
import { corrupt } from "./block-layout.js";
import type { JournalBlock } from "./journal-block.js";
import type { OriginLog } from "./origin-log.js";

/** Where a block lies in its journal file; `position` is of the block itself, behind its frame's head. */
export interface JournalPlace {
  readonly position: number;
  readonly bytes: number;
}

const TOPIC_ROOM_BYTES = 256;
/** Records indexed in one turn of the event loop: a few milliseconds. */
const INDEX_STEP_RECORDS = 5_000;

interface Block extends JournalPlace {
  readonly log: OriginLog;
  readonly firstSeq: number;
  readonly firstRecord: number;
  readonly count: number;
  arrived: number;
  /** What a record may take on the wire besides what it takes here: its topic's name, or only that one's length. */
  readonly extra: number;
}

/**
 * What is known of one journal file that is not sealed yet: where each record is, and which records each topic has.
 * Records are numbered as they were written; of each topic they form a chain, the newest first. Records from `visible`
 * on are on their way to the disk: whoever reads must not see them (S2).
 *
 * Appending only adds to columns. Topics are looked up when somebody asks for one (`indexAll`, `indexed`): under load
 * most journals are sealed before anybody does, and the look-ups were most of what an append cost.
 */
export class Generation {
  count = 0;
  visible = 0;
  /** Number of the last commit in it. */
  lastCommit = -1;
  /** Nothing more is written to it. */
  isFull = false;
  offsets: Float64Array;
  timestamps: Float64Array;
  readonly blocks: Block[] = [];
  private readonly table: TopicTable;
  private positions: Uint32Array;
  /** The record before of the same topic; of a record that is not indexed yet, where its topic's name stands. */
  private previous: Int32Array;
  /** Number of the topic; of a record that is not indexed yet, of the stream. */
  private topicOf: Int32Array;
  private indexedCount = 0;
  /** Names of the topics of records that are not indexed yet, each with its length before it. */
  private names: Uint8Array;
  private namesLength = 0;

  constructor(
    readonly number: number,
    capacity: { readonly records: number; readonly topics: number } = { records: 1024, topics: 128 },
  ) {
    this.offsets = new Float64Array(capacity.records);
    this.timestamps = new Float64Array(capacity.records);
    this.positions = new Uint32Array(capacity.records);
    this.previous = new Int32Array(capacity.records);
    this.topicOf = new Int32Array(capacity.records);
    this.names = new Uint8Array(capacity.records * 16);
    this.table = new TopicTable(capacity.topics);
  }

  /**
   * @param name where the topic's name stands in `bytes`, `nameBytes` long
   * @param position where the record begins in its block
   */
  add(
    stream: number,
    bytes: Uint8Array,
    name: number,
    nameBytes: number,
    offset: number,
    timestamp: number,
    position: number,
  ): void {
    const record = this.count++;
    if (record === this.offsets.length) this.grow();
    const at = this.namesLength;
    const end = at + 1 + nameBytes;
    if (end > this.names.length) this.names = doubled(this.names, Uint8Array);
    const { names } = this;
    names[at] = nameBytes;
    for (let i = 0; i < nameBytes; i++) names[at + 1 + i] = bytes[name + i] as number;
    this.namesLength = end;
    this.offsets[record] = offset;
    this.timestamps[record] = timestamp;
    this.positions[record] = position;
    this.topicOf[record] = stream;
    this.previous[record] = at;
  }

  /** The topics, with every record that was added so far. */
  indexAll(): TopicTable {
    this.index(this.count);
    return this.table;
  }

  /** The topics, with every record that is durable now; in steps, between which others get their turn. */
  async indexed(): Promise<TopicTable> {
    const wanted = this.visible;
    while (this.indexedCount < wanted) {
      this.index(Math.min(wanted, this.indexedCount + INDEX_STEP_RECORDS));
      if (this.indexedCount < wanted) await immediate();
    }
    return this.table;
  }

  /** Takes a block of a journal that is replayed in; nothing of it when it throws. @throws LandfallError CORRUPT_BLOCK */
  replay(block: JournalBlock, log: OriginLog, place: JournalPlace, arrived: number): number {
    const fields = journalFields();
    let at = block.recordsAt;
    for (let i = 0; i < block.count; i++) at = journalRecordAt(block, at, fields).end;
    if (at !== block.bytes.byteLength) throw corrupt("bytes after the last record", at);
    const { count, firstSeq, bytes } = block;
    const extra = block.names === undefined ? 1 : TOPIC_ROOM_BYTES;
    const number = this.blocks.push({ ...place, log, firstSeq, firstRecord: this.count, count, arrived, extra }) - 1;
    at = block.recordsAt;
    const stream = log.stream.number;
    let highest = 0;
    for (let i = 0; i < count; i++) {
      const { nameAt, nameBytes, offset, timestamp, end } = journalRecordAt(block, at, fields);
      this.add(stream, bytes, nameAt, nameBytes, offset, timestamp, at);
      if (offset > highest) highest = offset;
      at = end;
    }
    log.saw(highest);
    this.visible = this.count;
    return number;
  }

  /** Records of a topic that are durable, the newest first. @param take returns false to stop */
  walk(topic: number, take: (record: number) => boolean): void {
    for (let record = this.table.head(topic); record >= 0; record = this.previous[record] as number) {
      if (record < this.visible && !take(record)) return;
    }
  }

  /** Forgets the records from `count` on, whose commit failed. */
  rollBack(count: number, blocks: number): void {
    if (count >= this.indexedCount) {
      if (count < this.count) this.namesLength = this.previous[count] as number;
    } else {
      for (let record = this.indexedCount - 1; record >= count; record--) {
        this.table.pop(this.topicOf[record] as number, this.previous[record] as number);
      }
      this.indexedCount = count;
      this.namesLength = 0;
    }
    this.count = count;
    this.blocks.length = blocks;
  }

  /** Number of the block that holds a record. */
  blockOf(record: number): number {
    let low = 0;
    let high = this.blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.blocks[middle] as Block).firstRecord <= record) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  block(number: number): Readonly<Block> {
    return this.blocks[number] as Block;
  }

  setArrived(block: number, arrived: number): void {
    (this.blocks[block] as Block).arrived = arrived;
  }

  /** Where the record begins in its block. */
  position(record: number): number {
    return this.positions[record] as number;
  }

  /** Bytes of the record in its block. */
  recordBytes(record: number, block: Readonly<Block>): number {
    const isLast = record + 1 === block.firstRecord + block.count;
    return (isLast ? block.bytes : this.position(record + 1)) - this.position(record);
  }

  /** How many topics are indexed. */
  get topicCount(): number {
    return this.table.count;
  }

  /** Names of the durable topics of a stream, in no order. */
  topicsOf(stream: number): string[] {
    const found: string[] = [];
    const topics = this.indexAll();
    for (let topic = 0; topic < topics.count; topic++) {
      const first = topics.first(topic);
      if (topics.stream(topic) === stream && first >= 0 && first < this.visible) found.push(topics.name(topic));
    }
    return found;
  }

  private index(until: number): void {
    const { names, table } = this;
    for (; this.indexedCount < until; this.indexedCount++) {
      const record = this.indexedCount;
      const at = this.previous[record] as number;
      const length = names[at] as number;
      const stream = this.topicOf[record] as number;
      const hash = hashName(stream, names, at + 1, length);
      let topic = table.lookup(stream, names, at + 1, length, hash);
      if (topic < 0) topic = table.add(stream, names, at + 1, length, hash);
      this.topicOf[record] = topic;
      this.previous[record] = table.push(topic, record, this.offsets[record] as number);
    }
    if (this.indexedCount === this.count) this.namesLength = 0;
  }

  private grow(): void {
    this.offsets = doubled(this.offsets, Float64Array);
    this.timestamps = doubled(this.timestamps, Float64Array);
    this.positions = doubled(this.positions, Uint32Array);
    this.previous = doubled(this.previous, Int32Array);
    this.topicOf = doubled(this.topicOf, Int32Array);
  }
}
