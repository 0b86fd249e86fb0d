import type {
  ApiAlert,
  ApiLink,
  ApiSite,
  ContainerEvent,
  ContainerHistoryReply,
  ContainerState,
  ContainerStatus,
  HistoryGap,
  HistoryPoint,
  ShipHistoryReply,
  ShipState,
  SimulationState,
} from "@landfall/proto/api";
import { containerCheckDigit, DEMO_PLACES, placeOf } from "@landfall/proto/identifiers";

/** A seeded little fleet that speaks the contract, for the map's own tests and for looking at it without a fleet. */
export interface FakeWorld {
  readonly ships: ShipState[];
  readonly containers: ContainerState[];
  readonly alerts: ApiAlert[];
  readonly sites: ApiSite[];
  readonly links: ApiLink[];
  readonly simulation: SimulationState;
  containerHistory(container: string): ContainerHistoryReply;
  shipHistory(imo: string): ShipHistoryReply;
}

/** The demo container of ducks that changes ship in Singapore. */
export const DUCKS = "CSQU3054383";
/** A reefer that crosses the Pacific, and 180°, with the Hyacinth. */
export const REEFER = container("PFSU", 700_001);
/** Where the fake fleet's clock stands. */
export const WORLD_TIME = "2026-11-09T17:22:00Z";
export const HYACINTH = "9321483";
export const IRIS = "9400174";
export const LOTUS = "9513567";

type Waypoint = readonly [longitude: number, latitude: number];

/** Rough lanes; longitudes continuous over 180°. */
const PACIFIC: readonly Waypoint[] = [
  [139.79, 35.62],
  [139.8, 34.8],
  [142, 35.2],
  [160, 41],
  [180, 43.5],
  [205, 42.5],
  [225, 38],
  [238, 34],
  [241.73, 33.74],
];
const SOUTH: readonly Waypoint[] = [
  [139.79, 35.62],
  [139.6, 34.6],
  [136, 31.5],
  [124, 22],
  [120, 19],
  [112, 10],
  [105.5, 2.5],
  [104.3, 1.3],
  [103.82, 1.27],
];
const AUSTRALIA: readonly Waypoint[] = [
  [103.82, 1.27],
  [106.5, -3],
  [106.5, -5.5],
  [105.5, -6.3],
  [112, -10],
  [127, -9.8],
  [133, -10.2],
  [142.2, -10.6],
  [145.5, -14],
  [153.5, -24],
  [153.8, -29],
  [151.9, -33.5],
  [151.22, -33.97],
];

export function makeWorld(seed: number, containerCount = 300): FakeWorld {
  const random = mulberry32(seed);
  const now = Date.parse(WORLD_TIME);
  const at = (hoursAgo: number): string => new Date(now - hoursAgo * 3_600_000).toISOString();
  const ships = makeShips(at);
  const containers = makeContainers(random, containerCount, at);
  for (const ship of ships) {
    const aboard = containers.filter((one) => one.vessel === ship.imo).length;
    Object.assign(ship, { containersAboard: aboard });
  }
  return {
    ships,
    containers,
    alerts: makeAlerts(containers, at),
    sites: makeSites(ships, at),
    links: makeLinks(at),
    simulation: makeSimulation(ships),
    containerHistory: (id) => (id === REEFER ? pacificHistory(at) : duckHistory(id, at)),
    shipHistory: (imo) => shipHistory(imo, at),
  };
}

function makeShips(at: (hours: number) => string): ShipState[] {
  const [hLon, hLat] = along(PACIFIC, 0.52);
  const [iLon, iLat] = along(AUSTRALIA, 0.72);
  return [
    {
      imo: HYACINTH,
      name: "Big Blue Hyacinth",
      time: at(0.5),
      knownSince: at(0),
      longitude: wrap(hLon),
      latitude: hLat,
      speedKn: 18.4,
      courseDeg: 92,
      lastLink: "satellite",
      voyage: "041E",
      nextPort: "USLAX",
      containersAboard: 0,
      environment: { time: at(0.5), temperatureC: 9.4, humidityPct: 88, shockG: 0.31, tiltDeg: 7.2 },
    },
    {
      imo: IRIS,
      name: "Big Blue Iris",
      time: at(9),
      knownSince: at(9),
      longitude: iLon,
      latitude: iLat,
      speedKn: 16.1,
      courseDeg: 158,
      lastLink: "satellite",
      voyage: "112S",
      nextPort: "AUSYD",
      containersAboard: 0,
    },
    {
      imo: LOTUS,
      name: "Big Blue Lotus",
      time: at(0.2),
      knownSince: at(0),
      longitude: 139.7895,
      latitude: 35.6175,
      speedKn: 0,
      headingDeg: 40,
      lastLink: "port",
      voyage: "077W",
      nextPort: "SGSIN",
      docked: "JPTYO",
      containersAboard: 0,
    },
  ];
}

