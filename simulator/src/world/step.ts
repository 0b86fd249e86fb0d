import { ENVIRONMENT_INTERVAL_MS, POSITION_INTERVAL_MS, TICK_MS } from "../limits.js";
import { advanceStorms } from "./climate.js";
import { applyCommand } from "./commands.js";
import { workShip } from "./cranes.js";
import type { Draft } from "./draft.js";
import { draftOf, stateOf } from "./draft.js";
import { runGates } from "./gates.js";
import { reportContainers, reportEnvironment } from "./readings.js";
import { dropOverboard } from "./overboard.js";
import { runScript } from "./script.js";
import { dock, reportShip, sail, setSpeeds } from "./ships.js";
import type { Publish, TimedCommand, WorldState } from "./state.js";

/** Gates are looked at once a minute. */
const GATE_INTERVAL_MS = 60_000;

export interface Stepped {
  readonly state: WorldState;
  /** What the sensors say meanwhile, in order of time within each broker. */
  readonly publishes: readonly Publish[];
}

/**
 * The world up to the last whole tick before `untilMs`. Pure: from the same state with the same commands come the
 * same publishes, byte for byte, in however many steps one gets there. `commands` are in order of their time.
 */
export function step(state: WorldState, untilMs: number, commands: readonly TimedCommand[]): Stepped {
  const draft = draftOf(state);
  let next = 0;
  while (draft.timeMs + TICK_MS <= untilMs) {
    for (let due = commands[next]; due !== undefined && due.atMs <= draft.timeMs; due = commands[++next]) {
      applyCommand(draft, due.command, draft.timeMs);
    }
    tick(draft);
  }
  return { state: stateOf(draft), publishes: draft.publishes };
}

function tick(draft: Draft): void {
  const fromMs = draft.timeMs;
  const toMs = fromMs + TICK_MS;
  if (fromMs % POSITION_INTERVAL_MS === 0) {
    draft.storms = advanceStorms(draft.seed, draft.storms, fromMs - POSITION_INTERVAL_MS, fromMs);
    setSpeeds(draft, fromMs);
    runScript(draft, fromMs);
  }
  if (fromMs % GATE_INTERVAL_MS === 0) runGates(draft, fromMs);
  reportContainers(draft, fromMs, toMs);
  dropOverboard(draft, fromMs, toMs);
  for (let i = 0; i < draft.ships.length; i++) {
    const ship = draft.ships[i];
    if (ship === undefined) continue;
    const now = sail(draft, ship, fromMs, toMs) ? dock(draft, ship, toMs) : ship;
    if (toMs % POSITION_INTERVAL_MS === 0) reportShip(draft, now, toMs);
    if (toMs % ENVIRONMENT_INTERVAL_MS === 0) reportEnvironment(draft, now, toMs);
    workShip(draft, now, toMs);
  }
  draft.timeMs = toMs;
}
