import { LandfallError, isLandfallError } from "../model/errors.js";
import { nodeOfOrigin } from "../model/names.js";
import { Applier } from "./applier.js";
import { Backoff } from "./backoff.js";
import { Follower } from "./follower.js";
import { KafkaError, type KafkaClient } from "./kafka-client.js";
import { KAFKA_PENDING_BYTES_MAX, CLOSE_KAFKA_MS_MAX, START_KAFKA_MS_MAX } from "./kafka-limits.js";
import { Positions, positionName } from "./positions.js";
import { Topics } from "./topics.js";
import { Writer } from "./writer.js";
import { RetentionKeeper } from "./retention-keeper.js";
import { newTopicSettings, retentionSettings } from "./topic-settings.js";
import type { Env } from "../env.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { EmbeddedStore } from "../store/embedded-store.js";
import type { StoreLog } from "../store/open-folder.js";
import type { Retention } from "../store/store.js";
import type { Compacting, Entry } from "./entry.js";
import type { HeldRun } from "./held-run.js";
import type { Partition } from "./partition.js";
import { NODES } from "./site-nodes.js";
import { readBatches, type ProducerIdentity } from "./record-batch.js";

export type WordListener = (node: string, origin: OriginId, words: Uint8Array) => void;

export interface SiteLogOptions {
  readonly client: KafkaClient;
  readonly local: EmbeddedStore;
  /** What names of topics begin with. */
  readonly prefix: string;
  readonly partitions: number;
  readonly replication: number | undefined;
  readonly env: Env;
  /** For waiting; the wall clock of `env` may be another one. */
  readonly timers: Env;
  readonly log: StoreLog;
  readonly retention: (stream: StreamName) => Retention | undefined;
  readonly pendingBytesMax: number | undefined;
  readonly onRefused: (code: string, message: string) => void;
  /** This node must stop: another process has its name, or Kafka has lost what it wrote. */
  readonly onFatal: (error: LandfallError) => void;
}

/** The site's commit log in Kafka: what is put into it is durable there and readable here when the promise resolves. */
export class SiteLog {
  readonly topics: Topics;
  private readonly applier: Applier;
  private readonly follower: Follower;
  private readonly keeper: RetentionKeeper;
  private writer: Writer | undefined;
  private producer: ProducerIdentity | undefined;
  private readonly backoff: Backoff;
  private fatal: LandfallError | undefined;
  private trouble: { readonly sinceMs: number; readonly why: string } | undefined;
  private fault: LandfallError | undefined;
  private pendingBytes = 0;
  private waiting = 0;
  private isClosing = false;
  private onIdle: (() => void) | undefined;
  private readonly listeners = new Set<WordListener>();
  /** Reads to the end that are to begin when the one before has ended, by partition. */
  private readonly settling = new Map<Partition, { now: Promise<void>; next?: Promise<void> | undefined }>();

  constructor(private readonly options: SiteLogOptions) {
    const { client, local, prefix, partitions, replication, timers, env, log, retention } = options;
    this.backoff = new Backoff(timers);
    this.topics = new Topics({
      client,
      prefix,
      partitions,
      replication,
      timers,
      settingsFor: (stream, replicas) => ({
        ...newTopicSettings(replicas),
        ...retentionSettings(retention(stream), partitions),
      }),
      onTopic: (made) => made.forEach(({ leader }) => this.follower.followAt(leader)),
    });
    this.applier = new Applier({
      local,
      positions: new Positions(local),
      env,
      log,
      isCompacted: ({ stream }) => retention(stream)?.compact === true,
      onClaim: (producer) => this.claimedBy(producer),
      onWord: (origin, words) => this.listeners.forEach((tell) => tell(nodeOfOrigin(origin), origin, words)),
      onRefused: (_partition, code, message) => {
        log.error({ code }, message);
        options.onRefused(code, message);
      },
      onFault: (_partition, error) => {
        if (this.fault?.code !== error.code)
          log.error({ err: error }, "what Kafka holds cannot be kept here; it is tried again");
        this.fault = error;
      },
    });
    this.keeper = new RetentionKeeper({ client, topics: this.topics, partitions, timers, log, retention });
    this.follower = new Follower({
      client,
      topics: this.topics,
      applier: this.applier,
      timers,
      onLost: (partition, first, next) => this.lost(partition, first, next),
      onTrouble: (error) => this.troubled(error),
    });
  }

