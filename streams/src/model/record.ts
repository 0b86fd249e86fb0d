import type { Brand } from "./brand.js";
import type { OriginId, StreamName, TopicName } from "./names.js";

/** Position in a topic: hybrid logical clock in µs, low 10 bits the writer's slot. A safe integer, never read as a time. */
export type Offset = Brand<number, "Offset">;
/** 0, 1, 2 … without gaps, per stream and origin. */
export type Seq = Brand<number, "Seq">;
/** Milliseconds since 1970 UTC. */
export type TimestampMs = Brand<number, "TimestampMs">;

export type Headers = Readonly<Record<string, string>>;

/** What a caller hands to `append`. */
export interface NewRecord {
  readonly topic: TopicName;
  /** When it was measured. */
  readonly timestamp: TimestampMs;
  /** The bytes as they came; the store keeps its own copy. */
  readonly value: Uint8Array;
  readonly headers?: Headers;
}

/** A record as every site holds it: identical, byte for byte, wherever it is read. */
export interface OriginRecord extends NewRecord {
  readonly offset: Offset;
  readonly seq: Seq;
  /** When the origin first stored it, by the origin's clock. */
  readonly received: TimestampMs;
  readonly headers: Headers;
}

/** A record with where it came from and when this site got it. */
export interface StoredRecord extends OriginRecord {
  readonly stream: StreamName;
  readonly origin: OriginId;
  /** When the block that holds it was committed here ("known since"). */
  readonly arrived: TimestampMs;
}

/** For each origin, the next seq that is lacking. */
export type VersionVector = Readonly<Record<OriginId, number>>;

/**
 * A reader's position in a stream: valid at every site that holds the stream (O4).
 * Opaque outside this library; `v` is its format version.
 */
export interface Cursor {
  readonly v: 1;
  readonly next: VersionVector;
  /** Below `next`: seqs [from, to) that were not where the reader was, and are read when they are there (R6). */
  readonly gaps?: Readonly<Record<OriginId, readonly SeqRange[]>>;
}

export type SeqRange = readonly [from: number, to: number];
