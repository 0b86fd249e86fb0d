import type { ContainerState, LiveEvent, ShipState } from "@landfall/proto/api";
import type { StreamName } from "@landfall/streams/model/names";
import {
  LIVE_ALERTS_PER_TICK_MAX,
  LIVE_CONTAINERS_PER_MESSAGE_MAX,
  LIVE_MESSAGES_PER_TICK_MAX,
  LIVE_SHIPS_PER_TICK_MAX,
} from "../limits.js";
import { toApiAlert, type AlertTrace } from "../view/alerts.js";
import type { FleetView } from "../view/fleet-view.js";
import type { Perspective } from "../view/perspective.js";

export interface LiveBatch {
  readonly events: readonly LiveEvent[];
  /** Everything up to here was either in `events` or is nothing that the perspective shows. */
  readonly seq: number;
}

const CONTAINERS_MAX = LIVE_CONTAINERS_PER_MESSAGE_MAX * LIVE_MESSAGES_PER_TICK_MAX;

/**
 * What changed after `seq` for who has this perspective: the newest state of each thing, as much as one tick may send;
 * the rest follows from the returned seq. Alerts that this site knew before `alertsSince` (milliseconds since 1970) are
 * not told again.
 */
export function liveBatch(view: FleetView, perspective: Perspective, seq: number, alertsSince: number): LiveBatch {
  const containers: ContainerState[] = [];
  const ships: ShipState[] = [];
  const gone: string[] = [];
  const alerts: LiveEvent[] = [];
  let upTo = seq;
  for (const change of view.changes.since(seq)) {
    if (change.kind === "container") {
      const state = perspective.containers.get(change.id);
      if (state && containers.push(state) >= CONTAINERS_MAX) return batch(change.seq);
    } else if (change.kind === "ship") {
      const known = perspective.ship(change.id);
      if (known?.isCurrent) ships.push(known.state);
      else if (known) gone.push(change.id);
      if (ships.length + gone.length >= LIVE_SHIPS_PER_TICK_MAX) return batch(change.seq);
    } else {
      const alert = alertOf(view, change.id);
      const arrived = Math.max(alert?.raised?.arrived ?? 0, alert?.cleared?.arrived ?? 0);
      const data = alert && perspective.readable.has(alert.stream) && arrived >= alertsSince && toApiAlert(alert);
      if (data && alerts.push({ type: "alert", data }) >= LIVE_ALERTS_PER_TICK_MAX) return batch(change.seq);
    }
    upTo = change.seq;
  }
  return batch(Math.max(upTo, view.changes.last));

  function batch(end: number): LiveBatch {
    // What is worth an alarm goes first.
    const events: LiveEvent[] = alerts;
    for (let i = 0; i < containers.length; i += LIVE_CONTAINERS_PER_MESSAGE_MAX) {
      events.push({
        type: "containers",
        data: { containers: containers.slice(i, i + LIVE_CONTAINERS_PER_MESSAGE_MAX) },
      });
    }
    if (ships.length > 0 || gone.length > 0) {
      events.push({ type: "ships", data: { ships, ...(gone.length > 0 && { gone }) } });
    }
    return { events, seq: end };
  }
}

function alertOf(view: FleetView, id: string): AlertTrace | undefined {
  const space = id.indexOf(" ");
  return view.alerts.get(id.slice(0, space) as StreamName)?.get(id.slice(space + 1));
}
