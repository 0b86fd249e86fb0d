import { Float64Column, Uint32Column } from "./columns.js";
import { corrupt } from "./block-layout.js";
import { emptyFields, recordAt } from "./block-parse.js";
import { StreamIndex } from "./stream-index.js";
import type { OriginId, StreamName, TopicName } from "../model/names.js";
import type { ParsedBlock } from "./block-parse.js";
import type { OriginLog } from "./origin-log.js";
import type { TopicIndex } from "./stream-index.js";

/** Where a block lies in the journal; `position` is of the block itself, behind its frame's head. */
export interface BlockPlace {
  readonly file: number;
  readonly position: number;
  readonly bytes: number;
}

/** The fields of a block's records that the index keeps. */
interface Rows {
  readonly topics: Uint16Array;
  readonly offsets: Float64Array;
  readonly timestamps: Float64Array;
  readonly positions: Uint32Array;
}

/**
 * What is where: everything the store knows of its durable records but their headers and values.
 * Records and blocks are numbered as they were committed; 24 bytes for a record, 36 for a block, 8 for each record's
 * place in its topic. Only durable blocks come in here, so whoever reads from here sees nothing else (S2).
 */
export class RecordIndex {
  readonly streams = new Map<StreamName, StreamIndex>();
  private readonly offsets = new Float64Column();
  private readonly timestamps = new Float64Column();
  private readonly positions = new Uint32Column();
  private readonly blocks = new Uint32Column();
  private readonly blockFiles = new Uint32Column();
  private readonly blockPositions = new Uint32Column();
  private readonly blockBytes = new Uint32Column();
  private readonly blockLogs = new Uint32Column();
  private readonly blockFirstRecords = new Uint32Column();
  private readonly blockFirstSeqs = new Float64Column();
  private readonly blockArrivals = new Float64Column();
  private readonly logs: OriginLog[] = [];
  private readonly logNumbers = new Map<OriginLog, number>();
  topicCount = 0;

  get recordCount(): number {
    return this.offsets.length;
  }

  /**
   * Takes a verified block in, all of it or, when it throws, nothing. Returns its number, or undefined when some of
   * its seqs are here already.
   * @throws LandfallError CORRUPT_BLOCK
   */
  add(block: ParsedBlock, place: BlockPlace, arrived: number): number | undefined {
    const rows = readRows(block);
    const stream = this.streamForWriting(block.stream);
    const log = stream.logForWriting(block.origin);
    const number = this.blockFiles.length;
    if (!log.add(number, block.firstSeq, block.count)) return undefined;
    this.blockFiles.push(place.file);
    this.blockPositions.push(place.position);
    this.blockBytes.push(place.bytes);
    this.blockLogs.push(this.numberOf(log));
    this.blockFirstRecords.push(this.offsets.length);
    this.blockFirstSeqs.push(block.firstSeq);
    this.blockArrivals.push(arrived);
    const before = stream.topicCount;
    const topics = block.topics.map((name) => stream.topicForWriting(name));
    this.topicCount += stream.topicCount - before;
    for (let i = 0; i < block.count; i++) {
      const record = this.offsets.length;
      this.offsets.push(rows.offsets[i] as number);
      this.timestamps.push(rows.timestamps[i] as number);
      this.positions.push(rows.positions[i] as number);
      this.blocks.push(number);
      this.insert(topics[rows.topics[i] as number] as TopicIndex, record);
    }
    return number;
  }

  vectorNext(stream: StreamName, origin: OriginId): number {
    return this.streams.get(stream)?.logs.get(origin)?.next ?? 0;
  }

  offset(record: number): number {
    return this.offsets.get(record);
  }
  timestamp(record: number): number {
    return this.timestamps.get(record);
  }
  /** Where the record begins in its block. */
  position(record: number): number {
    return this.positions.get(record);
  }
  /** Bytes of the record in its block. */
  bytes(record: number): number {
    const block = this.blocks.get(record);
    const last = record + 1 === this.offsets.length || this.blocks.get(record + 1) !== block;
    return (last ? this.blockBytes.get(block) : this.positions.get(record + 1)) - this.positions.get(record);
  }
  block(record: number): number {
    return this.blocks.get(record);
  }
  place(block: number): BlockPlace {
    return {
      file: this.blockFiles.get(block),
      position: this.blockPositions.get(block),
      bytes: this.blockBytes.get(block),
    };
  }
  log(block: number): OriginLog {
    return this.logs[this.blockLogs.get(block)] as OriginLog;
  }
  arrived(block: number): number {
    return this.blockArrivals.get(block);
  }
  firstRecord(block: number): number {
    return this.blockFirstRecords.get(block);
  }
  seq(record: number): number {
    const block = this.blocks.get(record);
    return this.blockFirstSeqs.get(block) + record - this.blockFirstRecords.get(block);
  }

  /** Number in `topic.records` of the first that is not before (offset, origin); with no origin, before all of them. */
  find(topic: TopicIndex, offset: number, origin: OriginId | ""): number {
    let low = 0;
    let high = topic.records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.isBefore(topic.records[middle] as number, offset, origin)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Whether this origin's record with this offset is in the topic (O1). */
  holds(stream: StreamName, topic: TopicName, offset: number, origin: OriginId): boolean {
    const index = this.streams.get(stream)?.topic(topic);
    if (index === undefined || offset > index.lastOffset) return false;
    const record = index.records[this.find(index, offset, origin)];
    return record !== undefined && this.offset(record) === offset && this.log(this.block(record)).origin === origin;
  }

  private isBefore(record: number, offset: number, origin: OriginId | ""): boolean {
    const own = this.offsets.get(record);
    return own < offset || (own === offset && this.log(this.blocks.get(record)).origin < origin);
  }

  private insert(topic: TopicIndex, record: number): void {
    const offset = this.offsets.get(record);
    if (offset > topic.lastOffset) {
      topic.lastOffset = offset;
      topic.records.push(record);
      return;
    }
    // Late: another origin wrote it before what we have, and we learn of it now.
    const at = this.find(topic, offset, this.log(this.blocks.get(record)).origin);
    topic.records.splice(at, 0, record);
  }

  private streamForWriting(name: StreamName): StreamIndex {
    let stream = this.streams.get(name);
    if (stream === undefined) {
      stream = new StreamIndex(name);
      this.streams.set(name, stream);
    }
    return stream;
  }

  private numberOf(log: OriginLog): number {
    let number = this.logNumbers.get(log);
    if (number === undefined) {
      number = this.logs.push(log) - 1;
      this.logNumbers.set(log, number);
    }
    return number;
  }
}

/** Reads the whole block before any of it is taken in. */
function readRows(block: ParsedBlock): Rows {
  const { count } = block;
  const rows = {
    topics: new Uint16Array(count),
    offsets: new Float64Array(count),
    timestamps: new Float64Array(count),
    positions: new Uint32Array(count),
  };
  const fields = emptyFields();
  let at = block.recordsAt;
  for (let i = 0; i < count; i++) {
    recordAt(block, at, fields);
    rows.topics[i] = fields.topic;
    rows.offsets[i] = fields.offset;
    rows.timestamps[i] = fields.timestamp;
    rows.positions[i] = at;
    at = fields.end;
  }
  if (at !== block.bytes.byteLength) throw corrupt("bytes after the last record", at);
  return rows;
}
