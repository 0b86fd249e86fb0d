import type { Measurements } from "@landfall/proto/api";
import { INTERVAL_GAPS } from "../limits.js";
import { clear } from "./alerts.js";
import { judgeReading } from "./cargo.js";
import { judgeLoss } from "./lost.js";
import {
  boxOf,
  type AlertChange,
  type Box,
  type Gateway,
  type RuleEvent,
  type RulesInForce,
  type RulesState,
} from "./rules-state.js";
import { judgeSilence } from "./silent.js";

type Of<T extends RuleEvent["type"]> = Extract<RuleEvent, { type: T }>;

/**
 * The on-board rules: what happens next, given what is known. Neither clock nor disk: the same events give the same
 * alerts, which is how the state is rebuilt after a start. Returns the alerts to be stored and changes `state` in place.
 */
export function step(state: RulesState, event: RuleEvent, settings: RulesInForce): AlertChange[] {
  switch (event.type) {
    case "reading":
      return onReading(state, event, settings);
    case "move":
      return onMove(state, event);
    case "position":
      if (event.time >= (state.shipPosition?.time ?? 0)) state.shipPosition = event;
      return [];
    case "connected":
      onConnected(state, event);
      return [];
    case "open-alert":
      return onOpenAlert(state, event);
    case "closed-alert":
      onClosedAlert(state, event);
      return [];
    case "tick":
      return [...judgeLoss(state, event.wall, settings), ...judgeSilence(state, event.wall, settings)];
  }
}

function onReading(state: RulesState, event: Of<"reading">, settings: RulesInForce): AlertChange[] {
  const box = boxOf(state, event.container);
  noteHeard(state, box, event, settings);
  if (box.lastTime !== undefined) {
    // Late or repeated: newer readings have had their say.
    if (event.time <= box.lastTime) return [];
    box.gaps.push(event.time - box.lastTime);
    if (box.gaps.length > INTERVAL_GAPS) box.gaps.shift();
  }
  const { measurements } = event;
  box.lastTime = event.time;
  box.last = merged(box.last, measurements);
  box.isReefer ||= measurements.setpointC !== undefined || measurements.powered === true;
  const isAboard = box.aboardSince !== undefined && event.time >= box.aboardSince;
  return isAboard ? judgeReading(state, box, event, settings) : [];
}

/** A client that nobody reports through yet becomes a gateway with its first reading. */
function onConnected(state: RulesState, { client, wall }: Of<"connected">): void {
  const gateway = state.gateways.get(client);
  if (gateway) gateway.connectedAt = wall;
}

/** LOAD and DISC, in the order of their own times: one that is older than the last heeded changes nothing. */
function onMove(state: RulesState, { container, move, time }: Of<"move">): AlertChange[] {
  if (move !== "LOAD" && move !== "DISC") return [];
  const box = boxOf(state, container);
  if (time < box.movedAt) return [];
  box.movedAt = time;
  if (move === "LOAD") {
    box.aboardSince = time;
    return [];
  }
  delete box.aboardSince;
  const message = `${container} was discharged; the terminal watches it now`;
  const changes = [...box.open.keys()].flatMap((type) => clear(state, box, type, time, message));
  // Aboard again one day, it starts anew.
  leaveGateway(state, box);
  state.boxes.delete(container);
  boxOf(state, container).movedAt = time;
  return changes;
}

function onOpenAlert(state: RulesState, { alert }: Of<"open-alert">): AlertChange[] {
  if (alert.container === undefined) return [];
  const box = boxOf(state, alert.container);
  const open = { ...alert, container: alert.container };
  if (box.open.get(alert.type)?.id !== alert.id) box.open.set(alert.type, open);
  // Discharged while nobody was there to write it down.
  if (box.aboardSince !== undefined) return [];
  const time = Math.max(box.movedAt, Date.parse(alert.time));
  return clear(state, box, alert.type, time, `${alert.container} is no longer aboard`);
}

function onClosedAlert(state: RulesState, { alert }: Of<"closed-alert">): void {
  const box = alert.container === undefined ? undefined : state.boxes.get(alert.container);
  if (box?.open.get(alert.type)?.id === alert.id) box.open.delete(alert.type);
}

function noteHeard(state: RulesState, box: Box, event: Of<"reading">, settings: RulesInForce): void {
  box.heardAt = Math.max(box.heardAt, event.wall);
  if (event.via === undefined) return;
  const gateway = gatewayOf(state, event.via, event.wall);
  if (box.via !== event.via) {
    leaveGateway(state, box);
    box.via = event.via;
    gateway.members++;
    gateway.membersMax = Math.max(gateway.membersMax, gateway.members);
  }
  if (event.time < gateway.front - (settings.lostAfterMinutes * 60_000) / 2) gateway.lateAt = event.wall;
  gateway.front = Math.max(gateway.front, event.time);
}

function leaveGateway(state: RulesState, box: Box): void {
  const { via } = box;
  if (via === undefined) return;
  delete box.via;
  const gateway = state.gateways.get(via);
  // Nobody's gateway any more: clients that publish once under a fresh id must not gather for ever.
  if (gateway && --gateway.members <= 0) state.gateways.delete(via);
}

function gatewayOf(state: RulesState, client: string, wall: number): Gateway {
  const known = state.gateways.get(client);
  if (known) return known;
  const gateway: Gateway = { connectedAt: wall, front: 0, lateAt: 0, membersMax: 0, members: 0 };
  state.gateways.set(client, gateway);
  return gateway;
}

/** The measurements worth keeping as evidence; a payload may hold much else. */
const LASTING = [
  "latitude",
  "longitude",
  "temperatureC",
  "supplyAirC",
  "returnAirC",
  "setpointC",
  "humidityPct",
  "doorOpen",
  "powered",
  "batteryPct",
] as const;
/** Of their moment: what the newest reading does not say is over. */
const MOMENTARY = ["shockG", "tiltDeg"] as const;

function merged(before: Measurements, now: Measurements): Measurements {
  const last: Record<string, number | boolean> = {};
  for (const key of LASTING) {
    const value = now[key] ?? before[key];
    if (value !== undefined) last[key] = value;
  }
  for (const key of MOMENTARY) {
    const value = now[key];
    if (value !== undefined) last[key] = value;
  }
  return last;
}
