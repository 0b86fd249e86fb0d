import type { Env, TimerHandle } from "../env.js";
import { isLandfallError } from "../model/errors.js";
import type { StreamName } from "../model/names.js";
import type { Cursor, StoredRecord } from "../model/record.js";
import type { StreamStore } from "./store.js";

/** Pause before a stream that could not be read is tried again. */
const RETRY_MS = 1_000;

export interface StreamFollowerOptions {
  readonly store: Pick<StreamStore, "streams" | "onCommit">;
  readonly env: Pick<Env, "setTimer">;
  readonly isFollowed: (stream: StreamName) => boolean;
  /** Takes in what the store holds of a stream and was not taken in yet. */
  readonly read: (stream: StreamName) => Promise<void>;
  /** A stream could not be read: it is tried again. Not called when the store, or the follower, is closed. */
  readonly onFailed: (stream: StreamName, error: unknown) => void;
  /** Streams that are read at once; one by one when left out. */
  readonly parallel?: number;
}

/**
 * Follows streams of the store from what they hold at the start on. What is committed marks its stream; marked streams are
 * read, each by one reading at a time; one that failed is marked again and waits, with all others, for the next try.
 */
export class StreamFollower {
  readonly #options: StreamFollowerOptions;
  readonly #behind = new Set<StreamName>();
  #reading: Promise<void> | undefined;
  #retry: TimerHandle | undefined;
  #stop: (() => void) | undefined;

  constructor(options: StreamFollowerOptions) {
    this.#options = options;
  }

  /** Resolves when each stream that the store holds was read, or has failed and is tried again. */
  async start(): Promise<void> {
    const { store } = this.#options;
    this.#stop = store.onCommit((committed) => {
      for (const { stream } of committed) this.#mark(stream);
      this.#wake();
    });
    for (const stream of store.streams()) this.#mark(stream);
    this.#wake();
    await this.#reading;
  }

  async close(): Promise<void> {
    this.#stop?.();
    this.#stop = undefined;
    this.#retry?.cancel();
    await this.#reading;
  }

  /** Resolves when everything that is committed of a stream was read, or it has failed. */
  async catchUp(stream: StreamName): Promise<void> {
    this.#mark(stream);
    // One reading that begins now: what is under way may have passed the stream.
    await this.#reading;
    this.#wake();
    await this.#reading;
  }

  #mark(stream: StreamName): void {
    if (this.#options.isFollowed(stream)) this.#behind.add(stream);
  }

  #wake(): void {
    if (this.#reading || this.#retry || this.#behind.size === 0 || !this.#stop) return;
    this.#reading = this.#readAll().finally(() => {
      this.#reading = undefined;
      this.#wake();
    });
  }

  async #readAll(): Promise<void> {
    const { parallel = 1 } = this.#options;
    while (this.#behind.size > 0 && this.#stop && !this.#retry) {
      // Taken off first: what is committed while we read puts them on again.
      const streams = [...this.#behind].slice(0, parallel);
      for (const stream of streams) this.#behind.delete(stream);
      await Promise.all(streams.map((stream) => this.#read(stream)));
    }
  }

  async #read(stream: StreamName): Promise<void> {
    const { read, onFailed, env } = this.#options;
    try {
      await read(stream);
    } catch (error) {
      if (!this.#stop || isLandfallError(error, "CLOSED")) return;
      this.#behind.add(stream);
      this.#retry ??= env.setTimer(RETRY_MS, () => {
        this.#retry = undefined;
        this.#wake();
      });
      onFailed(stream, error);
    }
  }
}

/** Reads each stream on from where it stands in it. */
export class StreamReader {
  readonly #cursors = new Map<StreamName, Cursor>();

  /** @param batchRecords records read at once */
  constructor(
    private readonly store: Pick<StreamStore, "readStream">,
    private readonly batchRecords: number,
  ) {}

  /** Hands over what is new, to the end. What was handed over is not again, also when a later batch cannot be read. @throws LandfallError as `StreamStore.readStream` */
  async readOn(stream: StreamName, take: (record: StoredRecord) => void): Promise<void> {
    for (;;) {
      const before = this.#cursors.get(stream);
      const { records, cursor } = await this.store.readStream(stream, before, this.batchRecords);
      for (const record of records) take(record);
      this.#cursors.set(stream, cursor);
      if (records.length < this.batchRecords) return;
    }
  }
}
