import { decodeHeaders } from "./block-headers.js";
import { plainBlockOf, readRunColumns, readRunHead, runBlockOf, unpackRunValues } from "./run-block.js";
import { corruptRun } from "./run-columns.js";
import { indexOf } from "./run-stretch.js";
import type { Room } from "../codec/values.js";
import type { Headers } from "../model/record.js";
import { pickTopics, wholeOf } from "./plain-block.js";
import type { PickedRecords, PlainBlock } from "./plain-block.js";
import type { RunBlock, RunBlockHead, RunValues } from "./run-block.js";
import type { RunColumns } from "./run-columns.js";

/** A verified block of a run, of which as much is unpacked as is asked for. */
export interface BlockTopics {
  readonly count: number;
  /** Its first topic. */
  readonly first: string;
  /** What it takes in memory, about; it may change when it is asked for a topic. */
  readonly bytes: number;
  /** The records of this topic alone, if it has any. @throws LandfallError CORRUPT_BLOCK */
  topic(topic: string): RunBlock | undefined;
  /**
   * The records with a seq in [from, to), if there are any.
   * @param room where the values of a block that is packed may be put, when all of it is wanted
   * @throws LandfallError CORRUPT_BLOCK
   */
  withSeqs(from: number, to: number, room?: Room): BlockRecords | undefined;
}

/** Some records of a block. */
export interface BlockRecords extends PickedRecords {
  readonly headers: readonly Headers[];
  /** The values of the block. */
  readonly bytes: Uint8Array;
}

/** What a record takes in columns that are unpacked. */
const RECORD_COLUMN_BYTES = 48;
/** What a topic takes: the string, and where its records end. */
const TOPIC_BYTES = 40;

/**
 * Verifies the checksum.
 * @param arrived when all of it arrived, instead of what the block says: it was made at another site
 * @throws LandfallError CORRUPT_BLOCK
 */
export function openBlock(block: Uint8Array, arrived?: number): BlockTopics {
  const head = readRunHead(block);
  const plain = plainBlockOf(head);
  return plain === undefined ? new UnpackedTopics(head, arrived) : new PlainTopics(head, plain, arrived);
}

/** The records of the topic that was asked for last: whoever reads a history in pages asks again. */
interface OneTopic {
  readonly topic: string;
  readonly records: RunBlock;
}

/** Nothing is made of records that nobody asks for. */
class PlainTopics implements BlockTopics {
  private one: OneTopic | undefined;

  constructor(
    private readonly head: RunBlockHead,
    private readonly plain: PlainBlock,
    private readonly arrived: number | undefined,
  ) {
    if (plain.valueBytes !== head.values.byteLength) throw corruptRun("its values do not add up");
  }

  get bytes(): number {
    const { columns, values } = this.head;
    const one = (this.one?.records.count ?? 0) * RECORD_COLUMN_BYTES;
    return columns.byteLength + values.byteLength + one + this.plain.topicCount * TOPIC_BYTES;
  }

  get count(): number {
    return this.plain.count;
  }

  get first(): string {
    return this.plain.topic(0);
  }

  topic(topic: string): RunBlock | undefined {
    if (this.one?.topic === topic) return this.one.records;
    const number = this.plain.find(topic);
    if (number < 0) return undefined;
    const { columns, valueStarts } = this.plain.ofTopic(number);
    const records = runBlockOf(columns, { valueStarts, bytes: this.head.values }, this.arrived);
    this.one = { topic, records };
    return records;
  }

  withSeqs(from: number, to: number): BlockRecords | undefined {
    const picked = this.plain.withSeqs(from, to);
    return picked === undefined ? undefined : blockRecords(picked, this.head.values, this.arrived);
  }
}

/**
 * Whoever asks first is given the values of one topic: to render them all costs more, and most readers want but one. From the
 * second topic on, all of them are unpacked and kept.
 */
class UnpackedTopics implements BlockTopics {
  private readonly columns: RunColumns;
  private one: OneTopic | undefined;
  private values: RunValues | undefined;

  constructor(
    private readonly head: RunBlockHead,
    private readonly arrived: number | undefined,
  ) {
    const { columns, valueStarts } = readRunColumns(head);
    this.columns = columns;
    if (valueStarts !== undefined) this.values = checked(columns, { valueStarts, bytes: head.values });
  }