const STATUSES: readonly (readonly [ContainerStatus, number])[] = [
  ["fine", 0.86],
  ["out-of-range", 0.9],
  ["no-power", 0.93],
  ["door-open", 0.95],
  ["unknown", 1],
];

function makeContainers(random: () => number, count: number, at: (hours: number) => string): ContainerState[] {
  const [hLon, hLat] = along(PACIFIC, 0.52);
  const [iLon, iLat] = along(AUSTRALIA, 0.72);
  const spots: readonly (readonly [share: number, spot: Partial<ContainerState>])[] = [
    [0.3, { vessel: HYACINTH, longitude: wrap(hLon), latitude: hLat }],
    [0.5, { vessel: IRIS, longitude: iLon, latitude: iLat }],
    [0.65, { vessel: LOTUS, longitude: 139.7895, latitude: 35.6175 }],
    ...DEMO_PLACES.map(
      ({ locode, longitude, latitude }, i) =>
        [0.65 + (i + 1) * 0.0875, { location: locode, longitude, latitude }] as const,
    ),
  ];
  const ids = [
    DUCKS,
    REEFER,
    ...Array.from({ length: count - 2 }, (_, i) =>
      container(i % 3 === 0 ? "DUKU" : i % 3 === 1 ? "PFSU" : "BBLU", 100_000 + i * 37),
    ),
  ];
  return ids.map((id, i) => {
    const roll = random();
    const pick = random();
    const spot = i === 0 ? spots[1]?.[1] : i === 1 ? spots[0]?.[1] : spots.find(([share]) => pick <= share)?.[1];
    const status: ContainerStatus =
      i === 0 ? "fine" : i === 2 ? "lost" : (STATUSES.find(([, share]) => roll <= share)?.[0] ?? "fine");
    const reefer = id.startsWith("PFSU");
    return {
      container: id,
      owner: id.startsWith("PFSU") ? "polarfoods" : id.startsWith("BBLU") ? "bigblue" : "duckworks",
      status,
      time: at(0.2 + random() * 6),
      knownSince: at(0.1),
      measurements: {
        temperatureC: round(reefer ? -18 + random() * 1.5 : 12 + random() * 14, 1),
        ...(reefer ? { setpointC: -18, supplyAirC: -18.4, returnAirC: -17.2, powered: status !== "no-power" } : {}),
        humidityPct: round(45 + random() * 40, 0),
        shockG: round(random() * 0.6, 2),
        batteryPct: round(40 + random() * 60, 0),
        doorOpen: status === "door-open",
      },
      ...spot,
    };
  });
}

const RULE_LIMITS = {
  LOST: { lostAfterMinutes: 45, othersReportingMin: 2 },
  OUT_OF_RANGE: { rangeToleranceC: 3, outOfRangeAfterMinutes: 60, backInRangeAfterMinutes: 30, gapMinutes: 45 },
  NO_POWER: { noPowerAfterMinutes: 15 },
  DOOR_OPEN: { doorOpenAfterMinutes: 5 },
} as const;

function makeAlerts(containers: readonly ContainerState[], at: (hours: number) => string): ApiAlert[] {
  const types = {
    lost: "LOST",
    "out-of-range": "OUT_OF_RANGE",
    "no-power": "NO_POWER",
    "door-open": "DOOR_OPEN",
  } as const;
  const words = {
    LOST: "Not heard since a roll of 31°; the boxes around it still report. It may have gone over the side.",
    OUT_OF_RANGE: "Two degrees above its set point for 45 minutes.",
    NO_POWER: "The plug gives no power; the battery keeps the sensor alive.",
    DOOR_OPEN: "The door opened at sea.",
    SHOCK: "A shock of 3.1 g.",
    SILENT: "No word for half a day.",
  };
  return containers.flatMap(({ container: id, status, owner, vessel, longitude, latitude }, i): ApiAlert[] => {
    if (status === "fine" || status === "unknown" || i % 2 === 1) return [];
    const type = types[status];
    return [
      {
        id: `${id}-${type}`,
        type,
        severity: type === "LOST" ? "critical" : "warning",
        state: i % 4 === 0 ? "cleared" : "raised",
        container: id,
        owner,
        time: at(2 + i * 0.37),
        knownSince: at(1.9 + i * 0.37),
        message: words[type],
        rule: { limits: RULE_LIMITS[type], version: 1_784_563_200_000_000 },
        ...(vessel === undefined ? {} : { vessel }),
        ...(longitude === undefined || latitude === undefined ? {} : { longitude, latitude }),
      },
    ];
  });
}

