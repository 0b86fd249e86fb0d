import { checkClock } from "../store/offset-clock.js";
import { BatchOffsets } from "../store/batch-offsets.js";
import { NO_HEADERS } from "../store/block-headers.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { NewRecord, Offset, OriginRecord, Seq, TimestampMs } from "../model/record.js";
import type { Batch } from "../store/store.js";

const HASH_FACTOR = 0x9e3779b1 | 0;

/** Numbers that were given and are not in the local store yet. */
interface Given {
  next: number;
  highest: number;
}

/** Gives this node's records their seqs and offsets, above all that is durable here and all that it has given before. */
export class Numbering {
  private readonly offsets = new BatchOffsets();
  private readonly given = new Map<StreamName, Given>();

  constructor(
    private readonly options: {
      readonly now: () => number;
      readonly slot: () => number;
      /** First seq that is lacking, and the largest offset of the stream, of what is durable. */
      readonly durable: (stream: StreamName) => { readonly next: number; readonly highest: number };
    },
  ) {}

  /** Largest offset known of the stream, given or durable. */
  highest(stream: StreamName): number {
    return Math.max(this.options.durable(stream).highest, this.given.get(stream)?.highest ?? 0);
  }

  /**
   * The records with their numbers, and with bytes of their own.
   * @param floors largest offset known of each record's topic, when the clock is too far behind the stream's
   * @throws LandfallError CLOCK_REFUSED
   */
  number(
    stream: StreamName,
    origin: OriginId,
    records: readonly NewRecord[],
    floors: ArrayLike<number> | undefined,
  ): Batch {
    const { offsets } = this;
    const received = Math.floor(this.options.now()) as TimestampMs;
    checkClock(received);
    const durable = this.options.durable(stream);
    const given = this.given.get(stream) ?? { next: 0, highest: 0 };
    const firstSeq = Math.max(given.next, durable.next) as Seq;
    const floor = Math.max(given.highest, durable.highest);
    offsets.begin(records.length, received, this.options.slot(), floor, floors);
    let bytes = 0;
    for (const { value } of records) bytes += value.length;
    // One piece of memory for all: the caller may use its own again at once.
    const slab = new Uint8Array(bytes);
    let at = 0;
    let highest = 0;
    const numbered: OriginRecord[] = [];
    for (let i = 0; i < records.length; i++) {
      const { topic, timestamp, value, headers } = records[i] as NewRecord;
      const offset = offsets.next(hashOf(topic)) as Offset;
      if (offset > highest) highest = offset;
      slab.set(value, at);
      numbered.push({
        topic,
        timestamp,
        value: slab.subarray(at, at + value.length),
        headers: headers === undefined ? NO_HEADERS : ownHeaders(headers),
        offset,
        seq: (firstSeq + i) as Seq,
        received,
      });
      at += value.length;
    }
    this.given.set(stream, { next: firstSeq + records.length, highest: Math.max(given.highest, highest) });
    return { stream, origin, firstSeq, records: numbered };
  }

  /** What was given from this seq on was refused, and is in no log: these numbers are given again. */
  takeBack(stream: StreamName, from: number): void {
    const given = this.given.get(stream);
    if (given !== undefined && given.next > from) this.given.set(stream, { ...given, next: from });
  }

  /** Under another origin, numbers begin anew. */
  forgetAll(): void {
    this.given.clear();
  }
}

function hashOf(topic: string): number {
  let hash = 0;
  for (let i = 0; i < topic.length; i++) hash = Math.imul(hash ^ topic.charCodeAt(i), HASH_FACTOR);
  return hash;
}

/** A copy that a header named __proto__ is data in, too. */
function ownHeaders(headers: NonNullable<NewRecord["headers"]>): NonNullable<NewRecord["headers"]> {
  return Object.freeze(Object.fromEntries(Object.entries(headers)));
}
