import { isLandfallError } from "@landfall/streams/model/errors";
import type { StreamName } from "@landfall/streams/model/names";
import type { NewRecord, StoredRecord, TimestampMs } from "@landfall/streams/model/record";
import type { StreamStore } from "@landfall/streams/store/store";
import { LAST_BYTES_MAX, LOOKUP_RECORDS, SEEN_TOPICS_MAX } from "../limits.js";
import type { AppendBatcher, Unstorable } from "./append-batcher.js";
import { isUnknown, knownBelow, mayBeStored, UNKNOWN_TIMES, withTime, type SeenTimes } from "./seen-times.js";
import type { Target } from "./route.js";

/** Where several nodes of a site take sensors, and one repeats itself at another. */
export interface SisterRecords {
  /** Undefined when all that is known of these streams was told with `note`; otherwise when that is so. */
  level(streams: readonly StreamName[]): Promise<unknown> | undefined;
  /** Resolves once a stored record may be acknowledged. */
  secured(record: StoredRecord): Promise<void>;
}

export type StoreOutcome = "stored" | "duplicate";

interface Pending {
  readonly record: NewRecord;
  readonly durable: Promise<StoreOutcome>;
}

interface TopicState {
  seen: SeenTimes;
  /** Newest time that the store is known to hold while `seen` is still unknown. */
  newest: number;
  /** Handed to the store, not yet durable. */
  readonly pending: Pending[];
  /** The record that was last stored, or recognised: what is said again and again, needs no look into the store. */
  last: NewRecord | undefined;
  /** While the store is being asked about one message, later ones of the topic wait: their order is kept. */
  asking: Promise<unknown> | undefined;
}

/**
 * Stores each message once (I1): one whose topic, time and bytes equal those of a stored one, or of one that is
 * on its way to the disk, is acknowledged with it and not stored again. Bytes are compared, never only a hash, so that
 * no different reading is dropped. It keeps no state of its own on disk: the store is what it looks into.
 */
export class Deduplicator {
  readonly #store: Pick<StreamStore, "readTopic">;
  readonly #batcher: AppendBatcher;
  readonly #sisters: SisterRecords | undefined;
  readonly #topics = new Map<string, TopicState>();
  #lookups = 0;

  constructor(store: Pick<StreamStore, "readTopic">, batcher: AppendBatcher, sisters?: SisterRecords) {
    this.#store = store;
    this.#batcher = batcher;
    this.#sisters = sisters;
  }

  /** How often the store had to be asked, since the start. */
  get lookups(): number {
    return this.#lookups;
  }

  /** Resolves when the message is durable, by this call or an earlier one. Rejects as `StreamStore.append` does. */
  store(target: Target, timed: boolean): Promise<StoreOutcome> {
    const topic = this.#topicOf(target.key);
    const level = timed ? this.#sisters?.level(target.lookIn()) : undefined;
    const known = topic.asking === undefined && level === undefined ? this.#decide(topic, target, timed) : undefined;
    if (known !== undefined) return known;
    // In a box, so that the next message of the topic waits for the decision and not for the disk.
    const turn = (topic.asking ?? Promise.resolve()).then(async () => {
      await level;
      const decided = this.#decide(topic, target, timed);
      if (decided !== undefined) return { outcome: decided };
      const stored = await this.#find(topic, target);
      if (stored === undefined) return { outcome: this.#append(topic, target, timed) };
      // At a site of several nodes it may be on one disk only, as yet.
      if (this.#sisters === undefined) remember(topic, target.record);
      return { outcome: this.#acknowledge(stored) };
    });
    const answered = (): void => {
      if (topic.asking === settled) topic.asking = undefined;
    };
    const settled: Promise<unknown> = turn.then(answered, answered);
    topic.asking = settled;
    return turn.then(({ outcome }) => outcome);
  }

  /** Another node of this site took a record in, and it is stored here now. */
  note(key: string, time: number): void {
    const topic = this.#topics.get(key);
    // Of a topic that is not known here, the store is asked.
    if (topic === undefined) return;
    if (isUnknown(topic.seen)) topic.newest = Math.max(topic.newest, time);
    else topic.seen = withTime(topic.seen, time);
  }

  async #acknowledge(stored: StoredRecord): Promise<StoreOutcome> {
    await this.#sisters?.secured(stored);
    return "duplicate";
  }

  /** What can be told without the store; undefined when it has to be asked. */
  #decide(topic: TopicState, target: Target, timed: boolean): Promise<StoreOutcome> | undefined {
    const { record } = target;
    if (!timed || !mayBeStored(topic.seen, record.timestamp)) return this.#append(topic, target, timed);
    if (topic.last !== undefined && isSame(topic.last, record)) return Promise.resolve("duplicate");
    const twin = topic.pending.find((other) => isSame(other.record, record));
    return twin?.durable.then(() => "duplicate" as const);
  }

  #append(topic: TopicState, { stream, record }: Target, timed: boolean): Promise<StoreOutcome> {
    const batch = this.#batcher.append(stream, record);
    if (!timed) return batch.then((unstorable) => stored(unstorable, record));
    const pending: Pending = {
      record,
      durable: batch.then(
        (unstorable) => {
          forget(topic, pending);
          const outcome = stored(unstorable, record);
          remember(topic, record);
          return outcome;
        },
        (error: unknown) => {
          forget(topic, pending);
          throw error;
        },
      ),
    };
    topic.pending.push(pending);
    topic.seen = withTime(topic.seen, record.timestamp);
    return pending.durable;
  }

