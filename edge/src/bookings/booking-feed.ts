import type { Env, TimerHandle } from "@landfall/streams/env";
import type { Cursor, StoredRecord } from "@landfall/streams/model/record";
import { siteOfOrigin, type SiteName, type StreamName } from "@landfall/streams/model/names";
import type { Exceptions } from "@landfall/streams/node/node";
import type { StreamStore } from "@landfall/streams/store/store";
import { FEED_RETRY_MS, REPLAY_RECORDS } from "../limits.js";
import { BOOKING_TOPIC_PREFIX, readBooking } from "./booking.js";
import type { BookingTable } from "./booking-table.js";

export interface BookingFeedOptions {
  readonly store: Pick<StreamStore, "streams" | "readStream" | "onCommit">;
  readonly table: BookingTable;
  readonly env: Env;
  readonly exceptions: Exceptions;
  /**
   * Whether a site's bookings count. A customer's site may write into its own settings stream, but what
   * container is whose is for the carrier to say.
   */
  readonly mayBook: (site: SiteName) => boolean;
}

const isSettings = (stream: string) => stream.endsWith(".settings");

/** Keeps the booking table what the `*.settings` streams say, wherever their records come from. */
export class BookingFeed {
  readonly #options: BookingFeedOptions;
  readonly #cursors = new Map<StreamName, Cursor | undefined>();
  readonly #behind = new Set<StreamName>();
  #reading: Promise<void> | undefined;
  #retry: TimerHandle | undefined;
  #stop: (() => void) | undefined;

  constructor(options: BookingFeedOptions) {
    this.#options = options;
  }

  /**
   * Resolves when everything that is in the store is in the table; from then on it follows. Settings that cannot be read
   * are tried again: sensors are not kept waiting for them.
   */
  async start(): Promise<void> {
    const { store } = this.#options;
    this.#stop = store.onCommit((committed) => {
      for (const { stream } of committed) if (isSettings(stream)) this.#behind.add(stream);
      this.#wake();
    });
    for (const stream of store.streams()) if (isSettings(stream)) this.#behind.add(stream);
    await this.#readAll().catch((error: unknown) => this.#failed(error));
  }

  async close(): Promise<void> {
    this.#stop?.();
    this.#stop = undefined;
    this.#retry?.cancel();
    await this.#reading;
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

  #failed(error: unknown): void {
    if (!this.#stop) return;
    const why = error instanceof Error ? error.message : String(error);
    const message = `bookings could not be read, what is not known to be booked goes to the unassigned: ${why}`;
    this.#options.exceptions.report({ code: "BOOKINGS_UNREADABLE", source: "bookings", message });
    this.#retry = this.#options.env.setTimer(FEED_RETRY_MS, () => {
      this.#retry = undefined;
      this.#wake();
    });
  }

  async #readAll(): Promise<void> {
    for (const stream of this.#behind) {
      // Taken off first: what is committed while we read puts it on again.
      this.#behind.delete(stream);
      try {
        await this.#readOn(stream);
      } catch (error) {
        this.#behind.add(stream);
        throw error;
      }
    }
  }

  async #readOn(stream: StreamName): Promise<void> {
    for (;;) {
      const { records, cursor } = await this.#options.store.readStream(
        stream,
        this.#cursors.get(stream),
        REPLAY_RECORDS,
      );
      for (const record of records) this.#take(record);
      this.#cursors.set(stream, cursor);
      if (records.length === 0) return;
    }
  }

  #take(record: StoredRecord): void {
    // Settings streams hold other things too.
    if (!record.topic.startsWith(BOOKING_TOPIC_PREFIX)) return;
    const { table, exceptions, mayBook } = this.#options;
    const site = siteOfOrigin(record.origin);
    const booking = mayBook(site)
      ? readBooking(record.topic, record.value, record.offset)
      : `${site} is not one of the carrier's sites`;
    const wrong = typeof booking === "string" ? booking : undefined;
    if (typeof booking !== "string" && table.put(booking, record.stream)) return;
    const message = `${record.stream}:${record.topic}@${record.offset}: ${wrong ?? "the container has too many bookings"}`;
    exceptions.report({ code: "BAD_BOOKING", source: record.stream, message: `a booking is left aside: ${message}` });
  }
}
