import { seededRandom } from "./seeded-random.js";

/**
 * Readings of containers as the simulator publishes them: the same fields in the same order, rounded alike. The
 * physics is simpler, but what makes them hard or easy to pack is there: ships under way and in port, receivers of
 * positions that are some metres off, weather, reefers that cool and defrost, seas that shake.
 */
export interface TelemetryOptions {
  readonly seed: number;
  readonly containers: number;
  /** Of each container. */
  readonly reports: number;
  /** False: one after the other, round by round, at most half a second late. True: each by a clock of its own. */
  readonly ownTimes: boolean;
}

export interface TelemetryReport {
  /** Container number, the topic. */
  readonly container: string;
  readonly timestamp: number;
  /** JSON, ASCII only. */
  readonly value: string;
}

const START_MS = Date.UTC(2026, 9, 1);
const INTERVAL_MS = 15 * 60_000;
const LATE_MS_MAX = 500;
/** A sensor that wakes by itself is off by so much either way. */
const OWN_CLOCK_MS = 45_000;
const CONTAINERS_PER_SHIP = 50;
const REEFER_EVERY = 3;
/** Minutes of one step of a ship's track. */
const TRACK_MS = 60_000;
const DEGREES_PER_KNOT_AND_STEP = TRACK_MS / 3_600_000 / 60;
/** Standard deviation of a receiver, in degrees: two metres. */
const RECEIVER_DEG = 0.00002;

/** All reports in the order in which they arrive. */
export function simulateTelemetry(options: TelemetryOptions): TelemetryReport[] {
  const random = seededRandom(options.seed);
  const ships: Ship[] = [];
  const reports: { order: number; report: TelemetryReport }[] = [];
  for (let c = 0; c < options.containers; c++) {
    const ship = (ships[Math.floor(c / CONTAINERS_PER_SHIP)] ??= newShip(random, options.reports + 2));
    const box = newBox(random, c);
    const phaseMs = options.ownTimes ? random() * INTERVAL_MS : (c * INTERVAL_MS) / options.containers;
    for (let k = 0; k < options.reports; k++) {
      const offMs = options.ownTimes ? (random() * 2 - 1) * OWN_CLOCK_MS + OWN_CLOCK_MS : random() * LATE_MS_MAX;
      const timeMs = Math.floor(START_MS + k * INTERVAL_MS + phaseMs + offMs);
      const order = options.ownTimes ? timeMs : k * options.containers + c;
      reports.push({
        order,
        report: { container: box.id, timestamp: timeMs, value: reading(random, box, ship, timeMs) },
      });
    }
  }
  return reports.sort((a, b) => a.order - b.order).map(({ report }) => report);
}