  /**
   * Takes this node's name, and reads what is there to its end.
   * @throws LandfallError UNAVAILABLE, UNAUTHENTICATED, UNSUPPORTED_VERSION, UNSUPPORTED_FORMAT, INVALID_SETTINGS
   */
  async open(): Promise<void> {
    const { client, local } = this.options;
    await this.atStart(() => this.topics.refresh());
    this.producer = await this.atStart(() => client.initProducer(this.producerName));
    this.writer = this.newWriter(this.producer);
    const positions = await new Positions(local).read();
    const ends: [Partition, number][] = [];
    for (const [leader, partitions] of byLeader(this.topics.byName.values())) {
      for (const { topic, partition, first, next } of await this.atStart(() => client.bounds(leader, partitions))) {
        const one = this.topics.byName.get(`${topic} ${partition}`) as Partition;
        const known = positions.get(positionName(one));
        await this.begin(one, known, first, next);
        ends.push([one, next]);
      }
    }
    await Promise.all(ends.map(([partition, next]) => this.follower.want(partition, next)));
    if (this.fatal !== undefined) throw this.fatal;
    // What Kafka lost the end of may have been numbered by this node.
    if (ends.some(([{ metSinceLoss }]) => metSinceLoss !== undefined) && local.streams().length > 0)
      await local.reincarnate();
    this.follower.start();
    this.keeper.start();
  }

  /** Why nothing can be acknowledged now, if that is so. */
  get failed(): string | undefined {
    if (this.fatal !== undefined) return `${this.fatal.code}: ${this.fatal.message}`;
    if (this.fault !== undefined) return `${this.fault.code}: ${this.fault.message}`;
    return this.waiting > 0 && this.trouble !== undefined
      ? `Kafka does not take records: ${this.trouble.why}`
      : undefined;
  }

  /** What a power cut could cost, in words. */
  get warning(): string | undefined {
    const { brokers, replicasMin } = this.topics;
    if (brokers >= 2 && replicasMin >= 2) return undefined;
    const what = brokers < 2 ? "Kafka has one broker" : "some topics have one replica";
    return `${what}: what is acknowledged is not safe against a power cut there`;
  }

  /** Counts what waits. @throws LandfallError OVERLOADED, FENCED */
  reserve(bytes: number): void {
    if (this.fatal !== undefined) throw this.fatal;
    const { pendingBytesMax = KAFKA_PENDING_BYTES_MAX } = this.options;
    if (this.pendingBytes > 0 && this.pendingBytes + bytes > pendingBytesMax) {
      throw new LandfallError("OVERLOADED", `${this.pendingBytes} bytes wait for Kafka already; try again later`);
    }
    this.pendingBytes += bytes;
    this.waiting++;
  }

  release(bytes: number): void {
    this.pendingBytes -= bytes;
    if (--this.waiting === 0) this.onIdle?.();
  }

  /** The partition, if it can be written to at once. */
  ready(stream: StreamName, origin: OriginId): Partition | undefined {
    const partitions = this.topics.byStream.get(stream);
    const partition = partitions && this.topics.partitionOf(partitions, origin);
    return partition?.isClaimed === true ? partition : undefined;
  }

  /**
   * The partition, once it can be written to: its topic is there, no earlier process of this name can write to it any more, and all
   * that it wrote is known here. Waits for Kafka as long as it takes.
   * @throws LandfallError INVALID_NAME, INVALID_SETTINGS, FENCED, CLOSED
   */
  async prepared(stream: StreamName, origin: OriginId): Promise<Partition> {
    const partitions = await this.persistently(() => this.topics.of(stream));
    const partition = this.topics.partitionOf(partitions, origin);
    partition.claimed ??= this.claim(partition);
    await partition.claimed;
    return partition;
  }

