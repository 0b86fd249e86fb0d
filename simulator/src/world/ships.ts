import { placeOf } from "@landfall/proto/identifiers";
import type { Position } from "../geo/great-circle.js";
import { wrap360 } from "../geo/great-circle.js";
import { courseAt, lengthNm, passageBetween, positionAt } from "../lanes/passage.js";
import { between, smooth } from "../random.js";
import type { Draft } from "./draft.js";
import { publish, putShip, tell } from "./draft.js";
import { nextCall, portName } from "./itinerary.js";
import { eventMessage, shipPosition } from "./messages.js";
import type { AtSea, ContainerState, Docked, ShipState } from "./state.js";
import { weatherAt } from "./weather.js";

const HOUR_MS = 3_600_000;
/** Mooring, gangway, customs, until the first crane moves. */
const WORK_AFTER_H = 1.5;
/** Course over ground while lying at the quay. */
export const QUAY_HEADING_DEG = 210;
/** In a shortened passage a position is published at least this often, so that the track follows the lane. */
const HURRY_REPORT_NM = 100;

export function harbour(locode: string): Position {
  const place = placeOf(locode);
  if (place === undefined) throw new Error(`no port ${locode}`);
  return [place.longitude, place.latitude];
}

/** Miles made good on the passage at `timeMs`. */
export function milesAt(phase: AtSea, timeMs: number): number {
  const whole = lengthNm(phase.passage);
  if (phase.hurry === undefined) {
    return Math.min(whole, phase.doneNm + ((timeMs - phase.asOfMs) / HOUR_MS) * phase.speedKn);
  }
  const { hurry } = phase;
  const share = Math.min(1, Math.max(0, (timeMs - hurry.fromMs) / (hurry.toMs - hurry.fromMs)));
  // Fast over the open sea, slow towards the end: what happens off the port can still be watched.
  return hurry.fromNm + (whole - hurry.fromNm) * (1 - (1 - share) ** 3);
}

export function shipPositionAt(ship: ShipState, timeMs: number): Position {
  if (ship.phase.kind === "docked") return harbour(ship.phase.port);
  return positionAt(ship.phase.passage, milesAt(ship.phase, timeMs));
}

export function remainingNm(phase: AtSea, timeMs: number): number {
  return lengthNm(phase.passage) - milesAt(phase, timeMs);
}

/** When it will be in port, if the weather stays as it is. */
export function etaMs(phase: AtSea, nowMs: number): number {
  if (phase.hurry !== undefined) return phase.hurry.toMs;
  return nowMs + (remainingNm(phase, nowMs) / Math.max(1, phase.speedKn)) * HOUR_MS;
}

/** Speed through the waves: full up to a moderate sea, down to little more than steerage way in a storm. */
export function speedIn(serviceKn: number, waveM: number): number {
  return serviceKn * Math.max(0.4, 1 - Math.max(0, waveM - 2.5) * 0.085);
}

/** Looks at the weather and sets the speed for the next ten minutes. */
export function setSpeeds(draft: Draft, timeMs: number): void {
  for (const ship of draft.ships) {
    if (ship.phase.kind !== "sea") continue;
    const doneNm = milesAt(ship.phase, timeMs);
    const here = positionAt(ship.phase.passage, doneNm);
    const { waveM } = weatherAt(draft.seed, here, timeMs, draft.storms);
    const wind = 0.6 * smooth(timeMs / (5 * HOUR_MS), draft.seed, "current", ship.imo);
    const speedKn = speedIn(ship.serviceKn, waveM) + wind;
    putShip(draft, { ...ship, phase: { ...ship.phase, doneNm, asOfMs: timeMs, speedKn } });
  }
}

/** Sails to the end of a tick; returns true when the ship has reached its port. */
export function sail(draft: Draft, ship: ShipState, fromMs: number, toMs: number): boolean {
  if (ship.phase.kind !== "sea") return false;
  if (ship.phase.hurry !== undefined) reportHurry(draft, ship, ship.phase, fromMs, toMs);
  return milesAt(ship.phase, toMs) >= lengthNm(ship.phase.passage) - 1e-9;
}

function reportHurry(draft: Draft, ship: ShipState, phase: AtSea, fromMs: number, toMs: number): void {
  const fromNm = milesAt(phase, fromMs);
  const toNm = milesAt(phase, toMs);
  const first = Math.floor(fromNm / HURRY_REPORT_NM) + 1;
  for (let mark = first * HURRY_REPORT_NM; mark <= toNm; mark += HURRY_REPORT_NM) {
    const share = (mark - fromNm) / (toNm - fromNm);
    const timeMs = Math.min(toMs - 1, Math.floor(fromMs + share * (toMs - fromMs)));
    reportPosition(draft, ship, phase, mark, timeMs);
  }
}