/** As the store sorts a sealed block: by topic, each topic in its order. */
export function sortedByContainer(reports: readonly TelemetryReport[]): TelemetryReport[] {
  return reports
    .map((report, order) => ({ report, order }))
    .sort((a, b) => compare(a.report.container, b.report.container) || a.order - b.order)
    .map(({ report }) => report);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

interface Ship {
  readonly latitudes: Float64Array;
  readonly longitudes: Float64Array;
  readonly waveM: number;
  readonly airC: number;
}

interface Box {
  readonly id: string;
  readonly setpointC: number | undefined;
  readonly onDeck: boolean;
  readonly aside: readonly [latitude: number, longitude: number];
  timeMs: number;
  cargoC: number;
  humidityPct: number;
  batteryPct: number;
  defrostUntilMs: number;
  nextDefrostMs: number;
}

function newShip(random: () => number, reports: number): Ship {
  const steps = Math.ceil(((reports + 1) * INTERVAL_MS) / TRACK_MS);
  const latitudes = new Float64Array(steps);
  const longitudes = new Float64Array(steps);
  let latitude = random() * 80 - 40;
  let longitude = random() * 300 - 150;
  let course = random() * 2 * Math.PI;
  const inPort = random() < 0.25;
  let knots = inPort ? 0 : 16 + 6 * random();
  for (let i = 0; i < steps; i++) {
    latitudes[i] = latitude;
    longitudes[i] = longitude;
    // The watch sets a new course now and then; the sea slows the ship a little, never for long.
    if (random() < 1 / 240) course += (random() - 0.5) * 0.3;
    if (!inPort) knots += (19 - knots) * 0.01 + (random() - 0.5) * 0.04;
    latitude += knots * DEGREES_PER_KNOT_AND_STEP * Math.cos(course);
    longitude += (knots * DEGREES_PER_KNOT_AND_STEP * Math.sin(course)) / Math.cos((latitude * Math.PI) / 180);
  }
  return { latitudes, longitudes, waveM: inPort ? 0 : random() * 3, airC: 10 + random() * 20 };
}

function newBox(random: () => number, index: number): Box {
  const setpointC = index % REEFER_EVERY === 0 ? [-25, -18, 2, 5, 13][Math.floor(random() * 5)] : undefined;
  const reefer = setpointC !== undefined;
  return {
    id: `${reefer ? "TRLU" : "MSKU"}${String(1_000_007 + index * 37)}`,
    setpointC,
    onDeck: random() < 1 / 3,
    aside: [(random() - 0.5) * 0.002, (random() - 0.5) * 0.002],
    timeMs: START_MS - INTERVAL_MS,
    cargoC: setpointC ?? 20,
    humidityPct: reefer ? 85 : 60,
    batteryPct: reefer ? 100 : 80 + random() * 20,
    defrostUntilMs: 0,
    nextDefrostMs: START_MS + random() * 9 * 3_600_000,
  };
}

function reading(random: () => number, box: Box, ship: Ship, timeMs: number): string {
  const hours = (timeMs - box.timeMs) / 3_600_000;
  box.timeMs = timeMs;
  const sun = Math.max(0, Math.sin((timeMs / 86_400_000) * 2 * Math.PI));
  const airC = ship.airC + sun * 5 + (random() - 0.5) * 0.1;
  const effectiveC = airC + (box.onDeck ? 16 * sun : 1.5);
  const reefer = box.setpointC !== undefined;
  let supplyC = 0;
  let defrosting = false;
  if (box.setpointC !== undefined) {
    if (timeMs >= box.nextDefrostMs) {
      box.defrostUntilMs = timeMs + 35 * 60_000;
      box.nextDefrostMs = timeMs + (7 + 4 * random()) * 3_600_000;
    }
    defrosting = timeMs < box.defrostUntilMs;
    supplyC = defrosting ? box.setpointC + 9 * (0.75 + 0.35 * random()) : box.setpointC + 0.15 * normal(random);
    box.cargoC = towards(box.cargoC, supplyC, hours, defrosting ? 40 : 4);
    box.humidityPct = towards(box.humidityPct, defrosting ? 93 : 84, hours, 1);
  } else {
    box.cargoC = towards(box.cargoC, effectiveC, hours, 5);
    box.humidityPct = towards(box.humidityPct, 62 - (effectiveC - box.cargoC) * 1.6, hours, 3);
    box.batteryPct = Math.min(100, box.batteryPct + hours * (box.onDeck && sun > 0.15 ? 1.2 : -0.25));
  }
  const [latitude, longitude] = positionAt(ship, timeMs);
  const rollDeg = Math.abs(normal(random)) * (0.25 + ship.waveM ** 1.35 * 0.85);
  const start = {
    time: new Date(timeMs).toISOString(),
    latitude: round(latitude + box.aside[0] + RECEIVER_DEG * normal(random), 5),
    longitude: round(longitude + box.aside[1] + RECEIVER_DEG * normal(random), 5),
    temperatureC: round(box.cargoC, 2),
  };
  const end = {
    humidityPct: round(box.humidityPct, 1),
    shockG: round(0.04 + 0.06 * random(), 2),
    tiltDeg: round(rollDeg, 1),
    doorOpen: false,
    batteryPct: round(box.batteryPct, 1),
  };
  if (!reefer) return JSON.stringify({ ...start, ...end });
  return JSON.stringify({
    ...start,
    setpointC: box.setpointC,
    supplyAirC: round(supplyC, 2),
    returnAirC: round(box.cargoC + 0.45, 2),
    defrosting,
    powered: true,
    ...end,
  });
}

function positionAt(ship: Ship, timeMs: number): [latitude: number, longitude: number] {
  const at = (timeMs - START_MS) / TRACK_MS;
  const before = Math.floor(at);
  const share = at - before;
  const between = (track: Float64Array): number => {
    const from = track[before] ?? 0;
    return from + ((track[before + 1] ?? from) - from) * share;
  };
  return [between(ship.latitudes), between(ship.longitudes)];
}

function towards(value: number, target: number, hours: number, tauHours: number): number {
  return target + (value - target) * Math.exp(-hours / tauHours);
}

/** Roughly normal: mean 0, deviation 1. */
function normal(random: () => number): number {
  return (random() + random() + random() + random() - 2) * Math.sqrt(3);
}

function round(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor + 0;
}
