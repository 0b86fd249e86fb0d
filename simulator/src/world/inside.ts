import { between, normal, uniform } from "../random.js";
import type { ContainerKind, ContainerState, Inside } from "./state.js";
import type { Weather } from "./weather.js";

/** Heat and damp inside a container, from one reading to the next. First-order: each value leans towards its source. */

const HOUR_MS = 3_600_000;
/** A steel box follows the air outside within hours; its cargo damps it. */
const DRY_TAU_H = 5;
/** Full sun on the roof warms the air inside by this much. */
const ROOF_SUN_C = 16;
/** A running reefer brings its cargo to the set point … */
const COOLING_TAU_H = 4;
/** … and an unplugged one warms this slowly: insulation and the mass of the cargo. */
const UNPLUGGED_TAU_H = 28;
/** The fans stop with the power: air warms faster than cargo. */
const STILL_AIR_TAU_H = 1.5;
const DEFROST_MS = 35 * 60_000;
/** Warm air of the defrosting coil, above the set point. */
const DEFROST_RISE_C = 9;
/** A reefer's own battery keeps the logger alive for about two days. */
const DRAIN_PCT_PER_H = 2.1;
const CHARGE_PCT_PER_H = 18;
/** A dry container's sensor lives on a solar patch: a little down by night, up by day. */
const SENSOR_DRAIN_PCT_PER_H = 0.25;
/** Unplanned loss of power, on average once in so many days per reefer, for one to five hours. */
const FAILURE_DAYS = 150;

export interface Surroundings {
  readonly weather: Weather;
  /** In the open: deck, yard or road; false below deck. */
  readonly open: boolean;
  /** Somebody may open the door: on the road. */
  readonly attended: boolean;
}

/** How a container starts: stuffed and cooled down. */
export function stuffed(kind: ContainerKind, setpointC: number | undefined, atMs: number, phaseMs: number): Inside {
  const cargoC = setpointC ?? 20;
  return {
    atMs,
    cargoC,
    supplyC: cargoC,
    humidityPct: kind === "reefer" ? 85 : 60,
    batteryPct: 96,
    ...(setpointC === undefined ? {} : { setpointC }),
    unpluggedUntilMs: 0,
    defrostUntilMs: 0,
    // The phase spreads the first defrosting over six hours.
    nextDefrostMs: atMs + phaseMs * 24,
    doorOpenUntilMs: 0,
  };
}

export function isPowered(inside: Inside, timeMs: number): boolean {
  return timeMs >= inside.unpluggedUntilMs;
}

/** Inside of a container at `toMs`. Pure; chance comes from seed, container and time. */
export function advanceInside(seed: number, box: ContainerState, toMs: number, around: Surroundings): Inside {
  const was = box.inside;
  const hours = Math.max(0, (toMs - was.atMs) / HOUR_MS);
  const door = doorOpenUntil(seed, box, toMs, around);
  const doorOpen = toMs < door;
  const effectiveC = around.weather.airC + (around.open ? ROOF_SUN_C * around.weather.sun : 1.5);
  if (box.kind === "dry" || was.setpointC === undefined) {
    const cargoC = towards(was.cargoC, effectiveC, hours, doorOpen ? 0.5 : DRY_TAU_H);
    // Warm air holds more water: the same moisture is drier by day and rains by night.
    const target = clamp(62 + (around.weather.humidityPct - 75) * 0.4 - (effectiveC - cargoC) * 1.6, 25, 99);
    const charge = around.open && around.weather.sun > 0.15 ? 1.2 : -SENSOR_DRAIN_PCT_PER_H;
    return {
      ...was,
      atMs: toMs,
      cargoC,
      supplyC: cargoC,
      humidityPct: towards(was.humidityPct, target, hours, 3),
      batteryPct: clamp(was.batteryPct + charge * hours, 20, 100),
      doorOpenUntilMs: door,
    };
  }
  return advanceReefer(seed, box, toMs, hours, effectiveC, door, was.setpointC);
}

function advanceReefer(
  seed: number,
  box: ContainerState,
  toMs: number,
  hours: number,
  outsideC: number,
  doorOpenUntilMs: number,
  setpointC: number,
): Inside {
  const was = box.inside;
  const unpluggedUntilMs = Math.max(was.unpluggedUntilMs, failureUntil(seed, box.id, toMs, hours));
  const powered = toMs >= unpluggedUntilMs;
  let { defrostUntilMs, nextDefrostMs } = was;
  if (powered && toMs >= nextDefrostMs) {
    defrostUntilMs = toMs + DEFROST_MS;
    nextDefrostMs = toMs + between(7, 11, seed, "defrost", box.id, toMs) * HOUR_MS;
  }
  const defrosting = powered && toMs < defrostUntilMs;
  const leak = toMs < doorOpenUntilMs ? 6 : 1;
  let cargoC = was.cargoC;
  let supplyC: number;
  if (!powered) {
    cargoC = towards(cargoC, outsideC, hours * leak, UNPLUGGED_TAU_H);
    supplyC = towards(was.supplyC, cargoC + (outsideC - cargoC) * 0.25, hours, STILL_AIR_TAU_H);
  } else if (defrosting) {
    supplyC = setpointC + DEFROST_RISE_C * between(0.75, 1.1, seed, "coil", box.id, toMs);
    cargoC = towards(cargoC, supplyC, Math.min(hours, DEFROST_MS / HOUR_MS), 40);
  } else {
    // A warm load is pulled down with air well below the set point, a cold one held by it.
    const pull = clamp((cargoC - setpointC) * 0.8, 0, 6);
    supplyC = setpointC - pull + 0.15 * normal(seed, "supply", box.id, toMs);
    cargoC = towards(cargoC, setpointC, hours, COOLING_TAU_H * leak);
  }
  const battery = was.batteryPct + hours * (powered ? CHARGE_PCT_PER_H : -DRAIN_PCT_PER_H);
  return {
    ...was,
    atMs: toMs,
    cargoC,
    supplyC,
    humidityPct: towards(was.humidityPct, powered ? (defrosting ? 93 : 84) : 96, hours, powered ? 1 : 6),
    batteryPct: clamp(battery, 4, 100),
    unpluggedUntilMs,
    defrostUntilMs,
    nextDefrostMs,
    doorOpenUntilMs,
  };
}

/** Chance of a failure in the time since the last reading. */
function failureUntil(seed: number, id: string, toMs: number, hours: number): number {
  if (uniform(seed, "failure", id, toMs) >= hours / (FAILURE_DAYS * 24)) return 0;
  return toMs + between(1, 5, seed, "failure-h", id, toMs) * HOUR_MS;
}

/** Customs or the customer look inside, on the road only, for half an hour. */
function doorOpenUntil(seed: number, box: ContainerState, toMs: number, around: Surroundings): number {
  if (!around.attended || toMs < box.inside.doorOpenUntilMs) return box.inside.doorOpenUntilMs;
  return uniform(seed, "door", box.id, toMs) < 0.01 ? toMs + 30 * 60_000 : box.inside.doorOpenUntilMs;
}

function towards(value: number, target: number, hours: number, tauHours: number): number {
  return target + (value - target) * Math.exp(-hours / tauHours);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
