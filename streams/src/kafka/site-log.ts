import { LandfallError, isLandfallError } from "../model/errors.js";
import { nodeOfOrigin } from "../model/names.js";
import { Applier } from "./applier.js";
import { Backoff } from "./backoff.js";
import { Follower } from "./follower.js";
import { KafkaError, type KafkaClient } from "./kafka-client.js";
import {
  CLOSE_KAFKA_MS_MAX,
  KAFKA_ARRIVING_BYTES_MAX,
  KAFKA_PENDING_BYTES_MAX,
  START_KAFKA_MS_MAX,
} from "./kafka-limits.js";
import { Mender } from "./mender.js";
import { Positions, positionName } from "./positions.js";
import { Room } from "./room.js";
import { closed, fenced, foreign, isSettled, startError, takenOver, truncated } from "./site-log-errors.js";
import { Topics } from "./topics.js";
import { Troubles } from "./troubles.js";
import { Writer } from "./writer.js";
import { RetentionKeeper } from "./retention-keeper.js";
import { newTopicSettings, retentionSettings, unlimited } from "./topic-settings.js";
import type { Env } from "../env.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { EmbeddedStore } from "../store/embedded-store.js";
import type { StoreLog } from "../store/open-folder.js";
import type { Retention } from "../store/store.js";
import type { Compacting, Entry } from "./entry.js";
import type { HeldRun } from "./held-run.js";
import { Lane, type Partition } from "./partition.js";
import { NODES } from "./site-nodes.js";
import { readBatches, type ProducerIdentity } from "./record-batch.js";

export type WordListener = (node: string, origin: OriginId, words: Uint8Array) => void;

/** A node that is gone: who brings in its name from now on, which is nobody, and where brokers know it. */
interface Gone {
  readonly producer: Promise<ProducerIdentity>;
  readonly fenced: Map<Partition, Promise<void>>;
}

export interface SiteLogOptions {
  readonly client: KafkaClient;
  readonly local: EmbeddedStore;
  /** As in the settings: for messages. */
  readonly brokers: readonly string[];
  /** What names of topics begin with. */
  readonly prefix: string;
  readonly partitions: number;
  readonly replication: number | undefined;
  readonly env: Env;
  /** For waiting; the wall clock of `env` may be another one. */
  readonly timers: Env;
  readonly log: StoreLog;
  readonly retention: (stream: StreamName) => Retention | undefined;
  /** False while rules that travelled, and may keep the stream longer, have not been read. */
  readonly isRetentionKnown: (stream: StreamName) => boolean;
  readonly pendingBytesMax: number | undefined;
  readonly arrivingBytesMax: number | undefined;
  readonly onRefused: (code: string, message: string) => void;
  /** This node must stop: another process has its name, or Kafka has lost what it wrote. */
  readonly onFatal: (error: LandfallError) => void;
}

/** Bytes on their way to Kafka and back. */
export interface UnderWayBytes {
  readonly appended: number;
  /** What came over links. */
  readonly arrived: number;
  /** What came over links and waits for room: whoever sent it gets no credit. */
  readonly withoutRoom: number;
}

/** The site's commit log in Kafka: what is put into it is durable there and readable here when the promise resolves. */
export class SiteLog {
  readonly topics: Topics;
  private readonly applier: Applier;
  private readonly follower: Follower;
  private readonly mender: Mender;
  private readonly keeper: RetentionKeeper;
  private writer: Writer | undefined;
  private producer: ProducerIdentity | undefined;
  /** The producer of what this node brings; undefined before it is needed, and again when that was given up. */
  private bringer: Promise<ProducerIdentity> | undefined;
  private terms = 0;
  /** By name, `site.node`. */
  private readonly gone = new Map<string, Gone>();
  private readonly spoken = new Set<string>();
  private readonly fenceListeners = new Set<() => void>();
  private readonly backoff: Backoff;
  private fatal: LandfallError | undefined;
  private readonly troubles: Troubles;
  private fault: LandfallError | undefined;
  private readonly appends: Room;
  private readonly arrivals: Room;
  /** Pieces that wait for room, for Kafka, or to come back from it. */
  private waiting = 0;
  private isClosing = false;
  private onIdle: (() => void) | undefined;
  private readonly listeners = new Set<WordListener>();
  /** Reads to the end that are to begin when the one before has ended, by partition. */
  private readonly settling = new Map<Partition, { now: Promise<void>; next?: Promise<void> | undefined }>();

