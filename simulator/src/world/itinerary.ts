import { placeOf } from "@landfall/proto/identifiers";
import { uniform } from "../random.js";
import { YARD_SITES } from "./fleet.js";
import type { ContainerState, ShipState } from "./state.js";

/** Which ship calls where, and which way a container takes over them. */

export const PORTS = ["JPTYO", "SGSIN", "AUSYD", "USLAX"] as const;

/** Rotations of the fleet. With a fourth ship the ducks for Sydney change to that one in Singapore. */
export function rotations(ships: number): readonly (readonly string[])[] {
  const lotus = ships >= 4 ? ["JPTYO", "SGSIN"] : ["JPTYO", "SGSIN", "JPTYO", "SGSIN", "AUSYD"];
  const first = [["JPTYO", "SGSIN", "AUSYD"], lotus, ["JPTYO", "USLAX"], ["AUSYD", "SGSIN"]];
  const further = [
    ["SGSIN", "JPTYO"],
    ["AUSYD", "JPTYO"],
    ["JPTYO", "SGSIN"],
    ["JPTYO", "USLAX"],
  ];
  return Array.from({ length: ships }, (_, i) => first[i] ?? further[(i - 4) % further.length] ?? ["JPTYO", "SGSIN"]);
}

/** Ports at which a ship calls after the one where it lies or whither it sails, each once, next first. */
export function upcoming(ship: ShipState): string[] {
  const here = ship.phase.kind === "docked" ? ship.phase.port : ship.phase.to;
  const calls: string[] = [];
  for (let i = 1; i <= ship.rotation.length; i++) {
    const port = ship.rotation[(ship.leg + i) % ship.rotation.length];
    if (port !== undefined && port !== here && !calls.includes(port)) calls.push(port);
  }
  return calls;
}

/** Port that follows when nobody orders otherwise. */
export function nextCall(ship: ShipState): string {
  const next = upcoming(ship)[0];
  if (next !== undefined) return next;
  const here = ship.phase.kind === "docked" ? ship.phase.port : ship.phase.to;
  return PORTS.find((port) => port !== here) ?? "SGSIN";
}

/** Whether some ship of the fleet sails from one port straight to the other in its rotation. */
function sailsDirect(ships: readonly ShipState[], from: string, to: string): boolean {
  return ships.some(({ rotation }) =>
    rotation.some((port, i) => port === from && rotation[(i + 1) % rotation.length] === to),
  );
}

/** Whether a ship in port takes this container: it goes straight there, or over one stop where no ship goes straight. */
export function takes(ship: ShipState, box: ContainerState, ships: readonly ShipState[], timeMs: number): boolean {
  if (ship.phase.kind !== "docked" || !standsReady(box, ship.phase.port, timeMs)) return false;
  const to = box.route[0];
  if (to === undefined || box.cameOn === ship.imo) return false;
  if (box.vessel !== undefined) return box.vessel === ship.imo;
  const stops = upcoming(ship).indexOf(to);
  return stops === 0 || (stops === 1 && !sailsDirect(ships, ship.phase.port, to));
}

/** In our yard; or, where the terminal is somebody else's, due there. */
function standsReady(box: ContainerState, port: string, timeMs: number): boolean {
  if (box.place.at === "yard") return box.place.port === port;
  return box.place.at === "road" && box.place.port === port && YARD_SITES[port] === undefined && isDue(box, timeMs);
}

/** Whether a container on the road has come to the gate and may pass it: a carrier takes no box without a booking. */
export function isDue(box: ContainerState, timeMs: number): boolean {
  if (box.gateInMs === undefined || box.gateInMs > timeMs) return false;
  return box.booking === "confirmed" || box.booking === "none";
}

/** Ports of a way from one port to another over the rotations; changes ship where it must. Empty when none leads there. */
export function routeOver(ships: readonly ShipState[], from: string, to: string): string[] {
  const ways: string[][] = [[from]];
  const seen = new Set([from]);
  for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
    const here = way.at(-1);
    if (here === undefined) continue;
    if (here === to) return way.slice(1);
    for (const port of PORTS) {
      const joined = ships.some(({ rotation }) => rotation.includes(here) && rotation.includes(port));
      if (!joined || seen.has(port)) continue;
      seen.add(port);
      ways.push([...way, port]);
    }
  }
  return [];
}

/** Where a delivered container goes next: home, and from home anywhere else. */
export function nextRoute(
  seed: number,
  box: ContainerState,
  port: string,
  ships: readonly ShipState[],
  timeMs: number,
): string[] {
  if (port !== box.home) return routeOver(ships, port, box.home);
  const others = PORTS.map((other) => routeOver(ships, port, other)).filter((route) => route.length > 0);
  return others[Math.floor(uniform(seed, "route", box.id, timeMs) * others.length)] ?? [];
}

/** For people: `Singapore` for `SGSIN`. */
export function portName(locode: string): string {
  return placeOf(locode)?.name ?? locode;
}
