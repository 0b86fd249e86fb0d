import { BLOCK_BYTES_MAX, BLOCK_RECORDS_MAX } from "../limits.js";
import {
  BLOCK_HEADER_BYTES,
  BLOCK_MAGIC,
  BLOCK_VERSION,
  COUNT_AT,
  CRC_AT,
  FIRST_SEQ_AT,
  LENGTH_AT,
  TOPIC_COUNT_AT,
} from "./block-layout.js";
import { blockChecksum } from "./block-parse.js";
import type { OriginId, StreamName, TopicName } from "../model/names.js";
import type { EncodedRecords } from "./encoded-records.js";

/** Consecutive records of one buffer. */
interface Part {
  readonly from: EncodedRecords;
  readonly first: number;
  end: number;
}

/** One block in the making: takes consecutive records of one origin as long as they fit, then is written at once. */
export class BlockBuilder {
  bytes: number;
  count = 0;
  private readonly topics: TopicName[] = [];
  private readonly topicNumbers = new Map<TopicName, number>();
  private readonly parts: Part[] = [];

  /** @param bytesMax closed when it would grow beyond; a single record may be larger, up to BLOCK_BYTES_MAX */
  constructor(
    readonly stream: StreamName,
    readonly origin: OriginId,
    readonly firstSeq: number,
    private readonly bytesMax: number = BLOCK_BYTES_MAX,
  ) {
    this.bytes = BLOCK_HEADER_BYTES + 1 + stream.length + 1 + origin.length;
  }

  get nextSeq(): number {
    return this.firstSeq + this.count;
  }

  /** Takes record `i` of `from` under the next seq; false when it does not fit any more. */
  add(from: EncodedRecords, i: number): boolean {
    if (this.count === BLOCK_RECORDS_MAX) return false;
    const topic = from.topics[i] as TopicName;
    let number = this.topicNumbers.get(topic);
    const bytes = from.recordBytes(i) + (number === undefined ? 1 + topic.length : 0);
    if (this.bytes + bytes > (this.count === 0 ? BLOCK_BYTES_MAX : this.bytesMax)) return false;
    if (number === undefined) {
      number = this.topics.push(topic) - 1;
      this.topicNumbers.set(topic, number);
    }
    from.setTopicNumber(i, number);
    const part = this.parts.at(-1);
    if (part !== undefined && part.from === from && part.end === i) part.end++;
    else this.parts.push({ from, first: i, end: i + 1 });
    this.bytes += bytes;
    this.count++;
    return true;
  }

  /** Writes the block to `target` at `at`, where there is room for `bytes`. */
  write(target: Uint8Array, at: number): void {
    const out = Buffer.from(target.buffer, target.byteOffset + at, this.bytes);
    for (let i = 0; i < BLOCK_MAGIC.length; i++) out[i] = BLOCK_MAGIC[i] as number;
    out[3] = BLOCK_VERSION;
    out.writeUInt32LE(this.bytes, LENGTH_AT);
    out.writeUInt32LE(this.firstSeq % 2 ** 32, FIRST_SEQ_AT);
    out.writeUInt32LE(Math.floor(this.firstSeq / 2 ** 32), FIRST_SEQ_AT + 4);
    out.writeUInt32LE(this.count, COUNT_AT);
    out.writeUInt32LE(this.topics.length, TOPIC_COUNT_AT);
    let position = BLOCK_HEADER_BYTES;
    for (const name of [this.stream, this.origin, ...this.topics]) {
      out[position] = name.length;
      position += 1 + out.write(name, position + 1, "latin1");
    }
    for (const { from, first, end } of this.parts) {
      const bytes = from.bytes.subarray(from.starts[first], from.starts[end]);
      out.set(bytes, position);
      position += bytes.byteLength;
    }
    out.writeUInt32LE(blockChecksum(out), CRC_AT);
  }
}
