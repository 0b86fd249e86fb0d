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
  readonly lacking: Lacking;
  /** Until then, more may be added. */
  hasBegun: boolean;
  done: Promise<void>;
}

/** What cannot be read now will not be later: after so many tries a pass ends without it. */
const UNREADABLE: readonly string[] = ["CORRUPT_BLOCK", "UNSUPPORTED_FORMAT", "INTERNAL"];
const UNREADABLE_TRIES_MAX = 5;

/**
 * Damage in the node's own folder has taken records of which Kafka may have every one: they are read from there again, up to where this
 * node has followed the partition. Where it goes on following, and what it has acknowledged, is not touched.
 */
export class Mender {
  /** Of each partition, one after the other: the last one may not have begun. */
  private readonly passes = new Map<Partition, Pass[]>();
  /** Each answer is in memory until it is taken in. */
  private readonly permits = new Permits(CATCH_UP_PARALLEL);
  private readonly backoff: Backoff;
  private isClosed = false;

  constructor(private readonly options: MenderOptions) {
    this.backoff = new Backoff(options.timers);
  }

  get isIdle(): boolean {
    return this.passes.size === 0;
  }

  /** Resolves when all that Kafka has of the origin is here again; undefined when nothing of it is mended. */
  of(partition: Partition, origin: OriginId): Promise<unknown> | undefined {
    const all = this.passes.get(partition) ?? [];
    const its = all.filter(({ lacking }) => isIn(lacking, origin));
    return its.length === 0 ? undefined : Promise.all(its.map(({ done }) => done));
  }

  /** Resolves when all that Kafka has of the origin is here, or the node closes. @param origin by default all in the partition */
  mend(partition: Partition, origin?: OriginId): Promise<void> {
    const passes = this.passes.get(partition) ?? [];
    const last = passes.at(-1);
    if (last?.hasBegun === false) {
      last.lacking.add(origin);
      return last.done;
    }
    const pass: Pass = { lacking: new Set([origin]), hasBegun: false, done: Promise.resolve() };
    passes.push(pass);
    this.passes.set(partition, passes);
    pass.done = this.run(partition, pass, last?.done);
    return pass.done;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.backoff.end();
    await Promise.all([...this.passes.values()].flat().map(({ done }) => done));
  }

  private async run(partition: Partition, pass: Pass, before: Promise<void> | undefined): Promise<void> {
    await before;
    pass.hasBegun = true;
    const { topic, partition: number } = partition;
    const { log } = this.options;
    const of = pass.lacking.has(undefined) ? "all" : [...pass.lacking];
    log.warn({ topic, partition: number, of }, "what this folder may have lost to damage is read from Kafka again");
    if (await this.read(partition, pass.lacking))
      log.info({ topic, partition: number, of }, "all that Kafka has of it is here");
    const left = (this.passes.get(partition) ?? []).filter((other) => other !== pass);
    if (left.length > 0) this.passes.set(partition, left);
    else this.passes.delete(partition);
  }

  /** False where that was not possible, or the node closes. */
  private async read(partition: Partition, lacking: Lacking): Promise<boolean> {
    const { timers, topics, log } = this.options;
    const { topic, partition: number, position: end } = partition;
    const isLacking = (origin: OriginId): boolean => isIn(lacking, origin);
    const backoff = new Backoff(timers);
    let unreadable = 0;
    for (let position: number | undefined; (position ?? 0) < end;) {
      if (this.isClosed) return false;
      try {
        const from: number = position ?? (await this.first(partition));
        position = from < end ? await this.permits.with(() => this.step(partition, from, end, isLacking)) : from;
        backoff.reset();
      } catch (error) {
        if (isLandfallError(error, "CLOSED")) return false;
        if (isLandfallError(error) && UNREADABLE.includes(error.code) && ++unreadable === UNREADABLE_TRIES_MAX) {
          log.error({ err: error, topic, partition: number }, "what was lost to damage cannot be read from Kafka");
          return false;
        }
        // What Kafka has expired meanwhile is not to be had there any more.
        if (error instanceof KafkaError && error.type === "OFFSET_OUT_OF_RANGE") position = undefined;
        else log.warn({ err: error, topic, partition: number }, "what was lost to damage is asked of Kafka again");
        await Promise.race([backoff.wait(), this.backoff.pause(RETRY_MS_MAX)]);
        await topics.refreshSoon();
      }
    }
    return true;
  }

  private async first(partition: Partition): Promise<number> {
    const [bounds] = await this.options.client.bounds(leaderOf(partition), [partition]);
    return bounds?.first ?? 0;
  }

  /** Returns where to go on. */
  private async step(
    partition: Partition,
    position: number,
    end: number,
    isLacking: (origin: OriginId) => boolean,
  ): Promise<number> {
    const { client, applier } = this.options;
    const { topic, partition: number } = partition;
    const from = [{ topic, partition: number, position }];
    const options = { waitMs: 0, bytesMax: FETCH_BYTES_MAX, isUrgent: true };
    const [result] = await client.fetch(leaderOf(partition), from, options);
    if (result === undefined) throw new KafkaError("UNREACHABLE", `${topic}: nothing came`);
    if (result.error !== undefined) throw new KafkaError(result.error, `${topic}: ${result.error}`);
    const next = await applier.mend(partition, { from: position, to: end }, result.records, isLacking);
    if (next === position) throw new KafkaError("UNREACHABLE", `${topic}: nothing came`);
    return next;
  }
}

function isIn(lacking: Lacking, origin: OriginId): boolean {
  return lacking.has(undefined) || lacking.has(origin);
}

function leaderOf({ topic, leader }: Partition): number {
  if (leader === undefined) throw new KafkaError("LEADER_NOT_AVAILABLE", `${topic} has no leader`);
  return leader;
}
