import type { Measurements } from "@landfall/proto/api";
import { clear, raise } from "./alerts.js";
import type { AlertChange, Box, RulesState } from "./rules-state.js";
import type { RulesSettings } from "@landfall/streams/settings/onboard-rules";

interface Reading {
  readonly time: number;
  readonly measurements: Measurements;
}
type Rule = (state: RulesState, box: Box, reading: Reading, settings: RulesSettings) => AlertChange[];

const MINUTE = 60_000;

/** What one reading of a container aboard says by itself. The reading is the newest of its container. */
export function judgeReading(state: RulesState, box: Box, reading: Reading, settings: RulesSettings): AlertChange[] {
  return [range, power, door, shock].flatMap((rule) => rule(state, box, reading, settings));
}

/** Air or cargo away from the set point for long; not while defrosting, which warms the air on purpose. */
const range: Rule = (state, box, { time, measurements }, settings) => {
  const { range } = box;
  const { setpointC } = box.last;
  const temperature = measurements.temperatureC ?? measurements.returnAirC ?? measurements.supplyAirC;
  if (setpointC === undefined || temperature === undefined) return [];
  if (measurements.defrosting === true) {
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
    return raise(state, box, { type: "OUT_OF_RANGE", causeTime: range.since, time, message });
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

/** Only of something that is meant to have power. */
const power: Rule = (state, box, { time, measurements }, settings) => {
  if (measurements.powered === true) {
    delete box.noPowerSince;
    return clear(state, box, "NO_POWER", time, `${box.container} has power again`);
  }
  if (measurements.powered !== false || !box.isReefer) return [];
  box.noPowerSince ??= time;
  const without = time - box.noPowerSince;
  if (without < settings.noPowerAfterMinutes * MINUTE) return [];
  const message = `${box.container} has been without power for ${Math.round(without / MINUTE)} minutes`;
  return raise(state, box, { type: "NO_POWER", causeTime: box.noPowerSince, time, message });
};

const door: Rule = (state, box, { time, measurements }) => {
  if (measurements.doorOpen === true) {
    const message = `the door of ${box.container} is open at sea or on deck`;
    return raise(state, box, { type: "DOOR_OPEN", causeTime: time, time, message });
  }
  if (measurements.doorOpen !== false) return [];
  return clear(state, box, "DOOR_OPEN", time, `the door of ${box.container} is closed`);
};

const shock: Rule = (state, box, { time, measurements }, settings) => {
  const { shockG } = measurements;
  if (shockG !== undefined && shockG > settings.shockG) {
    box.shockAt = time;
    return raise(state, box, {
      type: "SHOCK",
      causeTime: time,
      time,
      message: `${box.container} took a shock of ${shockG} g`,
    });
  }
  if (box.shockAt === undefined || time - box.shockAt < settings.shockClearedAfterMinutes * MINUTE) return [];
  delete box.shockAt;
  return clear(state, box, "SHOCK", time, `${box.container} took no further shock`);
};
