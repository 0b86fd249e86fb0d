import { LandfallError } from "../model/errors.js";
import { streamName } from "../model/names.js";
import type { OriginId, StreamName } from "../model/names.js";
import { crc32 } from "node:zlib";
import { Backoff } from "./backoff.js";
import { KafkaError, type KafkaClient, type PartitionPlace } from "./kafka-client.js";
import { TOPICS_REFRESH_MS_MIN } from "./kafka-limits.js";
import { Partition } from "./partition.js";
import type { Env } from "../env.js";
import type { TopicSettings } from "./kafka-client.js";

const TOPIC_NAME_CHARS_MAX = 249;
const REPLICAS_WANTED = 3;

export interface TopicsOptions {
  readonly client: KafkaClient;
  /** As in the settings: for messages. */
  readonly brokers: readonly string[];
  readonly prefix: string;
  readonly partitions: number;
  readonly replication: number | undefined;
  readonly timers: Env;
  /** What a new topic is made with. */
  readonly settingsFor: (stream: StreamName, replicas: number) => TopicSettings;
  /** A topic came up: it has to be followed from now on. */
  readonly onTopic: (partitions: readonly Partition[]) => void;
}

/** The site's Kafka topics: one for each stream, with the same number of partitions. */
export class Topics {
  readonly byStream = new Map<StreamName, readonly Partition[]>();
  /** By `topic partition`. */
  readonly byName = new Map<string, Partition>();
  brokers = 0;
  /** Fewest replicas of any topic. */
  replicasMin = Infinity;
  private refreshing: Promise<void> | undefined;
  private refreshedMs = -Infinity;
  private readonly making = new Map<StreamName, Promise<readonly Partition[]>>();
  private readonly backoff: Backoff;

  constructor(private readonly options: TopicsOptions) {
    this.backoff = new Backoff(options.timers);
  }

  /** An origin's records are in one partition of each stream, and so in its order. Part of the layout: docs/kafka.md. */
  partitionOf(partitions: readonly Partition[], origin: OriginId): Partition {
    return partitions[crc32(origin) % partitions.length] as Partition;
  }

  /** Asks where the topics' partitions are now. @throws KafkaError, LandfallError INVALID_SETTINGS */
  refresh(): Promise<void> {
    this.refreshing ??= this.ask().finally(() => (this.refreshing = undefined));
    return this.refreshing;
  }

  /** The same, not too often, and whatever comes of it. */
  async refreshSoon(): Promise<void> {
    const { timers } = this.options;
    const ms = this.refreshedMs + TOPICS_REFRESH_MS_MIN - timers.monotonic();
    if (ms > 0) await this.backoff.pause(ms);
    await this.refresh().catch(() => undefined);
  }

  /** The stream's partitions; its topic is made when it is not there. @throws KafkaError, LandfallError INVALID_NAME, INVALID_SETTINGS */
  async of(stream: StreamName): Promise<readonly Partition[]> {
    const known = this.byStream.get(stream);
    if (known !== undefined) return known;
    const making = this.making.get(stream) ?? this.make(stream).finally(() => this.making.delete(stream));
    this.making.set(stream, making);
    return making;
  }

  close(): void {
    this.backoff.end();
  }

  private async make(stream: StreamName): Promise<readonly Partition[]> {
    const { client, prefix, partitions, replication } = this.options;
    const topic = prefix + stream;
    if (topic.length > TOPIC_NAME_CHARS_MAX) {
      const why = `${topic} has ${topic.length} characters, and a Kafka topic's name at most ${TOPIC_NAME_CHARS_MAX}`;
      throw new LandfallError("INVALID_NAME", `not a stream for this site: ${why}`);
    }
    const replicas = replication ?? Math.min(REPLICAS_WANTED, this.brokers);
    try {
      await client.createTopic(topic, partitions, replicas, this.options.settingsFor(stream, replicas));
    } catch (error) {
      if (!(error instanceof KafkaError) || error.type !== "TOPIC_ALREADY_EXISTS") throw error;
    }
    for (;;) {
      await this.refresh();
      const made = this.byStream.get(stream);
      if (made?.every(({ leader }) => leader !== undefined) === true) return made;
      await this.backoff.pause(TOPICS_REFRESH_MS_MIN / 10);
    }
  }

  private async ask(): Promise<void> {
    const { client, prefix, timers } = this.options;
    const { brokers, topics } = await client.topology(prefix);
    this.refreshedMs = timers.monotonic();
    this.brokers = brokers;
    this.replicasMin = Infinity;
    for (const [topic, places] of topics) {
      const stream = streamOf(topic.slice(prefix.length));
      if (stream === undefined) continue;
      for (const { replicas } of places) this.replicasMin = Math.min(this.replicasMin, replicas);
      this.place(stream, topic, places);
    }
  }

  private place(stream: StreamName, topic: string, places: readonly PartitionPlace[]): void {
    const known = this.byStream.get(stream);
    if (known === undefined) {
      // While it is being made, there may be none yet.
      if (places.length === 0) return;
      this.checkPartitions(topic, places.length);
      const partitions = places.map((_, i) => new Partition(stream, topic, i));
      partitions.forEach((partition, i) => (partition.leader = places[i]?.leader));
      this.byStream.set(stream, partitions);
      for (const partition of partitions) this.byName.set(`${topic} ${partition.partition}`, partition);
      this.options.onTopic(partitions);
      return;
    }
    known.forEach((partition, i) => (partition.leader = places[i]?.leader));
  }

  private checkPartitions(topic: string, there: number): void {
    const { brokers, partitions } = this.options;
    if (there === partitions) return;
    const remedy = `set log.kafka.partitions to ${there} if the topic is this site's, or another log.kafka.topicPrefix`;
    throw new LandfallError(
      "INVALID_SETTINGS",
      `Kafka's topic ${topic} at ${brokers.join(", ")} has ${there} partitions, and log.kafka.partitions is ${partitions}: ${remedy}`,
    );
  }
}

function streamOf(name: string): StreamName | undefined {
  try {
    return streamName(name);
  } catch {
    return undefined;
  }
}
