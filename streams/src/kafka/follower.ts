import { LandfallError } from "../model/errors.js";
import { Backoff } from "./backoff.js";
import { KafkaError, type FetchResult, type KafkaClient } from "./kafka-client.js";
import { Permits } from "./permits.js";
import { CATCH_UP_PARALLEL, FETCH_BYTES_MAX, FETCH_WAIT_MS, OWN_WRITES_MS, TOPICS_REFRESH_MS } from "./kafka-limits.js";
import type { Env } from "../env.js";
import type { Applier } from "./applier.js";
import type { Partition } from "./partition.js";
import type { Topics } from "./topics.js";

export interface FollowerOptions {
  readonly client: KafkaClient;
  readonly topics: Topics;
  readonly applier: Applier;
  readonly timers: Env;
  /** Kafka has lost the beginning of what was not read yet; from the position on, or all up to it. */
  readonly onLost: (partition: Partition, first: number, next: number) => void;
  /** What was met besides records; `undefined` when all is well again. */
  readonly onTrouble: (error: Error | undefined) => void;
}

/**
 * Reads the site's log into the local store. One request waits at each broker for whatever comes up in any partition; where this
 * node knows that something is there, it asks at once, over another connection.
 */
export class Follower {
  private readonly loops = new Map<number, Promise<void>>();
  private readonly catching = new Set<Promise<void>>();
  /** A folder that is built anew reads every partition, and each answer is held until it is taken. */
  private readonly permits = new Permits(CATCH_UP_PARALLEL);
  private readonly backoff: Backoff;
  private isStarted = false;
  private isClosed = false;

  constructor(private readonly options: FollowerOptions) {
    this.backoff = new Backoff(options.timers);
  }

  /** From now on, what comes up is followed. */
  start(): void {
    this.isStarted = true;
    for (const { leader } of this.options.topics.byName.values()) this.followAt(leader);
    const refreshing = this.refresh();
    this.catching.add(refreshing);
  }

  /** A topic was found or a partition moved. */
  followAt(leader: number | undefined): void {
    if (leader === undefined || !this.isStarted || this.isClosed || this.loops.has(leader)) return;
    this.loops.set(leader, this.follow(leader));
  }

  /** All below this is in Kafka: it is read now. Resolves when the local store has it. */
  want(partition: Partition, until: number): Promise<void> {
    const reached = partition.reached(until);
    if (until > partition.wanted) partition.wanted = until;
    if (!partition.isCatchingUp && !this.isClosed && partition.position < until) {
      partition.isCatchingUp = true;
      const work = this.catchUp(partition).finally(() => {
        partition.isCatchingUp = false;
        this.catching.delete(work);
      });
      this.catching.add(work);
    }
    return reached;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.backoff.end();
    await Promise.all([...this.loops.values(), ...this.catching]);
  }

  private async catchUp(partition: Partition): Promise<void> {
    const { client } = this.options;
    const backoff = new Backoff(this.options.timers);
    while (!this.isClosed && partition.position < partition.wanted) {
      const { leader, position } = partition;
      try {
        if (leader === undefined) throw new KafkaError("LEADER_NOT_AVAILABLE", "no leader");
        const from = [{ topic: partition.topic, partition: partition.partition, position }];
        await this.permits.with(async () => {
          const [result] = await client.fetch(leader, from, { waitMs: 0, bytesMax: FETCH_BYTES_MAX, isUrgent: true });
          if (result !== undefined) await this.take(partition, position, result);
        });
        if (partition.position > position) backoff.reset();
        else await backoff.wait();
      } catch (error) {
        await this.trouble(error);
        await Promise.race([backoff.wait(), this.backoff.pause(OWN_WRITES_MS * 20)]);
      }
    }
  }

  private async follow(leader: number): Promise<void> {
    const { client, topics, timers } = this.options;
    const backoff = new Backoff(timers);
    while (!this.isClosed) {
      const now = timers.monotonic();
      const here = [...topics.byName.values()].filter(
        (one) => one.leader === leader && !one.isCatchingUp && one.ownUntilMs <= now,
      );
      if (here.length === 0) {
        await this.backoff.pause(OWN_WRITES_MS);
        continue;
      }
      try {
        const from = here.map(({ topic, partition, position }) => ({ topic, partition, position }));
        const options = { waitMs: FETCH_WAIT_MS, bytesMax: FETCH_BYTES_MAX, isUrgent: false };
        const results = await client.fetch(leader, from, options);
        await Promise.all(
          results.map(async (result) => {
            const at = here.findIndex(
              ({ topic, partition }) => topic === result.topic && partition === result.partition,
            );
            const [partition, asked] = [here[at], from[at]];
            if (partition !== undefined && asked !== undefined) await this.take(partition, asked.position, result);
          }),
        );
        backoff.reset();
        this.options.onTrouble(undefined);
      } catch (error) {
        await this.trouble(error);
        await Promise.race([backoff.wait(), this.backoff.pause(OWN_WRITES_MS * 20)]);
      }
    }
  }

  private async take(partition: Partition, position: number, { error, records }: FetchResult): Promise<void> {
    if (error === undefined) {
      if (records.length > 0) await this.options.applier.fetched(partition, position, records);
      return;
    }
    if (error !== "OFFSET_OUT_OF_RANGE") throw new KafkaError(error, `${partition.topic}: ${error}`);
    const { leader, topic, partition: number } = partition;
    if (leader === undefined) return;
    const [bounds] = await this.options.client.bounds(leader, [{ topic, partition: number }]);
    if (bounds === undefined) return;
    // What was applied meanwhile may be all there is.
    if (partition.position >= bounds.first && partition.position <= bounds.next) return;
    this.options.onLost(partition, bounds.first, bounds.next);
  }

  private async trouble(error: unknown): Promise<void> {
    if (this.isClosed) return;
    this.options.onTrouble(error instanceof Error ? error : new Error(String(error)));
    if (error instanceof LandfallError) return;
    await this.options.topics.refreshSoon();
  }

  /** Other nodes make topics, too. */
  private async refresh(): Promise<void> {
    while (!this.isClosed) {
      await this.backoff.pause(TOPICS_REFRESH_MS);
      if (this.isClosed) return;
      await this.options.topics.refresh().catch((error: unknown) => this.options.onTrouble(error as Error));
    }
  }
}
