import type { StreamName } from "@landfall/streams/model/names";
import type { Cursor } from "@landfall/streams/model/record";
import type { StreamStore } from "@landfall/streams/store/store";
import { VIEW_BATCH_RECORDS } from "../limits.js";
import type { FleetView } from "./fleet-view.js";
import { kindOfStream } from "./kinds.js";
import type { ViewCheckpoint } from "./view-checkpoint.js";

/**
 * Keeps a view up to date with a store: begins with what a checkpoint has of it, reads every stream of the fleet from there on, or from
 * its beginning, then what each commit adds. One reader at a time, a batch at a time, so that requests are answered in between.
 */
export class FleetSync {
  private readonly cursors = new Map<StreamName, Cursor>();
  private readonly dirty = new Set<StreamName>();
  private working: Promise<void> | undefined;
  private stopListening: (() => void) | undefined;
  private stopped = false;
  private writing: Promise<void> | undefined;
  /** Whether the view knows more than the checkpoint. */
  private isAhead = false;
  /** Streams whose last reading failed, with the reason; tried again at their next commit. */
  readonly failing = new Map<StreamName, string>();
  /** Records taken into the view. */
  records = 0;
  /** Set once everything that was in the store at the start is in the view. */
  isRebuilt = false;
  /** Resolves when that is so. */
  readonly whenRebuilt: Promise<void>;
  private rebuilt: () => void = () => undefined;

  constructor(
    private readonly store: Pick<StreamStore, "streams" | "readStream" | "onCommit">,
    private readonly view: FleetView,
    private readonly onError: (stream: StreamName, error: unknown) => void,
    private readonly checkpoint?: Pick<ViewCheckpoint, "restore" | "isDue" | "write">,
  ) {
    this.whenRebuilt = new Promise((resolve) => (this.rebuilt = resolve));
  }

  /** Resolves when what the store holds now is in the view. */
  async start(): Promise<void> {
    // Listening first: what is committed while reading is either read or announced, or both.
    this.stopListening = this.store.onCommit((committed) => {
      for (const { stream } of committed) this.mark(stream);
      this.work();
    });
    if (this.checkpoint) this.run(this.restore(this.checkpoint));
    for (const stream of this.store.streams()) this.mark(stream);
    this.work();
    await this.settled();
    this.isRebuilt = true;
    this.rebuilt();
  }

  /** Resolves when everything committed up to now is in the view. */
  async settled(): Promise<void> {
    while (this.working) await this.working;
  }

  /** Resolves when everything committed to `stream` up to now is in the view, whether it was announced yet or not. */
  async catchUp(stream: StreamName): Promise<void> {
    this.mark(stream);
    this.work();
    await this.settled();
  }

  /** What the view knows then is kept for the next start. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.stopListening?.();
    await this.working;
    await this.writing;
    if (this.isAhead) await this.write();
  }

  private async restore(checkpoint: Pick<ViewCheckpoint, "restore">): Promise<void> {
    const cursors = await checkpoint.restore(this.view, () => this.stopped);
    for (const [stream, cursor] of cursors) this.cursors.set(stream, cursor);
  }

  private write(): Promise<void> {
    this.isAhead = false;
    this.writing = (this.checkpoint?.write(this.view, this.cursors) ?? Promise.resolve()).finally(() => {
      this.writing = undefined;
    });
    return this.writing;
  }

  private mark(stream: StreamName): void {
    if (kindOfStream(stream) !== "other") this.dirty.add(stream);
  }

  private work(): void {
    if (!this.working && !this.stopped && this.dirty.size > 0) this.run(this.drain());
  }

  private run(task: Promise<void>): void {
    this.working = task.finally(() => {
      this.working = undefined;
      // Committed between the last look and now.
      this.work();
    });
  }

  private async drain(): Promise<void> {
    for (let [stream] = this.dirty; stream !== undefined && !this.stopped; [stream] = this.dirty) {
      this.dirty.delete(stream);
      try {
        const { records, cursor } = await this.store.readStream(stream, this.cursors.get(stream), VIEW_BATCH_RECORDS);
        for (const record of records) this.view.apply(record);
        this.records += records.length;
        this.cursors.set(stream, cursor);
        this.isAhead ||= records.length > 0;
        this.failing.delete(stream);
        // Beside the reading: what comes meanwhile is in it or is read again.
        if (this.isAhead && !this.writing && this.checkpoint?.isDue() === true) void this.write();
        // Requests get their turn even where the store answers out of memory.
        await new Promise((resolve) => setImmediate(resolve));
        // Streams take turns: a long one does not hold up an alert.
        if (records.length > 0) this.dirty.add(stream);
      } catch (error) {
        if (this.stopped) return;
        this.failing.set(stream, error instanceof Error ? error.message : String(error));
        this.onError(stream, error);
      }
    }
  }
}
