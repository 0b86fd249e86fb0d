import { between, hash } from "../random.js";
import type { Draft } from "./draft.js";
import { brokerAt, publish, updateContainer, without } from "./draft.js";
import { YARD_SITES } from "./fleet.js";
import { isDue, nextRoute } from "./itinerary.js";
import { eventMessage } from "./messages.js";
import { reportLogged } from "./readings.js";
import type { ContainerState } from "./state.js";

const HOUR_MS = 3_600_000;
/** Lots in a yard, so that containers stand beside each other on the map. */
const YARD_LOTS = 400;

/**
 * Lets containers in and out of our yards: in when booked and due, out when they have arrived for good. Where the
 * terminal is somebody else's, nobody tells us of the gate: the ship loads what is due.
 */
export function runGates(draft: Draft, timeMs: number): void {
  for (let index = 0; index < draft.containers.length; index++) {
    const box = draft.containers[index];
    if (box === undefined) continue;
    const { place } = box;
    if (place.at === "road") {
      if (YARD_SITES[place.port] !== undefined && isDue(box, timeMs)) gateIn(draft, index, box, place.port, timeMs);
    } else if (place.at === "yard" && box.gateOutMs !== undefined && box.gateOutMs <= timeMs) {
      gateOut(draft, index, place.port, timeMs);
    }
  }
}

function gateIn(draft: Draft, index: number, box: ContainerState, port: string, timeMs: number): void {
  draft.containers[index] = {
    ...without(box, "gateInMs", "cameOn"),
    place: { at: "yard", port },
    sinceMs: timeMs,
    slot: hash(draft.seed, "lot", box.id, timeMs) % YARD_LOTS,
  };
  announce(draft, index, "GTIN", port, timeMs);
  reportLogged(draft, index, box, timeMs);
}

function gateOut(draft: Draft, index: number, port: string, timeMs: number): void {
  announce(draft, index, "GTOT", port, timeMs);
  toRoad(draft, index, port, timeMs);
}

/** To the customer, unpacked, packed again, and back to the gate days later with somewhere new to go. */
function toRoad(draft: Draft, index: number, port: string, timeMs: number): void {
  const box = draft.containers[index];
  if (box === undefined) return;
  const days = between(1.5, 4, draft.seed, "inland", box.id, timeMs);
  draft.containers[index] = {
    ...without(box, "gateOutMs", "cameOn", "vessel"),
    place: { at: "road", port },
    sinceMs: timeMs,
    route: nextRoute(draft.seed, box, port, draft.ships, timeMs),
    gateInMs: timeMs + days * 24 * HOUR_MS,
  };
}

/** Gate events go to the yard's broker; a terminal of somebody else's tells us nothing. */
function announce(draft: Draft, index: number, type: "GTIN" | "GTOT", port: string, timeMs: number): void {
  const box = draft.containers[index];
  const via = box === undefined ? undefined : brokerAt(draft, box.place);
  if (box === undefined || via === undefined) return;
  publish(draft, via, `containers/${box.id}/events`, eventMessage(type, timeMs, { location: port }), timeMs);
}

/** Takes a container off a ship: it stands in the yard, waits for its next ship, or for its customer's truck. */
export function ashore(draft: Draft, index: number, port: string, imo: string, timeMs: number): void {
  const box = draft.containers[index];
  if (box === undefined) return;
  if (YARD_SITES[port] === undefined) {
    toRoad(draft, index, port, timeMs);
    return;
  }
  const route = box.route.slice(1);
  const gateOutMs = timeMs + between(5, 36, draft.seed, "pick-up", box.id, timeMs) * HOUR_MS;
  draft.containers[index] = {
    ...without(box, "vessel"),
    place: { at: "yard", port },
    route,
    cameOn: imo,
    sinceMs: timeMs,
    slot: hash(draft.seed, "lot", box.id, timeMs) % YARD_LOTS,
    ...(route.length === 0 ? { gateOutMs } : {}),
    inside: lifted(draft.seed, box, timeMs),
  };
}

/** Puts a container aboard. */
export function aboard(draft: Draft, index: number, imo: string, slot: number, timeMs: number): void {
  const box = draft.containers[index];
  if (box === undefined) return;
  updateContainer(draft, index, {
    place: { at: "ship", imo },
    sinceMs: timeMs,
    slot,
    inside: lifted(draft.seed, box, timeMs),
  });
  // In a terminal of somebody else's it was out of reach until now.
  if (box.place.at === "road") reportLogged(draft, index, box, timeMs);
}

/** A reefer hangs without power while the crane has it, and until somebody plugs it in. */
function lifted(seed: number, box: ContainerState, timeMs: number): ContainerState["inside"] {
  if (box.kind === "dry") return box.inside;
  const unpluggedUntilMs = timeMs + between(5, 13, seed, "lift-plug", box.id, timeMs) * 60_000;
  return { ...box.inside, unpluggedUntilMs: Math.max(box.inside.unpluggedUntilMs, unpluggedUntilMs) };
}
