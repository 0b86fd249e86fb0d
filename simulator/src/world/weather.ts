import type { Position } from "../geo/great-circle.js";
import { distanceNm, destination } from "../geo/great-circle.js";
import { declinationDeg, solarDay, sunElevationDeg } from "../geo/sun.js";
import { smooth } from "../random.js";

/** A depression or typhoon: a moving round field of wind and waves. Plain data. */
export interface Storm {
  readonly name: string;
  readonly bornMs: number;
  readonly diesMs: number;
  readonly at: Position;
  readonly courseDeg: number;
  readonly speedKn: number;
  readonly radiusNm: number;
  /** Significant wave height at its worst. */
  readonly waveM: number;
}

export interface Weather {
  readonly airC: number;
  readonly humidityPct: number;
  readonly windKn: number;
  /** Significant wave height. */
  readonly waveM: number;
  /** Share of the sun that reaches a steel roof, 0…1: 0 at night and under cloud. */
  readonly sun: number;
}

const HOUR_MS = 3_600_000;
/** Waves that the trades and westerlies raise without any storm. */
const SWELL_M = 1.6;

/** Weather at a place and time. Pure: seed, place, time and storms decide. */
export function weatherAt(seed: number, position: Position, timeMs: number, storms: readonly Storm[]): Weather {
  const [longitude, latitude] = position;
  // One noise along each axis; weather systems are some 900 km and two days across.
  const x = longitude / 9;
  const y = latitude / 7;
  const t = timeMs / (40 * HOUR_MS);
  const front = (smooth(x + t * 0.8, seed, "front-x") + smooth(y, seed, "front-y") + smooth(t, seed, "front-t")) / 3;
  const storm = storms.reduce((worst, one) => Math.max(worst, stormShare(one, position, timeMs) * one.waveM), 0);

  const roughBelt = 1 + Math.max(0, (Math.abs(latitude) - 20) / 30);
  const calm = SWELL_M * roughBelt * (1 + 0.7 * front);
  const waveM = Math.max(0.2, Math.sqrt(calm ** 2 + storm ** 2));
  const windKn = Math.max(1, 8.5 * Math.sqrt(waveM) * (1 + 0.2 * smooth(timeMs / HOUR_MS, seed, "gust")));

  const cloud = clamp01(0.45 + 0.6 * front + (storm > 3 ? 0.5 : 0));
  const height = sunElevationDeg(position, timeMs);
  const sun = height <= 0 ? 0 : Math.sin((height * Math.PI) / 180) * (1 - 0.8 * cloud);

  return {
    airC: airTemperatureC(position, timeMs) - 2.5 * front - (storm > 3 ? 2 : 0),
    humidityPct: Math.min(100, Math.max(35, 78 + 14 * front - 22 * sun + (storm > 3 ? 12 : 0))),
    windKn,
    waveM,
    sun,
  };
}

/** Climate: latitude, season, and an hour of the day that is small over water. */
function airTemperatureC(position: Position, timeMs: number): number {
  const latitude = position[1];
  // The sea follows the sun by about seven weeks.
  const season = declinationDeg(timeMs - 50 * 24 * HOUR_MS);
  const effective = Math.abs(latitude - season * 0.55);
  const mean = 29 - 0.0105 * effective ** 2;
  const day = Math.cos((solarDay(position, timeMs) - 14.5 / 24) * 2 * Math.PI);
  return mean + day * (1.2 + 0.03 * Math.abs(latitude));
}

/** How much of a storm is felt here and now, 0…1. */
function stormShare(storm: Storm, position: Position, timeMs: number): number {
  if (timeMs < storm.bornMs || timeMs > storm.diesMs) return 0;
  const age = (timeMs - storm.bornMs) / (storm.diesMs - storm.bornMs);
  const strength = Math.min(1, 5 * age, 5 * (1 - age));
  const distance = distanceNm(stormCentre(storm, timeMs), position);
  if (distance >= storm.radiusNm) return 0;
  return strength * Math.cos((distance / storm.radiusNm) * (Math.PI / 2)) ** 0.7;
}

export function stormCentre(storm: Storm, timeMs: number): Position {
  return destination(storm.at, storm.courseDeg, ((timeMs - storm.bornMs) / HOUR_MS) * storm.speedKn);
}

/** WMO sea state code 3700 (Douglas) of a wave height. */
export function seaState(waveM: number): number {
  const upper = [0.0, 0.1, 0.5, 1.25, 2.5, 4, 6, 9, 14];
  const code = upper.findIndex((limit) => waveM <= limit);
  return code < 0 ? 9 : code;
}

function clamp01(value: number): number {
  return Math.min(1, Math.max(0, value));
}
