import { BOOLEAN_MEASUREMENTS, NUMERIC_RANGES, type Range } from "./ranges.js";
import { problem, show, type Problem } from "./problem.js";

// Maps, since the keys that are looked up come from strangers (`constructor`, `__proto__`).
const RANGES: ReadonlyMap<string, Range> = new Map(Object.entries(NUMERIC_RANGES));
const BOOLEANS: ReadonlySet<string> = new Set(Object.keys(BOOLEAN_MEASUREMENTS));

/** Whether a field of a payload is a known measurement. */
export function isMeasurement(field: string): boolean {
  return RANGES.has(field) || BOOLEANS.has(field);
}

/** Checks every known measurement of a payload; unknown fields are somebody else's and left alone. Returns how many there are. */
export function checkMeasurements(payload: Readonly<Record<string, unknown>>, problems: Problem[]): number {
  let count = 0;
  for (const field of Object.keys(payload)) {
    const range = RANGES.get(field);
    if (range !== undefined) {
      count++;
      const value = payload[field];
      if (typeof value !== "number") {
        problems.push(problem("BAD_VALUE", field, `${field} is ${show(value)}: want a number, or leave it out`));
      } else if (!(value >= range.min && value <= range.max)) {
        const wanted = `from ${range.min} to ${range.max} ${range.unit} (${range.reason})`;
        problems.push(problem("BAD_VALUE", field, `${field} is ${show(value)}: want ${wanted}`));
      }
    } else if (BOOLEANS.has(field)) {
      count++;
      const value = payload[field];
      if (typeof value !== "boolean") {
        problems.push(problem("BAD_VALUE", field, `${field} is ${show(value)}: want true or false, or leave it out`));
      }
    }
  }
  const hasLatitude = Object.hasOwn(payload, "latitude");
  if (hasLatitude !== Object.hasOwn(payload, "longitude")) {
    const [there, missing] = hasLatitude ? ["latitude", "longitude"] : ["longitude", "latitude"];
    problems.push(problem("BAD_VALUE", missing, `${missing} is missing: ${there} alone is no position`));
  }
  return count;
}
