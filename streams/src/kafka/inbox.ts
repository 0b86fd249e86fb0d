import { join } from "node:path";
import { LandfallError, isLandfallError, type ErrorCode } from "../model/errors.js";
import { openEmbeddedStore, type EmbeddedStore } from "../store/embedded-store.js";
import type { Env } from "../env.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { Seq } from "../model/record.js";
import { BatchBody } from "./record-batch.js";
import { windowBytesOf } from "../store/run-log.js";
import { RUNS_HANDED_ON_BYTES_MAX, RUNS_HANDED_ON_MAX, SPARE_BATCHES_MAX } from "./kafka-limits.js";
import { Permits } from "./permits.js";
import { Room } from "./room.js";
import type { HeldRun } from "./held-run.js";
import type { StoreLog } from "../store/open-folder.js";
import type { Batch, SealedRun, SealedRunReader, SealedRunWriter } from "../store/store.js";

const FOLDER = "inbox";
/** What is handed on at once. */
const PAGE_BYTES = 1024 * 1024;
const PAGES_UNDER_WAY_MAX = 4;

/** A page on its way, and the first seq behind it. */
interface Sent {
  readonly end: Seq;
  readonly done: Promise<void>;
}

/** Where a run is not what comes next, or the local store could not take it whole: its records may be taken all the same. */
const APPLIED_INSTEAD: ReadonlySet<ErrorCode> = new Set(["SEQ_GAP", "CORRUPT_BLOCK", "DISK_FULL", "INVALID_NAME"]);

export interface InboxOptions {
  readonly folder: string;
  readonly site: string;
  readonly node: string;
  readonly env: Env;
  readonly log: StoreLog;
}

/** Where what came of the inbox goes on to. */
export interface InboxTarget {
  /** Of what this node brings, as it is now: with what is begun in one, nothing is brought in the next. */
  term(): number;
  apply(batch: Batch, term: number): Promise<void>;
  /** Undefined where the records of this run have to be applied. */
  hold(run: SealedRun, term: number): HeldRun | undefined;
  /** The next records of a run that is held: in Kafka when it resolves, and nothing needs the body any more. */
  putHeld(held: HeldRun, firstSeq: Seq, body: BatchBody): Promise<void>;
  /** All records of the run are in Kafka. */
  install(held: HeldRun, reader: SealedRunReader): Promise<void>;
  /** Nothing of the run is on its way. */
  giveUp(held: HeldRun): Promise<void>;
  /** First seq that is lacking there. */
  next(stream: StreamName, origin: OriginId): number;
}

/**
 * Sealed runs come sorted by topic, and Kafka wants an origin in its order: a run is taken into a store of its own, with
 * its checks and its resuming, and read on from there into the site's log once it is whole. When Kafka has all of it, the node's own
 * store takes the run as it is; where that cannot be, its records. It is in the inbox while that lasts.
 */
export class Inbox {
  private readonly handing = new Set<Promise<void>>();
  /** Of each origin, what is handed on last. */
  private readonly turns = new Map<string, Promise<void>>();
  private readonly permits = new Permits(RUNS_HANDED_ON_MAX);
  /** What is unpacked of them: one that is pushed out of memory would be unpacked again for each page. */
  private readonly unpacked = new Room(RUNS_HANDED_ON_BYTES_MAX);
  private readonly spare: BatchBody[] = [];
  private isClosed = false;

  private constructor(
    private readonly store: EmbeddedStore,
    private readonly target: InboxTarget,
    private readonly log: StoreLog,
  ) {}

  /** @throws LandfallError as `openEmbeddedStore` */
  static async open(options: InboxOptions, target: InboxTarget): Promise<Inbox> {
    const store = await openEmbeddedStore({
      ...options,
      folder: join(options.folder, FOLDER),
      // What was handed on goes; nothing of the rest does.
      retention: () => ({ ageMs: 0 }),
      handedOver: (stream, origin) => target.next(stream, origin),
    });
    return new Inbox(store, target, options.log);
  }

  /** What was handed on, or came to the site another way, goes. */
  start(): void {
    void this.track(this.store.expire().then(() => undefined));
  }

  /** What has come and goes beyond the site's log, up to `next`: a former process did not hand it on, or this one gave that up. */
  left(): { readonly stream: StreamName; readonly origin: OriginId; readonly next: number }[] {
    return this.store.streams().flatMap((stream) =>
      Object.entries(this.store.vector(stream)).flatMap(([name, next]) => {
        const origin = name as OriginId;
        return next > this.target.next(stream, origin) ? [{ stream, origin, next }] : [];
      }),
    );
  }

  /** @throws LandfallError as `LocalStore.receiveSealed` */
  async receive(run: SealedRun): Promise<SealedRunWriter> {
    const { stream, origin, from } = run;
    const next = this.store.vector(stream)[origin] ?? 0;
    // What stands before it went another way.
    if (next < from) await this.store.noteGap(stream, origin, { from: next as Seq, to: from, reason: "expired" });
    return this.wrap(await this.store.receiveSealed(run));
  }

  async resume(): Promise<SealedRunWriter[]> {
    return (await this.store.resumeSealed()).map((writer) => this.wrap(writer));
  }

