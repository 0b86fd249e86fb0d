import type { Measurements } from "@landfall/proto/api";
import { clear, raise } from "./alerts.js";
import type { AlertChange, Box, RulesInForce, RulesState } from "./rules-state.js";

interface Reading {
  readonly time: number;
  readonly measurements: Measurements;
}
type Rule = (state: RulesState, box: Box, reading: Reading, settings: RulesInForce) => AlertChange[];

const MINUTE = 60_000;

/** What one reading of a container aboard says by itself. The reading is the newest of its container. */
export function judgeReading(state: RulesState, box: Box, reading: Reading, settings: RulesInForce): AlertChange[] {
  return [range, power, door, shock].flatMap((rule) => rule(state, box, reading, settings));
}

/** Air or cargo away from the set point for long; not while defrosting, which warms the air on purpose, nor right after it. */
const range: Rule = (state, box, { time, measurements }, settings) => {
  const { range } = box;
  const { setpointC } = box.last;
  const temperature = measurements.temperatureC ?? measurements.returnAirC ?? measurements.supplyAirC;
  if (setpointC === undefined || temperature === undefined) return [];
  if (measurements.defrosting === true) range.defrostAt = time;
  if (time - (range.defrostAt ?? -Infinity) < settings.afterDefrostMinutes * MINUTE || range.defrostAt === time) {
    delete range.last;
    return [];
  }
  const step = range.last === undefined ? 0 : time - range.last;
  const passed = step <= settings.gapMinutes * MINUTE ? step : 0;
  const wasOut = range.since !== undefined && range.inMs === 0;
  range.last = time;
  const away = Math.abs(temperature - setpointC);
  if (away > settings.rangeToleranceC) {
    if (range.since === undefined) {
      range.since = time;
      range.outMs = 0;
    } else if (wasOut) {
      range.outMs += passed;
    }
    range.inMs = 0;
    if (range.outMs < settings.outOfRangeAfterMinutes * MINUTE) return [];
    const message = `${box.container} is at ${temperature} °C, ${away.toFixed(1)} °C away from its set point of ${setpointC} °C for ${Math.round(range.outMs / MINUTE)} minutes`;
    return raise(state, box, { type: "OUT_OF_RANGE", causeTime: range.since, time, message }, settings);
  }
  if (!box.open.has("OUT_OF_RANGE")) {
    delete range.since;
    range.outMs = 0;
    range.inMs = 0;
    return [];
  }
  // One millisecond marks that it has begun.
  range.inMs = range.inMs === 0 ? 1 : range.inMs + passed;
  if (range.inMs <= settings.backInRangeAfterMinutes * MINUTE) return [];
  delete range.since;
  range.outMs = 0;
  range.inMs = 0;
  return clear(state, box, "OUT_OF_RANGE", time, `${box.container} is back in its range at ${temperature} °C`);
};

/** Only of something that is meant to have power. A reading that does not speak of it leaves it as it was. */
const power: Rule = (state, box, { time }, settings) => {
  const { powered } = box.last;
  if (powered === true) {
    delete box.noPowerSince;
    return clear(state, box, "NO_POWER", time, `${box.container} has power again`);
  }
  if (powered !== false || !box.isReefer) return [];
  box.noPowerSince ??= time;
  const without = time - box.noPowerSince;
  if (without < settings.noPowerAfterMinutes * MINUTE) return [];
  const message = `${box.container} has been without power for ${Math.round(without / MINUTE)} minutes`;
  return raise(state, box, { type: "NO_POWER", causeTime: box.noPowerSince, time, message }, settings);
};

/** One that is opened and closed again at once is an inspection, or a switch that rattles. */
const door: Rule = (state, box, { time }, settings) => {
  const { doorOpen } = box.last;
  if (doorOpen === false) {
    delete box.doorOpenSince;
    return clear(state, box, "DOOR_OPEN", time, `the door of ${box.container} is closed`);
  }
  if (doorOpen !== true) return [];
  box.doorOpenSince ??= time;
  const open = time - box.doorOpenSince;
  if (open < settings.doorOpenAfterMinutes * MINUTE) return [];
  const message = `the door of ${box.container} has been open for ${Math.round(open / MINUTE)} minutes`;
  return raise(state, box, { type: "DOOR_OPEN", causeTime: box.doorOpenSince, time, message }, settings);
};

const shock: Rule = (state, box, { time, measurements }, settings) => {
  const { shockG } = measurements;
  if (shockG !== undefined && shockG > settings.shockG) {
    box.shockAt = time;
    const message = `${box.container} took a shock of ${shockG} g`;
    return raise(state, box, { type: "SHOCK", causeTime: time, time, message }, settings);
  }
  if (box.shockAt === undefined || time - box.shockAt < settings.shockClearedAfterMinutes * MINUTE) return [];
  delete box.shockAt;
  return clear(state, box, "SHOCK", time, `${box.container} took no further shock`);
};
