import type { GapReason } from "@landfall/proto/api";
import { formatContainerNumber } from "@landfall/proto/identifiers";
import { plural, withUnit } from "./format/quantities.js";
import { formatDuration, formatTime } from "./format/time.js";
import type { Incident } from "./incidents.js";
import type { Missing, Reading } from "./history-model.js";

/** How a link is doing, in words. */
export const LINK_WORDS = { up: "up", degraded: "degraded", cut: "cut", "out-of-reach": "out of reach" } as const;

/** Classes of links in words. */
export const CLASS_WORDS = { lan: "local", wan: "wide area", port: "port link", satellite: "satellite" } as const;

/** `known here since 9 Nov 17:22 UTC (Singapore), came with a backlog`. */
export function knownLine(reading: Reading): string {
  const place = reading.knownIn === undefined ? "" : ` (${reading.knownIn})`;
  const known = `known here since ${formatTime(reading.knownMs)} UTC${place}`;
  return reading.late ? `${known}, came with a backlog` : known;
}

/** Why records are missing: two words for the chart, half a sentence for people who ask. */
export const GAP_WORDS: Readonly<Record<GapReason, { readonly short: string; readonly why: string }>> = {
  expired: { short: "kept no longer", why: "are kept here no longer: their time was up" },
  missed: { short: "never came here", why: "had expired at every site in reach before they could come here" },
  damaged: { short: "not readable", why: "cannot be read at any site in reach; they come when another one has them" },
  superseded: { short: "replaced", why: "were replaced by newer ones, as this stream's settings want it" },
};

/** `from 3 Nov 04:10 to 5 Nov 12:00 UTC`, as far as its ends are known. */
export function missingTimes({ fromMs, toMs }: Missing, nearMs?: number): string {
  const [from, to] = [fromMs, toMs].map((ms) => (ms === undefined ? undefined : formatTime(ms, nearMs)));
  if (from === undefined) return to === undefined ? "at times unknown" : `before ${to} UTC`;
  return to === undefined ? `since ${from} UTC` : `from ${from} to ${to} UTC`;
}

/** Which records, and why they are not here. Nobody can tell whose they were. */
export function missingWords({ records, sites, reason }: Missing, nameOf: (site: string) => string): string {
  const what = `${plural(records, "record")} of ${sites.map(nameOf).join(", ")}`;
  return `${what} ${GAP_WORDS[reason].why}. Some may belong here.`;
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

/** `Door open for 35 min`, `Shock of 3.4 g`. */
export function incidentWords({ kind, fromMs, toMs, shockG = 0 }: Incident): string {
  const lasted = toMs > fromMs ? ` for ${formatDuration(toMs - fromMs)}` : "";
  switch (kind) {
    case "defrost":
      return `Defrosting${lasted}`;
    case "door":
      return `Door open${lasted}`;
    case "power":
      return `No power${lasted}`;
    case "shock":
      return `${toMs > fromMs ? "Shocks up to" : "Shock of"} ${withUnit(shockG, "g")}`;
  }
}

/** A sentence that a program wrote, for people: container numbers in their groups, times without their machinery. */
export function readable(text: string): string {
  return text
    .replace(/\b[A-Z]{3}[UJZ][0-9]{7}\b/g, formatContainerNumber)
    .replace(/\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?Z/g, (time) => `${formatTime(Date.parse(time))} UTC`);
}
