import type { ContainerState, LiveEvent, ShipState } from "@landfall/proto/api";
import type { StreamName } from "@landfall/streams/model/names";
import {
  LIVE_ALERTS_PER_TICK_MAX,
  LIVE_CONTAINERS_PER_MESSAGE_MAX,
  LIVE_GONE_PER_MESSAGE_MAX,
  LIVE_MESSAGES_PER_TICK_MAX,
  LIVE_SHIPS_PER_TICK_MAX,
} from "../limits.js";
import { alertTime, toApiAlert, type AlertTrace } from "../view/alerts.js";
import type { FleetView } from "../view/fleet-view.js";
import type { Perspective } from "../view/perspective.js";

export interface LiveBatch {
  readonly events: readonly LiveEvent[];
  /** Everything up to here was either in `events` or is nothing that the perspective shows. */
  readonly seq: number;
}

const CONTAINERS_MAX = LIVE_CONTAINERS_PER_MESSAGE_MAX * LIVE_MESSAGES_PER_TICK_MAX;

/**
 * What changed after `seq` in a perspective: the newest state of each thing, as much as one tick may send; the rest
 * follows from the returned seq. Alerts up to `alertsFrom` are not told again.
 */
export function liveBatch(view: FleetView, perspective: Perspective, seq: number, alertsFrom: number): LiveBatch {
  const containers: ContainerState[] = [];
  const ships: ShipState[] = [];
  const gone: string[] = [];
  const alerts: LiveEvent[] = [];
  let upTo = perspective.changes.last;
  for (const change of perspective.changes.since(seq)) {
    if (change.kind === "container") {
      const state = perspective.containers.get(change.id);
      if (state) containers.push(state);
    } else if (change.kind === "ship") {
      const known = perspective.ship(change.id);
      if (known?.isCurrent) ships.push(known.state);
      else if (known) gone.push(change.id);
    } else if (change.seq > alertsFrom) {
      const alert = view.alerts.get(change.stream)?.get(change.id);
      const data = alert && toApiAlert(alert);
      if (data) alerts.push({ type: "alert", data });
    }
    const isFull =
      containers.length >= CONTAINERS_MAX ||
      ships.length + gone.length >= LIVE_SHIPS_PER_TICK_MAX ||
      alerts.length >= LIVE_ALERTS_PER_TICK_MAX;
    if (isFull) {
      upTo = change.seq;
      break;
    }
  }
  // What is worth an alarm goes first.
  const events: LiveEvent[] = alerts;
  for (let i = 0; i < containers.length; i += LIVE_CONTAINERS_PER_MESSAGE_MAX) {
    events.push({ type: "containers", data: { containers: containers.slice(i, i + LIVE_CONTAINERS_PER_MESSAGE_MAX) } });
  }
  if (ships.length > 0 || gone.length > 0) {
    events.push({ type: "ships", data: { ships, ...(gone.length > 0 && { gone }) } });
  }
  return { events, seq: upTo };
}

/** What somebody saw and sees no longer, because rules have changed. */
export function goneBetween(before: Perspective, after: Perspective): LiveEvent[] {
  const containers = [...before.containers.keys()].filter((container) => !after.containers.has(container));
  const shown = new Set(after.ships().map(({ imo }) => imo));
  const ships = before.ships().flatMap(({ imo }) => (shown.has(imo) ? [] : [imo]));
  const events: LiveEvent[] = ships.length === 0 ? [] : [{ type: "ships", data: { ships: [], gone: ships } }];
  for (let i = 0; i < containers.length; i += LIVE_GONE_PER_MESSAGE_MAX) {
    const gone = containers.slice(i, i + LIVE_GONE_PER_MESSAGE_MAX);
    events.push({ type: "containers", data: { containers: [], gone } });
  }
  return events;
}

/**
 * Alerts that somebody has not heard of whose position means nothing in this perspective: of `streams`, and that this
 * site got at or after `since` (milliseconds since 1970).
 */
export function alertsSince(view: FleetView, streams: Iterable<StreamName>, since: number): LiveEvent[] {
  const found: AlertTrace[] = [];
  for (const stream of streams) {
    for (const alert of view.alerts.get(stream)?.values() ?? []) {
      const said = alert.acknowledged?.map(({ arrived }) => arrived) ?? [];
      if (Math.max(alert.raised?.arrived ?? 0, alert.cleared?.arrived ?? 0, ...said) >= since) found.push(alert);
    }
  }
  return found
    .sort((a, b) => alertTime(a) - alertTime(b))
    .slice(-LIVE_ALERTS_PER_TICK_MAX)
    .map(toApiAlert)
    .filter((data) => data !== undefined)
    .map((data) => ({ type: "alert", data }));
}
