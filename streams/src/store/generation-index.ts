import { journalFields, journalRecordAt, recordStarts } from "./journal-block.js";
import { TopicTable, hashName } from "./topic-table.js";
import type { LandfallError } from "../model/errors.js";
import type { Block } from "./generation.js";
import type { JournalBlock } from "./journal-block.js";

/** A block that could not be read when the index was made. */
export interface DamagedBlock {
  readonly block: Readonly<Block>;
  readonly error: LandfallError;
}

/**
 * Which records of a journal each topic has: columns of numbers for the records, and of each topic a chain, the newest
 * first. Made of one block after the other; what is not durable never gets here (S2).
 */
export class GenerationIndex {
  /** So many blocks are in it, the first ones. */
  blocks = 0;
  readonly topics = new TopicTable(0);
  /** How many of them each stream has, by its number. */
  private readonly topicCounts = new Map<number, number>();
  /** Blocks whose topics are not known; a reader whose answer may lie in one must be told (S3). */
  readonly damaged: DamagedBlock[] = [];
  offsets = new Float64Array(0);
  timestamps = new Float64Array(0);
  /** Bytes that each record takes in its block. */
  sizes = new Uint32Array(0);
  /** The record before of the same topic. */
  private previous = new Int32Array(0);

  /** Takes the next block in. @param records of the whole journal so far @throws LandfallError CORRUPT_BLOCK, then nothing of it */
  add({ log, firstRecord, count }: Readonly<Block>, parsed: JournalBlock, records: number): void {
    this.reserve(firstRecord + count, records);
    const { offsets, timestamps, sizes, previous, topics } = this;
    const { bytes } = parsed;
    const { number: stream } = log.stream;
    const fields = journalFields();
    // All of it is looked at before any of it is taken.
    const starts = recordStarts(parsed);
    for (let i = 0; i < count; i++) {
      const record = firstRecord + i;
      const at = starts[i] as number;
      const { nameAt, nameBytes, offset, timestamp, end } = journalRecordAt(parsed, at, fields);
      const hash = hashName(stream, bytes, nameAt, nameBytes);
      let topic = topics.lookup(stream, bytes, nameAt, nameBytes, hash);
      if (topic < 0) {
        topic = topics.add(stream, bytes, nameAt, nameBytes, hash);
        this.topicCounts.set(stream, this.topicCount(stream) + 1);
      }
      offsets[record] = offset;
      timestamps[record] = timestamp;
      sizes[record] = end - at;
      previous[record] = topics.push(topic, record, offset);
    }
    this.blocks++;
  }

  /** The next block cannot be read. */
  skip(block: Readonly<Block>, error: LandfallError): void {
    this.damaged.push({ block, error });
    this.blocks++;
  }

  /** Records of a topic, the newest first. @param take returns false to stop */
  walk(topic: number, take: (record: number) => boolean): void {
    for (let record = this.topics.head(topic); record >= 0; record = this.previous[record] as number) {
      if (!take(record)) return;
    }
  }

  topicCount(stream: number): number {
    return this.topicCounts.get(stream) ?? 0;
  }

  /** Names of the topics of a stream, in no order. */
  topicsOf(stream: number): string[] {
    const found: string[] = [];
    const { topics } = this;
    for (let topic = 0; topic < topics.count; topic++) {
      if (topics.stream(topic) === stream) found.push(topics.name(topic));
    }
    return found;
  }

  /** Room for so many records now; for all of the journal when there is none at all yet. */
  private reserve(needed: number, records: number): void {
    if (needed <= this.sizes.length) return;
    const wanted = Math.max(needed, this.sizes.length === 0 ? records : 0);
    while (this.sizes.length < wanted) {
      const length = this.sizes.length === 0 ? wanted : this.sizes.length * 2;
      this.offsets = grown(this.offsets, new Float64Array(length));
      this.timestamps = grown(this.timestamps, new Float64Array(length));
      this.sizes = grown(this.sizes, new Uint32Array(length));
      this.previous = grown(this.previous, new Int32Array(length));
    }
  }
}

function grown<T extends Float64Array | Int32Array | Uint32Array>(from: T, into: T): T {
  into.set(from);
  return into;
}
