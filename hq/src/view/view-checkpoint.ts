import type { Env } from "@landfall/streams/env";
import type { OriginId, StreamName, TopicName } from "@landfall/streams/model/names";
import type { Cursor, Offset, SeqRange } from "@landfall/streams/model/record";
import type { StreamStore } from "@landfall/streams/store/store";
import { CHECKPOINT_MS_MIN, CHECKPOINT_SHARE_MAX, VIEW_BATCH_RECORDS } from "../limits.js";
import { readLines, writeLines } from "./checkpoint-file.js";
import { getOrAdd, type FleetView } from "./fleet-view.js";
import type { RecordKey } from "./reading.js";
import { entriesOf, withoutGone, type ViewEntry } from "./view-entries.js";

/**
 * To be raised whenever records are folded into something else, or that is written otherwise: what another program has kept is
 * then read anew from the streams. `view-checkpoint.test.ts` shows it.
 */
const FORMAT = 1;

interface Head {
  readonly format: number;
  /** Under which the node appended when it was started. */
  readonly origin: OriginId;
  /** Everything before these is in it; some of what follows may be too, which does no harm. */
  readonly cursors: Readonly<Record<StreamName, Cursor>>;
  readonly skipped: number;
}

export interface ViewCheckpointParts {
  readonly path: string;
  readonly store: Pick<StreamStore, "origin" | "vector" | "gaps" | "readTopic">;
  readonly env: Pick<Env, "monotonic">;
  /** Told of a file that cannot be used or written: the view is made of the streams then. */
  readonly onError: (error: unknown) => void;
}

type Cursors = ReadonlyMap<StreamName, Cursor>;

const FROM_THE_BEGINNING: Cursors = new Map();

/**
 * What a view knew at a moment, and up to where it had read: a start goes on from there. It is no more than a shortcut: without it,
 * or with one that does not fit the store, everything is read again.
 */
export class ViewCheckpoint {
  /**
   * As it was at the start. Records of a node that found out since that its folder was put back may come to stand elsewhere: what such
   * a process keeps fits no later start.
   */
  private readonly origin: OriginId;
  private writtenAt: number;
  private tookMs = 0;

  constructor(private readonly parts: ViewCheckpointParts) {
    this.origin = parts.store.origin;
    this.writtenAt = parts.env.monotonic();
  }

  /**
   * Gives a view what was kept, but for what has expired since, and returns from where the streams are to be read on. Of a file that is
   * damaged it gives what could be read, of which nothing is wrong, and the streams are read from their beginning. Never rejects.
   * @param isOver whether nobody waits for it any more
   */
  async restore(view: FleetView, isOver: () => boolean): Promise<Cursors> {
    try {
      return await this.read(view, isOver);
    } catch (error) {
      this.parts.onError(error);
      return FROM_THE_BEGINNING;
    }
  }

  private async read(view: FleetView, isOver: () => boolean): Promise<Cursors> {
    const { path, store } = this.parts;
    let head: Head | undefined;
    const expired = new Map<StreamName, (record: RecordKey) => boolean>();
    const torn = new Map<StreamName, Set<TopicName>>();
    for await (const value of readLines(path)) {
      if (isOver()) return FROM_THE_BEGINNING;
      if (!head) {
        head = value as Head;
        if (!this.fits(head)) return FROM_THE_BEGINNING;
        continue;
      }
      const { stream } = value as ViewEntry;
      const pruned = withoutGone(
        value as ViewEntry,
        getOrAdd(expired, stream, () => expiredOf(store, stream)),
      );
      if (pruned.entry) view.merge(pruned.entry);
      for (const topic of pruned.torn) getOrAdd(torn, stream, () => new Set()).add(topic);
    }
    if (!head) return FROM_THE_BEGINNING;
    for (const [stream, topics] of torn) {
      for (const topic of topics) await this.readTopic(view, stream, topic, isOver);
    }
    const cursors = new Map(Object.entries(head.cursors) as [StreamName, Cursor][]);
    for (const stream of cursors.keys()) view.begin(stream);
    view.skipped += head.skipped;
    return cursors;
  }

  /** What is left of a topic: of what was not the newest when it came, some may be now. */
  private async readTopic(view: FleetView, stream: StreamName, topic: TopicName, isOver: () => boolean): Promise<void> {
    let fromOffset = 0;
    for (let isMore = true; isMore && !isOver();) {
      const query = { fromOffset: fromOffset as Offset, limit: VIEW_BATCH_RECORDS };
      const records = await this.parts.store.readTopic(stream, topic, query);
      for (const record of records) view.apply(record);
      fromOffset = (records.at(-1)?.offset ?? 0) + 1;
      isMore = records.length === VIEW_BATCH_RECORDS;
    }
  }

  /** Whether it is time to write again: now and then, and never for more than a small part of the time. */
  isDue(): boolean {
    const rest = Math.max(CHECKPOINT_MS_MIN, this.tookMs / CHECKPOINT_SHARE_MAX);
    return this.parts.env.monotonic() - this.writtenAt >= rest;
  }

  /**
   * Keeps what the view knows now, a piece at a time while it goes on changing. Everything before the cursors must be in it when this
   * is called. Never rejects.
   */
  async write(view: FleetView, cursors: Cursors): Promise<void> {
    const { path, env, onError } = this.parts;
    const head: Head = {
      format: FORMAT,
      origin: this.origin,
      cursors: Object.fromEntries(cursors) as Head["cursors"],
      skipped: view.skipped,
    };
    const begun = env.monotonic();
    try {
      await writeLines(path, linesOf(head, view));
    } catch (error) {
      onError(error);
    }
    this.writtenAt = env.monotonic();
    this.tookMs = this.writtenAt - begun;
  }

  /** Whether it was kept by such a program of this very store, which has not been set back since. */
  private fits({ format, origin, cursors }: Head): boolean {
    if (format !== FORMAT || origin !== this.origin) return false;
    return Object.entries(cursors).every(([stream, { next }]) => {
      const vector = this.parts.store.vector(stream as StreamName);
      return Object.entries(next).every(([of, seq]) => seq <= (vector[of as OriginId] ?? 0));
    });
  }
}

function* linesOf(head: Head, view: FleetView): Generator {
  yield head;
  yield* entriesOf(view);
}

/** Tells which records of a stream are here no longer because they are too old. */
function expiredOf(store: Pick<StreamStore, "gaps">, stream: StreamName): (record: RecordKey) => boolean {
  const ranges = new Map<string, SeqRange[]>();
  for (const { origin, from, to, reason } of store.gaps(stream)) {
    if (reason !== "expired") continue;
    const known = ranges.get(origin);
    if (known) known.push([from, to]);
    else ranges.set(origin, [[from, to]]);
  }
  return ({ origin, seq }) => ranges.get(origin)?.some(([from, to]) => from <= seq && seq < to) === true;
}
