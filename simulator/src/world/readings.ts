import type { Position } from "../geo/great-circle.js";
import { destination } from "../geo/great-circle.js";
import { courseAt } from "../lanes/passage.js";
import { LOGGED_READINGS_MAX, REPORT_INTERVAL_MS, TICK_MS } from "../limits.js";
import { hash } from "../random.js";
import type { Draft } from "./draft.js";
import { brokerAt, publish, updateContainer } from "./draft.js";
import { advanceInside } from "./inside.js";
import { containerReading, motionOf, shipEnvironment } from "./messages.js";
import type { Motion } from "./messages.js";
import { harbour, milesAt, QUAY_HEADING_DEG, shipPositionAt } from "./ships.js";
import type { ContainerState, Inside, ShipState } from "./state.js";
import type { Weather } from "./weather.js";
import { weatherAt } from "./weather.js";

const METRES_PER_NM = 1852;
/** A container ship of 300 m: bays 14 m apart along the keel, rows 2.5 m apart across it. */
const BAYS = 20;
const ROWS = 9;
/** Every third container stands on deck. */
const ON_DECK_EVERY = 3;
/** A customer's warehouse lies this far inland, in a direction of its own. */
const INLAND_NM = 14;

/**
 * Publishes the reports that fall due after `fromMs` and up to `toMs`, at each container's own second. On the road
 * the sensor only logs.
 */
export function reportContainers(draft: Draft, fromMs: number, toMs: number): void {
  for (const index of draft.dueAt[(fromMs % REPORT_INTERVAL_MS) / TICK_MS] ?? []) {
    const box = draft.containers[index];
    if (box === undefined || box.place.at === "lost" || box.place.at === "road") continue;
    const dueMs = dueAfter(box, fromMs);
    if (dueMs > toMs || dueMs < box.wakeMs) continue;
    const via = brokerAt(draft, box.place);
    if (via === undefined) continue;
    const { payload, inside } = read(draft, box, dueMs);
    updateContainer(draft, index, { inside });
    publish(draft, via, `containers/${box.id}/telemetry`, payload, dueMs);
  }
}

/**
 * Publishes, through the gateway that reaches the container now, what its sensor logged while it was on the road.
 * `was` is the container as it stood there. What it logged is a function of that, so nobody has to keep it.
 */
export function reportLogged(draft: Draft, index: number, was: ContainerState, untilMs: number): void {
  const now = draft.containers[index];
  const via = now === undefined ? undefined : brokerAt(draft, now.place);
  if (now === undefined || via === undefined) return;
  const oldestMs = untilMs - LOGGED_READINGS_MAX * REPORT_INTERVAL_MS;
  let box = was;
  for (let dueMs = dueAfter(box, Math.max(was.sinceMs, was.wakeMs - 1, oldestMs)); dueMs < untilMs;) {
    const { payload, inside } = read(draft, box, dueMs);
    box = { ...box, inside };
    publish(draft, via, `containers/${box.id}/telemetry`, payload, dueMs);
    dueMs += REPORT_INTERVAL_MS;
  }
  // A lift meanwhile may have unplugged it.
  const unpluggedUntilMs = Math.max(box.inside.unpluggedUntilMs, now.inside.unpluggedUntilMs);
  updateContainer(draft, index, { inside: { ...box.inside, unpluggedUntilMs } });
}

/** First report after `afterMs`. */
function dueAfter(box: ContainerState, afterMs: number): number {
  return (Math.floor((afterMs - box.phaseMs) / REPORT_INTERVAL_MS) + 1) * REPORT_INTERVAL_MS + box.phaseMs;
}

function read(draft: Draft, box: ContainerState, timeMs: number): { payload: string; inside: Inside } {
  const position = containerPosition(draft, box, timeMs);
  const weather = weatherAt(draft.seed, position, timeMs, draft.storms);
  const open = box.place.at !== "ship" || standsOnDeck(box);
  const inside = advanceInside(draft.seed, box, timeMs, { weather, open, attended: box.place.at === "road" });
  const lifted = timeMs - box.sinceMs < REPORT_INTERVAL_MS && box.place.at !== "road";
  const motion = motionOf(draft.seed, box.id, timeMs, wavesFelt(draft, box, weather), lifted);
  return { payload: containerReading(box, inside, timeMs, position, motion), inside };
}