function makeSites(ships: readonly ShipState[], at: (hours: number) => string): ApiSite[] {
  const holding = (has: number, lacks: number): ApiSite["streams"] => [
    { stream: "bigblue.containers", has, lacks: Math.round(lacks * 0.6) },
    { stream: "bigblue.ships", has: Math.round(has / 9), lacks: 0 },
    { stream: "duckworks.containers", has: Math.round(has / 3), lacks: Math.round(lacks * 0.3) },
    {
      stream: "polarfoods.containers",
      has: Math.round(has / 4),
      lacks: lacks - Math.round(lacks * 0.6) - Math.round(lacks * 0.3),
    },
  ];
  const names: Readonly<Record<string, string>> = {
    JPTYO: "tokyo",
    SGSIN: "singapore",
    AUSYD: "sydney",
    USLAX: "los-angeles",
  };
  const lacks: Readonly<Record<string, number>> = { JPTYO: 0, SGSIN: 320, AUSYD: 5210, USLAX: 48 };
  const ports = DEMO_PLACES.map((place): ApiSite => ({
    site: names[place.locode] ?? place.locode,
    kind: place.locode === "USLAX" ? "hq" : "port",
    name: place.locode === "USLAX" ? "Big Blue headquarters, Los Angeles" : `Port of ${place.name}`,
    owner: "bigblue",
    locode: place.locode,
    latitude: place.latitude,
    longitude: place.longitude,
    lastContact: at(0),
    notAshore: 0,
    streams: holding(182_400, lacks[place.locode] ?? 0),
  }));
  const tokyo = placeOf("JPTYO");
  const duckworks: ApiSite = {
    site: "duckworks",
    kind: "hq",
    name: "Duckworks headquarters",
    owner: "duckworks",
    locode: "JPTYO",
    ...(tokyo ? { latitude: tokyo.latitude, longitude: tokyo.longitude } : {}),
    lastContact: at(0),
    notAshore: 0,
    streams: [{ stream: "duckworks.containers", has: 60_800, lacks: 0 }],
  };
  const vessels = ships.map((ship, i): ApiSite => ({
    site: `ship-${ship.imo}`,
    kind: "ship",
    name: ship.name,
    owner: "bigblue",
    imo: ship.imo,
    lastContact: at(i),
    notAshore: ship.docked === undefined ? 14_208 + i * 3_117 : 0,
    streams: holding(24_000, 0),
  }));
  return [...ports, duckworks, ...vessels];
}

function makeLinks(at: (hours: number) => string): ApiLink[] {
  const link = (from: string, to: string, more: Partial<ApiLink> = {}): ApiLink => ({
    id: `${from}~${to}`,
    from,
    to,
    class: "wan",
    state: "up",
    backlogRecords: 0,
    recordsPerSecond: 0,
    bytesPerSecond: 0,
    roundTripMs: 84,
    lastContact: at(0),
    ...more,
  });
  return [
    link("tokyo", "singapore", {
      bytesPerSecond: 48_200,
      recordsPerSecond: 412,
      backlogRecords: 320,
      backlogBytes: 37_400,
      secondsToGo: 1,
      there: { backlogRecords: 20, bytesPerSecond: 1_100, recordsPerSecond: 10 },
      back: { backlogRecords: 300, bytesPerSecond: 47_100, recordsPerSecond: 402 },
    }),
    link("tokyo", "sydney", { state: "degraded", roundTripMs: 1840, backlogRecords: 2210 }),
    link("tokyo", "los-angeles", { bytesPerSecond: 12_900, recordsPerSecond: 96 }),
    link("singapore", "sydney", { state: "down", backlogRecords: 5210, problem: "nothing heard for 5 s" }),
    link("singapore", "los-angeles"),
    link("sydney", "los-angeles"),
    link("duckworks", "tokyo", { roundTripMs: 3 }),
    ...[HYACINTH, IRIS, LOTUS].flatMap((imo) => [
      link(`ship-${imo}`, "los-angeles", {
        class: "satellite",
        roundTripMs: 640,
        bytesPerSecond: imo === HYACINTH ? 210 : 0,
        recordsPerSecond: imo === HYACINTH ? 1 : 0,
        budget: { bytesPerDay: 5_000_000, usedBytes: 3_800_000, leftBytes: 1_200_000 },
      }),
      ...["tokyo", "singapore", "sydney"].map((port) =>
        link(
          `ship-${imo}`,
          port,
          imo === LOTUS && port === "tokyo"
            ? { class: "port", bytesPerSecond: 612_000, recordsPerSecond: 5_300, roundTripMs: 41 }
            : { class: "port", state: "down" },
        ),
      ),
    ]),
  ];
}

