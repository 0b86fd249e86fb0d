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
 * The index of one journal file that is not sealed yet: which records of which topics are where. Records are numbered
 * as they were written; of each topic they form a chain, the newest first. Records from `visible` on are on their way
 * to the disk: whoever reads must not see them (S2).
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
  readonly topics: TopicTable;
  readonly blocks: Block[] = [];
  private positions: Uint32Array;
  private previous: Int32Array;
  private topicOf: Int32Array;

  constructor(
    readonly number: number,
    capacity: { readonly records: number; readonly topics: number } = { records: 1024, topics: 128 },
  ) {
    this.offsets = new Float64Array(capacity.records);
    this.timestamps = new Float64Array(capacity.records);
    this.positions = new Uint32Array(capacity.records);
    this.previous = new Int32Array(capacity.records);
    this.topicOf = new Int32Array(capacity.records);
    this.topics = new TopicTable(capacity.topics);
  }

  /** The topic's number, made when it is new. */
  topic(stream: number, bytes: Uint8Array, at: number, length: number, hash: number): number {
    const found = this.topics.lookup(stream, bytes, at, length, hash);
    return found >= 0 ? found : this.topics.add(stream, bytes, at, length, hash);
  }

  /** @param position where the record begins in its block */
  add(topic: number, offset: number, timestamp: number, position: number): void {
    const record = this.count++;
    if (record === this.offsets.length) this.grow();
    this.offsets[record] = offset;
    this.timestamps[record] = timestamp;
    this.positions[record] = position;
    this.topicOf[record] = topic;
    this.previous[record] = this.topics.push(topic, record, offset);
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
      const hash = hashName(stream, bytes, nameAt, nameBytes);
      this.add(this.topic(stream, bytes, nameAt, nameBytes, hash), offset, timestamp, at);
      if (offset > highest) highest = offset;
      at = end;
    }
    log.saw(highest);
    this.visible = this.count;
    return number;
  }

  /** Records of a topic that are durable, the newest first. @param take returns false to stop */
  walk(topic: number, take: (record: number) => boolean): void {
    for (let record = this.topics.head(topic); record >= 0; record = this.previous[record] as number) {
      if (record < this.visible && !take(record)) return;
    }
  }

  /** Forgets the records from `count` on, whose commit failed. */
  rollBack(count: number, blocks: number): void {
    for (let record = this.count - 1; record >= count; record--) {
      this.topics.pop(this.topicOf[record] as number, this.previous[record] as number);
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

  /** Numbers of the durable topics of a stream. */
  topicsOf(stream: number): number[] {
    const found: number[] = [];
    const { topics } = this;
    for (let topic = 0; topic < topics.count; topic++) {
      const first = topics.first(topic);
      if (topics.stream(topic) === stream && first >= 0 && first < this.visible) found.push(topic);
    }
    return found;
  }

  private grow(): void {
    this.offsets = doubled(this.offsets, Float64Array);
    this.timestamps = doubled(this.timestamps, Float64Array);
    this.positions = doubled(this.positions, Uint32Array);
    this.previous = doubled(this.previous, Int32Array);
    this.topicOf = doubled(this.topicOf, Int32Array);
  }
}