function reportPosition(draft: Draft, ship: ShipState, phase: AtSea, doneNm: number, timeMs: number): void {
  const course = courseAt(phase.passage, doneNm);
  const yaw = 2.5 * smooth(timeMs / 1_800_000, draft.seed, "yaw", ship.imo);
  const speedKn = phase.hurry === undefined ? phase.speedKn : ship.serviceKn;
  const payload = shipPosition(timeMs, positionAt(phase.passage, doneNm), speedKn, course, wrap360(course + yaw));
  publish(draft, ship.site, `ships/${ship.imo}/position`, payload, timeMs);
}

/** The regular report of where a ship is. */
export function reportShip(draft: Draft, ship: ShipState, timeMs: number): void {
  if (ship.phase.kind === "sea") {
    reportPosition(draft, ship, ship.phase, milesAt(ship.phase, timeMs), timeMs);
    return;
  }
  const payload = shipPosition(timeMs, harbour(ship.phase.port), 0, QUAY_HEADING_DEG, QUAY_HEADING_DEG);
  publish(draft, ship.site, `ships/${ship.imo}/position`, payload, timeMs);
}

/** For people: `B0142`, unique in the fleet. */
export function voyageCode(ship: ShipState, voyageNo: number): string {
  return `${ship.imo.slice(4, 6)}${String(voyageNo).padStart(3, "0")}`;
}

/** Casts off for a port: now the passage is fixed. */
export function depart(draft: Draft, ship: ShipState, to: string, timeMs: number): ShipState {
  if (ship.phase.kind !== "docked") return ship;
  const from = ship.phase.port;
  const onRotation = nextIndexOf(ship, to);
  const phase: AtSea = {
    kind: "sea",
    from,
    to,
    passage: passageBetween(from, to),
    doneNm: 0,
    asOfMs: timeMs,
    speedKn: ship.serviceKn * 0.6,
    departedMs: timeMs,
  };
  const sailing = { ...ship, phase, leg: onRotation };
  putShip(draft, sailing);
  const details = { location: from, vessel: ship.imo, voyage: voyageCode(ship, ship.voyageNo), nextPort: to };
  publish(draft, ship.site, `ships/${ship.imo}/events`, eventMessage("DEPA", timeMs, details), timeMs);
  const aboard = countAboard(draft, ship.imo);
  tell(draft, timeMs, `${ship.name} leaves ${portName(from)} for ${portName(to)} with ${aboard} containers aboard.`);
  return sailing;
}

/** Makes fast in port. The next voyage begins: what is loaded from now on travels under its number. */
export function dock(draft: Draft, ship: ShipState, timeMs: number): ShipState {
  if (ship.phase.kind !== "sea") return ship;
  const { to, departedMs } = ship.phase;
  const stayH = between(20, 28, draft.seed, "port-call", ship.imo, timeMs);
  const workFromMs = timeMs + WORK_AFTER_H * HOUR_MS;
  const phase: Docked = {
    kind: "docked",
    port: to,
    sinceMs: timeMs,
    workFromMs,
    departMs: timeMs + stayH * HOUR_MS,
    nextMoveMs: workFromMs,
  };
  const docked: ShipState = { ...ship, phase, voyageNo: ship.voyageNo + 1 };
  putShip(draft, docked);
  const voyage = voyageCode(ship, ship.voyageNo);
  const details = { location: to, vessel: ship.imo, voyage, nextPort: nextCall(docked) };
  publish(draft, ship.site, `ships/${ship.imo}/events`, eventMessage("ARRI", timeMs, details), timeMs);
  const days = ((timeMs - departedMs) / (24 * HOUR_MS)).toFixed(1);
  const aboard = countAboard(draft, ship.imo);
  tell(
    draft,
    timeMs,
    `${ship.name} makes landfall in ${portName(to)} after ${days} days: ${aboard} containers aboard.`,
  );
  return docked;
}

export function countAboard(draft: { readonly containers: readonly ContainerState[] }, imo: string): number {
  return draft.containers.filter((box) => box.place.at === "ship" && box.place.imo === imo).length;
}

/** Index in the rotation of the next call at `port`; the present one where the rotation has no such call. */
export function nextIndexOf(ship: ShipState, port: string): number {
  for (let i = 1; i <= ship.rotation.length; i++) {
    const index = (ship.leg + i) % ship.rotation.length;
    if (ship.rotation[index] === port) return index;
  }
  return ship.leg;
}
