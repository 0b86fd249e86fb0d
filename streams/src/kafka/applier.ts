import { LandfallError, isLandfallError, type ErrorCode } from "../model/errors.js";
import type { GapReason, Hole } from "../model/gap.js";
import type { OriginId } from "../model/names.js";
import type { Seq } from "../model/record.js";
import type { Env } from "../env.js";
import type { EmbeddedStore } from "../store/embedded-store.js";
import type { StoreLog } from "../store/open-folder.js";
import type { Batch } from "../store/store.js";
import type { Entry } from "./entry.js";
import type { HeldRun } from "./held-run.js";
import type { Partition } from "./partition.js";
import type { Positions } from "./positions.js";
import { readBatches, type ProducerIdentity } from "./record-batch.js";

export interface ApplierOptions {
  readonly local: EmbeddedStore;
  readonly positions: Positions;
  readonly env: Env;
  readonly log: StoreLog;
  readonly isCompacted: (partition: Partition) => boolean;
  /** A process with this producer has begun to write under this node's name. */
  readonly onClaim: (producer: ProducerIdentity) => void;
  /** A node of the site has said something to all of them, this one included. */
  readonly onWord: (origin: OriginId, words: Uint8Array) => void;
  /** Something in the topic is none of Landfall's, or cannot be taken: it was passed over. */
  readonly onRefused: (partition: Partition, code: string, message: string) => void;
  /** The local store could not take what comes next; it is tried again. */
  readonly onFault: (partition: Partition, error: LandfallError) => void;
}

/** What the store says of records that nobody can take. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  "SEQ_GAP",
  "PROTOCOL_ERROR",
  "CLOCK_REFUSED",
  "INVALID_NAME",
  "INVALID_ARGUMENT",
  "VALUE_TOO_LARGE",
]);

/** Brings the site's log into the local store, each partition in its order, with its position in the same commit. */
export class Applier {
  constructor(private readonly options: ApplierOptions) {}

  /** What this node wrote and Kafka acknowledged: nothing of it has to be fetched if it begins where this node stands. */
  own(partition: Partition, base: number, entries: readonly Entry[], next: number): Promise<boolean> {
    const turn = this.inTurn(partition, async () => {
      if (rewound(partition) || partition.position !== base) return false;
      return this.take(partition, entries, next, true);
    });
    // It was told, and is tried again.
    return turn.catch(() => false);
  }

  /**
   * What a broker served from this position on: whole batches, of which the first may begin before it. False when nothing of it was
   * new, or what stands before it has to be read again.
   * @throws LandfallError what the local store says, UNSUPPORTED_FORMAT, CORRUPT_BLOCK
   */
  fetched(partition: Partition, position: number, bytes: Uint8Array): Promise<boolean> {
    return this.inTurn(partition, async () => {
      let has = false;
      if (rewound(partition) || partition.position < position) return false;
      for (const batch of readBatches(bytes)) {
        if (batch.next <= partition.position) continue;
        const from = partition.position;
        const records = batch.records().filter(({ position }) => position >= from);
        if (!(await this.take(partition, partition.reader.read(records), batch.next, false))) return has;
        has = true;
      }
      return has;
    });
  }

  /** The local store has this run: from now on, its place in the log may be noted down. */
  async installed(partition: Partition, held: HeldRun): Promise<void> {
    const { positions, env } = this.options;
    await this.inTurn(partition, async () => {
      partition.held.delete(held);
      if (!partition.isAhead) await positions.put(partition, [], partition.position, env.now());
      return true;
      // It was told; with what comes next it is tried again.
    }).catch(() => undefined);
  }

  /**
   * Of what a broker served between these positions, takes in again what damage has taken of some origins.
   * @returns where it ends @throws as `fetched`
   */
  mend(
    partition: Partition,
    { from, to }: { readonly from: number; readonly to: number },
    bytes: Uint8Array,
    isLacking: (origin: OriginId) => boolean,
  ): Promise<number> {
    return this.inTurn(partition, async () => {
      let next = from;
      for (const batch of readBatches(bytes)) {
        if (batch.next <= next || next >= to) continue;
        const first = next;
        next = batch.next;
        const records = batch.records().filter(({ position }) => position >= first && position < to);
        for (const entry of partition.reader.read(records)) await this.mendEntry(partition, entry, isLacking);
      }
      return next;
    });
  }