  /**
   * Durable in Kafka and readable here when it resolves. The partition is ready.
   * @param onRefused told at once when Kafka has refused it for good: it is in no log, and neither is what was put behind it
   */
  put(partition: Partition, entry: Entry, bytes: number, onRefused: () => void = () => undefined): Promise<void> {
    const { fatal, writer } = this;
    if (fatal !== undefined || writer === undefined) {
      onRefused();
      return Promise.reject(fatal ?? closed());
    }
    return new Promise((resolve, reject) => writer.put(partition, { entry, bytes, resolve, reject, onRefused }));
  }

  /** Where the nodes' words go: one partition, so that all hear them in one order. @throws LandfallError FENCED, CLOSED */
  async words(): Promise<Partition> {
    const [partition] = await this.persistently(() => this.topics.of(NODES));
    if (partition === undefined) throw closed();
    partition.claimed ??= this.claim(partition);
    await partition.claimed;
    return partition;
  }

  /** Returns how to stop. */
  onWords(listener: WordListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** What any node has had acknowledged of the origin is here when it resolves. Several that wait for the same are one. */
  async settled(stream: StreamName, origin: OriginId): Promise<void> {
    if (!this.topics.byStream.has(stream)) await this.persistently(() => this.topics.refresh());
    const partitions = this.topics.byStream.get(stream);
    // Nobody has written to it.
    if (partitions === undefined) return;
    const partition = this.topics.partitionOf(partitions, origin);
    const running = this.settling.get(partition);
    if (running === undefined) {
      const now = this.readToEnd(partition).finally(() => {
        if (this.settling.get(partition)?.next === undefined) this.settling.delete(partition);
      });
      this.settling.set(partition, { now });
      return now;
    }
    running.next ??= running.now
      .catch(() => undefined)
      .then(() => {
        this.settling.delete(partition);
        return this.settled(stream, origin);
      });
    return running.next;
  }

  /** The local store has this run, of which Kafka has all records. */
  async installed(held: HeldRun): Promise<void> {
    held.end(true);
    const partition = this.partitionOf(held);
    if (partition !== undefined) await this.applier.installed(partition, held);
    held.settle();
  }

  /** The local store takes what Kafka has of this run from there; resolves when it has. Nothing of it is on its way any more. */
  async givenUp(held: HeldRun): Promise<void> {
    held.end(false);
    const partition = this.partitionOf(held);
    if (partition !== undefined) {
      const until = held.from === undefined ? 0 : partition.position;
      await this.applier.rewind(partition);
      if (!this.isClosing) await this.follower.want(partition, until).catch(() => undefined);
    }
    held.settle();
  }

  private partitionOf({ run }: HeldRun): Partition | undefined {
    const partitions = this.topics.byStream.get(run.stream);
    return partitions && this.topics.partitionOf(partitions, run.origin);
  }

  private async readToEnd(partition: Partition): Promise<void> {
    const bounds = await this.persistently(async () => {
      if (partition.leader === undefined) {
        await this.topics.refreshSoon();
        throw new KafkaError("LEADER_NOT_AVAILABLE", `${partition.topic} has no leader`);
      }
      return this.options.client.bounds(partition.leader, [partition]);
    });
    await this.follower.want(partition, bounds[0]?.next ?? 0);
    await Promise.all([...partition.held].map(({ settled }) => settled));
  }

  /** What was put is waited for, as long as Kafka answers; then everything ends. */
  async close(): Promise<void> {
    this.isClosing = true;
    if (this.waiting > 0) {
      const idle = new Promise<void>((resolve) => (this.onIdle = resolve));
      await Promise.race([idle, this.backoff.pause(CLOSE_KAFKA_MS_MAX)]);
    }
    this.backoff.end();
    for (const partition of this.topics.byName.values()) partition.fail(closed());
    this.topics.close();
    await this.options.client.close();
    await this.keeper.close();
    await this.writer?.close();
    await this.follower.close();
    for (const partition of this.topics.byName.values()) {
      await partition.tail;
      partition.fail(closed());
    }
  }

  private get producerName(): string {
    const { local, prefix } = this.options;
    return `landfall-${prefix}${nodeOfOrigin(local.origin)}`;
  }

  private newWriter(producer: ProducerIdentity): Writer {
    const { client, env, timers, local, retention } = this.options;
    return new Writer({
      client,
      topics: this.topics,
      applier: this.applier,
      follower: this.follower,
      env,
      timers,
      producer,
      compacting: (entry) => compactingOf(entry, local, retention),
      onTrouble: (error) => this.troubled(error),
      onFenced: () => this.stop(fenced(nodeOfOrigin(local.origin))),
      onLostTrack: (error) =>
        this.stop(
          new LandfallError("UNAVAILABLE", `${error.message}: Kafka has lost records that it had acknowledged`),
        ),
    });
  }

  private async begin(partition: Partition, known: number | undefined, first: number, next: number): Promise<void> {
    const { topic, partition: number } = partition;
    if (known !== undefined && known > next) throw truncated(partition, known, next);
    if (known === undefined && first < next) await this.checkForeign(partition, first);
    const isLost = (known ?? 0) < first;
    if (isLost) partition.metSinceLoss = new Set();
    partition.position = partition.durable = Math.max(known ?? 0, first);
    if (isLost)
      this.options.log.warn(
        { topic, partition: number, known, first },
        "Kafka expired records before they were read here",
      );
  }

  /** A topic that is not Landfall's is told by its first record. @throws LandfallError UNSUPPORTED_FORMAT */
  private async checkForeign(partition: Partition, first: number): Promise<void> {
    const { leader, topic, partition: number, reader } = partition;
    const from = [{ topic, partition: number, position: first }];
    const [result] = await this.atStart(() =>
      this.options.client.fetch(leader ?? -1, from, { waitMs: 0, bytesMax: 1, isUrgent: true }),
    );
    for (const batch of readBatches(result?.records ?? new Uint8Array(0))) {
      if (!reader.read(batch.records()).some(({ kind }) => kind === "foreign")) return;
      throw new LandfallError(
        "UNSUPPORTED_FORMAT",
        `Kafka's topic ${topic} holds records of another program: choose another log.kafka.topicPrefix, or remove the topic`,
      );
    }
  }

  private async claim(partition: Partition): Promise<void> {
    const { local } = this.options;
    const { producer } = this;
    if (producer === undefined) throw closed();
    try {
      await this.put(partition, { kind: "claim", origin: local.origin, producer }, 0);
      partition.isClaimed = true;
    } catch (error) {
      partition.claimed = undefined;
      throw error;
    }
  }

  /** Until it succeeds, or what is wrong does not change by itself. */
  private async persistently<T>(work: () => Promise<T>): Promise<T> {
    const backoff = new Backoff(this.options.timers);
    for (;;) {
      if (this.fatal !== undefined) throw this.fatal;
      try {
        return await work();
      } catch (error) {
        if (this.isClosing) throw closed();
        if (!(error instanceof KafkaError)) throw error;
        if (isSettled(error.type)) throw startError(error, this.options.prefix);
        this.troubled(error);
        await Promise.race([backoff.wait(), this.backoff.pause(1_000)]);
      }
    }
  }

  private async atStart<T>(work: () => Promise<T>): Promise<T> {
    const { timers } = this.options;
    const backoff = new Backoff(timers);
    const until = timers.monotonic() + START_KAFKA_MS_MAX;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        const isHopeless = isSettled(error.type) || timers.monotonic() > until;
        if (isHopeless) throw startError(error, this.options.prefix);
        await backoff.wait();
        if (isNews(error.type)) await this.topics.refresh().catch(() => undefined);
      }
    }
  }

  private claimedBy({ id, epoch }: ProducerIdentity): void {
    const own = this.producer;
    if (own === undefined || id < own.id || (id === own.id && epoch <= own.epoch)) return;
    this.stop(fenced(nodeOfOrigin(this.options.local.origin)));
  }

  private lost(partition: Partition, first: number, next: number): void {
    if (partition.position > next) {
      this.stop(truncated(partition, partition.position, next));
      return;
    }
    // Expired before it was read: what is missing shows in the numbers of what follows.
    const { topic, partition: number, position } = partition;
    this.options.log.warn(
      { topic, partition: number, position, first },
      "Kafka expired records before they were read here",
    );
    partition.metSinceLoss = new Set();
    partition.position = first;
    partition.settle(Math.max(partition.durable, first));
  }

  private troubled(error: Error | undefined): void {
    if (error === undefined) {
      this.trouble = undefined;
      this.fault = undefined;
      return;
    }
    if (isLandfallError(error) || this.isClosing) return;
    if (this.trouble === undefined)
      this.options.log.warn({ err: error }, "Kafka does not answer as it should; it is asked again");
    this.trouble = { sinceMs: this.trouble?.sinceMs ?? this.options.timers.monotonic(), why: error.message };
  }

  private stop(error: LandfallError): void {
    if (this.fatal !== undefined || this.isClosing) return;
    this.fatal = error;
    this.options.log.error({ err: error }, "this node stops writing");
    for (const partition of this.topics.byName.values()) partition.fail(error);
    this.options.onFatal(error);
  }
}

