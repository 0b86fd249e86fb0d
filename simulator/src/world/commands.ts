import { PLACES, placeOf } from "@landfall/proto/identifiers";
import { divert } from "../lanes/passage.js";
import { TICK_MS } from "../limits.js";
import type { Draft } from "./draft.js";
import { putShip, stateOf, tell, updateContainer } from "./draft.js";
import { portName, PORTS } from "./itinerary.js";
import { cargoAboard, throwOverboard } from "./overboard.js";
import { depart, milesAt, nextIndexOf, remainingNm } from "./ships.js";
import type { AtSea, Command, ShipState, WorldState } from "./state.js";

/** Why a command makes no sense now. */
export interface CommandProblem {
  readonly code: "NOT_FOUND" | "CONFLICT";
  readonly message: string;
}

/** What speaks against a command in this state, with what to do instead; undefined when nothing does. */
export function commandProblem(state: WorldState, command: Command): CommandProblem | undefined {
  if (command.type === "booked") return undefined;
  const ship = state.ships.find((one) => one.imo === command.imo);
  if (ship === undefined) {
    const known = state.ships.map((one) => `${one.imo} (${one.name})`).join(", ");
    return { code: "NOT_FOUND", message: `no ship has the IMO number ${command.imo}; there are ${known}` };
  }
  if (command.type === "overboard") return overboardProblem(state, ship, command.count);
  const port = command.type === "arrive" ? command.port : command.to;
  if (placeOf(port) === undefined) {
    const known = `the demo's ships call at ${PORTS.join(", ")}, and find the way to ${PLACES.length - PORTS.length} more`;
    const message = `no port is called ${port.slice(0, 20)}; ${known}, e.g. NLRTM`;
    return { code: "NOT_FOUND", message };
  }
  if (ship.phase.kind === "docked" && ship.phase.port === port) {
    const message = `${ship.name} already lies in ${portName(port)}; name another port`;
    return { code: "CONFLICT", message };
  }
  if (command.type === "depart" && ship.phase.kind === "sea") {
    const message = `${ship.name} is at sea on its way to ${portName(ship.phase.to)}; let it arrive first`;
    return { code: "CONFLICT", message };
  }
  return undefined;
}

/** Applies a command at `timeMs`; one that no longer makes sense changes nothing. */
export function applyCommand(draft: Draft, command: Command, timeMs: number): void {
  if (commandProblem(stateOf(draft), command) !== undefined) return;
  if (command.type === "booked") {
    const booked = new Set(command.containers);
    draft.containers.forEach((box, index) => {
      if (booked.has(box.id) && box.booking === "wanted") updateContainer(draft, index, { booking: "confirmed" });
    });
    return;
  }
  const ship = draft.ships.find((one) => one.imo === command.imo);
  if (ship === undefined) return;
  if (command.type === "depart") {
    depart(draft, ship, command.to, timeMs);
    return;
  }
  if (command.type === "overboard") {
    throwOverboard(draft, ship, command.count, timeMs);
    return;
  }
  hasten(draft, ship, command.port, command.withinMs, timeMs);
}

function overboardProblem(state: WorldState, ship: ShipState, count: number): CommandProblem | undefined {
  if (ship.phase.kind === "docked") {
    const message = `${ship.name} lies in ${portName(ship.phase.port)}: containers go over the side at sea; send it to sea first`;
    return { code: "CONFLICT", message };
  }
  const aboard = cargoAboard(state, ship).length;
  if (aboard >= count) return undefined;
  const message = `${ship.name} has ${aboard} containers aboard that can still go over the side; name no more than that`;
  return { code: "CONFLICT", message };
}

/** The ship goes to that port now: the passage is sailed along the same lane, in much less time. */
function hasten(draft: Draft, ship: ShipState, port: string, withinMs: number, timeMs: number): void {
  const sailing = ship.phase.kind === "docked" ? depart(draft, ship, port, timeMs) : ship;
  if (sailing.phase.kind !== "sea") return;
  const here = sailing.phase;
  const sailedNm = milesAt(here, timeMs);
  const passage = here.to === port ? here.passage : divert(here.passage, sailedNm, port);
  const doneNm = here.to === port ? sailedNm : 0;
  const ticks = Math.max(2, Math.ceil(withinMs / TICK_MS));
  const phase: AtSea = {
    ...here,
    to: port,
    passage,
    doneNm,
    asOfMs: timeMs,
    hurry: { fromMs: timeMs, toMs: timeMs + ticks * TICK_MS, fromNm: doneNm },
  };
  const leg = here.to === port ? sailing.leg : nextIndexOf(sailing, port);
  putShip(draft, { ...sailing, phase, leg });
  const miles = Math.round(remainingNm(phase, timeMs)).toLocaleString("en-US");
  tell(draft, timeMs, `${ship.name} is hurried to ${portName(port)}: ${miles} miles in one stroke.`);
}
