import type { ApiAlert } from "@landfall/proto/api";
import type { StreamName } from "@landfall/streams/model/names";
import { alertTime, isOpen, toApiAlert, type AlertTrace } from "./alerts.js";
import { baseOf } from "./excerpt.js";
import type { FleetView } from "./fleet-view.js";

export interface AlertQuery {
  readonly state?: "raised" | "cleared";
  readonly container?: string;
  readonly limit: number;
}

/** Alerts of the streams given, newest first. */
export function listAlerts(
  view: Pick<FleetView, "alerts">,
  readable: ReadonlySet<StreamName>,
  { state, container, limit }: AlertQuery,
): ApiAlert[] {
  const found: AlertTrace[] = [];
  for (const [stream, alerts] of view.alerts) {
    if (!readable.has(stream)) continue;
    for (const alert of alerts.values()) {
      if (state !== undefined && isOpen(alert) !== (state === "raised")) continue;
      if (container !== undefined && (alert.raised ?? alert.cleared)?.value.container !== container) continue;
      found.push(alert);
    }
  }
  // Two grants may show the same one.
  const known = new Set<string>();
  const once = found.filter(({ stream, id }) => {
    const name = `${baseOf(stream)} ${id}`;
    return !known.has(name) && known.add(name);
  });
  once.sort((a, b) => alertTime(b) - alertTime(a) || (a.id < b.id ? -1 : 1));
  return once
    .slice(0, limit)
    .map(toApiAlert)
    .filter((alert) => alert !== undefined);
}
