import type { Env, TimerHandle } from "@landfall/streams/env";
import { isLandfallError } from "@landfall/streams/model/errors";
import { siteOfOrigin, type OriginId, type StreamName } from "@landfall/streams/model/names";
import type { OriginRecord, Seq } from "@landfall/streams/model/record";
import type { Exceptions, Sisters } from "@landfall/streams/node/node";
import type { StreamStore } from "@landfall/streams/store/store";
import { FEED_PAGE_BYTES, FEED_RETRY_MS, LEVEL_MS_MAX, LEVEL_TICK_MS } from "../limits.js";

export interface SisterFeedOptions {
  readonly store: Pick<StreamStore, "origin" | "streams" | "vector" | "readOrigin" | "holeAt" | "onCommit">;
  readonly sisters: Pick<Sisters, "known">;
  readonly site: string;
  readonly env: Env;
  readonly exceptions: Exceptions;
  /** Streams whose records are told. */
  readonly isWanted: (stream: StreamName) => boolean;
  /** A record that another node of this site took in and that is durable here; in order for each stream and origin. */
  readonly onRecord: (stream: StreamName, record: OriginRecord) => void;
}

/** What is told of one stream and origin. */
interface Reading {
  readonly stream: StreamName;
  readonly origin: OriginId;
  /** Next seq to tell. */
  next: number;
  /** Nobody waits for it until it is level again. */
  lags: boolean;
  readonly waiters: { readonly until: number; readonly deadline: number; readonly go: () => void }[];
}

/** Tells what the other nodes of this site took in, as it becomes durable here; what was there at the start is not told. */
export class SisterFeed {
  readonly #options: SisterFeedOptions;
  readonly #readings = new Map<StreamName, Map<OriginId, Reading>>();
  readonly #behind = new Set<Reading>();
  #reading: Promise<void> | undefined;
  #retry: TimerHandle | undefined;
  #timer: TimerHandle | undefined;
  #stop: (() => void) | undefined;

  constructor(options: SisterFeedOptions) {
    this.#options = options;
  }

  /** From now on what becomes durable is told. */
  start(): void {
    const { store, isWanted } = this.#options;
    for (const stream of store.streams().filter(isWanted)) {
      for (const [origin, next] of Object.entries(store.vector(stream)) as [OriginId, number][]) {
        if (this.#isForeign(origin)) this.#readingOf(stream, origin).next = next;
      }
    }
    this.#stop = store.onCommit((committed) => {
      for (const { stream, origin } of committed) {
        if (isWanted(stream) && this.#isForeign(origin)) this.#behind.add(this.#readingOf(stream, origin));
      }
      this.#wake();
    });
    this.#later();
  }

  async close(): Promise<void> {
    this.#stop?.();
    this.#stop = undefined;
    this.#retry?.cancel();
    this.#timer?.cancel();
    await this.#reading;
    for (const readings of this.#readings.values())
      for (const { waiters } of readings.values()) for (const { go } of waiters.splice(0)) go();
  }

  /**
   * Undefined when everything that a node of this site is known to have of these streams has been told here; otherwise
   * resolves when that is so, or after a while: a sister that is far ahead holds up no sensor.
   */
  level(streams: readonly StreamName[]): Promise<unknown> | undefined {
    let waits: Promise<void>[] | undefined;
    for (const stream of streams) {
      for (const [origin, until] of this.#options.sisters.known(stream)) {
        const reading = this.#readingOf(stream, origin);
        if (reading.next >= until || reading.lags) continue;
        const deadline = this.#options.env.monotonic() + LEVEL_MS_MAX;
        waits ??= [];
        waits.push(new Promise((go) => reading.waiters.push({ until, deadline, go })));
      }
    }
    return waits && Promise.all(waits);
  }

  /** Per origin, the first seq that was not told. */
  told(stream: StreamName): Record<OriginId, number> {
    const told: Record<OriginId, number> = {};
    for (const { origin, next } of this.#readings.get(stream)?.values() ?? []) told[origin] = next;
    return told;
  }

  #isForeign(origin: OriginId): boolean {
    const { store, site } = this.#options;
    return origin !== store.origin && siteOfOrigin(origin) === site;
  }

  #readingOf(stream: StreamName, origin: OriginId): Reading {
    const readings = this.#readings.get(stream) ?? new Map<OriginId, Reading>();
    this.#readings.set(stream, readings);
    const known = readings.get(origin);
    if (known !== undefined) return known;
    const reading: Reading = { stream, origin, next: 0, lags: false, waiters: [] };
    readings.set(origin, reading);
    return reading;
  }

  #wake(): void {
    if (this.#reading || this.#retry || this.#behind.size === 0 || !this.#stop) return;
    this.#reading = this.#readAll()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#reading = undefined;
        this.#wake();
      });
  }

  async #readAll(): Promise<void> {
    for (const reading of this.#behind) {
      this.#behind.delete(reading);
      try {
        await this.#readOn(reading);
      } catch (error) {
        this.#behind.add(reading);
        throw error;
      }
    }
  }

  async #readOn(reading: Reading): Promise<void> {
    const { store, onRecord } = this.#options;
    const { stream, origin } = reading;
    while (this.#stop && reading.next < (store.vector(stream)[origin] ?? 0)) {
      const from = reading.next as Seq;
      const records = await store.readOrigin(stream, origin, from, FEED_PAGE_BYTES).catch((error: unknown) => {
        if (isLandfallError(error, "CORRUPT_BLOCK")) return [];
        throw error;
      });
      for (const record of records) onRecord(stream, record);
      const last = records.at(-1);
      // What expired or is damaged has nothing to tell.
      reading.next = last === undefined ? ((await store.holeAt(stream, origin, from))?.to ?? from + 1) : last.seq + 1;
      this.#answer(reading);
    }
  }

  #answer(reading: Reading): void {
    const { waiters } = reading;
    if (waiters.length === 0) return;
    const left = waiters.filter(({ until, go }) => {
      if (until <= reading.next) go();
      return until > reading.next;
    });
    waiters.splice(0, waiters.length, ...left);
  }

  /** Ends waits that take too long; until the reading is level again nobody waits for it. */
  #later(): void {
    const { env, sisters } = this.#options;
    this.#timer = env.setTimer(LEVEL_TICK_MS, () => {
      const now = env.monotonic();
      for (const [stream, readings] of this.#readings) {
        for (const reading of readings.values()) {
          if (reading.lags) reading.lags = reading.next < (sisters.known(stream).get(reading.origin) ?? 0);
          const isLate = reading.waiters.some(({ deadline }) => deadline <= now);
          if (!isLate) continue;
          reading.lags = true;
          for (const { go } of reading.waiters.splice(0)) go();
        }
      }
      this.#later();
    });
  }

  #failed(error: unknown): void {
    if (!this.#stop || isLandfallError(error, "CLOSED")) return;
    const why = error instanceof Error ? error.message : String(error);
    const message = `what other nodes of this site took in could not be read, and is tried again: ${why}`;
    this.#options.exceptions.report({ code: "SISTERS_UNREADABLE", source: "cluster", message });
    this.#retry = this.#options.env.setTimer(FEED_RETRY_MS, () => {
      this.#retry = undefined;
      this.#wake();
    });
  }
}