function compactingOf(
  entry: Entry,
  local: EmbeddedStore,
  retention: SiteLogOptions["retention"],
): Compacting | undefined {
  if (entry.kind !== "records" || retention(entry.batch.stream)?.compact !== true) return undefined;
  return { next: local.vector(entry.batch.stream)[entry.batch.origin] ?? 0 };
}

function byLeader(partitions: Iterable<Partition>): Map<number, Partition[]> {
  const map = new Map<number, Partition[]>();
  for (const partition of partitions) {
    const leader = partition.leader ?? -1;
    map.set(leader, [...(map.get(leader) ?? []), partition]);
  }
  return map;
}

/** Kafka says so until somebody changes something. */
function isSettled(type: string): boolean {
  return /^(AUTHENTICATION|TOO_OLD|POLICY_VIOLATION|INVALID_(CONFIG|REPLICATION_FACTOR|PARTITIONS|TOPIC_EXCEPTION))$|AUTHORIZATION/.test(
    type,
  );
}

function isNews(type: string): boolean {
  return type !== "UNREACHABLE";
}

function startError(error: KafkaError, prefix: string): LandfallError {
  const { type, message } = error;
  const options = { cause: error };
  if (type === "AUTHENTICATION") {
    return new LandfallError("UNAUTHENTICATED", `Kafka: ${message}: check log.kafka.sasl and log.kafka.tls`, options);
  }
  if (type.includes("AUTHORIZATION")) {
    const remedy = `allow this user to describe, create, alter, read and write topics ${prefix}*, and the transactional id landfall-${prefix}*`;
    return new LandfallError("UNAUTHENTICATED", `Kafka: ${message}: ${remedy}`, options);
  }
  if (type === "TOO_OLD")
    return new LandfallError("UNSUPPORTED_VERSION", `Kafka: ${message}: use 3.9 or later`, options);
  if (type.startsWith("INVALID") || type === "POLICY_VIOLATION") {
    return new LandfallError(
      "INVALID_SETTINGS",
      `Kafka: ${message}: check log.kafka.replication and log.kafka.partitions`,
      options,
    );
  }
  const remedy = "check log.kafka.brokers, log.kafka.tls, and that the brokers run";
  return new LandfallError("UNAVAILABLE", `no Kafka broker answers: ${message}: ${remedy}`, options);
}

function truncated({ topic, partition }: Partition, known: number, next: number): LandfallError {
  const what = `Kafka's topic ${topic}, partition ${partition}, ends at ${next}, and this node has read it up to ${known}`;
  const remedy =
    "the topic was deleted or restored: start this node with an empty data folder, or another log.kafka.topicPrefix";
  return new LandfallError("UNSUPPORTED_FORMAT", `${what}: ${remedy}`);
}

function fenced(node: string): LandfallError {
  return new LandfallError(
    "FENCED",
    `another process writes as node ${node}: this one stops; give each node a name of its own`,
  );
}

function closed(): LandfallError {
  return new LandfallError("CLOSED", "the store was closed");
}