  get count(): number {
    return this.columns.count;
  }

  get first(): string {
    return this.columns.topics[0] as string;
  }

  get bytes(): number {
    const { columns, head, values, one } = this;
    const unpacked = (values?.bytes.byteLength ?? 0) + (one?.records.bytes.byteLength ?? 0);
    return (
      head.values.byteLength + unpacked + columns.count * RECORD_COLUMN_BYTES + columns.topics.length * TOPIC_BYTES
    );
  }

  topic(topic: string): RunBlock | undefined {
    if (this.one?.topic === topic) return this.one.records;
    const { topics, topicEnds } = this.columns;
    const number = indexOf(topics, topic);
    if (number < 0) return undefined;
    const from = number === 0 ? 0 : (topicEnds[number - 1] as number);
    const to = topicEnds[number] as number;
    if (this.values === undefined && this.one === undefined && to - from < this.columns.count) {
      const values = unpackRunValues(this.head, this.columns, { from, to });
      this.one = { topic, records: this.records(topic, from, to, values) };
      return this.one.records;
    }
    this.one = undefined;
    const { bytes, valueStarts } = this.all();
    return this.records(topic, from, to, { bytes, valueStarts: valueStarts.subarray(from, to + 1) });
  }

  withSeqs(from: number, to: number, room?: Room): BlockRecords | undefined {
    const { seqs, topics, topicEnds, headerOf } = this.columns;
    const picked: number[] = [];
    for (let i = 0; i < seqs.length; i++) if ((seqs[i] as number) >= from && (seqs[i] as number) < to) picked.push(i);
    if (picked.length === 0) return undefined;
    if (picked.length === seqs.length) {
      const whole = this.values ?? checked(this.columns, unpackRunValues(this.head, this.columns, undefined, room));
      return blockRecords(wholeOf(this.columns, whole.valueStarts), whole.bytes, this.arrived);
    }
    const { bytes, valueStarts } = this.all();
    const pick = (numbers: Float64Array): Float64Array => Float64Array.from(picked, (i) => numbers[i] as number);
    const named = pickTopics(topicEnds, picked);
    const records: PickedRecords = {
      count: picked.length,
      topics: named.numbers.map((number) => topics[number] as string),
      topicEnds: named.ends,
      seqs: pick(seqs),
      offsets: pick(this.columns.offsets),
      timestamps: pick(this.columns.timestamps),
      received: pick(this.columns.received),
      arrived: pick(this.columns.arrived),
      headerBytes: this.columns.headerBytes,
      headerOf: headerOf && Uint16Array.from(picked, (i) => headerOf[i] as number),
      valueAts: picked.map((i) => valueStarts[i] as number),
      valueEnds: picked.map((i) => valueStarts[i + 1] as number),
      isWhole: false,
    };
    return blockRecords(records, bytes, this.arrived);
  }

  private all(): RunValues {
    this.values ??= checked(this.columns, unpackRunValues(this.head, this.columns));
    return this.values;
  }

  private records(topic: string, from: number, to: number, values: RunValues): RunBlock {
    const { seqs, offsets, timestamps, received, arrived, headerBytes, headerOf } = this.columns;
    const columns = {
      count: to - from,
      topics: [topic],
      topicEnds: [to - from],
      seqs: seqs.subarray(from, to),
      offsets: offsets.subarray(from, to),
      timestamps: timestamps.subarray(from, to),
      received: received.subarray(from, to),
      arrived: arrived.subarray(from, to),
      headerBytes,
      headerOf: headerOf?.subarray(from, to),
    };
    return runBlockOf(columns, values, this.arrived);
  }
}

function checked({ count }: RunColumns, values: RunValues): RunValues {
  if (values.valueStarts[count] !== values.bytes.byteLength) throw corruptRun("its values do not add up");
  return values;
}

function blockRecords(picked: PickedRecords, bytes: Uint8Array, arrived: number | undefined): BlockRecords {
  if (arrived !== undefined) picked.arrived.fill(arrived);
  return { ...picked, headers: picked.headerBytes.map((header) => decodeHeaders(header, 0)), bytes };
}
