import { describe, expect, it } from "vitest";
import { sunElevationDeg } from "../src/geo/sun.js";
import { advanceInside, stuffed } from "../src/world/inside.js";
import { motionOf } from "../src/world/messages.js";
import { speedIn } from "../src/world/ships.js";
import type { ContainerState, Inside } from "../src/world/state.js";
import { seaState, weatherAt, type Storm } from "../src/world/weather.js";
import { DAY_MS, HOUR_MS, newWorld, sail, START_MS } from "./support.js";

const SEED = 42;
const world = newWorld(SEED);
const reefer = world.containers.find(
  ({ kind, inside }) => kind === "reefer" && inside.setpointC === -20,
) as ContainerState;
const dry = world.containers.find(({ kind }) => kind === "dry") as ContainerState;
const tropics = { airC: 30, humidityPct: 80, windKn: 10, waveM: 1, sun: 0 };

/** Hour by quarter hour, the inside of a container in constant weather. */
function course(box: ContainerState, hours: number, weather = tropics): Inside[] {
  const list: Inside[] = [];
  let now = box;
  for (let i = 1; i <= hours * 4; i++) {
    const inside = advanceInside(SEED, now, START_MS + i * 900_000, { weather, open: true, attended: false });
    list.push(inside);
    now = { ...now, inside };
  }
  return list;
}

describe("reefer", () => {
  it("holds its set point, and defrosts a few times a day with warm supply air", () => {
    const readings = course(reefer, 48);
    const defrosting = readings.filter(({ atMs, defrostUntilMs }) => atMs < defrostUntilMs);
    expect(defrosting.length).toBeGreaterThan(8);
    expect(defrosting.length).toBeLessThan(30);
    expect(defrosting.every(({ supplyC }) => supplyC > -15)).toBe(true);
    expect(readings.every(({ cargoC }) => Math.abs(cargoC + 20) < 1.5)).toBe(true);
  });

  it("warms without power towards the outside, ever slower, and is pulled down again", () => {
    const hours = 30;
    const unplugged = { ...reefer, inside: { ...reefer.inside, unpluggedUntilMs: START_MS + hours * HOUR_MS } };
    const readings = course(unplugged, hours + 24);
    const at = (hour: number): number => readings[hour * 4 - 1]?.cargoC ?? NaN;
    expect(at(6) - at(1)).toBeGreaterThan(4);
    expect(at(6) - at(1)).toBeGreaterThan(at(29) - at(24));
    expect(at(29)).toBeLessThan(tropics.airC);
    expect(at(hours + 20)).toBeLessThan(-19);
    const drained = readings[hours * 4 - 2]?.batteryPct ?? 100;
    expect(drained).toBeLessThan(50);
    expect(readings.at(-1)?.batteryPct).toBeGreaterThan(drained);
  });

  it("loses power in the long run, now and then, for hours", () => {
    const hours = 24 * 300;
    const without = course(reefer, hours).filter(({ atMs, unpluggedUntilMs }) => atMs < unpluggedUntilMs).length / 4;
    expect(without).toBeGreaterThan(1);
    expect(without).toBeLessThan(hours / 50);
  });

  it("starts as it was stuffed", () => {
    expect(stuffed("reefer", -18, START_MS, 0)).toMatchObject({ cargoC: -18, setpointC: -18 });
  });
});

describe("dry container", () => {
  it("follows the day with a delay, and stays between the night and the hottest roof", () => {
    const place = [139.8, 10] as const;
    let now = dry;
    const readings: { hour: number; cargoC: number; airC: number }[] = [];
    for (let i = 1; i <= 4 * 24 * 6; i++) {
      const timeMs = START_MS + i * 900_000;
      const weather = weatherAt(SEED, place, timeMs, []);
      const inside = advanceInside(SEED, now, timeMs, { weather, open: true, attended: false });
      now = { ...now, inside };
      readings.push({ hour: i / 4, cargoC: inside.cargoC, airC: weather.airC });
    }
    const lastDay = readings.slice(-96);
    const warm = Math.max(...lastDay.map(({ cargoC }) => cargoC));
    const cold = Math.min(...lastDay.map(({ cargoC }) => cargoC));
    expect(warm - cold).toBeGreaterThan(1);
    expect(warm).toBeLessThan(Math.max(...lastDay.map(({ airC }) => airC)) + 17);
    expect(cold).toBeGreaterThan(Math.min(...lastDay.map(({ airC }) => airC)) - 1);
  });
});

