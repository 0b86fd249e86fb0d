import type { Position } from "./great-circle.js";

const RADIANS = Math.PI / 180;
const DAY_MS = 86_400_000;
/** 21 March 2026, near enough to the equinox for a thermometer. */
const EQUINOX_MS = Date.UTC(2026, 2, 20, 14, 46);
const YEAR_MS = 365.2422 * DAY_MS;

/** Declination of the sun, degrees: north in June, south in December. */
export function declinationDeg(timeMs: number): number {
  return 23.44 * Math.sin(((timeMs - EQUINOX_MS) / YEAR_MS) * 2 * Math.PI);
}

/** Local solar time as a fraction of the day: 0.5 when the sun is highest (equation of time left out, ≤ 16 min). */
export function solarDay(position: Position, timeMs: number): number {
  const day = (timeMs % DAY_MS) / DAY_MS + position[0] / 360;
  return day - Math.floor(day);
}

/** Height of the sun above the horizon, degrees; negative at night. */
export function sunElevationDeg(position: Position, timeMs: number): number {
  const declination = declinationDeg(timeMs) * RADIANS;
  const latitude = position[1] * RADIANS;
  const hourAngle = (solarDay(position, timeMs) - 0.5) * 2 * Math.PI;
  const sine =
    Math.sin(latitude) * Math.sin(declination) + Math.cos(latitude) * Math.cos(declination) * Math.cos(hourAngle);
  return Math.asin(Math.max(-1, Math.min(1, sine))) / RADIANS;
}