  private async mendEntry(partition: Partition, entry: Entry, isLacking: (origin: OriginId) => boolean): Promise<void> {
    if ((entry.kind !== "records" && entry.kind !== "gap") || !isLacking(originOf(entry))) return;
    const { local } = this.options;
    // The local store takes it with the run.
    if ([...partition.held].some((held) => held.isOf(originOf(entry)) && isPartOf(held, entry))) return;
    if (entry.kind === "gap") {
      await this.takeGap(partition, entry.origin, entry.hole);
      return;
    }
    const { batch } = entry;
    if (!(await this.isTakeable(partition, batch, [], () => Promise.resolve()))) return;
    const [record] = batch.records;
    const isHere = record === undefined || local.lacking(batch, [], undefined).length === 0;
    // What was given up because it stands under a later origin of its node was not lost.
    if (isHere || (await local.standsAgain(batch.stream, batch.origin, record))) return;
    await local.apply(batch);
  }

  /** Goes back to the first record of what was held and was given up. */
  async rewind(partition: Partition): Promise<void> {
    await this.inTurn(partition, async () => rewound(partition));
  }

  private inTurn<T>(partition: Partition, work: () => Promise<T>): Promise<T> {
    const turn = partition.tail.then(work).catch((error: unknown) => {
      throw this.failed(partition, error);
    });
    partition.tail = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }

  /** False when what stands before it has to be read again first. */
  private async take(partition: Partition, entries: readonly Entry[], next: number, isOwn: boolean): Promise<boolean> {
    try {
      return await this.takeAll(partition, entries, next, isOwn, false);
    } catch (error) {
      // Each was right beside what is here, and not all beside each other.
      if (isOwn || !isLandfallError(error) || !REFUSALS.has(error.code)) throw error;
      return this.takeAll(partition, entries, next, isOwn, true);
    }
  }

  private async takeAll(
    partition: Partition,
    entries: readonly Entry[],
    next: number,
    isOwn: boolean,
    isOneByOne: boolean,
  ): Promise<boolean> {
    const { positions, env, local } = this.options;
    /** Taken in with the position; before something that must see them, at once. */
    let batches: Batch[] = [];
    const all = async (): Promise<void> => {
      const some = batches;
      batches = [];
      await Promise.all(some.map((batch) => local.apply(batch)));
    };
    for (const entry of entries) {
      if (isOneByOne) await all();
      const origin = originOf(entry);
      const held = origin && heldOf(partition, origin);
      if (held !== undefined && isPartOf(held, entry)) {
        // The local store takes it with the run; from the first on, positions are not written down.
        held.from ??= partition.position;
        partition.metSinceLoss?.add(held.run.origin);
        continue;
      }
      if (held !== undefined) {
        // What follows a run that is held is taken behind it.
        await all();
        if (!(await held.ended)) {
          rewound(partition);
          return false;
        }
      }
      if (entry.kind === "page") {
        // It is held no more: what Kafka has of it is read from there.
        return false;
      } else if (entry.kind === "records") {
        if (isOwn || (await this.isTakeable(partition, entry.batch, batches, all))) batches.push(entry.batch);
      } else if (entry.kind === "gap") {
        await all();
        await this.takeGap(partition, entry.origin, entry.hole);
      } else if (entry.kind === "claim") {
        if (!isOwn && isOfThisNode(local.origin, entry.origin)) this.options.onClaim(entry.producer);
      } else if (entry.kind === "word") {
        this.options.onWord(entry.origin, entry.words);
      } else if (entry.kind === "foreign") {
        const where = `Kafka's topic ${partition.topic}, partition ${partition.partition}, offset ${entry.position}`;
        this.options.onRefused(partition, "FOREIGN_RECORD", `${where}: no record of Landfall's; it was passed over`);
      }
    }
    if (partition.isAhead) await all();
    else await positions.put(partition, batches, next, env.now());
    partition.position = next;
    partition.settle(next);
    return true;
  }

