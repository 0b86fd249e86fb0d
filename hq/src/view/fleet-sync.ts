import type { StreamName } from "@landfall/streams/model/names";
import type { Cursor } from "@landfall/streams/model/record";
import type { StreamStore } from "@landfall/streams/store/store";
import { VIEW_BATCH_RECORDS } from "../limits.js";
import type { FleetView } from "./fleet-view.js";
import { kindOfStream } from "./kinds.js";

/**
 * Keeps a view up to date with a store: reads every stream of the fleet from its beginning, then what each commit
 * adds. One reader at a time, a batch at a time, so that requests are answered in between.
 */
export class FleetSync {
  private readonly cursors = new Map<StreamName, Cursor>();
  private readonly dirty = new Set<StreamName>();
  private working: Promise<void> | undefined;
  private stopListening: (() => void) | undefined;
  private stopped = false;
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

  async stop(): Promise<void> {
    this.stopped = true;
    this.stopListening?.();
    await this.working;
  }

  private mark(stream: StreamName): void {
    if (kindOfStream(stream) !== "other") this.dirty.add(stream);
  }

  private work(): void {
    if (this.working || this.stopped || this.dirty.size === 0) return;
    this.working = this.drain().finally(() => {
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
        this.failing.delete(stream);
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