describe("weather", () => {
  it("knows day from night, and June from December", () => {
    expect(sunElevationDeg([0, 0], Date.UTC(2026, 2, 20, 12))).toBeGreaterThan(85);
    expect(sunElevationDeg([0, 0], Date.UTC(2026, 2, 20, 0))).toBeLessThan(-85);
    expect(sunElevationDeg([139.8, 35.6], Date.UTC(2026, 5, 21, 3))).toBeGreaterThan(70);
    expect(sunElevationDeg([151.2, -33.9], Date.UTC(2026, 5, 21, 2))).toBeLessThan(35);
    expect(weatherAt(1, [0, 0], Date.UTC(2026, 2, 20, 0), []).sun).toBe(0);
  });

  it("stays plausible everywhere, always", () => {
    for (let i = 0; i < 5_000; i++) {
      const position = [((i * 37) % 360) - 180, ((i * 17) % 110) - 55] as const;
      const weather = weatherAt(SEED, position, START_MS + i * 7_919_000, []);
      expect(weather.airC).toBeGreaterThan(-25);
      expect(weather.airC).toBeLessThan(42);
      expect(weather.humidityPct).toBeGreaterThanOrEqual(35);
      expect(weather.humidityPct).toBeLessThanOrEqual(100);
      expect(weather.waveM).toBeGreaterThan(0);
      expect(weather.waveM).toBeLessThan(9);
    }
  });

  it("a storm raises the sea within its radius and life, slows ships and shakes containers", () => {
    const storm: Storm = {
      name: "test",
      bornMs: START_MS,
      diesMs: START_MS + 2 * DAY_MS,
      at: [155, -30],
      courseDeg: 0,
      speedKn: 0,
      radiusNm: 300,
      waveM: 10,
    };
    const mid = START_MS + DAY_MS;
    const inside = weatherAt(SEED, [155, -30], mid, [storm]);
    expect(inside.waveM).toBeGreaterThan(8);
    expect(seaState(inside.waveM)).toBeGreaterThanOrEqual(7);
    expect(weatherAt(SEED, [165, -30], mid, [storm])).toEqual(weatherAt(SEED, [165, -30], mid, []));
    expect(weatherAt(SEED, [155, -30], START_MS + 3 * DAY_MS, [storm]).waveM).toBeLessThan(6);
    expect(speedIn(20, inside.waveM)).toBeLessThan(12);
    expect(speedIn(20, 1)).toBe(20);
    const rolls = (waveM: number): number => {
      const list = Array.from({ length: 200 }, (_, i) => motionOf(SEED, "BOX", i * 900_000, waveM, false).tiltDeg);
      return list.reduce((sum, tilt) => sum + tilt, 0) / list.length;
    };
    expect(rolls(inside.waveM)).toBeGreaterThan(5 * rolls(1));
    // On-board rules take a tilt beyond 60° for a fall; the sea alone must never look like one.
    for (let i = 0; i < 5_000; i++) {
      const { tiltDeg, shockG } = motionOf(SEED, "BOX", i * 900_000, 14, true);
      expect(tiltDeg).toBeLessThan(45);
      expect(shockG).toBeLessThan(7.5);
    }
  });

  it("ships keep 18 to 22 knots in fair weather", () => {
    const speeds: number[] = [];
    sail(newWorld(9, 4, 40), 260, ({ topic, payload }) => {
      if (topic.endsWith("/position")) speeds.push((JSON.parse(payload) as { speedKn: number }).speedKn);
    });
    const sailing = speeds.filter((speed) => speed > 0).sort((a, b) => a - b);
    expect(sailing[Math.floor(sailing.length / 2)]).toBeGreaterThan(17.5);
    expect(sailing.at(-1)).toBeLessThan(23);
  });
});