  /** Where what stands before it is gone from Kafka, that is a gap now. */
  private async isTakeable(
    partition: Partition,
    batch: Batch,
    waiting: readonly Batch[],
    takeWaiting: () => Promise<void>,
  ): Promise<boolean> {
    const { local } = this.options;
    const { stream, origin, firstSeq, records } = batch;
    const isFirst = partition.metSinceLoss !== undefined && !partition.metSinceLoss.has(origin);
    partition.metSinceLoss?.add(origin);
    for (let tries = 0; ; tries++) {
      try {
        const before = waiting.filter((one) => one.origin === origin);
        local.lacking(batch, before.map(rangeOf), undefined);
        return true;
      } catch (error) {
        if (!isLandfallError(error) || error.code === "CLOSED") throw error;
        await takeWaiting();
        const next = local.vector(stream)[origin] ?? 0;
        if (error.code === "SEQ_GAP" && tries === 0 && next < firstSeq) {
          const reason = this.reasonOf(partition, isFirst);
          await local.noteGap(stream, origin, { from: next as Seq, to: firstSeq, reason });
          continue;
        }
        const what = `${stream}: ${records.length} records of ${origin} from seq ${firstSeq} on`;
        this.options.onRefused(partition, error.code, `${what} were passed over: ${error.message}`);
        if (origin !== local.origin && next === firstSeq) {
          const to = (firstSeq + records.length) as Seq;
          await local.noteGap(stream, origin, { from: firstSeq, to, reason: "damaged" });
        }
        return false;
      }
    }
  }

  private reasonOf(partition: Partition, isFirst: boolean): GapReason {
    if (this.options.isCompacted(partition)) return "superseded";
    return isFirst ? "expired" : "missed";
  }

  private async takeGap(partition: Partition, origin: OriginId, hole: Hole): Promise<void> {
    const { local } = this.options;
    const { stream } = partition;
    if (origin === local.origin) return;
    const next = local.vector(stream)[origin] ?? 0;
    if (next < hole.from) {
      const isFirst = partition.metSinceLoss !== undefined && !partition.metSinceLoss.has(origin);
      await local.noteGap(stream, origin, {
        from: next as Seq,
        to: hole.from,
        reason: this.reasonOf(partition, isFirst),
      });
    }
    partition.metSinceLoss?.add(origin);
    await local.noteGap(stream, origin, hole);
  }

  private failed(partition: Partition, error: unknown): LandfallError {
    if (isLandfallError(error, "CLOSED")) return error;
    const known = isLandfallError(error)
      ? error
      : new LandfallError("INTERNAL", `what Kafka holds could not be taken in: ${String(error)}`, { cause: error });
    this.options.onFault(partition, known);
    return known;
  }
}

/** Whose history an entry tells of, if any. */
function originOf(entry: Extract<Entry, { kind: "records" | "gap" }>): OriginId;
function originOf(entry: Entry): OriginId | undefined;
function originOf(entry: Entry): OriginId | undefined {
  if (entry.kind === "records") return entry.batch.origin;
  return entry.kind === "page" || entry.kind === "gap" ? entry.origin : undefined;
}

/** Whether the run has these very records. */
function isPartOf(held: HeldRun, entry: Entry): boolean {
  if (entry.kind === "page") return held.covers(entry.firstSeq, entry.firstSeq + entry.count);
  if (entry.kind !== "records") return false;
  const { firstSeq, records } = entry.batch;
  return held.covers(firstSeq, firstSeq + records.length);
}

function heldOf(partition: Partition, origin: OriginId): HeldRun | undefined {
  for (const held of partition.held) if (held.isOpen && held.isOf(origin)) return held;
  return undefined;
}

/** Whether something that was held has been given up, and has to be read from the log. */
function rewound(partition: Partition): boolean {
  let has = false;
  for (const held of partition.held) {
    if (!held.isGivenUp) continue;
    partition.held.delete(held);
    if (held.from === undefined) continue;
    partition.rewind(held.from);
    has = true;
  }
  return has;
}

function rangeOf({ firstSeq, records }: Batch): [number, number] {
  return [firstSeq, firstSeq + records.length];
}

function isOfThisNode(own: OriginId, other: OriginId): boolean {
  return own.slice(0, own.indexOf("~")) === other.slice(0, other.indexOf("~"));
}
