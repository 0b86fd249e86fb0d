import type { Measurements } from "@landfall/proto/api";
import type { Reading } from "./history-model.js";

/** A line of the chart. */
export interface Series {
  readonly key: keyof Measurements;
  readonly label: string;
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
}

export const MEASURES: readonly Measure[] = [
  {
    id: "temperature",
    label: "Temperature",
    unit: "°C",
    digits: 1,
    series: [
      { key: "temperatureC", label: "Temperature" },
      { key: "supplyAirC", label: "Supply air" },
      { key: "returnAirC", label: "Return air" },
      { key: "setpointC", label: "Set point", setting: true },
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
      { key: "o2Pct", label: "Oxygen" },
      { key: "co2Pct", label: "Carbon dioxide" },
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
      { key: "powered", label: "Powered" },
      { key: "doorOpen", label: "Door open" },
    ],
  },
  { id: "battery", label: "Battery", unit: "%", digits: 0, series: [{ key: "batteryPct", label: "Battery" }] },
];

/** The value as a number for drawing; flags as 1 and 0. */
export function valueIn(measurements: Measurements, key: keyof Measurements): number | undefined {
  const value = measurements[key];
  return typeof value === "boolean" ? Number(value) : value;
}

/** Those of the measures that this history has anything of, with only the lines that have. */
export function measuresIn(readings: readonly Reading[]): Measure[] {
  return MEASURES.flatMap((measure) => {
    const series = measure.series.filter(({ key }) => readings.some(({ point }) => point[key] !== undefined));
    return series.length === 0 ? [] : [{ ...measure, series }];
  });
}
