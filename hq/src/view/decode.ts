import type {
  AcknowledgementValue,
  AlertValue,
  BookingValue,
  ContainerEventType,
  ShipEventType,
} from "@landfall/proto/api";
import { containerNumberError, imoNumberError } from "@landfall/proto/identifiers";
import type { StoredRecord } from "@landfall/streams/model/record";
import type { Acknowledged, AlertWord } from "./alerts.js";
import type { StreamKind } from "./kinds.js";
import { pickMeasurements } from "./measurements.js";
import type { ContainerMove, ShipMove } from "./moves.js";
import type { EventKey, Reading } from "./reading.js";

/** What one record tells the fleet view. */
export type Fact =
  | { readonly kind: "reading"; readonly container: string; readonly reading: Reading }
  | { readonly kind: "container-move"; readonly container: string; readonly move: ContainerMove }
  | { readonly kind: "position" | "environment"; readonly imo: string; readonly reading: Reading }
  | { readonly kind: "ship-move"; readonly imo: string; readonly move: ShipMove }
  | { readonly kind: "alert"; readonly word: AlertWord }
  | { readonly kind: "acknowledgement"; readonly said: Acknowledged }
  | { readonly kind: "booking"; readonly booking: BookingValue }
  | { readonly kind: "status"; readonly value: Readonly<Record<string, unknown>> };

type Json = Readonly<Record<string, unknown>>;

const utf8 = new TextDecoder("utf-8", { fatal: true });
const CONTAINER_EVENTS: ReadonlySet<unknown> = new Set<ContainerEventType>(["LOAD", "DISC", "GTIN", "GTOT"]);
const SHIP_EVENTS: ReadonlySet<unknown> = new Set<ShipEventType>(["ARRI", "DEPA"]);

/** The record's payload as a JSON object, or undefined when it is none. */
export function parseValue(record: Pick<StoredRecord, "value">): Json | undefined {
  try {
    const value: unknown = JSON.parse(utf8.decode(record.value));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What the record says, or undefined when it says nothing to a fleet view: it stays in the stream as it is.
 * @param isKnown whether a container's number was found right before
 */
export function decode(
  record: StoredRecord,
  kind: StreamKind,
  isKnown: (container: string) => boolean,
): Fact | undefined {
  if (kind === "other") return undefined;
  const value = parseValue(record);
  if (!value) return undefined;
  switch (kind) {
    case "containers":
    case "latest":
      return containerFact(record, value, isKnown);
    case "port":
      return imoNumberError(record.topic) === undefined
        ? shipMoveFact(record, record.topic, value)
        : containerFact(record, value, isKnown);
    case "ships":
      return shipFact(record, value);
    case "alerts":
      return alertFact(record, value);
    case "settings":
      return isBooking(value) ? { kind: "booking", booking: value } : undefined;
    case "metrics":
      return { kind: "status", value };
  }
}

export function readingOf(record: StoredRecord, value: Json): Reading {
  return { ...keyOf(record), arrived: record.arrived, measurements: pickMeasurements(value) };
}

export function containerMoveOf(record: StoredRecord, value: Json): ContainerMove | undefined {
  if (!CONTAINER_EVENTS.has(value["type"])) return undefined;
  return {
    ...keyOf(record),
    arrived: record.arrived,
    type: value["type"] as ContainerEventType,
    ...texts(value, "location", "vessel", "voyage"),
  };
}

export function shipMoveOf(record: StoredRecord, value: Json): ShipMove | undefined {
  if (!SHIP_EVENTS.has(value["type"])) return undefined;
  return {
    ...keyOf(record),
    arrived: record.arrived,
    type: value["type"] as ShipEventType,
    ...texts(value, "location", "voyage", "nextPort"),
  };
}

function containerFact(record: StoredRecord, value: Json, isKnown: (container: string) => boolean): Fact | undefined {
  const container: string = record.topic;
  if (!isKnown(container) && containerNumberError(container) !== undefined) return undefined;
  const move = containerMoveOf(record, value);
  if (move) return { kind: "container-move", container, move };
  // An event of a type that is not known here is no reading.
  return typeof value["type"] === "string"
    ? undefined
    : { kind: "reading", container, reading: readingOf(record, value) };
}

function shipFact(record: StoredRecord, value: Json): Fact | undefined {
  const [imo = "", what] = record.topic.split(".");
  if (imoNumberError(imo) !== undefined) return undefined;
  if (what === "position" || what === "environment") return { kind: what, imo, reading: readingOf(record, value) };
  return what === "events" ? shipMoveFact(record, imo, value) : undefined;
}

function shipMoveFact(record: StoredRecord, imo: string, value: Json): Fact | undefined {
  const move = shipMoveOf(record, value);
  return move && { kind: "ship-move", imo, move };
}

function alertFact(record: StoredRecord, value: Json): Fact | undefined {
  const key = { ...keyOf(record), arrived: record.arrived };
  if (isAcknowledgement(value)) return { kind: "acknowledgement", said: { ...key, value } };
  return isAlert(value) ? { kind: "alert", word: { ...key, value } } : undefined;
}

function keyOf(record: StoredRecord): EventKey {
  return { time: record.timestamp, offset: record.offset, origin: record.origin, seq: record.seq };
}

function texts<K extends string>(value: Json, ...keys: readonly K[]): { [P in K]?: string } {
  const picked: { [P in K]?: string } = {};
  for (const key of keys) {
    const text = value[key];
    // Some write IMO numbers as numbers.
    if (typeof text === "string" && text !== "") picked[key] = text;
    else if (typeof text === "number") picked[key] = String(text);
  }
  return picked;
}

const ALERT_TYPES: ReadonlySet<unknown> = new Set<AlertValue["type"]>([
  "LOST",
  "SILENT",
  "OUT_OF_RANGE",
  "NO_POWER",
  "DOOR_OPEN",
  "SHOCK",
]);

function isAlert(value: Json): value is Json & AlertValue {
  return (
    typeof value["id"] === "string" &&
    ALERT_TYPES.has(value["type"]) &&
    (value["state"] === "raised" || value["state"] === "cleared") &&
    typeof value["message"] === "string" &&
    typeof value["time"] === "string" &&
    (value["container"] === undefined || isContainer(value["container"]))
  );
}

function isAcknowledgement(value: Json): value is Json & AcknowledgementValue {
  return (
    value["state"] === "acknowledged" &&
    typeof value["id"] === "string" &&
    typeof value["message"] === "string" &&
    typeof value["by"] === "string"
  );
}

function isBooking(value: Json): value is Json & BookingValue {
  return (
    value["kind"] === "booking" &&
    isContainer(value["container"]) &&
    typeof value["owner"] === "string" &&
    typeof value["from"] === "string" &&
    !Number.isNaN(Date.parse(value["from"])) &&
    (value["to"] === undefined || (typeof value["to"] === "string" && !Number.isNaN(Date.parse(value["to"]))))
  );
}

function isContainer(value: unknown): boolean {
  return typeof value === "string" && containerNumberError(value) === undefined;
}
