import { isLandfallError } from "../model/errors.js";
import { topicName } from "../model/names.js";
import { decodeHeaders, encodeHeaders } from "../store/block-headers.js";
import { APPEND_BYTES_MAX } from "../limits.js";
import { BATCH_RECORDS_MAX } from "./kafka-limits.js";
import { HeaderReader, KIND, readReason, reasonBytes, type Kind } from "./record-header.js";
import type { Hole } from "../model/gap.js";
import type { OriginId, StreamName, TopicName } from "../model/names.js";
import type { Offset, OriginRecord, Seq, TimestampMs } from "../model/record.js";
import type { Batch } from "../store/store.js";
import type { BatchBody, InRecord, OutRecord, ProducerIdentity } from "./record-batch.js";

/** What a partition of the site's log says, in its order. */
export type Entry =
  | { readonly kind: "records"; readonly batch: Batch }
  /** Records of a run that is held, from this seq on, written as Kafka has them. */
  | {
      readonly kind: "page";
      readonly origin: OriginId;
      readonly firstSeq: Seq;
      readonly count: number;
      /** Another batch's once Kafka has it. */
      readonly body: BatchBody;
    }
  | { readonly kind: "gap"; readonly stream: StreamName; readonly origin: OriginId; readonly hole: Hole }
  /** From here on the process with this producer writes under the name of the origin's node, and no earlier one. */
  | { readonly kind: "claim"; readonly origin: OriginId; readonly producer: ProducerIdentity }
  /** From here on whoever has this producer brings other sites' records under the name of this node, and no earlier one. Nobody who reads it does anything. */
  | { readonly kind: "fence"; readonly origin: OriginId; readonly node: string; readonly producer: ProducerIdentity }
  /** What the origin's node has to say to the other nodes of the site. */
  | { readonly kind: "word"; readonly origin: OriginId; readonly words: Uint8Array }
  /** Nothing that Landfall wrote. */
  | { readonly kind: "foreign"; readonly position: number };

/** All but a page, which is written as Kafka has it already, and is not read as one. */
export type PlainEntry = Exclude<Entry, { readonly kind: "page" }>;

const NOTHING = new Uint8Array(0);
/** In no topic's name. What is no record has a key that begins with it. */
const MARK = "~";
const FENCE = `fence${MARK}`;

/**
 * Kafka's key is the topic's name. Where the stream is compacted, Kafka keeps of each key the last record alone, and
 * Landfall of each topic that of each origin: so the origin is part of the key; and what fills a gap, and is older than what
 * stands before it, has a key of its own.
 */
function keyOf(topic: TopicName, origin: OriginId, seq: number, compacting: Compacting | undefined): string {
  if (compacting === undefined) return topic;
  const key = `${topic}${MARK}${origin}`;
  return seq < compacting.next ? `${key}${MARK}${seq}` : key;
}

export interface Compacting {
  /** Seq below which the origin's records are in the log already. */
  readonly next: number;
}

/** As Kafka records. */
export function recordsOf(entry: PlainEntry, now: number, compacting: Compacting | undefined): OutRecord[] {
  switch (entry.kind) {
    case "records": {
      const { origin, records } = entry.batch;
      return records.map(({ topic, seq, offset, timestamp, received, headers, value }) => {
        const rest = encodeHeaders(headers);
        const header = { kind: KIND.record, seq, offset, timestamp, received, origin, rest };
        return { key: keyOf(topic, origin, seq, compacting), value, header };
      });
    }
    case "gap": {
      const { origin, hole } = entry;
      const rest = reasonBytes(hole.reason);
      const header = { kind: KIND.gap, seq: hole.from, offset: hole.to, timestamp: now, received: now, origin, rest };
      return [{ key: `${MARK}gap${MARK}${origin}${MARK}${hole.from}`, value: NOTHING, header }];
    }
    case "claim":
      return [markOf(entry, KIND.claim, now, `claim${MARK}${entry.origin}`)];
    case "fence":
      return [markOf(entry, KIND.fence, now, FENCE + entry.node)];
    case "word": {
      const { origin, words } = entry;
      const header = { kind: KIND.word, seq: 0, offset: 0, timestamp: now, received: now, origin, rest: NOTHING };
      return [{ key: `${MARK}word${MARK}${origin}`, value: words, header }];
    }
    case "foreign":
      return [];
  }
}

