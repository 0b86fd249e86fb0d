import { BOOKINGS_PER_CONTAINER_MAX } from "../limits.js";
import type { Booking } from "./booking.js";

/** Who owns which container when, as far as this node knows. */
export class BookingTable {
  /** Per container and settings stream and start: the newest version; latest start first, then newest version. */
  readonly #bookings = new Map<string, (Booking & { readonly source: string })[]>();

  /**
   * Takes a booking from the settings stream `source`. An older version of one that is there already changes nothing,
   * so that records may come in any order. Returns false when the container has too many.
   */
  put(booking: Booking, source: string): boolean {
    const list = this.#bookings.get(booking.container) ?? [];
    const at = list.findIndex((other) => other.source === source && other.fromMs === booking.fromMs);
    if (at >= 0) {
      if ((list[at]?.version ?? 0) >= booking.version) return true;
      list.splice(at, 1);
    } else if (list.length >= BOOKINGS_PER_CONTAINER_MAX) {
      return false;
    }
    list.push({ ...booking, source });
    list.sort((a, b) => b.fromMs - a.fromMs || b.version - a.version);
    this.#bookings.set(booking.container, list);
    return true;
  }

  /** The booking in force at a time: of those that cover it, the one that started last. */
  bookingAt(container: string, timeMs: number): Booking | undefined {
    return this.#bookings
      .get(container)
      ?.find(({ fromMs, toMs }) => fromMs <= timeMs && (toMs === undefined || timeMs < toMs));
  }

  /** Everybody who ever had the container, as far as is known. */
  ownersOf(container: string): string[] {
    return [...new Set(this.#bookings.get(container)?.map(({ owner }) => owner))];
  }

  /** Containers with a booking. */
  get size(): number {
    return this.#bookings.size;
  }
}