/** One reading out of turn: what the sensor says when something happens to it. */
export function reportNow(draft: Draft, index: number, timeMs: number, motion: Motion): void {
  const box = draft.containers[index];
  if (box === undefined) return;
  const via = brokerAt(draft, box.place);
  if (via === undefined) return;
  const payload = containerReading(box, box.inside, timeMs, containerPosition(draft, box, timeMs), motion);
  publish(draft, via, `containers/${box.id}/telemetry`, payload, timeMs);
}

export function standsOnDeck(box: ContainerState): boolean {
  return box.place.at === "ship" && box.slot % ON_DECK_EVERY === 0;
}

function wavesFelt(draft: Draft, box: ContainerState, weather: Weather): number {
  if (box.place.at !== "ship") return 0;
  const { imo } = box.place;
  const atSea = draft.ships.some((ship) => ship.imo === imo && ship.phase.kind === "sea");
  return atSea ? weather.waveM : 0;
}

function containerPosition(draft: Draft, box: ContainerState, timeMs: number): Position {
  const { place } = box;
  if (place.at === "ship") {
    const ship = draft.ships.find((one) => one.imo === place.imo);
    if (ship === undefined) throw new Error(`container ${box.id} is aboard of ${place.imo}, which is no ship`);
    return onBoard(shipPositionAt(ship, timeMs), headingOf(ship, timeMs), box.slot);
  }
  if (place.at === "yard") return inYard(harbour(place.port), box.slot);
  if (place.at === "road") return inland(harbour(place.port), box, timeMs);
  throw new Error(`container ${box.id} is lost and has no position`);
}

function headingOf(ship: ShipState, timeMs: number): number {
  return ship.phase.kind === "sea" ? courseAt(ship.phase.passage, milesAt(ship.phase, timeMs)) : QUAY_HEADING_DEG;
}

function onBoard(ship: Position, headingDeg: number, slot: number): Position {
  const along = ((slot % BAYS) - BAYS / 2) * 14;
  const across = ((Math.floor(slot / BAYS) % ROWS) - ROWS / 2) * 2.5;
  const moved = destination(ship, along < 0 ? headingDeg + 180 : headingDeg, Math.abs(along) / METRES_PER_NM);
  return destination(moved, headingDeg + (across < 0 ? 270 : 90), Math.abs(across) / METRES_PER_NM);
}

function inYard(quay: Position, lot: number): Position {
  const east = ((lot % 20) - 10) * 14;
  const north = (Math.floor(lot / 20) % 20) * 9;
  const moved = destination(quay, east < 0 ? 270 : 90, Math.abs(east) / METRES_PER_NM);
  return destination(moved, 0, north / METRES_PER_NM);
}

/** Out to the customer and back: half of the days inland away from the port, half towards it. */
function inland(quay: Position, box: ContainerState, timeMs: number): Position {
  const whole = Math.max(1, (box.gateInMs ?? timeMs) - box.sinceMs);
  const share = Math.min(1, Math.max(0, (timeMs - box.sinceMs) / whole));
  const far = Math.min(1, 4 * Math.min(share, 1 - share)) * INLAND_NM;
  return destination(quay, INLAND_BEARING_DEG[hash(0, box.id) % INLAND_BEARING_DEG.length] ?? 0, far);
}

/** Northerly bearings: behind every quay of the demo there is land to the north. */
const INLAND_BEARING_DEG = [330, 345, 0, 350];

/** The weather on board, as the bridge logs it. */
export function reportEnvironment(draft: Draft, ship: ShipState, timeMs: number): void {
  const position = shipPositionAt(ship, timeMs);
  const weather = weatherAt(draft.seed, position, timeMs, draft.storms);
  const waves = ship.phase.kind === "sea" ? weather.waveM : 0;
  const { tiltDeg } = motionOf(draft.seed, ship.imo, timeMs, waves, false);
  const payload = shipEnvironment(timeMs, position, weather, tiltDeg);
  publish(draft, ship.site, `ships/${ship.imo}/environment`, payload, timeMs);
}
