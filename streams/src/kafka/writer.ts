import { setImmediate as immediate } from "node:timers/promises";
import { LandfallError } from "../model/errors.js";
import { Backoff } from "./backoff.js";
import { recordsOf, type Compacting } from "./entry.js";
import { KafkaError, type KafkaClient, type ProduceResult } from "./kafka-client.js";
import { BATCH_BYTES, BATCH_RECORDS_MAX, OWN_WRITES_MS, REQUEST_BYTES } from "./kafka-limits.js";
import { encodeBatch, recordBytesMax, type OutRecord } from "./record-batch.js";
import type { Env } from "../env.js";
import type { Applier } from "./applier.js";
import type { Entry } from "./entry.js";
import type { Follower } from "./follower.js";
import type { Item, Lane, OutBatch, Partition } from "./partition.js";
import type { Topics } from "./topics.js";

export interface WriterOptions {
  readonly client: KafkaClient;
  readonly topics: Topics;
  readonly applier: Applier;
  readonly follower: Follower;
  readonly env: Env;
  readonly timers: Env;
  /** Undefined for a stream that is not compacted. */
  readonly compacting: (entry: Entry) => Compacting | undefined;
  /** What holds writing up; `undefined` when it goes on. */
  readonly onTrouble: (error: Error | undefined) => void;
  /** Whoever took the name of this lane's producer later is the one that writes. */
  readonly onFenced: (partition: Partition, lane: Lane) => void;
  /** Kafka no longer knows what this producer wrote: it must begin anew. */
  readonly onLostTrack: (error: KafkaError) => void;
}

/** A batch was kept already, when its answer was lost. */
const KEPT = new Set(["DUPLICATE_SEQUENCE_NUMBER"]);
const FENCED = new Set(["INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED"]);
const LOST_TRACK = new Set(["OUT_OF_ORDER_SEQUENCE_NUMBER", "UNKNOWN_PRODUCER_ID", "INVALID_PRODUCER_ID_MAPPING"]);
/** However often they are sent. */
const REFUSED = new Set([
  "MESSAGE_TOO_LARGE",
  "RECORD_LIST_TOO_LARGE",
  "INVALID_RECORD",
  "INVALID_TIMESTAMP",
  "CORRUPT_MESSAGE",
]);

/**
 * Sends what is to be in the log: to each broker one request at a time, with one batch of each partition that has something
 * waiting, of one lane of it. A batch that is not answered for certain is sent again as it is, until it is: meanwhile what comes waits.
 */
export class Writer {
  private readonly active = new Set<Partition>();
  private readonly running = new Map<number, Promise<void>>();
  private seeking: Promise<void> | undefined;
  private readonly backoff: Backoff;
  private isClosed = false;

  constructor(private readonly options: WriterOptions) {
    this.backoff = new Backoff(options.timers);
  }

  /** The item is in Kafka and in the local store when it is resolved. The lane is one of the partition's, and has a producer. */
  put(partition: Partition, lane: Lane, item: Item): void {
    lane.queue.push(item);
    this.active.add(partition);
    this.kick(partition);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.backoff.end();
    await Promise.all([...this.running.values(), this.seeking]);
  }

  private kick({ leader }: Partition): void {
    if (this.isClosed) return;
    if (leader === undefined) {
      this.seeking ??= this.seek().finally(() => (this.seeking = undefined));
      return;
    }
    if (this.running.has(leader)) return;
    this.running.set(
      leader,
      this.run(leader).finally(() => {
        this.running.delete(leader);
        for (const partition of this.active) if (partition.hasWork) this.kick(partition);
      }),
    );
  }

  /** Partitions without a leader wait for one. */
  private async seek(): Promise<void> {
    const without = (): boolean => [...this.active].some(({ leader, hasWork }) => leader === undefined && hasWork);
    const backoff = new Backoff(this.options.timers);
    while (!this.isClosed && without()) {
      this.options.onTrouble(new KafkaError("LEADER_NOT_AVAILABLE", "a partition has no leader"));
      await Promise.race([backoff.wait(), this.backoff.pause(1_000)]);
      await this.options.topics.refreshSoon();
    }
    for (const partition of this.active) if (partition.leader !== undefined) this.kick(partition);
  }

