import type { SimulationNode, SimulationShip, SimulationState } from "@landfall/proto/api";
import type { LinkBoard } from "../links/board.js";
import type { Voyage } from "../driver/voyage.js";
import { countAboard, etaMs, shipPositionAt } from "../world/ships.js";
import type { ShipState, WorldState } from "../world/state.js";

/** The simulation as the voyage controls show it. */
export function simulationView(
  voyage: Voyage,
  board: LinkBoard,
  nodes: readonly SimulationNode[] | undefined,
): SimulationState {
  const { state } = voyage;
  return {
    time: new Date(voyage.timeMs).toISOString(),
    speed: voyage.speed,
    waiting: voyage.phase !== "running",
    ships: state.ships.map((ship) => shipView(ship, state)),
    links: board.views(),
    ...(nodes && { nodes }),
    story: state.story.map(({ timeMs, text }) => ({ time: new Date(timeMs).toISOString(), text })),
  };
}

function shipView(ship: ShipState, state: WorldState): SimulationShip {
  const [longitude, latitude] = shipPositionAt(ship, state.timeMs);
  const { phase } = ship;
  return {
    imo: ship.imo,
    name: ship.name,
    phase: phase.kind === "sea" ? "at-sea" : "docked",
    port: phase.kind === "sea" ? phase.to : phase.port,
    latitude,
    longitude,
    containers: countAboard(state, ship.imo),
    ...(phase.kind === "sea" && { eta: new Date(Math.round(etaMs(phase, state.timeMs))).toISOString() }),
  };
}
