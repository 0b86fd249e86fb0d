import type { BookingValue } from "@landfall/proto/api";
import { containerNumberError } from "@landfall/proto/identifiers";

/** One booking as the table keeps it. Times are milliseconds since 1970. */
export interface Booking {
  readonly container: string;
  /** Company whose streams take the container's readings. */
  readonly owner: string;
  /** First moment that it covers. */
  readonly fromMs: number;
  /** First moment that it no longer covers; absent while it has no end. */
  readonly toMs?: number;
  /** Offset of the settings record. */
  readonly version: number;
}

const OWNER_PATTERN = /^[a-z0-9][a-z0-9_-]{0,99}$/;
export const BOOKING_TOPIC_PREFIX = "booking.";

/** Reads a record `booking.<container>.<from>` of a settings stream; a text says why it is no booking. */
export function readBooking(topic: string, value: Uint8Array, version: number): Booking | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8"));
  } catch {
    return "the value is not JSON";
  }
  if (typeof parsed !== "object" || parsed === null) return "the value is not a JSON object";
  const { kind, container, owner, from, to } = parsed as Partial<Record<keyof BookingValue, unknown>>;
  if (kind !== "booking") return `kind is ${JSON.stringify(kind)}: want "booking"`;
  if (typeof container !== "string") return "container is missing";
  const wrong = containerNumberError(container);
  if (wrong !== undefined) return `container: ${wrong}`;
  if (typeof owner !== "string" || !OWNER_PATTERN.test(owner)) return "owner is no company's name, e.g. duckworks";
  const fromMs = typeof from === "string" ? Date.parse(from) : Number.NaN;
  if (!Number.isFinite(fromMs)) return "from is no time (want RFC 3339)";
  if (topic !== `${BOOKING_TOPIC_PREFIX}${container}.${fromMs}`) {
    return `it stands under the topic ${topic}: want ${BOOKING_TOPIC_PREFIX}${container}.${fromMs}`;
  }
  if (to === undefined) return { container, owner, fromMs, version };
  const toMs = typeof to === "string" ? Date.parse(to) : Number.NaN;
  if (!Number.isFinite(toMs)) return "to is no time (want RFC 3339)";
  return { container, owner, fromMs, toMs, version };
}