  async #find(topic: TopicState, target: Target): Promise<StoredRecord | undefined> {
    this.#lookups++;
    const streams = target.lookIn();
    for (const stream of streams) {
      const stored = await this.#amongEqualTimes(stream, target.record);
      if (stored !== undefined) return stored;
    }
    if (isUnknown(topic.seen) && target.record.timestamp > topic.newest) await this.#learn(topic, target, streams);
    return undefined;
  }

  /** Whether this reading is newer than all that is stored: then the next ones need no look into the store. */
  async #learn(topic: TopicState, { record }: Target, streams: readonly Target["stream"][]): Promise<void> {
    const from = record.timestamp;
    for (const stream of streams) {
      const query = { fromTime: from, limit: 1 };
      const [newer] = await this.#read(() => this.#store.readTopic(stream, record.topic, query));
      if (newer) {
        topic.newest = newer.timestamp;
        return;
      }
    }
    // Nor is anything so new on its way: while nothing was known, all that was let through was older than `newest`.
    // And if a sister's came meanwhile, `note` has said so.
    if (from > topic.newest) topic.seen = knownBelow(from);
  }

  /** Pages through everything of exactly this time. */
  async #amongEqualTimes(stream: StreamName, record: NewRecord): Promise<StoredRecord | undefined> {
    const time = { fromTime: record.timestamp, toTime: (record.timestamp + 1) as TimestampMs, limit: LOOKUP_RECORDS };
    let fromOffset: StoredRecord["offset"] | undefined;
    for (;;) {
      const query = fromOffset === undefined ? time : { ...time, fromOffset };
      const found = await this.#read(() => this.#store.readTopic(stream, record.topic, query));
      const same = found.find((other) => isSame(other, record));
      if (same !== undefined) return same;
      const last = found.at(-1);
      // A page may be shorter than asked for, bounded by its bytes: only an empty one is the end.
      if (last === undefined) return undefined;
      fromOffset = (last.offset + 1) as StoredRecord["offset"];
    }
  }

  async #read(read: () => Promise<StoredRecord[]>): Promise<StoredRecord[]> {
    try {
      return await read();
    } catch (error) {
      // What cannot be read cannot be compared. Rather a reading twice than none at all.
      if (isLandfallError(error, "CORRUPT_BLOCK")) return [];
      throw error;
    }
  }

  #topicOf(key: string): TopicState {
    const known = this.#topics.get(key);
    if (known) return known;
    if (this.#topics.size >= SEEN_TOPICS_MAX) this.#forgetOldest();
    const topic: TopicState = {
      seen: UNKNOWN_TIMES,
      newest: Number.NEGATIVE_INFINITY,
      pending: [],
      last: undefined,
      asking: undefined,
    };
    this.#topics.set(key, topic);
    return topic;
  }

  /** Topics in use stay: their pending messages are known nowhere else. */
  #forgetOldest(): void {
    for (const [key, topic] of this.#topics) {
      if (topic.pending.length > 0 || topic.asking !== undefined) continue;
      this.#topics.delete(key);
      return;
    }
  }
}

function stored(unstorable: Unstorable, record: NewRecord): "stored" {
  if (unstorable?.has(record)) throw unstorable.get(record);
  return "stored";
}

function remember(topic: TopicState, record: NewRecord): void {
  if (record.value.byteLength > LAST_BYTES_MAX) return;
  // A copy: the payload may be a piece of a larger buffer.
  topic.last = { ...record, value: Uint8Array.from(record.value) };
}

function forget({ pending }: TopicState, done: Pending): void {
  const at = pending.indexOf(done);
  if (at >= 0) pending.splice(at, 1);
}

function isSame(a: NewRecord, b: NewRecord): boolean {
  return (
    a.timestamp === b.timestamp &&
    a.headers?.["kind"] === b.headers?.["kind"] &&
    a.topic === b.topic &&
    a.value.byteLength === b.value.byteLength &&
    Buffer.compare(a.value, b.value) === 0
  );
}
