import { toMs } from "./format/time.js";
import type { State } from "./state.js";

/**
 * The fleet's clock: the simulated one, carried on from its last word at its own speed, where there is a simulation;
 * this computer's otherwise. Never ahead of this computer's: no reading is from the future.
 */
export function fleetNowMs(simulation: State["simulation"], nowMs: number): number {
  const base = toMs(simulation?.state.time);
  if (!simulation || base === undefined) return nowMs;
  const passed = simulation.state.waiting ? 0 : (nowMs - simulation.receivedMs) * simulation.state.speed;
  // Without a word for this long the simulation may have stopped; do not run away with its clock.
  const carried = Math.max(0, Math.min(passed, CARRY_MAX_MS * simulation.state.speed));
  return Math.min(base + carried, Math.max(base, nowMs));
}

const CARRY_MAX_MS = 3000;
