import type { NewRecord, TimestampMs } from "@landfall/streams/model/record";
import type { StreamName } from "@landfall/streams/model/names";
import type { BookingTable } from "../bookings/booking-table.js";
import type { Reading } from "./validate.js";

/** One record that a message becomes, and where a repetition of it might be found. */
export interface Target {
  readonly stream: StreamName;
  readonly record: NewRecord;
  /** Names the topic whatever stream a booking gives it, so that a repetition is seen after a booking changed. */
  readonly key: string;
  /** Streams that may hold an earlier copy, the target's own first. */
  readonly lookIn: () => StreamName[];
}

/**
 * Where a message goes: a container's to whoever had it booked when it was measured, a ship's to the node's owner,
 * and an event with a place also to that place's authority. The first target is the message itself.
 */
export function route(reading: Reading, nodeOwner: string, bookings: BookingTable): Target[] {
  const main =
    reading.topic.subject === "container"
      ? containerTarget(reading, nodeOwner, bookings)
      : target(reading, `${nodeOwner}.ships`, "s", {});
  const location = reading.event?.location;
  if (location === undefined) return [main];
  // No booking in the copy: a port's authority need not learn whose box it is.
  const copy = target(reading, `port.${location.toLowerCase()}.events`, "p", {}, reading.topic.id);
  return [main, copy];
}

/** Stream of a container's readings at a time, and the booking that says so. */
export function containerStream(
  container: string,
  timeMs: number,
  nodeOwner: string,
  bookings: BookingTable,
): { readonly stream: StreamName; readonly owner: string; readonly version?: number } {
  const booking = bookings.bookingAt(container, timeMs);
  return booking
    ? { stream: `${booking.owner}.containers` as StreamName, owner: booking.owner, version: booking.version }
    : { stream: `${nodeOwner}.unassigned` as StreamName, owner: nodeOwner };
}

function containerTarget(reading: Reading, nodeOwner: string, bookings: BookingTable): Target {
  const { id } = reading.topic;
  const { stream, version } = containerStream(id, reading.timestamp, nodeOwner, bookings);
  const lookIn = () => {
    const owners = bookings.ownersOf(id).map((owner) => `${owner}.containers` as StreamName);
    return [...new Set([stream, ...owners, `${nodeOwner}.unassigned` as StreamName])];
  };
  return { ...target(reading, stream, "c", version === undefined ? {} : { booking: String(version) }), lookIn };
}

function target(
  reading: Reading,
  stream: string,
  family: string,
  headers: Record<string, string>,
  topic: string = reading.topic.recordTopic,
): Target {
  const name = stream as StreamName;
  return {
    stream: name,
    key: family === "p" ? `${family}:${stream}:${topic}` : `${family}:${topic}`,
    lookIn: () => [name],
    record: {
      topic: topic as NewRecord["topic"],
      timestamp: reading.timestamp as TimestampMs,
      value: reading.value,
      headers: { ...headers, kind: reading.topic.kind },
    },
  };
}
