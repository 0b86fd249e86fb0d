import type { Measurements } from "@landfall/proto/api";
import { formatNumber, withUnit } from "./format/quantities.js";
import { shownUnit, toShown, USUAL_UNITS, type Units } from "./format/units.js";
import type { Reading } from "./history-model.js";

/** A line of the chart. */
export interface Series {
  readonly key: keyof Measurements;
  readonly label: string;
  /** Where there is little room. */
  readonly short?: string;
  /** Drawn as steps with dashes: something that is set, not measured. */
  readonly setting?: boolean;
}

/** What the chart can show: quantities of one unit that belong together. */
export interface Measure {
  readonly id: string;
  readonly label: string;
  readonly unit: string;
  readonly digits: number;
  readonly series: readonly Series[];
  /** Yes or no: a step between 0 and 1. */
  readonly flag?: boolean;
  /** From what is measured to what the person reads; absent where that is the same. */
  readonly convert?: (value: number) => number;
}

export const MEASURES: readonly Measure[] = [
  {
    id: "temperature",
    label: "Temperature",
    unit: "°C",
    digits: 1,
    series: [
      { key: "temperatureC", label: "Temperature" },
      { key: "supplyAirC", label: "Supply air", short: "supply" },
      { key: "returnAirC", label: "Return air", short: "return" },
      { key: "setpointC", label: "Set point", short: "set to", setting: true },
    ],
  },
  { id: "humidity", label: "Humidity", unit: "%", digits: 0, series: [{ key: "humidityPct", label: "Humidity" }] },
  { id: "shock", label: "Shock", unit: "g", digits: 2, series: [{ key: "shockG", label: "Shock" }] },
  { id: "tilt", label: "Tilt", unit: "°", digits: 1, series: [{ key: "tiltDeg", label: "Tilt" }] },
  {
    id: "gas",
    label: "Atmosphere",
    unit: "%",
    digits: 1,
    series: [
      { key: "o2Pct", label: "Oxygen", short: "O₂" },
      { key: "co2Pct", label: "Carbon dioxide", short: "CO₂" },
    ],
  },
  { id: "speed", label: "Speed", unit: "kn", digits: 1, series: [{ key: "speedKn", label: "Speed" }] },
  {
    id: "power",
    label: "Power and door",
    unit: "",
    digits: 0,
    flag: true,
    series: [
      { key: "powered", label: "Powered", short: "power" },
      { key: "doorOpen", label: "Door open", short: "door open" },
    ],
  },
  { id: "battery", label: "Battery", unit: "%", digits: 0, series: [{ key: "batteryPct", label: "Battery" }] },
];

/** The value as a number for drawing; flags as 1 and 0. */
export function valueIn(measurements: Measurements, key: keyof Measurements): number | undefined {
  const value = measurements[key];
  return typeof value === "boolean" ? Number(value) : value;
}

/** The value as the person reads it. */
export function shownIn(measurements: Measurements, key: keyof Measurements, measure: Measure): number | undefined {
  const value = valueIn(measurements, key);
  return value === undefined || !measure.convert ? value : measure.convert(value);
}

/** What a reading says about a measure: `4.1 °C, supply 4.0, return 4.6, set to 4.0`; empty for nothing. */
export function describe(measurements: Measurements, measure: Measure): string {
  const parts: string[] = [];
  for (const [i, { key, short, label }] of measure.series.entries()) {
    const value = shownIn(measurements, key, measure);
    if (value === undefined) continue;
    const first = i === 0 && short === undefined;
    if (measure.flag) parts.push(`${short ?? label} ${value > 0 ? "yes" : "no"}`);
    else if (first) parts.push(withUnit(value, measure.unit, measure.digits));
    else parts.push(`${short ?? label} ${formatNumber(value, measure.digits)}`);
  }
  return parts.join(", ");
}

/** Those of the measures that this history has anything of, with only the lines that have, in the person's units. */
export function measuresIn(readings: readonly Reading[], units: Units = USUAL_UNITS): Measure[] {
  return MEASURES.flatMap((measure) => {
    const series = measure.series.filter(({ key }) => readings.some(({ point }) => point[key] !== undefined));
    return series.length === 0 ? [] : [{ ...inUnits(measure, units), series }];
  });
}

function inUnits(measure: Measure, units: Units): Measure {
  const unit = shownUnit(measure.unit, units);
  if (unit === measure.unit) return measure;
  return { ...measure, unit, convert: (value) => toShown(value, measure.unit, units) };
}
