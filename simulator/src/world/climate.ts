import { between, uniform } from "../random.js";
import { STORMS_MAX } from "../limits.js";
import type { Storm } from "./weather.js";

const DAY_MS = 86_400_000;

/** Where storms are born: boxes of longitude and latitude, and how they move. */
const BASINS = [
  { name: "West Pacific", west: 128, east: 150, south: 12, north: 24, courseDeg: 315, waveM: [7, 11], perDay: 0.14 },
  { name: "Kuroshio", west: 145, east: 175, south: 33, north: 46, courseDeg: 60, waveM: [5, 9], perDay: 0.3 },
  {
    name: "North-East Pacific",
    west: -170,
    east: -140,
    south: 38,
    north: 50,
    courseDeg: 75,
    waveM: [5, 9],
    perDay: 0.3,
  },
  { name: "Tasman", west: 152, east: 168, south: -42, north: -32, courseDeg: 110, waveM: [4, 7], perDay: 0.15 },
] as const;

/** Storms that nature sends between two times: those that the day's dice give birth to, in each basin. */
export function stormsBornBetween(seed: number, fromMs: number, toMs: number): Storm[] {
  const born: Storm[] = [];
  for (let day = Math.floor(fromMs / DAY_MS); day * DAY_MS < toMs; day++) {
    for (const basin of BASINS) {
      const key = [basin.name, day] as const;
      if (uniform(seed, "storm", ...key) >= basin.perDay) continue;
      const bornMs = day * DAY_MS + Math.floor(uniform(seed, "storm-hour", ...key) * DAY_MS);
      if (bornMs < fromMs || bornMs >= toMs) continue;
      born.push({
        name: basin.name,
        bornMs,
        diesMs: bornMs + between(2.5, 5, seed, "storm-life", ...key) * DAY_MS,
        at: [
          between(basin.west, basin.east, seed, "storm-x", ...key),
          between(basin.south, basin.north, seed, "storm-y", ...key),
        ],
        courseDeg: basin.courseDeg + between(-25, 25, seed, "storm-course", ...key),
        speedKn: between(8, 20, seed, "storm-speed", ...key),
        radiusNm: between(220, 420, seed, "storm-radius", ...key),
        waveM: between(basin.waveM[0], basin.waveM[1], seed, "storm-waves", ...key),
      });
    }
  }
  return born;
}

/** Storms that still live at `timeMs` and those born since, at most as many as the state may hold. */
export function advanceStorms(seed: number, storms: readonly Storm[], fromMs: number, toMs: number): readonly Storm[] {
  const fresh = stormsBornBetween(seed, fromMs, toMs);
  if (fresh.length === 0 && storms.every((storm) => storm.diesMs > toMs)) return storms;
  return [...storms.filter((storm) => storm.diesMs > toMs), ...fresh].slice(-STORMS_MAX);
}
