import type { NewRecord, TimestampMs } from "@landfall/streams/model/record";
import type { StreamName } from "@landfall/streams/model/names";
import type { BookingTable } from "../bookings/booking-table.js";
import { copyKey } from "./topics.js";
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
  const { topic, event } = reading;
  const main =
    topic.subject === "container"
      ? containerTarget(reading, nodeOwner, bookings)
      : target(reading, `${nodeOwner}.ships`, topic.recordTopic, topic.key);
  if (event?.location === undefined) return [main];
  // No booking in the copy: a port's authority need not learn whose box it is.
  const stream = `port.${event.location.toLowerCase()}.events`;
  return [main, target(reading, stream, topic.id, copyKey(stream, topic.id))];
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
  const { id, key, recordTopic } = reading.topic;
  const { stream, version } = containerStream(id, reading.timestamp, nodeOwner, bookings);
  const lookIn = () => {
    const owners = bookings.ownersOf(id).map((owner) => `${owner}.containers` as StreamName);
    return [...new Set([stream, ...owners, `${nodeOwner}.unassigned` as StreamName])];
  };
  const made = target(reading, stream, recordTopic, key);
  if (version === undefined) return { ...made, lookIn };
  const headers = { booking: String(version), kind: reading.topic.kind };
  return { ...made, lookIn, record: { ...made.record, headers } };
}

function target(reading: Reading, stream: string, topic: string, key: string): Target {
  return {
    stream: stream as StreamName,
    key,
    lookIn: () => [stream as StreamName],
    record: {
      topic: topic as NewRecord["topic"],
      timestamp: reading.timestamp as TimestampMs,
      value: reading.value,
      headers: { kind: reading.topic.kind },
    },
  };
}
