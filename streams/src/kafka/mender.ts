import { isLandfallError } from "../model/errors.js";
import type { Env } from "../env.js";
import type { OriginId } from "../model/names.js";
import type { StoreLog } from "../store/open-folder.js";
import type { Applier } from "./applier.js";
import { Backoff } from "./backoff.js";
import { KafkaError, type KafkaClient } from "./kafka-client.js";
import { CATCH_UP_PARALLEL, FETCH_BYTES_MAX, RETRY_MS_MAX } from "./kafka-limits.js";
import { Permits } from "./permits.js";
import type { Partition } from "./partition.js";
import type { Topics } from "./topics.js";

export interface MenderOptions {
  readonly client: KafkaClient;
  readonly topics: Topics;
  readonly applier: Applier;
  readonly timers: Env;
  readonly log: StoreLog;
}

/** Whose records are lacking in a partition; undefined among them for everybody's. */
type Lacking = Set<OriginId | undefined>;

interface Pass {
  /** Until it begins, more may be added. */
  waiting: Lacking | undefined;
  done: Promise<void>;
}

/**
 * Damage in the node's own folder has taken records of which Kafka may have every one: they are read from there again, up to where this
 * node has followed the partition. Where it goes on following, and what it has acknowledged, is not touched.
 */
export class Mender {
  private readonly passes = new Map<Partition, Pass>();
  /** Each answer is in memory until it is taken in. */
  private readonly permits = new Permits(CATCH_UP_PARALLEL);
  private readonly backoff: Backoff;
  private isClosed = false;

  constructor(private readonly options: MenderOptions) {
    this.backoff = new Backoff(options.timers);
  }

  /** Resolves when nothing of a partition is mended any more; undefined when nothing is. */
  of(partition: Partition): Promise<void> | undefined {
    return this.passes.get(partition)?.done;
  }

  /** Resolves when all that Kafka has of the origin is here, or the node closes. @param origin by default all in the partition */
  mend(partition: Partition, origin?: OriginId): Promise<void> {
    const last = this.passes.get(partition);
    if (last?.waiting !== undefined) {
      last.waiting.add(origin);
      return last.done;
    }
    const lacking: Lacking = new Set([origin]);
    const pass: Pass = { waiting: lacking, done: Promise.resolve() };
    this.passes.set(partition, pass);
    pass.done = this.run(partition, pass, lacking, last);
    return pass.done;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.backoff.end();
    await Promise.all([...this.passes.values()].map(({ done }) => done));
  }

  private async run(partition: Partition, pass: Pass, lacking: Lacking, last: Pass | undefined): Promise<void> {
    await last?.done;
    pass.waiting = undefined;
    await this.read(partition, lacking);
    if (this.passes.get(partition) === pass) this.passes.delete(partition);
  }

  private async read(partition: Partition, lacking: Lacking): Promise<void> {
    const { timers, topics, log } = this.options;
    const { topic, partition: number, position: end } = partition;
    const of = lacking.has(undefined) ? "all" : [...lacking];
    log.warn({ topic, partition: number, of }, "what this folder has lost to damage is read from Kafka again");
    const isLacking = (origin: OriginId): boolean => lacking.has(undefined) || lacking.has(origin);
    const backoff = new Backoff(timers);
    for (let position: number | undefined; !this.isClosed && (position ?? 0) < end;) {
      try {
        position ??= await this.first(partition);
        const from = position;
        if (from < end) position = await this.permits.with(() => this.step(partition, from, isLacking));
        backoff.reset();
      } catch (error) {
        if (isLandfallError(error, "CLOSED")) return;
        // What Kafka has expired meanwhile is not to be had there any more.
        if (error instanceof KafkaError && error.type === "OFFSET_OUT_OF_RANGE") position = undefined;
        else
          log.warn(
            { err: error, topic, partition: number },
            "what was lost to damage could not be read from Kafka yet",
          );
        await Promise.race([backoff.wait(), this.backoff.pause(RETRY_MS_MAX)]);
        await topics.refreshSoon();
      }
    }
    log.info({ topic, partition: number }, "all that Kafka has of what was lost to damage is here again");
  }

  private async first(partition: Partition): Promise<number> {
    const [bounds] = await this.options.client.bounds(leaderOf(partition), [partition]);
    return bounds?.first ?? 0;
  }

  /** Returns where to go on. */
  private async step(
    partition: Partition,
    position: number,
    isLacking: (origin: OriginId) => boolean,
  ): Promise<number> {
    const { client, applier } = this.options;
    const { topic, partition: number } = partition;
    const from = [{ topic, partition: number, position }];
    const options = { waitMs: 0, bytesMax: FETCH_BYTES_MAX, isUrgent: true };
    const [result] = await client.fetch(leaderOf(partition), from, options);
    if (result === undefined) throw new KafkaError("UNREACHABLE", `${topic}: nothing came`);
    if (result.error !== undefined) throw new KafkaError(result.error, `${topic}: ${result.error}`);
    const next = await applier.mend(partition, position, result.records, isLacking);
    if (next === position) throw new KafkaError("UNREACHABLE", `${topic}: nothing came`);
    return next;
  }
}

function leaderOf({ topic, leader }: Partition): number {
  if (leader === undefined) throw new KafkaError("LEADER_NOT_AVAILABLE", `${topic} has no leader`);
  return leader;
}
