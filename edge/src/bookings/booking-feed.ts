import type { Env } from "@landfall/streams/env";
import type { StoredRecord } from "@landfall/streams/model/record";
import { siteOfOrigin, type SiteName } from "@landfall/streams/model/names";
import type { Exceptions } from "@landfall/streams/node/node";
import type { StreamStore } from "@landfall/streams/store/store";
import { StreamFollower, StreamReader } from "@landfall/streams/store/stream-follower";
import { REPLAY_RECORDS } from "../limits.js";
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
  readonly #follower: StreamFollower;

  constructor(options: BookingFeedOptions) {
    const { store, env } = options;
    this.#options = options;
    const reader = new StreamReader(store, REPLAY_RECORDS);
    this.#follower = new StreamFollower({
      store,
      env,
      isFollowed: isSettings,
      read: (stream) => reader.readOn(stream, (record) => this.#take(record)),
      onFailed: (_stream, error) => this.#failed(error),
    });
  }

  /**
   * Resolves when everything that is in the store is in the table; from then on it follows. Settings that cannot be read
   * are tried again: sensors are not kept waiting for them.
   */
  start(): Promise<void> {
    return this.#follower.start();
  }

  close(): Promise<void> {
    return this.#follower.close();
  }

  #failed(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    const message = `bookings could not be read, what is not known to be booked goes to the unassigned: ${why}`;
    this.#options.exceptions.report({ code: "BOOKINGS_UNREADABLE", source: "bookings", message });
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
