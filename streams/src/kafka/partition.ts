import { EntryReader } from "./entry.js";
import { LandfallError } from "../model/errors.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { Entry } from "./entry.js";
import type { HeldRun } from "./held-run.js";
import type { ProducerIdentity } from "./record-batch.js";

/** Something that is to be in the log: an append, a part of what a peer sent, a gap. */
export interface Item {
  readonly entry: Entry;
  readonly bytes: number;
  /** Kafka has it, and so has the local store. */
  resolve(): void;
  reject(error: unknown): void;
  /** Before `reject`, and in the same turn: it is in no log. */
  onRefused(): void;
}

/** Items on their way to a broker: sent again byte for byte until it answers, so that it keeps them once. */
export interface OutBatch {
  readonly items: readonly Item[];
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** What one producer has to write to a partition. Brokers number the records of each by itself. */
export class Lane {
  /** Number that Kafka expects of this producer's next record. */
  sequence = 0;
  queue: Item[] = [];
  batch: OutBatch | undefined;
  /** Resolves once an earlier process or life of the name can write here no more, and all it wrote is known. */
  claimed: Promise<void> | undefined;
  isClaimed = false;

  /** @param identity of a lane whose producer is known from the beginning */
  constructor(private identity?: ProducerIdentity) {}

  /** @throws LandfallError INTERNAL before `take` */
  get producer(): ProducerIdentity {
    if (this.identity === undefined)
      throw new LandfallError("INTERNAL", "something is written before its producer is known");
    return this.identity;
  }

  take(producer: ProducerIdentity): void {
    this.identity = producer;
  }

  get hasWork(): boolean {
    return this.batch !== undefined || this.queue.length > 0;
  }

  /** Nothing of it waits any more; the items that did. */
  clear(): Item[] {
    const items = [...(this.batch?.items ?? []), ...this.queue];
    this.batch = undefined;
    this.queue = [];
    return items;
  }

  /** Kafka will not have the batch, nor what follows it: what it has already is waited for as before. */
  refuse(error: LandfallError): void {
    const items = this.clear();
    for (const item of items) item.onRefused();
    for (const item of items) item.reject(error);
  }
}

interface Waiter {
  readonly until: number;
  readonly item: Pick<Item, "resolve" | "reject">;
}

/** One partition of the site's log, as this node writes to it and follows it. Positions are Kafka's offsets. */
export class Partition {
  leader: number | undefined;
  /** The next to be handed to the local store. */
  position = 0;
  /** All below is durable in the local store, but for what is held. */
  durable = 0;
  /** All below is known to be in Kafka, and is wanted. */
  wanted = 0;
  /** Work on the local store, one piece after the other. */
  tail: Promise<void> = Promise.resolve();
  isCatchingUp = false;
  /** Until then, by the monotonic clock, this node alone seems to write here. */
  ownUntilMs = 0;
  /** This node's own records, marks and words. */
  readonly own = new Lane();
  /** What this node brings from other sites; another one when all of that was given up. */
  brings = new Lane();
  /** Those two, and what ends the bringing of other nodes; who sends goes behind the others. */
  private lanes: Lane[] = [this.own, this.brings];
  /** Origins whose first record since the log was lost the beginning of has been met; undefined while none was lost. */
  metSinceLoss: Set<OriginId> | undefined;
  /** Runs that the local store is to take itself, from before their first record is in Kafka until it has them. */
  readonly held = new Set<HeldRun>();
  readonly reader: EntryReader;
  private waiters: Waiter[] = [];

  constructor(
    readonly stream: StreamName,
    readonly topic: string,
    readonly partition: number,
  ) {
    this.reader = new EntryReader(stream);
  }

  /** Records have been passed that the local store does not have: no position behind them may be written down. */
  get isAhead(): boolean {
    return [...this.held].some(({ from }) => from !== undefined);
  }

  get hasWork(): boolean {
    return this.lanes.some(({ hasWork }) => hasWork);
  }

  /** Who sends next: what was not answered is sent again first, because Kafka takes one batch of a partition at a time; else each in turn. */
  next(): Lane | undefined {
    const lane = this.lanes.find(({ batch }) => batch !== undefined) ?? this.lanes.find(({ hasWork }) => hasWork);
    if (lane !== undefined && lane.batch === undefined) {
      this.leave(lane);
      this.lanes.push(lane);
    }
    return lane;
  }

  enter(lane: Lane): void {
    this.lanes.push(lane);
  }

  leave(lane: Lane): void {
    this.lanes = this.lanes.filter((other) => other !== lane);
  }

  /** Nothing that this node was bringing gets here any more but what Kafka has been sent. */
  giveUpBringing(error: LandfallError): void {
    const former = this.brings;
    this.brings = new Lane();
    this.leave(former);
    this.enter(this.brings);
    former.refuse(error);
  }

  /** Resolves when the local store has all up to there. */
  reached(until: number): Promise<void> {
    return new Promise((resolve, reject) => this.whenReached(until, { resolve, reject }));
  }

  whenReached(until: number, item: Waiter["item"]): void {
    if (this.durable >= until) item.resolve();
    else this.waiters.push({ until, item });
  }

  settle(next: number): void {
    this.durable = next;
    const due = this.waiters.filter(({ until }) => until <= next);
    if (due.length === 0) return;
    this.waiters = this.waiters.filter(({ until }) => until > next);
    for (const { item } of due) item.resolve();
  }

  /** Everything from there on is read again. */
  rewind(to: number): void {
    this.position = Math.min(this.position, to);
    this.durable = Math.min(this.durable, to);
  }

  /** Nobody who waits gets what he waits for; what was sent may be there all the same. */
  fail(error: LandfallError): void {
    const items = [...this.waiters.map(({ item }) => item), ...this.lanes.flatMap((lane) => lane.clear())];
    this.waiters = [];
    for (const item of items) item.reject(error);
  }
}
