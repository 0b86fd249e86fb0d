import { grantedEverything, type Grant } from "@landfall/streams/access/grant";
import type { Env, TimerHandle } from "@landfall/streams/env";
import type { StreamName, TopicName } from "@landfall/streams/model/names";
import type { Cursor, Offset, TimestampMs } from "@landfall/streams/model/record";
import type { StreamStore } from "@landfall/streams/store/store";
import { EXCERPTS_MAX, VIEW_BATCH_RECORDS } from "../limits.js";
import { excerptId, type Excerpt } from "./excerpt.js";
import type { FleetView } from "./fleet-view.js";
import { kindOfStream, type StreamKind } from "./kinds.js";

/** Kinds of streams of which parts are shown on the map. */
const KINDS: ReadonlySet<StreamKind> = new Set(["containers", "latest", "alerts", "ships", "port"]);
const RETRY_MS = 1_000;

export interface ExcerptsParts {
  readonly store: Pick<StreamStore, "readTopic" | "readStream">;
  readonly view: FleetView;
  readonly env: Pick<Env, "setTimer">;
  /** Grants in force at this moment. */
  readonly inForce: () => readonly Grant[];
  readonly onError: (stream: StreamName, error: unknown) => void;
}

/** Keeps in the view what grants in force show, and nothing that they do not show any more. */
export class Excerpts {
  private readonly opened = new Map<StreamName, Excerpt>();
  /** Those that were not read yet. */
  private readonly waiting = new Map<StreamName, Excerpt>();
  private working: Promise<void> | undefined;
  private retry: TimerHandle | undefined;
  private stopped = false;

  private readonly listeners = new Set<() => void>();

  constructor(private readonly parts: ExcerptsParts) {}

  /** Called when what is new has been read. Returns how to stop. */
  onRead(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Looks at the grants anew. What ended is gone when this returns; what is new comes as it is read. */
  update(): void {
    const { view, inForce } = this.parts;
    const wanted = wantedBy(inForce());
    for (const [id, excerpt] of this.opened) {
      if (wanted.has(id)) continue;
      view.shut(excerpt);
      this.opened.delete(id);
      this.waiting.delete(id);
    }
    for (const [id, excerpt] of wanted) {
      if (this.opened.has(id)) continue;
      view.open(excerpt);
      this.opened.set(id, excerpt);
      this.waiting.set(id, excerpt);
    }
    this.work();
  }

  get size(): number {
    return this.opened.size;
  }

  /** Resolves when everything that is opened has been read. */
  async settled(): Promise<void> {
    while (this.working) await this.working;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.retry?.cancel();
    await this.working;
  }

  private work(): void {
    if (this.working || this.retry || this.stopped || this.waiting.size === 0) return;
    this.working = this.drain().finally(() => {
      this.working = undefined;
      this.work();
    });
  }

  private async drain(): Promise<void> {
    for (let [next] = this.waiting; next !== undefined && !this.stopped; [next] = this.waiting) {
      const [id, excerpt] = next;
      try {
        await this.read(excerpt, () => this.stopped || this.opened.get(id) !== excerpt);
        if (this.waiting.get(id) === excerpt) this.waiting.delete(id);
      } catch (error) {
        if (this.stopped) return;
        this.parts.onError(excerpt.stream, error);
        this.retry = this.parts.env.setTimer(RETRY_MS, () => {
          this.retry = undefined;
          this.work();
        });
        return;
      }
    }
    for (const listener of this.listeners) listener();
  }

  private async read(excerpt: Excerpt, isOver: () => boolean): Promise<void> {
    const { store, view } = this.parts;
    const { stream, topic, from, to } = excerpt;
    const limit = VIEW_BATCH_RECORDS;
    let cursor: Cursor | undefined;
    let fromOffset: Offset | undefined;
    for (;;) {
      const page =
        topic === undefined
          ? await store.readStream(stream, cursor, limit)
          : {
              records: await store.readTopic(stream, topic, {
                limit,
                ...bounds(from, to),
                ...(fromOffset && { fromOffset }),
              }),
            };
      if (isOver()) return;
      for (const record of page.records) view.applyTo(excerpt, record);
      const last = page.records.at(-1);
      if (!last || page.records.length < limit) return;
      fromOffset = (last.offset + 1) as Offset;
      if ("cursor" in page) cursor = page.cursor;
      // Requests get their turn even where the store answers out of memory.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function wantedBy(grants: readonly Grant[]): Map<StreamName, Excerpt> {
  const wanted = new Map<StreamName, Excerpt>();
  for (const grant of grants) {
    // Who may see the whole stream needs no part of it.
    if (grantedEverything(grant)) continue;
    const { from, to } = grant;
    for (const stream of grant.streams.filter((name) => KINDS.has(kindOfStream(name)))) {
      for (const topic of grant.topics ?? ([undefined] as (TopicName | undefined)[])) {
        if (wanted.size >= EXCERPTS_MAX) return wanted;
        const excerpt = { stream, from, to, ...(topic !== undefined && { topic }) };
        wanted.set(excerptId(stream, excerpt), excerpt);
      }
    }
  }
  return wanted;
}

function bounds(from: number, to: number): { fromTime?: TimestampMs; toTime?: TimestampMs } {
  return {
    ...(from !== Number.NEGATIVE_INFINITY && { fromTime: from as TimestampMs }),
    ...(to !== Number.POSITIVE_INFINITY && { toTime: to as TimestampMs }),
  };
}
