import type { StatusValue } from "@landfall/proto/api";
import { ownerOfStream, type StreamName } from "@landfall/streams/model/names";
import type { FleetView } from "../view/fleet-view.js";
import type { Status } from "./sites.js";

/**
 * Newest status of each node out of the metrics streams given. Left out: what is no status, and what a company's stream
 * says about a site that is not its own.
 */
export function readStatuses(
  view: Pick<FleetView, "statuses">,
  readable: ReadonlySet<StreamName>,
  ownerOfSite: (site: string) => string | undefined,
): Status[] {
  const found: Status[] = [];
  for (const [stream, words] of view.statuses) {
    if (!readable.has(stream)) continue;
    for (const { value, arrived } of words.values()) {
      if (isStatus(value) && ownerOfSite(value.site) === ownerOfStream(stream)) found.push({ value, arrived });
    }
  }
  return found;
}

function isStatus(value: Readonly<Record<string, unknown>>): value is Readonly<Record<string, unknown>> & StatusValue {
  return (
    value["kind"] === "status" &&
    typeof value["site"] === "string" &&
    typeof value["node"] === "string" &&
    Array.isArray(value["notReady"]) &&
    value["notReady"].every((reason) => typeof reason === "string") &&
    typeof value["time"] === "string" &&
    Array.isArray(value["links"]) &&
    value["links"].every(isLink)
  );
}

function isLink(link: unknown): boolean {
  if (typeof link !== "object" || link === null) return false;
  const { id, peer, state, toSend, toReceive } = link as Record<string, unknown>;
  return (
    typeof id === "string" &&
    typeof peer === "string" &&
    typeof state === "string" &&
    typeof toSend === "number" &&
    typeof toReceive === "number"
  );
}
