import { between, hash } from "../random.js";
import type { Draft } from "./draft.js";
import { publish, putShip } from "./draft.js";
import { aboard, ashore } from "./gates.js";
import { nextCall, takes } from "./itinerary.js";
import { eventMessage } from "./messages.js";
import { countAboard, depart, voyageCode } from "./ships.js";
import type { Docked, ShipState } from "./state.js";

const HOUR_MS = 3_600_000;
/** Minutes between two moves of the cranes at one ship. */
const MOVE_MINUTES = [2.5, 5] as const;
/** A ship waits no longer than this for cargo that is still coming. */
const PATIENCE_MS = 8 * HOUR_MS;

/** Work on a ship in port up to the end of a tick: first discharge, then load, then leave. */
export function workShip(draft: Draft, ship: ShipState, timeMs: number): void {
  const { phase } = ship;
  if (phase.kind !== "docked" || timeMs < phase.workFromMs || timeMs < phase.nextMoveMs) return;
  const moved = discharge(draft, ship, phase, timeMs) || load(draft, ship, phase, timeMs);
  // With nothing to move they look again in a minute.
  const minutes = moved ? between(MOVE_MINUTES[0], MOVE_MINUTES[1], draft.seed, "crane", ship.imo, timeMs) : 1;
  putShip(draft, { ...ship, phase: { ...phase, nextMoveMs: timeMs + minutes * 60_000 } });
  if (timeMs < phase.departMs) return;
  if (moved && timeMs < phase.departMs + PATIENCE_MS) return;
  if (!moved && awaited(draft, ship) && timeMs < phase.departMs + PATIENCE_MS) return;
  const now = draft.ships.find((one) => one.imo === ship.imo);
  if (now !== undefined) depart(draft, now, nextCall(now), timeMs);
}

function discharge(draft: Draft, ship: ShipState, phase: Docked, timeMs: number): boolean {
  const index = draft.containers.findIndex(
    (box) => box.place.at === "ship" && box.place.imo === ship.imo && box.route[0] === phase.port,
  );
  const box = draft.containers[index];
  if (box === undefined) return false;
  const voyage = voyageCode(ship, ship.voyageNo - 1);
  const details = { location: phase.port, vessel: ship.imo, voyage };
  publish(draft, ship.site, `containers/${box.id}/events`, eventMessage("DISC", timeMs, details), timeMs);
  ashore(draft, index, phase.port, ship.imo, timeMs);
  return true;
}

function load(draft: Draft, ship: ShipState, phase: Docked, timeMs: number): boolean {
  let best = -1;
  let bestRank = Infinity;
  // Boxes of several customers come mixed, as the yard hands them out.
  draft.containers.forEach((box, index) => {
    if (!takes(ship, box, draft.ships, timeMs)) return;
    const rank = hash(draft.seed, "stow", box.id, phase.sinceMs);
    if (rank < bestRank) [best, bestRank] = [index, rank];
  });
  const box = draft.containers[best];
  if (box === undefined) return false;
  const slot = freeSlot(draft, ship.imo);
  aboard(draft, best, ship.imo, slot, timeMs);
  const details = {
    location: phase.port,
    vessel: ship.imo,
    voyage: voyageCode(ship, ship.voyageNo),
    nextPort: nextCall(ship),
  };
  publish(draft, ship.site, `containers/${box.id}/events`, eventMessage("LOAD", timeMs, details), timeMs);
  return true;
}

/** Cargo reserved for this ship that is booked but not through the gate yet. */
function awaited(draft: Draft, ship: ShipState): boolean {
  const { phase } = ship;
  return draft.containers.some(
    (box) =>
      phase.kind === "docked" &&
      box.vessel === ship.imo &&
      box.place.at === "road" &&
      box.place.port === phase.port &&
      box.booking !== "later",
  );
}

function freeSlot(draft: Draft, imo: string): number {
  const taken = new Set<number>();
  for (const box of draft.containers) if (box.place.at === "ship" && box.place.imo === imo) taken.add(box.slot);
  let slot = 0;
  while (taken.has(slot) && slot <= countAboard(draft, imo)) slot++;
  return slot;
}