  constructor(private readonly options: SiteLogOptions) {
    const { client, local, brokers, prefix, partitions, replication, timers, env, log } = options;
    const { retention, isRetentionKnown } = options;
    this.backoff = new Backoff(timers);
    this.troubles = new Troubles(timers, log);
    this.appends = new Room(options.pendingBytesMax ?? KAFKA_PENDING_BYTES_MAX);
    this.arrivals = new Room(options.arrivingBytesMax ?? KAFKA_ARRIVING_BYTES_MAX);
    this.topics = new Topics({
      client,
      brokers,
      prefix,
      partitions,
      replication,
      timers,
      settingsFor: (stream, replicas) => ({
        ...newTopicSettings(replicas),
        ...retentionSettings(isRetentionKnown(stream) ? retention(stream) : unlimited(retention(stream)), partitions),
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
      onWord: (origin, words) => this.heard(nodeOfOrigin(origin), origin, words),
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
    const { topics } = this;
    this.mender = new Mender({ client, topics: this.topics, applier: this.applier, timers, log });
    this.keeper = new RetentionKeeper({ client, topics, partitions, timers, log, retention, isRetentionKnown });
    this.follower = new Follower({
      client,
      topics: this.topics,
      applier: this.applier,
      timers,
      onLost: (partition, first, next) => this.lost(partition, first, next),
      onTrouble: (error) => this.troubled("following", error),
    });
  }

  /** While what damage has taken of a history is read from Kafka again. */
  mending(stream: StreamName, origin: OriginId): Promise<unknown> | undefined {
    if (this.mender.isIdle) return undefined;
    const partition = this.known(stream, origin);
    return partition && this.mender.of(partition, origin);
  }

  /** The node appends under another origin, and has lost nothing by that. */
  reincarnated(): Promise<void> {
    const { local, env } = this.options;
    return new Positions(local).areOf(local.origin, env.now());
  }

  /**
   * Takes this node's name, and reads what is there to its end.
   * @throws LandfallError UNAVAILABLE, UNAUTHENTICATED, UNSUPPORTED_VERSION, UNSUPPORTED_FORMAT, INVALID_SETTINGS
   */
  async open(): Promise<void> {
    const { client, local } = this.options;
    await this.atStart(() => this.topics.refresh());
    this.producer = await this.atStart(() => client.initProducer(this.producerName));
    this.writer = this.newWriter();
    const { positions, nodes, origin } = await new Positions(local).read();
    for (const node of nodes) this.spoken.add(node);
    const ends: [Partition, number][] = [];
    for (const [leader, partitions] of byLeader(this.topics.byName.values())) {
      for (const { topic, partition, first, next } of await this.atStart(() => client.bounds(leader, partitions))) {
        const one = this.topics.byName.get(`${topic} ${partition}`) as Partition;
        const known = positions.get(positionName(one));
        await this.begin(one, known, first, next);
        ends.push([one, next]);
      }
    }
    await this.mend(positions.size > 0 && origin !== local.origin ? ends.map(([partition]) => partition) : []);
    // From now on, what is lacking is what follows.
    if (origin !== local.origin) await this.reincarnated();
    await Promise.all(ends.map(([partition, next]) => this.follower.want(partition, next)));
    if (this.fatal !== undefined) throw this.fatal;
    // What Kafka lost the end of may have been numbered by this node.
    if (ends.some(([{ metSinceLoss }]) => metSinceLoss !== undefined) && local.streams().length > 0) {
      await local.reincarnate();
      await this.reincarnated();
    }
    this.follower.start();
    this.keeper.start();
  }

  /**
   * What damage has taken from the folder is read again before anything that follows it, and from now on as soon as damage is met.
   * @param all of which anything may be lost
   */
  private async mend(all: readonly Partition[]): Promise<void> {
    const { local } = this.options;
    const mend = (stream: StreamName, origin: OriginId): Promise<void> | undefined => {
      const partition = this.known(stream, origin);
      return partition && this.mender.mend(partition, origin);
    };
    local.onDamaged((stream, origin) => void mend(stream, origin));
    const some = local.damaged().map(({ stream, origin }) => mend(stream, origin));
    await Promise.all([...all.map((partition) => this.mender.mend(partition)), ...some]);
  }

  /** Why nothing can be acknowledged now, if that is so. */
  get failed(): string | undefined {
    if (this.fatal !== undefined) return `${this.fatal.code}: ${this.fatal.message}`;
    if (this.fault !== undefined) return `${this.fault.code}: ${this.fault.message}`;
    const { why } = this.troubles;
    return this.waiting > 0 && why !== undefined ? `Kafka does not take records: ${why}` : undefined;
  }

  /** What a power cut could cost, in words. */
  get warning(): string | undefined {
    const { brokers, replicasMin } = this.topics;
    if (brokers >= 2 && replicasMin >= 2) return undefined;
    const what = brokers < 2 ? "Kafka has one broker" : "some topics have one replica";
    return `${what}: what is acknowledged is not safe against a power cut there`;
  }

  get underWayBytes(): UnderWayBytes {
    const { appends, arrivals } = this;
    return { appended: appends.bytes, arrived: arrivals.bytes, withoutRoom: arrivals.waitingBytes };
  }

  /** Begins the work at once. @throws LandfallError OVERLOADED when too much waits already, FENCED, CLOSED */
  appending<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const { appends } = this;
    if (this.fatal === undefined && !appends.isFree(bytes)) {
      throw new LandfallError("OVERLOADED", `${appends.bytes} bytes wait for Kafka already; try again later`);
    }
    return this.counted(() => appends.with("", bytes, work));
  }

  /**
   * Begins the work when there is room for what has come over a link. Pieces of one history keep their order, and what follows
   * something that `refusedBefore` was said of does not begin any more.
   * @throws LandfallError SEQ_GAP, FENCED, CLOSED
   */
  arriving<T>(history: string, bytes: number, work: () => Promise<T>): Promise<T> {
    return this.counted(() => this.arrivals.with(history, bytes, work));
  }

  /** Kafka has refused something of this history for good. */
  refusedBefore(history: string): void {
    this.arrivals.drop(history, new LandfallError("SEQ_GAP", `${history}: Kafka has refused what stands before it`));
  }

  /** The partition, if it can be written to at once. */
  ready(stream: StreamName, origin: OriginId): Partition | undefined {
    const partition = this.known(stream, origin);
    return partition?.own.isClaimed === true ? partition : undefined;
  }

  /** The partition, if what this node brings can be written to it at once. */
  readyToBring(stream: StreamName, origin: OriginId): Partition | undefined {
    const partition = this.known(stream, origin);
    return partition?.brings.isClaimed === true ? partition : undefined;
  }

  /**
   * The partition, once it can be written to: its topic is there, no earlier process of this name can write to it any more, and all
   * that it wrote is known here. Waits for Kafka as long as it takes.
   * @throws LandfallError INVALID_NAME, INVALID_SETTINGS, FENCED, CLOSED
   */
  async prepared(stream: StreamName, origin: OriginId): Promise<Partition> {
    const partition = await this.made(stream, origin);
    await this.claimOwn(partition);
    return partition;
  }

  /**
   * The partition, once what this node brings can be written to it: nothing of what it brought before it gave that up, or an earlier
   * process of its name did, gets there any more, and what did is known here.
   * @throws LandfallError INVALID_NAME, INVALID_SETTINGS, FENCED, CLOSED, TAKEN_OVER
   */
  async preparedToBring(stream: StreamName, origin: OriginId): Promise<Partition> {
    const partition = await this.made(stream, origin);
    await this.claimToBring(partition);
    return partition;
  }

  /** Of what this node brings: another one when all of that was given up. What is to be brought keeps to the one in which it was begun. */
  get term(): number {
    return this.terms;
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
    return new Promise((resolve, reject) =>
      writer.put(partition, partition.own, { entry, bytes, resolve, reject, onRefused }),
    );
  }

  /** The same for what comes from other sites. @throws LandfallError TAKEN_OVER when the term is over */
  bring(term: number, partition: Partition, entry: Entry, bytes: number, onRefused: () => void): Promise<void> {
    const { fatal, writer } = this;
    if (fatal !== undefined || writer === undefined || term !== this.terms) {
      onRefused();
      return Promise.reject(fatal ?? (writer === undefined ? closed() : takenOver()));
    }
    return new Promise((resolve, reject) =>
      writer.put(partition, partition.brings, { entry, bytes, resolve, reject, onRefused }),
    );
  }

  /** What this node brings, and Kafka has not acknowledged, is refused with TAKEN_OVER; what Kafka was sent of it may get there all the same. */
  giveUp(): void {
    this.terms++;
    this.bringer = undefined;
    const error = takenOver();
    this.arrivals.dropAll(error);
    for (const partition of this.topics.byName.values()) partition.giveUpBringing(error);
  }

  /** Calls back when Kafka refuses what this node brings. Who listens says `giveUp`. Returns how to stop. */
  onFenced(listener: () => void): () => void {
    this.fenceListeners.add(listener);
    return () => this.fenceListeners.delete(listener);
  }

  /** Nodes of the site that have said something; this one among them. */
  nodes(): string[] {
    return [...this.spoken];
  }

  /** What this node has brought gets nowhere any more where `settled` is asked for afterwards. @param node `site.node`, not this one */
  fence(node: string): void {
    const producer = this.persistently(() => this.options.client.initProducer(this.bringerName(node)));
    // Heard of where it is needed.
    producer.catch(() => undefined);
    this.gone.set(node, { producer, fenced: new Map() });
  }

  /** Where the nodes' words go: one partition, so that all hear them in one order. @throws LandfallError FENCED, CLOSED */
  async words(): Promise<Partition> {
    const [partition] = await this.persistently(() => this.topics.of(NODES));
    if (partition === undefined) throw closed();
    await this.claimOwn(partition);
    return partition;
  }

  /** Returns how to stop. */
  onWords(listener: WordListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * What any node has had acknowledged of the origin is here when it resolves; and of what nodes that are gone have brought, or this
   * one before it gave that up, nothing gets there any more. Several that wait for the same are one.
   */
  async settled(stream: StreamName, origin: OriginId): Promise<void> {
    const partition = await this.made(stream, origin);
    if (origin !== this.options.local.origin) {
      const fences = [...this.gone].map(([node, gone]) => this.fenceIn(partition, node, gone));
      await Promise.all([this.claimToBring(partition), ...fences]);
    }
    await this.settledIn(partition);
  }

  private async settledIn(partition: Partition): Promise<void> {
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
        return this.settledIn(partition);
      });
    return running.next;
  }

  /** The local store has this run, of which Kafka has all records. */
  async installed(held: HeldRun): Promise<void> {
    held.end(true);
    const partition = this.known(held.run.stream, held.run.origin);
    if (partition !== undefined) await this.applier.installed(partition, held);
    held.settle();
  }

  /** The local store takes what Kafka has of this run from there; resolves when it has. Nothing of it is on its way any more. */
  async givenUp(held: HeldRun): Promise<void> {
    held.end(false);
    const partition = this.known(held.run.stream, held.run.origin);
    if (partition !== undefined) {
      const until = held.from === undefined ? 0 : partition.position;
      await this.applier.rewind(partition);
      if (!this.isClosing) await this.follower.want(partition, until).catch(() => undefined);
    }
    held.settle();
  }

  /** Where the origin's records are, if the stream has a topic already. */
  private known(stream: StreamName, origin: OriginId): Partition | undefined {
    const partitions = this.topics.byStream.get(stream);
    return partitions && this.topics.partitionOf(partitions, origin);
  }

  /** The same, once it has one. */
  private async made(stream: StreamName, origin: OriginId): Promise<Partition> {
    return this.topics.partitionOf(await this.persistently(() => this.topics.of(stream)), origin);
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
    this.fail(closed());
    this.topics.close();
    await this.options.client.close();
    await this.keeper.close();
    await this.writer?.close();
    await this.follower.close();
    await this.mender.close();
    for (const partition of this.topics.byName.values()) {
      await partition.tail;
      partition.fail(closed());
    }
  }

  private get producerName(): string {
    const { local, prefix } = this.options;
    return `landfall-${prefix}${nodeOfOrigin(local.origin)}`;
  }

  /** No node is called so. @param node `site.node` */
  private bringerName(node: string): string {
    return `landfall-${this.options.prefix}${node}~brings`;
  }

  private newWriter(): Writer {
    const { client, env, timers, local, retention } = this.options;
    return new Writer({
      client,
      topics: this.topics,
      applier: this.applier,
      follower: this.follower,
      env,
      timers,
      compacting: (entry) => compactingOf(entry, local, retention),
      onTrouble: (error) => this.troubled("writing", error),
      onFenced: (partition, lane) => this.fenced(partition, lane),
      onLostTrack: (error) =>
        this.stop(
          new LandfallError("UNAVAILABLE", `${error.message}: Kafka has lost records that it had acknowledged`),
        ),
    });
  }

  private async begin(partition: Partition, known: number | undefined, first: number, next: number): Promise<void> {
    const { topic, partition: number } = partition;
    if (known !== undefined && known > next) throw truncated(partition, known, next, this.options.brokers);
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
      throw foreign(partition, this.options.brokers);
    }
  }

  private async claim(partition: Partition): Promise<void> {
    const { local } = this.options;
    const { producer } = this;
    if (producer === undefined) throw closed();
    const { own } = partition;
    own.take(producer);
    try {
      await this.put(partition, { kind: "claim", origin: local.origin, producer }, 0);
      own.isClaimed = true;
    } catch (error) {
      own.claimed = undefined;
      throw error;
    }
  }

  private claimOwn(partition: Partition): Promise<void> {
    partition.own.claimed ??= this.claim(partition);
    return partition.own.claimed;
  }

  private claimToBring(partition: Partition): Promise<void> {
    const { brings } = partition;
    brings.claimed ??= this.beginToBring(partition, brings);
    return brings.claimed;
  }

  private async beginToBring(partition: Partition, lane: Lane): Promise<void> {
    const { origin } = this.options.local;
    const node = nodeOfOrigin(origin);
    const { term } = this;
    try {
      const producer = await this.takeBringer(node);
      lane.take(producer);
      await this.bring(term, partition, { kind: "fence", origin, node, producer }, 0, () => undefined);
      lane.isClaimed = true;
    } catch (error) {
      lane.claimed = undefined;
      throw error;
    }
  }

  private takeBringer(node: string): Promise<ProducerIdentity> {
    if (this.bringer !== undefined) return this.bringer;
    const taking = this.persistently(() => this.options.client.initProducer(this.bringerName(node)));
    this.bringer = taking;
    taking.catch(() => {
      if (this.bringer === taking) this.bringer = undefined;
    });
    return taking;
  }

  private fenceIn(partition: Partition, node: string, { producer, fenced }: Gone): Promise<void> {
    const known = fenced.get(partition);
    if (known !== undefined) return known;
    const work = this.fenceNow(partition, node, producer).catch((error: unknown) => {
      fenced.delete(partition);
      throw error;
    });
    fenced.set(partition, work);
    return work;
  }

  /** By a lane of its own: what it writes is the first that brokers hear of this producer. */
  private async fenceNow(partition: Partition, node: string, producing: Promise<ProducerIdentity>): Promise<void> {
    const producer = await producing;
    const { writer } = this;
    if (this.fatal !== undefined || writer === undefined) throw this.fatal ?? closed();
    const lane = new Lane(producer);
    const entry = { kind: "fence", origin: this.options.local.origin, node, producer } as const;
    partition.enter(lane);
    try {
      await new Promise<void>((resolve, reject) =>
        writer.put(partition, lane, { entry, bytes: 0, resolve, reject, onRefused: () => undefined }),
      );
    } finally {
      partition.leave(lane);
    }
  }

  /** Brokers know of somebody who has taken the name of the lane's producer later. */
  private fenced(partition: Partition, lane: Lane): void {
    if (lane === partition.own) {
      this.stop(fenced(nodeOfOrigin(this.options.local.origin)));
    } else if (lane === partition.brings) {
      const { term } = this;
      for (const tell of this.fenceListeners) tell();
      if (term === this.term) this.giveUp();
    } else {
      // A node that is gone is fenced by another one, or has begun anew: either stands.
      for (const item of lane.clear()) item.resolve();
    }
  }

  private heard(node: string, origin: OriginId, words: Uint8Array): void {
    if (!this.spoken.has(node)) {
      this.spoken.add(node);
      // Also where this process does not live to hear of it again.
      void new Positions(this.options.local).meet(node, this.options.env.now()).catch(() => undefined);
    }
    for (const tell of this.listeners) tell(node, origin, words);
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
        this.troubled("writing", error);
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
      this.stop(truncated(partition, partition.position, next, this.options.brokers));
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

  private troubled(at: "writing" | "following", error: Error | undefined): void {
    if (error === undefined) {
      this.troubles.end(at);
      this.fault = undefined;
      return;
    }
    if (!isLandfallError(error) && !this.isClosing) this.troubles.add(at, error);
  }

  private stop(error: LandfallError): void {
    if (this.fatal !== undefined || this.isClosing) return;
    this.fatal = error;
    this.options.log.error({ err: error }, "this node stops writing");
    this.fail(error);
    this.options.onFatal(error);
  }

  /** Nobody who waits gets what he waits for, and nothing begins any more. */
  private fail(error: LandfallError): void {
    for (const room of [this.appends, this.arrivals]) room.end(error);
    for (const partition of this.topics.byName.values()) partition.fail(error);
  }

  private async counted<T>(work: () => Promise<T>): Promise<T> {
    this.waiting++;
    try {
      return await work();
    } finally {
      if (--this.waiting === 0) this.onIdle?.();
    }
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

function isNews(type: string): boolean {
  return type !== "UNREACHABLE";
}
