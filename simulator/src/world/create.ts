import { CONTAINERS_MAX, CONTAINERS_MIN, SHIPS_MAX, SHIPS_MIN, TICK_MS } from "../limits.js";
import { between } from "../random.js";
import { stormsBornBetween } from "./climate.js";
import { imoNumber, SHIP_NAMES, shipSite } from "./fleet.js";
import { rotations } from "./itinerary.js";
import { population } from "./population.js";
import type { ShipState, WorldState } from "./state.js";

const HOUR_MS = 3_600_000;

export interface WorldOptions {
  readonly seed: number;
  /** Where the simulated clock starts; moved back to a whole hour. */
  readonly startMs: number;
  readonly ships: number;
  readonly containers: number;
}

/** From when the cranes work, and when the ship leaves, in hours after the start; further ships follow. */
const FIRST_CALL_HOURS: readonly (readonly [work: number, depart: number])[] = [
  [155, 170],
  [1, 8],
  [72, 84],
  [88, 100],
];

/** Hours from the start until the first ship is about to land: the story proper begins there. */
export const STORY_HOURS = { prologue: 157, whole: 157 + 18 * 24 } as const;

/** A new world: every ship lies in port, with its cargo still to come. */
export function createWorld(options: WorldOptions): WorldState {
  if (options.ships < SHIPS_MIN || options.ships > SHIPS_MAX) {
    throw new RangeError(`the fleet needs ${SHIPS_MIN} to ${SHIPS_MAX} ships, not ${options.ships}`);
  }
  if (options.containers < CONTAINERS_MIN || options.containers > CONTAINERS_MAX) {
    throw new RangeError(
      `the fleet needs ${CONTAINERS_MIN} to ${CONTAINERS_MAX} containers, not ${options.containers}`,
    );
  }
  const startMs = Math.floor(options.startMs / HOUR_MS) * HOUR_MS;
  const imos = Array.from({ length: options.ships }, (_, i) => imoNumber(i));
  const duckShip = imos[0];
  const firstShip = imos[1];
  if (duckShip === undefined || firstShip === undefined || startMs % TICK_MS !== 0) throw new Error("no fleet");
  const week = 7 * 24 * HOUR_MS;
  return {
    format: 1,
    seed: options.seed,
    startMs,
    timeMs: startMs,
    ships: imos.map((imo, index) => newShip(options, startMs, imo, index)),
    containers: population(options.seed, startMs, options.containers, imos),
    storms: stormsBornBetween(options.seed, startMs - week, startMs)
      .filter((storm) => storm.diesMs > startMs)
      .slice(-8),
    script: {
      duckShip,
      firstShip,
      polarBooked: false,
      powerFailure: false,
      stormSent: false,
      overboard: [],
      overboardDone: false,
    },
    story: [],
  };
}

function newShip(options: WorldOptions, startMs: number, imo: string, index: number): ShipState {
  const rotation = rotations(options.ships)[index] ?? ["JPTYO", "SGSIN"];
  const [work, depart] = FIRST_CALL_HOURS[index] ?? [12 + index * 9, 30 + index * 17];
  return {
    imo,
    name: SHIP_NAMES[index] ?? `Big Blue ${imo}`,
    site: shipSite(imo),
    // The duck ship is the fastest: its voyage is the one that is watched.
    serviceKn: index === 0 ? 21.8 : between(18.6, 21, options.seed, "service", imo),
    rotation,
    leg: 0,
    voyageNo: 20 + index * 3,
    phase: {
      kind: "docked",
      port: rotation[0] ?? "JPTYO",
      sinceMs: startMs,
      workFromMs: startMs + work * HOUR_MS,
      departMs: startMs + depart * HOUR_MS,
      nextMoveMs: startMs,
    },
  };
}
