import type { Measurements } from "@landfall/proto/api";

/** Every measurement of the contract that is a number, in the order of exports. */
export const NUMBER_FIELDS = [
  "latitude",
  "longitude",
  "temperatureC",
  "supplyAirC",
  "returnAirC",
  "setpointC",
  "humidityPct",
  "o2Pct",
  "co2Pct",
  "shockG",
  "tiltDeg",
  "batteryPct",
  "speedKn",
  "courseDeg",
  "headingDeg",
] as const satisfies readonly (keyof Measurements)[];

export const FLAG_FIELDS = ["defrosting", "doorOpen", "powered"] as const satisfies readonly (keyof Measurements)[];

export type NumberField = (typeof NUMBER_FIELDS)[number];
export type FlagField = (typeof FLAG_FIELDS)[number];
export type MeasurementField = NumberField | FlagField;

export const MEASUREMENT_FIELDS: readonly MeasurementField[] = [...NUMBER_FIELDS, ...FLAG_FIELDS];

/** Fails to compile when the contract gains a measurement that is not listed above. */
type Missing = Exclude<keyof Measurements, MeasurementField>;
const complete: [Missing] extends [never] ? true : never = true;
void complete;

export type MutableMeasurements = { -readonly [K in keyof Measurements]: Measurements[K] };

const KIND_OF_FIELD: ReadonlyMap<string, "number" | "boolean"> = new Map([
  ...NUMBER_FIELDS.map((field) => [field, "number"] as const),
  ...FLAG_FIELDS.map((field) => [field, "boolean"] as const),
]);

/** The measurements in a parsed payload; anything else in it is left out. A position counts only when it is whole. */
export function pickMeasurements(value: Readonly<Record<string, unknown>>): MutableMeasurements {
  const picked: MutableMeasurements = {};
  // By what is there, which is little, and not by what could be: this runs for every record.
  for (const field in value) {
    const given = value[field];
    const kind = KIND_OF_FIELD.get(field);
    if (kind === undefined || typeof given !== kind || (kind === "number" && !Number.isFinite(given))) continue;
    (picked as Record<string, unknown>)[field] = given;
  }
  const { latitude, longitude } = picked;
  if ((latitude !== undefined || longitude !== undefined) && !isPosition(latitude, longitude)) {
    delete picked.latitude;
    delete picked.longitude;
  }
  return picked;
}

function isPosition(latitude: number | undefined, longitude: number | undefined): boolean {
  return latitude !== undefined && longitude !== undefined && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
}