  private async run(leader: number): Promise<void> {
    const { client, topics } = this.options;
    const backoff = new Backoff(this.options.timers);
    // Let everybody who appends in this turn of the event loop into the first batch.
    await immediate();
    while (!this.isClosed) {
      const batches = this.collect(leader);
      if (batches.length === 0) return;
      let hasFailed = false;
      try {
        const sent = batches.map(([{ topic, partition }, , { bytes }]) => ({ topic, partition, batch: bytes }));
        for (const result of await client.produce(leader, sent)) {
          const sent = batches.find(([one]) => one.topic === result.topic && one.partition === result.partition);
          if (sent !== undefined && !this.answered(...sent, result)) hasFailed = true;
        }
      } catch (error) {
        hasFailed = true;
        this.options.onTrouble(error as Error);
      }
      if (!hasFailed) {
        backoff.reset();
        this.options.onTrouble(undefined);
        continue;
      }
      await Promise.race([backoff.wait(), this.backoff.pause(1_000)]);
      await topics.refreshSoon();
    }
  }

  private collect(leader: number): [Partition, Lane, OutBatch][] {
    const batches: [Partition, Lane, OutBatch][] = [];
    let bytes = 0;
    for (const partition of this.active) {
      if (partition.leader !== leader) continue;
      if (!partition.hasWork) {
        this.active.delete(partition);
        continue;
      }
      if (bytes >= REQUEST_BYTES) break;
      const lane = partition.next();
      if (lane === undefined) continue;
      lane.batch ??= this.batchOf(lane);
      bytes += lane.batch.bytes.length;
      batches.push([partition, lane, lane.batch]);
    }
    return batches;
  }

  private batchOf(lane: Lane): OutBatch {
    const { env, compacting } = this.options;
    const { producer } = lane;
    const records: OutRecord[] = [];
    let bytes = 0;
    let count = 0;
    const [first] = lane.queue;
    if (first?.entry.kind === "page") {
      const { body, count } = first.entry;
      lane.queue = lane.queue.slice(1);
      return { items: [first], count, bytes: body.finish(producer, lane.sequence) };
    }
    for (const { entry } of lane.queue) {
      if (entry.kind === "page") break;
      const some = recordsOf(entry, Math.floor(env.now()), compacting(entry));
      const size = some.reduce((sum, record) => sum + recordBytesMax(record), 0);
      if (count > 0 && (bytes + size > BATCH_BYTES || records.length + some.length > BATCH_RECORDS_MAX)) break;
      for (const record of some) records.push(record);
      bytes += size;
      count++;
    }
    const items = lane.queue.slice(0, count);
    lane.queue = lane.queue.slice(count);
    return { items, count: records.length, bytes: encodeBatch(records, producer, lane.sequence) };
  }

  /** False when it has to be tried again. */
  private answered(partition: Partition, lane: Lane, batch: OutBatch, { error, baseOffset }: ProduceResult): boolean {
    // What was sent has been given up meanwhile.
    if (lane.batch !== batch) return true;
    if (error === undefined || KEPT.has(error)) {
      lane.batch = undefined;
      lane.sequence += batch.count;
      partition.ownUntilMs = this.options.timers.monotonic() + OWN_WRITES_MS;
      void this.acknowledged(partition, batch, error === undefined ? baseOffset : -1);
      return true;
    }
    const failure = new KafkaError(error, `${partition.topic}, partition ${partition.partition}: ${error}`);
    if (FENCED.has(error)) this.options.onFenced(partition, lane);
    else if (LOST_TRACK.has(error)) this.options.onLostTrack(failure);
    else if (REFUSED.has(error)) {
      const remedy = "its settings must allow what docs/kafka.md says";
      lane.refuse(
        new LandfallError(
          "INVALID_SETTINGS",
          `Kafka refuses records of the topic ${partition.topic} (${error}): ${remedy}`,
        ),
      );
    } else {
      this.options.onTrouble(failure);
      return false;
    }
    return true;
  }

  private async acknowledged(partition: Partition, { items, count }: OutBatch, base: number): Promise<void> {
    const { applier, follower, client } = this.options;
    const hasBase = base >= 0;
    let next = base + count;
    if (!hasBase) next = (await client.bounds(partition.leader ?? -1, [partition]).catch(() => []))[0]?.next ?? 0;
    for (const item of items) partition.whenReached(next, item);
    const entries = items.map(({ entry }) => entry);
    const isTaken = hasBase && (await applier.own(partition, base, entries, next));
    // Others have written in between, or the local store could not take it: then it is read like theirs.
    if (!isTaken) follower.want(partition, next).catch(() => undefined);
  }
}