function markOf(
  { origin, producer }: { readonly origin: OriginId; readonly producer: ProducerIdentity },
  kind: Kind,
  now: number,
  key: string,
): OutRecord {
  const { id, epoch } = producer;
  const header = { kind, seq: Number(id), offset: epoch, timestamp: now, received: now, origin, rest: NOTHING };
  return { key: MARK + key, value: NOTHING, header };
}

/** Makes entries of what is read: consecutive records of one origin are one, as far as the store takes them at once. */
export class EntryReader {
  private readonly headers = new HeaderReader();
  private readonly topics = new Map<string, TopicName>();

  constructor(private readonly stream: StreamName) {}

  read(records: readonly InRecord[]): PlainEntry[] {
    const entries: PlainEntry[] = [];
    let run: OriginRecord[] = [];
    let origin: OriginId | undefined;
    let bytes = 0;
    const end = (): void => {
      const first = run[0];
      if (first === undefined || origin === undefined) return;
      entries.push({ kind: "records", batch: { stream: this.stream, origin, firstSeq: first.seq, records: run } });
      run = [];
      bytes = 0;
    };
    for (const record of records) {
      const read = this.entryOf(record);
      if ("kind" in read) {
        end();
        entries.push(read);
        continue;
      }
      const last = run.at(-1);
      const size = read.record.value.length + 256;
      const goesOn = last !== undefined && origin === read.origin && last.seq + 1 === read.record.seq;
      if (!goesOn || run.length === BATCH_RECORDS_MAX || bytes + size > APPEND_BYTES_MAX) end();
      ({ origin } = read);
      bytes += size;
      run.push(read.record);
    }
    end();
    return entries;
  }

  private entryOf(from: InRecord): PlainEntry | { readonly origin: OriginId; readonly record: OriginRecord } {
    const { position, key, value, header: bytes } = from;
    const header = bytes && this.headers.read(bytes);
    const foreign = { kind: "foreign", position } as const;
    if (header === undefined || key === undefined || value === undefined) return foreign;
    const { kind, seq, offset, timestamp, received, origin, rest } = header;
    try {
      if (kind === KIND.gap) {
        const hole = { from: seq as Seq, to: offset as Seq, reason: readReason(rest) };
        return { kind: "gap", stream: this.stream, origin, hole };
      }
      if (kind === KIND.word) return { kind: "word", origin, words: value };
      if (kind === KIND.claim || kind === KIND.fence) {
        const producer = { id: BigInt(seq), epoch: offset };
        if (kind === KIND.claim) return { kind: "claim", origin, producer };
        return {
          kind: "fence",
          origin,
          node: Buffer.from(key).toString("latin1", MARK.length + FENCE.length),
          producer,
        };
      }
      const record = {
        topic: this.topicOf(key),
        seq: seq as Seq,
        offset: offset as Offset,
        timestamp: timestamp as TimestampMs,
        received: received as TimestampMs,
        headers: decodeHeaders(rest, 0),
        value,
      };
      return { origin, record };
    } catch (error) {
      if (!isLandfallError(error)) throw error;
      return foreign;
    }
  }

  /** Checked once for each name. @throws LandfallError INVALID_NAME */
  private topicOf(key: Uint8Array): TopicName {
    const text = Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
    const known = this.topics.get(text);
    if (known !== undefined) return known;
    const mark = text.indexOf(MARK);
    const topic = topicName(mark < 0 ? text : text.slice(0, mark));
    if (this.topics.size >= TOPICS_KNOWN_MAX) this.topics.clear();
    this.topics.set(text, topic);
    return topic;
  }
}

/** Names that are not checked again: a partition's topics come in turn. */
const TOPICS_KNOWN_MAX = 10_000;
