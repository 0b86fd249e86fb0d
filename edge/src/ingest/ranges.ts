import type { Measurements } from "@landfall/proto/api";

type KeysOf<T> = {
  [K in keyof Measurements]-?: NonNullable<Measurements[K]> extends T ? K : never;
}[keyof Measurements];

/** What a sensor can possibly mean: outside, it is broken or speaks another unit. Both ends belong to the range. */
export interface Range {
  readonly min: number;
  readonly max: number;
  readonly unit: string;
  readonly reason: string;
}

const CARGO_AIR: Omit<Range, "reason"> = { min: -80, max: 70, unit: "°C" };
const SHARE: Omit<Range, "reason"> = { min: 0, max: 100, unit: "%" };
const COMPASS: Omit<Range, "reason"> = { min: 0, max: 360, unit: "°" };

export const NUMERIC_RANGES: Readonly<Record<KeysOf<number>, Range>> = {
  latitude: { min: -90, max: 90, unit: "°", reason: "WGS 84, from pole to pole" },
  longitude: { min: -180, max: 180, unit: "°", reason: "WGS 84, cut at the antimeridian" },
  temperatureC: { min: -90, max: 100, unit: "°C", reason: "the coldest air on Earth to a box in the desert sun" },
  supplyAirC: { ...CARGO_AIR, reason: "super freezers go to -70 °C, heating to +30 °C" },
  returnAirC: { ...CARGO_AIR, reason: "super freezers go to -70 °C, a warm box stays below 70 °C" },
  setpointC: { min: -70, max: 40, unit: "°C", reason: "what any reefer can be set to" },
  humidityPct: { ...SHARE, reason: "relative humidity" },
  o2Pct: { ...SHARE, reason: "share of oxygen; controlled atmosphere lowers it" },
  co2Pct: { ...SHARE, reason: "share of carbon dioxide; controlled atmosphere raises it" },
  shockG: { min: 0, max: 500, unit: "g", reason: "an amount, and shock recorders end at some hundreds" },
  tiltDeg: { min: -180, max: 180, unit: "°", reason: "180° stands on its head" },
  batteryPct: { ...SHARE, reason: "charge left" },
  speedKn: { min: 0, max: 70, unit: "kn", reason: "the fastest ferries make 58" },
  courseDeg: { ...COMPASS, reason: "over ground, from true north" },
  headingDeg: { ...COMPASS, reason: "of the bow, from true north" },
};

export const BOOLEAN_MEASUREMENTS: Readonly<Record<KeysOf<boolean>, true>> = {
  defrosting: true,
  doorOpen: true,
  powered: true,
};