function makeSimulation(ships: readonly ShipState[]): SimulationState {
  return {
    time: WORLD_TIME,
    speed: 1000,
    waiting: false,
    ships: ships.map((ship) => ({
      imo: ship.imo,
      name: ship.name,
      phase: ship.docked === undefined ? "at-sea" : "docked",
      port: ship.docked ?? ship.nextPort ?? "SGSIN",
      latitude: ship.latitude ?? 0,
      longitude: ship.longitude ?? 0,
      containers: 80,
      ...(ship.docked === undefined ? { eta: "2026-11-11T06:00:00Z" } : {}),
    })),
    links: makeLinks(() => WORLD_TIME).map((link) => ({
      id: link.id,
      from: link.from,
      to: link.to,
      class: link.class,
      state: link.state === "down" ? "down" : "up",
      outOfReach: link.class === "port" && link.state === "down",
      latencyMs: link.state === "degraded" ? 900 : 0,
      kbps: link.state === "degraded" ? 64 : 0,
      lossPct: 0,
      bytesPerSecond: link.bytesPerSecond ?? 0,
    })),
    nodes: [
      { site: "tokyo", state: "up" },
      { site: "los-angeles", state: "up" },
    ],
    story: [
      { time: "2026-11-03T04:10:00Z", text: "120 containers of ducks are loaded aboard Big Blue Hyacinth in Tokyo." },
      { time: "2026-11-06T09:40:00Z", text: "Big Blue Iris sails from Singapore with the ducks that changed ship." },
      { time: "2026-11-09T11:02:00Z", text: "Heavy weather off Sydney: Big Blue Iris rolls 31°." },
      { time: "2026-11-09T15:20:00Z", text: "A container of ducks goes over the side of Big Blue Iris." },
    ],
  };
}

/** Tokyo to Singapore known only on arrival, then on another ship as it happens. */
function duckHistory(id: string, at: (hours: number) => string): ContainerHistoryReply {
  const first = track(SOUTH, 300, 170, { ship: HYACINTH, at, late: true, celsius: 14, stream: "duckworks.containers" });
  const second = track(AUSTRALIA, 120, 2, {
    ship: IRIS,
    at,
    late: false,
    celsius: 26,
    until: 0.72,
    stream: "duckworks.containers",
  });
  const events: ContainerEvent[] = [
    { type: "GTIN", time: at(312), location: "JPTYO", knownSince: at(312) },
    { type: "LOAD", time: at(302), location: "JPTYO", vessel: HYACINTH, voyage: "040S", knownSince: at(302) },
    { type: "DISC", time: at(168), location: "SGSIN", vessel: HYACINTH, voyage: "040S", knownSince: at(168) },
    { type: "LOAD", time: at(124), location: "SGSIN", vessel: IRIS, voyage: "112S", knownSince: at(124) },
  ];
  const from = (share: number): string => at(300 - 130 * share);
  const gap = { stream: "duckworks.containers", origin: `ship-${HYACINTH}.a~1` };
  const gaps: HistoryGap[] = [
    { ...gap, fromSeq: 7000, toSeq: 8200, records: 1200, reason: "missed", from: from(GAP[0]), to: from(GAP[1]) },
  ];
  return { container: id, points: [...first, ...second], events, gaps, total: 4 * (first.length + second.length) };
}

function pacificHistory(at: (hours: number) => string): ContainerHistoryReply {
  const points = track(PACIFIC, 150, 0.5, {
    ship: HYACINTH,
    at,
    late: false,
    celsius: -18,
    until: 0.52,
    setpoint: -18,
    stream: "polarfoods.containers",
  });
  const events: ContainerEvent[] = [
    { type: "LOAD", time: at(152), location: "JPTYO", vessel: HYACINTH, voyage: "041E", knownSince: at(152) },
  ];
  const gaps: HistoryGap[] = [
    {
      stream: "polarfoods.containers",
      origin: `ship-${HYACINTH}.a~1`,
      fromSeq: 0,
      toSeq: 5400,
      records: 5400,
      reason: "expired",
      to: points[0]?.time ?? at(150),
    },
  ];
  return { container: REEFER, points, events, gaps, total: points.length };
}

