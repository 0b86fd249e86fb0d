import { distanceNm } from "../geo/great-circle.js";
import { lengthNm, positionAt, courseAt } from "../lanes/passage.js";
import { between } from "../random.js";
import type { Draft } from "./draft.js";
import { tell, updateContainer } from "./draft.js";
import { portName } from "./itinerary.js";
import { letGo } from "./overboard.js";
import { etaMs, milesAt, remainingNm } from "./ships.js";
import type { AtSea, ContainerState, ShipState } from "./state.js";
import { STORMS_MAX } from "../limits.js";

/**
 * What the story adds to the world. Nothing here goes by the clock: each part waits for a state of the world, so
 * that it still happens when somebody sends the ships elsewhere in between.
 */

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Polar Foods book this long before the duck ship is due in Singapore. */
const BOOK_BEFORE_H = 72;
/** The storm waits off Sydney for a ship this near. */
const STORM_AT_NM = 520;
const OVERBOARD_AT_NM = 190;
const OVERBOARD_WAVES_M = 5.5;
/** In a shortened passage these distances are gone through in minutes. */
const HURRY_FACTOR = 2.2;
/** Share of the ducks that go over the side, and the least number. */
const OVERBOARD_SHARE = 0.14;
const OVERBOARD_MIN = 3;

export function runScript(draft: Draft, timeMs: number): void {
  const ship = draft.ships.find((one) => one.imo === draft.script.duckShip);
  if (ship === undefined) return;
  if (!draft.script.polarBooked) bookPolar(draft, ship, timeMs);
  if (ship.phase.kind !== "sea" || ship.phase.to !== "AUSYD") return;
  if (!draft.script.powerFailure) failPower(draft, ship, ship.phase, timeMs);
  if (!draft.script.stormSent) sendStorm(draft, ship, ship.phase, timeMs);
  if (draft.script.stormSent && !draft.script.overboardDone) chooseOverboard(draft, ship, ship.phase, timeMs);
}

/** Polar Foods' new containers are booked while the duck ship is on its way to them. */
function bookPolar(draft: Draft, ship: ShipState, timeMs: number): void {
  const { phase } = ship;
  const there = phase.kind === "docked" && phase.port === "SGSIN";
  const coming = phase.kind === "sea" && phase.to === "SGSIN";
  const dueMs = phase.kind === "sea" ? etaMs(phase, timeMs) : timeMs;
  if (!there && !(coming && dueMs - timeMs < BOOK_BEFORE_H * HOUR_MS)) return;
  const firstMs = Math.max(timeMs + 2 * HOUR_MS, dueMs - 26 * HOUR_MS);
  let count = 0;
  draft.containers.forEach((box, index) => {
    if (box.booking !== "later") return;
    count++;
    const gateInMs = firstMs + between(0, 9, draft.seed, "polar-gate", box.id) * HOUR_MS;
    const wakeMs = gateInMs - HOUR_MS;
    updateContainer(draft, index, {
      booking: "wanted",
      bookedFromMs: timeMs,
      gateInMs,
      wakeMs,
      inside: { ...box.inside, atMs: wakeMs, nextDefrostMs: wakeMs + box.phaseMs * 24 },
    });
  });
  draft.script = { ...draft.script, polarBooked: true };
  if (count > 0) tell(draft, timeMs, `Polar Foods book ${count} new containers from Singapore to Sydney.`);
}

/** One of Polar Foods' reefers loses its plug for a night. */
function failPower(draft: Draft, ship: ShipState, phase: AtSea, timeMs: number): void {
  if (milesAt(phase, timeMs) < lengthNm(phase.passage) * 0.25) return;
  draft.script = { ...draft.script, powerFailure: true };
  const index = draft.containers.findIndex(
    (box) => box.owner === "polarfoods" && box.place.at === "ship" && box.place.imo === ship.imo,
  );
  const box = draft.containers[index];
  if (box === undefined) return;
  updateContainer(draft, index, { inside: { ...box.inside, unpluggedUntilMs: timeMs + 13 * HOUR_MS } });
  tell(draft, timeMs, `Aboard ${ship.name} the reefer ${box.id} (${box.cargo}) loses power and begins to warm.`);
}

function sendStorm(draft: Draft, ship: ShipState, phase: AtSea, timeMs: number): void {
  const near = STORM_AT_NM * (phase.hurry === undefined ? 1 : HURRY_FACTOR);
  if (remainingNm(phase, timeMs) > near || ducksAboard(draft, ship).length === 0) return;
  const aheadNm = Math.max(milesAt(phase, timeMs), lengthNm(phase.passage) - OVERBOARD_AT_NM * 0.9);
  const storm = {
    name: "East Coast Low",
    // Already grown: such a low deepens within a day.
    bornMs: timeMs - 12 * HOUR_MS,
    diesMs: timeMs + 48 * HOUR_MS,
    at: positionAt(phase.passage, aheadNm),
    courseDeg: courseAt(phase.passage, aheadNm),
    speedKn: 0,
    radiusNm: 330,
    waveM: 10.5,
  };
  // The newest comes last; of too many the oldest are dropped.
  draft.storms = [...draft.storms, storm].slice(-STORMS_MAX);
  draft.script = { ...draft.script, stormSent: true };
  tell(draft, timeMs, `An east coast low deepens off Sydney; ${ship.name} heads into it.`);
}

function chooseOverboard(draft: Draft, ship: ShipState, phase: AtSea, timeMs: number): void {
  const hurry = phase.hurry !== undefined;
  if (remainingNm(phase, timeMs) > OVERBOARD_AT_NM * (hurry ? HURRY_FACTOR : 1)) return;
  const here = positionAt(phase.passage, milesAt(phase, timeMs));
  const waves = draft.storms.some((storm) => storm.waveM > OVERBOARD_WAVES_M && distanceNm(storm.at, here) < 250);
  if (!hurry && !waves) return;
  const ducks = ducksAboard(draft, ship);
  const count = Math.min(ducks.length, Math.max(OVERBOARD_MIN, Math.round(ducks.length * OVERBOARD_SHARE)));
  letGo(draft, ducks, count, timeMs + 4 * MINUTE_MS);
  draft.script = { ...draft.script, overboardDone: true };
  if (count > 0) {
    const miles = Math.round(distanceNm(here, phase.passage.points.at(-1) ?? here));
    const text = `${miles} miles off ${portName(phase.to)} ${ship.name} rolls heavily: ${count} containers of ducks go over the side.`;
    tell(draft, timeMs, text);
  }
}

function ducksAboard(draft: Draft, ship: ShipState): ContainerState[] {
  return draft.containers.filter(
    (box) => box.owner === "duckworks" && box.place.at === "ship" && box.place.imo === ship.imo,
  );
}
