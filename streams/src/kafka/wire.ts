import { viewOf } from "../store/block-layout.js";
import { readInt64, writeInt64 } from "./record-header.js";
import type { FetchResult, ProduceResult, TopicPartition } from "./kafka-client.js";

/**
 * The two requests that carry records, in the oldest version that every broker from 0.11 to 4.x understands: Produce 3
 * and Fetch 4. What a broker says of each partition is kept apart; kafkajs throws all away when one of them failed. `throttleMs` is
 * how long the broker will not read from the connection now, for a quota's sake.
 */
export const PRODUCE_VERSION = 3;
export const FETCH_VERSION = 4;
const ALL_REPLICAS = -1;
const CONSUMER = -1;
const READ_UNCOMMITTED = 0;
/** Produce among the kinds of requests. */
const PRODUCE_KEY = 0;
/** Of a request's length, which stands before it and does not count itself. */
const REQUEST_LENGTH_BYTES = 4;
const FIXED_BYTES = 64;
const PER_PARTITION_BYTES = 64;

/** Batches from this size on are sent from where they lie; smaller ones cost less to copy than to send as a piece of their own. */
const OWN_PIECE_BYTES_MIN = 16 * 1024;

/** The request from its first byte to its last, in pieces: large batches are not copied, and must not change before the answer. */
export function encodeProduce(
  batches: readonly (TopicPartition & { readonly batch: Uint8Array })[],
  { correlationId, clientId, waitMs }: { correlationId: number; clientId: string; waitMs: number },
): Uint8Array[] {
  const room = batches.reduce(
    (sum, { topic, batch }) => sum + topic.length + PER_PARTITION_BYTES + (isOwnPiece(batch) ? 0 : batch.length),
    FIXED_BYTES + Buffer.byteLength(clientId),
  );
  const out = new Output(room);
  const pieces: Uint8Array[] = [];
  out.int32(0);
  out.int16(PRODUCE_KEY);
  out.int16(PRODUCE_VERSION);
  out.int32(correlationId);
  out.text(clientId, "utf8");
  out.int16(-1);
  out.int16(ALL_REPLICAS);
  out.int32(waitMs);
  byTopic(out, batches, ({ partition, batch }) => {
    out.int32(partition);
    out.int32(batch.length);
    if (isOwnPiece(batch)) pieces.push(out.piece(), batch);
    else out.bytes(batch);
  });
  pieces.push(out.piece());
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  viewOf(pieces[0] as Uint8Array).setInt32(0, bytes - REQUEST_LENGTH_BYTES);
  return pieces;
}

function isOwnPiece(batch: Uint8Array): boolean {
  return batch.length >= OWN_PIECE_BYTES_MIN;
}

export function decodeProduce(payload: Uint8Array): {
  results: { code: number; result: ProduceResult }[];
  throttleMs: number;
} {
  const input = new Input(payload);
  const results: { code: number; result: ProduceResult }[] = [];
  for (let topics = input.int32(); topics > 0; topics--) {
    const topic = input.text();
    for (let left = input.int32(); left > 0; left--) {
      const partition = input.int32();
      const code = input.int16();
      const baseOffset = input.int64();
      input.int64();
      results.push({ code, result: { topic, partition, baseOffset, error: undefined } });
    }
  }
  return { results, throttleMs: input.int32() };
}

export function encodeFetch(
  from: readonly (TopicPartition & { readonly position: number })[],
  limits: { readonly waitMs: number; readonly bytesMax: number; readonly partitionBytesMax: number },
): Buffer {
  const room = from.reduce((sum, { topic }) => sum + topic.length + PER_PARTITION_BYTES, FIXED_BYTES);
  const out = new Output(room);
  out.int32(CONSUMER);
  out.int32(limits.waitMs);
  out.int32(1);
  out.int32(limits.bytesMax);
  out.int8(READ_UNCOMMITTED);
  byTopic(out, from, ({ partition, position }) => {
    out.int32(partition);
    out.int64(position);
    out.int32(limits.partitionBytesMax);
  });
  return out.done();
}

export function decodeFetch(payload: Uint8Array): {
  results: { code: number; result: FetchResult }[];
  throttleMs: number;
} {
  const input = new Input(payload);
  const throttleMs = input.int32();
  const results: { code: number; result: FetchResult }[] = [];
  for (let topics = input.int32(); topics > 0; topics--) {
    const topic = input.text();
    for (let left = input.int32(); left > 0; left--) {
      const partition = input.int32();
      const code = input.int16();
      input.int64();
      input.int64();
      for (let aborted = input.int32(); aborted > 0; aborted--) {
        input.int64();
        input.int64();
      }
      const length = input.int32();
      const records = length <= 0 ? new Uint8Array(0) : input.bytes(length);
      results.push({ code, result: { topic, partition, records, error: undefined } });
    }
  }
  return { results, throttleMs };
}

/** Partitions of one topic stand together. */
function byTopic<T extends TopicPartition>(out: Output, parts: readonly T[], write: (part: T) => void): void {
  const topics = new Map<string, T[]>();
  for (const part of parts) {
    const list = topics.get(part.topic);
    if (list === undefined) topics.set(part.topic, [part]);
    else list.push(part);
  }
  out.int32(topics.size);
  for (const [topic, list] of topics) {
    out.text(topic);
    out.int32(list.length);
    for (const part of list) write(part);
  }
}

class Output {
  private readonly target: Buffer;
  private readonly view: DataView;
  private at = 0;
  private pieceFrom = 0;

  constructor(room: number) {
    this.target = Buffer.allocUnsafe(room);
    this.view = new DataView(this.target.buffer, this.target.byteOffset, room);
  }

  int8(value: number): void {
    this.view.setInt8(this.at, value);
    this.at++;
  }
  int16(value: number): void {
    this.view.setInt16(this.at, value);
    this.at += 2;
  }
  int32(value: number): void {
    this.view.setInt32(this.at, value);
    this.at += 4;
  }
  int64(value: number): void {
    writeInt64(this.view, this.at, value, false);
    this.at += 8;
  }
  text(text: string, encoding: "latin1" | "utf8" = "latin1"): void {
    this.int16(Buffer.byteLength(text, encoding));
    this.at += this.target.write(text, this.at, encoding);
  }
  bytes(bytes: Uint8Array): void {
    this.target.set(bytes, this.at);
    this.at += bytes.length;
  }
  done(): Buffer {
    return this.target.subarray(0, this.at);
  }
  /** What was written since the last one. */
  piece(): Buffer {
    const piece = this.target.subarray(this.pieceFrom, this.at);
    this.pieceFrom = this.at;
    return piece;
  }
}

class Input {
  private readonly view: DataView;
  private at = 0;

  constructor(private readonly source: Uint8Array) {
    this.view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  }

  int16(): number {
    this.at += 2;
    return this.view.getInt16(this.at - 2);
  }
  int32(): number {
    this.at += 4;
    return this.view.getInt32(this.at - 4);
  }
  int64(): number {
    this.at += 8;
    return readInt64(this.view, this.at - 8, false);
  }
  text(): string {
    const length = this.int16();
    return Buffer.from(this.bytes(length)).toString("latin1");
  }
  bytes(length: number): Uint8Array {
    this.at += length;
    return this.source.subarray(this.at - length, this.at);
  }
}