function shipHistory(imo: string, at: (hours: number) => string): ShipHistoryReply {
  const [path, until] = imo === IRIS ? ([AUSTRALIA, 0.72] as const) : ([PACIFIC, 0.52] as const);
  const points = track(path, 130, 0.5, {
    ship: imo,
    at,
    late: false,
    celsius: 21,
    until,
    stream: "bigblue.ships",
    speed: true,
  });
  const from = imo === IRIS ? "SGSIN" : "JPTYO";
  return {
    imo,
    points,
    events: [
      { type: "ARRI", time: at(160), location: from, knownSince: at(160) },
      { type: "DEPA", time: at(131), location: from, voyage: imo === IRIS ? "112S" : "041E", knownSince: at(131) },
    ],
    gaps: [],
    total: points.length,
  };
}

interface TrackOptions {
  readonly ship: string;
  readonly at: (hours: number) => string;
  readonly late: boolean;
  readonly celsius: number;
  readonly stream: string;
  readonly setpoint?: number;
  /** Share of the way that is behind it. */
  readonly until?: number;
  readonly speed?: boolean;
}

const TRACK_STEPS = 260;
/** A stretch without readings, as shares of the way. */
const GAP = [0.55, 0.62] as const;
/** When a reefer defrosts: two readings, and the air that comes back is warmer. */
const DEFROST = [0.4, 0.405] as const;
const DEFROST_WARMS_C = 5;

function track(path: readonly Waypoint[], fromHours: number, toHours: number, options: TrackOptions): HistoryPoint[] {
  const { at, ship, celsius, setpoint, until = 1, late, stream, speed } = options;
  const points: HistoryPoint[] = [];
  for (let i = 0; i <= TRACK_STEPS; i++) {
    const share = i / TRACK_STEPS;
    if (share > GAP[0] && share < GAP[1]) continue;
    const hours = fromHours + (toHours - fromHours) * share;
    const [longitude, latitude] = along(path, share * until);
    const warm = setpoint !== undefined && share > 0.7 && share < 0.8 ? (share - 0.7) * 40 : 0;
    const defrosting = share >= DEFROST[0] && share < DEFROST[1];
    points.push({
      time: at(hours),
      received: at(hours),
      knownSince: late ? at(toHours) : at(hours - 0.001),
      offset: 1024 * i,
      origin: `ship-${ship}`,
      stream,
      longitude: wrap(longitude),
      latitude,
      ...(speed ? { speedKn: round(16 + 2 * Math.sin(share * 20), 1) } : {}),
      temperatureC: round(
        celsius + 3 * Math.sin((hours / 24) * 2 * Math.PI) * (setpoint === undefined ? 1 : 0.1) + warm,
        1,
      ),
      ...(setpoint === undefined
        ? {}
        : {
            setpointC: setpoint,
            supplyAirC: round(celsius - 0.4 + warm, 1),
            returnAirC: round(celsius + 0.8 + warm + (defrosting ? DEFROST_WARMS_C : 0), 1),
            powered: warm === 0,
            defrosting,
          }),
      humidityPct: round(70 + 12 * Math.sin(hours / 9), 0),
      shockG: round(0.1 + 0.4 * Math.abs(Math.sin(hours / 5)) ** 4, 2),
      batteryPct: round(95 - 20 * share, 0),
    });
  }
  return points;
}

/** The point at a share of the way; longitudes continuous. */
function along(path: readonly Waypoint[], share: number): Waypoint {
  const lengths = path.slice(1).map(([x, y], i) => Math.hypot(x - (path[i]?.[0] ?? 0), y - (path[i]?.[1] ?? 0)));
  let left = share * lengths.reduce((a, b) => a + b, 0);
  for (const [i, length] of lengths.entries()) {
    const [ax, ay] = path[i] ?? [0, 0];
    const [bx, by] = path[i + 1] ?? [0, 0];
    if (left <= length) return [ax + ((bx - ax) * left) / length, ay + ((by - ay) * left) / length];
    left -= length;
  }
  return path.at(-1) ?? [0, 0];
}

function container(owner: string, serial: number): string {
  const body = `${owner}${String(serial).padStart(6, "0")}`;
  return `${body}${containerCheckDigit(body)}`;
}

function wrap(longitude: number): number {
  return longitude >= 180 ? longitude - 360 : longitude;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** A small generator; the same seed gives the same world. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
