import { formatContainerNumber } from "@landfall/proto/identifiers";
import { formatTime } from "./format/time.js";
import type { Reading } from "./history-model.js";

/** How a link is doing, in words. */
export const LINK_WORDS = { up: "up", degraded: "degraded", cut: "cut", "out-of-reach": "out of reach" } as const;

/** Classes of links in words. */
export const CLASS_WORDS = { lan: "local", wan: "wide area", port: "port link", satellite: "satellite" } as const;

/** `known here since 9 Nov 17:22 UTC, came with a backlog`. */
export function knownLine(reading: Reading): string {
  const known = `known here since ${formatTime(reading.knownMs)} UTC`;
  return reading.late ? `${known}, came with a backlog` : known;
}

/** DCSA's codes in words. */
export function eventWords(type: string, ship?: string): string {
  switch (type) {
    case "LOAD":
      return ship === undefined ? "Loaded" : `Loaded aboard ${ship}`;
    case "DISC":
      return ship === undefined ? "Discharged" : `Discharged from ${ship}`;
    case "GTIN":
      return "Gate in";
    case "GTOT":
      return "Gate out";
    case "ARRI":
      return "Arrived";
    case "DEPA":
      return "Departed";
    default:
      return type;
  }
}

/** A sentence that a program wrote, for people: container numbers in their groups, times without their machinery. */
export function readable(text: string): string {
  return text
    .replace(/\b[A-Z]{3}[UJZ][0-9]{7}\b/g, formatContainerNumber)
    .replace(/\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?Z/g, (time) => `${formatTime(Date.parse(time))} UTC`);
}
