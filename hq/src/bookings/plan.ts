import type { BookingValue } from "@landfall/proto/api";
import { streamName, topicName, type StreamName, type TopicName } from "@landfall/streams/model/names";
import type { Booking } from "../view/fleet-view.js";

/** One settings record to be written. */
export interface BookingWrite {
  readonly stream: StreamName;
  readonly topic: TopicName;
  readonly value: BookingValue;
}

export interface BookingPlan {
  /** What stands already exactly so; nothing needs to be written for it. */
  readonly existing?: Booking;
  /** The booking itself first: should the rest be lost, the one that begins last counts anyway. */
  readonly writes: readonly BookingWrite[];
}

/**
 * What must be written so that a container belongs to an owner from a moment on: the booking, and every earlier one that
 * reaches into it, rewritten under its own topic to end there. Times in milliseconds since 1970.
 */
export function planBooking(
  known: Iterable<Booking>,
  wanted: { readonly container: string; readonly owner: string; readonly from: number; readonly to?: number },
): BookingPlan {
  const { container, owner, from, to } = wanted;
  const value: BookingValue = {
    kind: "booking",
    container,
    owner,
    from: iso(from),
    ...(to !== undefined && { to: iso(to) }),
  };
  const stream = settingsStream(owner);
  const all = [...known];
  const existing = all.find(
    (booking) => booking.stream === stream && booking.from === from && booking.to === (to ?? Number.POSITIVE_INFINITY),
  );
  const overlapping = all.filter(
    (booking) => booking.from <= from && booking.to > from && !(booking.stream === stream && booking.from === from),
  );
  return {
    ...(existing && { existing }),
    writes: [
      ...(existing ? [] : [{ stream, topic: bookingTopic(container, from), value }]),
      ...overlapping.map((booking) => ({
        stream: booking.stream,
        topic: bookingTopic(container, booking.from),
        value: { ...booking.value, to: iso(from) },
      })),
    ],
  };
}

export function settingsStream(owner: string): StreamName {
  return streamName(`${owner}.settings`);
}

function bookingTopic(container: string, from: number): TopicName {
  return topicName(`booking.${container}.${from}`);
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