  /** Hands on what is left of the history; where that cannot be, peers are asked for it. @throws LandfallError CLOSED, TAKEN_OVER */
  async goOn(stream: StreamName, origin: OriginId, term: number): Promise<void> {
    if ((this.store.vector(stream)[origin] ?? 0) <= this.target.next(stream, origin)) return;
    try {
      await this.track(this.handOn(stream, origin, term));
    } catch (error) {
      if (isLandfallError(error, "TAKEN_OVER") || isLandfallError(error, "CLOSED")) throw error;
      this.log.warn({ err: error, stream, origin }, "what came as a run cannot be handed on");
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.allSettled(this.handing);
    await this.store.close();
  }

  private wrap(writer: SealedRunWriter): SealedRunWriter {
    const { run } = writer;
    const finish = async (): Promise<void> => {
      const term = this.target.term();
      await writer.finish();
      await this.track(this.handOn(run.stream, run.origin, term));
    };
    return {
      run,
      get blocks() {
        return writer.blocks;
      },
      add: (bytes) => writer.add(bytes),
      finish,
      suspend: () => writer.suspend(),
      abandon: () => writer.abandon(),
    };
  }

  private track(work: Promise<void>): Promise<void> {
    const tracked = work.catch((error: unknown) => {
      if (!this.isClosed || !isLandfallError(error, "CLOSED")) throw error;
    });
    const quiet = tracked.catch(() => undefined);
    this.handing.add(quiet);
    void quiet.finally(() => {
      this.handing.delete(quiet);
      // Nothing is unloaded: no memory for it.
      if (this.handing.size === 0) this.spare.length = 0;
    });
    return tracked;
  }

  /** One after the other of an origin: each begins where the one before has ended. */
  private handOn(stream: StreamName, origin: OriginId, term: number): Promise<void> {
    const key = `${stream} ${origin}`;
    const before = this.turns.get(key) ?? Promise.resolve();
    const work = (): Promise<void> => this.permits.with(() => this.handOnNow(stream, origin, term));
    const turn = before.catch(() => undefined).then(work);
    this.turns.set(key, turn);
    const forget = (): void => void (this.turns.get(key) === turn && this.turns.delete(key));
    turn.then(forget, forget);
    return turn;
  }

  private async handOnNow(stream: StreamName, origin: OriginId, term: number): Promise<void> {
    const { store, target } = this;
    const end = (): number => store.vector(stream)[origin] ?? 0;
    for (let next = target.next(stream, origin) as Seq; next < end(); next = target.next(stream, origin) as Seq) {
      if (await this.handOnRun(stream, origin, next, term)) continue;
      // Superseded, or lost here: peers are asked for it.
      const sent = await this.send(next, end(), async (seq) => {
        const records = await store.readOrigin(stream, origin, seq, PAGE_BYTES);
        const [first, last] = [records[0], records.at(-1)];
        if (first === undefined || last === undefined || first.seq > seq) return undefined;
        const done = target.apply({ stream, origin, firstSeq: seq, records }, term);
        return { end: (last.seq + 1) as Seq, done };
      });
      if (sent < end()) break;
    }
    if (!this.isClosed) await store.expire();
  }

  /** A run as a whole. False when its records have to be applied. */
  private async handOnRun(stream: StreamName, origin: OriginId, from: Seq, term: number): Promise<boolean> {
    const { store, target } = this;
    const reader = await store.openSealed(stream, origin, from);
    if (reader === undefined) return false;
    const { run } = reader;
    const held = target.hold(run, term);
    try {
      if (held === undefined) return false;
      const page = async (seq: Seq): Promise<Sent | undefined> => {
        const body = this.body(origin);
        const end = (await store.giveOrigin(stream, origin, seq, run.to, body)) as Seq;
        if (end === seq) return undefined;
        return { end, done: target.putHeld(held, seq, body).then(() => this.giveBack(body)) };
      };
      const next = await this.unpacked.with("", windowBytesOf(run), () => this.send(from, run.to, page));
      if (next < run.to) throw new LandfallError("SEQ_GAP", `${stream}: seq ${next} of ${origin} is not in its run`);
      await target.install(held, reader);
      return true;
    } catch (error) {
      if (held !== undefined) await target.giveUp(held);
      if (!isLandfallError(error) || !APPLIED_INSTEAD.has(error.code)) throw error;
      this.log.warn(
        { err: error, stream, origin, from },
        "a sealed run cannot be taken as it is: its records are taken",
      );
      return false;
    } finally {
      await reader.close();
    }
  }

  private body(origin: OriginId): BatchBody {
    const body = this.spare.pop();
    if (body === undefined) return new BatchBody(origin);
    body.begin(origin);
    return body;
  }

  private giveBack(body: BatchBody): void {
    if (!body.isLarge && this.spare.length < SPARE_BATCHES_MAX) this.spare.push(body);
  }

  /**
   * Page by page. Returns the first seq that was not sent. All that was sent is where it goes to, or was refused, also when this throws.
   * @param page what begins at this seq, on its way; undefined when it cannot be read
   */
  private async send(from: Seq, to: number, page: (seq: Seq) => Promise<Sent | undefined>): Promise<Seq> {
    /** On their way, in order: the next is read while Kafka has not answered for these yet. */
    const under: Promise<void>[] = [];
    let next = from;
    try {
      while (next < to) {
        if (this.isClosed) throw new LandfallError("CLOSED", "the store was closed");
        const sent = await page(next);
        if (sent === undefined) break;
        // Heard of below.
        sent.done.catch(() => undefined);
        under.push(sent.done);
        if (under.length === PAGES_UNDER_WAY_MAX) await under.shift();
        next = sent.end;
      }
    } finally {
      await Promise.allSettled(under);
    }
    await Promise.all(under);
    return next;
  }
}
