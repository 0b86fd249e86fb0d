import type { ContainerEventType, ShipEventType } from "@landfall/proto/api";
import { imoNumberError, locodeError } from "@landfall/proto/identifiers";
import { VOYAGE_CHARS_MAX } from "../limits.js";
import { problem, show, type Problem } from "./problem.js";

/** DCSA Track & Trace: loaded, discharged, gate in, gate out. */
export const CONTAINER_EVENTS: Readonly<Record<ContainerEventType, string>> = {
  LOAD: "loaded on a ship",
  DISC: "discharged from a ship",
  GTIN: "in through the terminal's gate",
  GTOT: "out through the terminal's gate",
};
export const SHIP_EVENTS: Readonly<Record<ShipEventType, string>> = { ARRI: "arrived", DEPA: "departed" };

/** What the node itself needs of an event; the record keeps the whole payload. */
export interface EventFields {
  readonly type: ContainerEventType | ShipEventType;
  readonly location?: string;
  readonly vessel?: string;
}

/** Checks an event's own fields. Undefined when `problems` got longer. */
export function readEvent(
  payload: Readonly<Record<string, unknown>>,
  subject: "container" | "ship",
  problems: Problem[],
): EventFields | undefined {
  const before = problems.length;
  const { type, location, vessel } = payload;
  const known = subject === "container" ? CONTAINER_EVENTS : SHIP_EVENTS;
  if (typeof type !== "string" || !Object.hasOwn(known, type)) {
    const wanted = Object.entries(known).map(([name, meaning]) => `${name} (${meaning})`);
    const is = type === undefined ? "missing" : show(type);
    problems.push(problem("BAD_EVENT", "type", `type is ${is}: want one of ${wanted.join(", ")}`));
  }
  checkText(payload, "location", locodeError, problems);
  checkText(payload, "nextPort", locodeError, problems);
  checkText(payload, "vessel", imoNumberError, problems);
  checkText(payload, "voyage", voyageError, problems);
  if (problems.length > before) return undefined;
  return {
    type: type as EventFields["type"],
    ...(location !== undefined && { location: location as string }),
    ...(vessel !== undefined && { vessel: vessel as string }),
  };
}

function checkText(
  payload: Readonly<Record<string, unknown>>,
  field: string,
  check: (text: string) => string | undefined,
  problems: Problem[],
): void {
  if (!Object.hasOwn(payload, field)) return;
  const value = payload[field];
  const wrong = typeof value === "string" ? check(value) : `${show(value)} is not text`;
  if (wrong !== undefined) problems.push(problem("BAD_EVENT", field, `${field}: ${wrong}`));
}

function voyageError(text: string): string | undefined {
  return text.length >= 1 && text.length <= VOYAGE_CHARS_MAX
    ? undefined
    : `${show(text)} has ${text.length} characters: want 1 to ${VOYAGE_CHARS_MAX}`;
}
