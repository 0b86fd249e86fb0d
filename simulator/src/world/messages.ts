import type { ContainerEventType, ShipEventType } from "@landfall/proto/api";
import type { Position } from "../geo/great-circle.js";
import { uniform, normal } from "../random.js";
import { isPowered } from "./inside.js";
import type { ContainerState, Inside } from "./state.js";
import type { Weather } from "./weather.js";
import { seaState } from "./weather.js";

/** Payloads of the MQTT contract. Fields in a fixed order and rounded, so that the same reading is the same bytes. */

export interface Motion {
  readonly shockG: number;
  readonly tiltDeg: number;
}

/** How hard it is shaken: by the sea when aboard, by the crane when it was just lifted. */
export function motionOf(seed: number, id: string, timeMs: number, waveM: number, lifted: boolean): Motion {
  const roll = Math.abs(normal(seed, "roll", id, timeMs)) * (0.25 + waveM ** 1.35 * 0.85);
  const slam = waveM > 3.5 ? (waveM - 3.5) * 0.28 * uniform(seed, "slam", id, timeMs) : 0;
  const lift = lifted ? 1.1 + 1.2 * uniform(seed, "lift", id, timeMs) : 0;
  return { tiltDeg: Math.min(38, roll), shockG: 0.04 + 0.06 * uniform(seed, "hum", id, timeMs) + slam + lift };
}

export function containerReading(
  box: ContainerState,
  inside: Inside,
  timeMs: number,
  position: Position,
  motion: Motion,
): string {
  const time = isoTime(timeMs);
  const latitude = round(position[1], 5);
  const longitude = round(position[0], 5);
  const temperatureC = round(inside.cargoC, 2);
  const humidityPct = round(inside.humidityPct, 1);
  const shockG = round(motion.shockG, 2);
  const tiltDeg = round(motion.tiltDeg, 1);
  const doorOpen = timeMs < inside.doorOpenUntilMs;
  const batteryPct = round(inside.batteryPct, 1);
  if (box.kind === "dry" || inside.setpointC === undefined) {
    const dry = { time, latitude, longitude, temperatureC, humidityPct, shockG, tiltDeg, doorOpen, batteryPct };
    return JSON.stringify(dry);
  }
  const powered = isPowered(inside, timeMs);
  return JSON.stringify({
    time,
    latitude,
    longitude,
    temperatureC,
    setpointC: inside.setpointC,
    supplyAirC: round(inside.supplyC, 2),
    // Return air has passed the cargo; still air hardly differs from it.
    returnAirC: round(inside.cargoC + (powered ? 0.45 : 0.15), 2),
    defrosting: powered && timeMs < inside.defrostUntilMs,
    powered,
    humidityPct,
    shockG,
    tiltDeg,
    doorOpen,
    batteryPct,
  });
}

export function shipPosition(
  timeMs: number,
  position: Position,
  speedKn: number,
  courseDeg: number,
  headingDeg: number,
): string {
  return JSON.stringify({
    time: isoTime(timeMs),
    latitude: round(position[1], 5),
    longitude: round(position[0], 5),
    speedKn: round(speedKn, 1),
    courseDeg: round(courseDeg, 1) % 360,
    headingDeg: round(headingDeg, 1) % 360,
  });
}

export function shipEnvironment(timeMs: number, position: Position, weather: Weather, tiltDeg: number): string {
  return JSON.stringify({
    time: isoTime(timeMs),
    latitude: round(position[1], 5),
    longitude: round(position[0], 5),
    temperatureC: round(weather.airC, 1),
    humidityPct: round(weather.humidityPct, 0),
    tiltDeg: round(tiltDeg, 1),
    windKn: round(weather.windKn, 0),
    waveHeightM: round(weather.waveM, 1),
    seaState: seaState(weather.waveM),
  });
}

export interface EventDetails {
  readonly location: string;
  readonly vessel?: string;
  readonly voyage?: string;
  readonly nextPort?: string;
}

export function eventMessage(type: ContainerEventType | ShipEventType, timeMs: number, details: EventDetails): string {
  return JSON.stringify({ type, time: isoTime(timeMs), ...details });
}

export function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function round(value: number, digits: number): number {
  const factor = 10 ** digits;
  // Adding 0 turns −0 into 0.
  return Math.round(value * factor) / factor + 0;
}
