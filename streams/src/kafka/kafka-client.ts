import type { ProducerIdentity } from "./record-batch.js";

/** What went wrong at a broker, or on the way to it, by the name that Kafka's protocol gives it. */
export class KafkaError extends Error {
  override readonly name = "KafkaError";
  constructor(
    /** As in Kafka's documentation; UNREACHABLE, AUTHENTICATION and TOO_OLD besides. */
    readonly type: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface PartitionPlace {
  /** Undefined while it has none. */
  readonly leader: number | undefined;
  readonly replicas: number;
}

export interface Topology {
  readonly brokers: number;
  /** Partitions of each topic, by number. */
  readonly topics: ReadonlyMap<string, readonly PartitionPlace[]>;
}

export interface ProduceResult extends TopicPartition {
  /** Undefined when it was kept. */
  readonly error: string | undefined;
  /** Kafka's offset of the batch's first record. */
  readonly baseOffset: number;
}

export interface FetchResult extends TopicPartition {
  readonly error: string | undefined;
  /** Whole batches; the last may be cut short. */
  readonly records: Uint8Array;
}

export interface Bounds extends TopicPartition {
  readonly first: number;
  readonly next: number;
}

export interface FetchOptions {
  /** The broker answers at once where there is something, or after so long. */
  readonly waitMs: number;
  readonly bytesMax: number;
  /** Does not wait behind a request that the broker holds. */
  readonly isUrgent: boolean;
}

/** Settings of a topic that are its own, not the broker's. */
export type TopicSettings = Readonly<Record<string, string>>;

/**
 * What the site's log needs of a Kafka cluster: single requests, each to the broker that is named. Who calls decides what is
 * tried again; every method throws KafkaError.
 */
export interface KafkaClient {
  /** All topics whose name begins with the site's prefix. Asks any broker that answers. */
  topology(prefix: string): Promise<Topology>;
  /** From now on, whoever had this name before is refused in every partition in which the new one has written. */
  initProducer(name: string): Promise<ProducerIdentity>;
  /** All replicas in sync have each batch (`acks=all`) when its result has no error. */
  produce(
    broker: number,
    batches: readonly (TopicPartition & { readonly batch: Uint8Array })[],
  ): Promise<ProduceResult[]>;
  fetch(
    broker: number,
    from: readonly (TopicPartition & { readonly position: number })[],
    options: FetchOptions,
  ): Promise<FetchResult[]>;
  /** Kafka's offset of the first record that is there, and the one behind the last. */
  bounds(broker: number, partitions: readonly TopicPartition[]): Promise<Bounds[]>;
  createTopic(name: string, partitions: number, replication: number, settings: TopicSettings): Promise<void>;
  /** Those that were set for the topic; of `names`, also what applies without. */
  topicSettings(name: string, names: readonly string[]): Promise<{ own: TopicSettings; effective: TopicSettings }>;
  /** Replaces all that were set. */
  setTopicSettings(name: string, settings: TopicSettings): Promise<void>;
  close(): Promise<void>;
}
