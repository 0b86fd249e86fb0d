import { REPORT_INTERVAL_MS } from "../limits.js";
import { hash, uniform } from "../random.js";
import { containerNumber } from "./fleet.js";
import { stuffed } from "./inside.js";
import type { BookingState, ContainerKind, ContainerState, Owner } from "./state.js";

const HOUR_MS = 3_600_000;

/** A lot of containers that take the same way. */
interface Lot {
  /** Share of all containers. */
  readonly share: number;
  readonly owner: Owner;
  readonly kind: ContainerKind;
  readonly cargo: readonly string[];
  readonly setpointsC?: readonly number[];
  readonly from: string;
  readonly route: readonly string[];
  /** Index of the only ship that takes them. */
  readonly ship?: number;
  /** They come to the gate between these hours after the start. */
  readonly gateHours: readonly [number, number];
  readonly booking: BookingState;
  readonly home?: string;
}

const DUCKS = ["rubber ducks", "rubber ducks", "bath ducks", "rubber ducks, assorted"];
const GENERAL = ["furniture", "tyres", "machine parts", "ceramics", "bicycles", "paper", "electronics"];
const FROZEN = ["tuna, frozen", "prawns, frozen", "ice cream", "beef, chilled", "salmon, chilled", "vaccines"];
const FROZEN_C = [-20, -18, -22, -1.5, 0.5, 4];
const FRUIT = ["mangosteens", "durian", "orchids", "papayas"];
const FRUIT_C = [13, 12, 13, 10];

const FIRST = 1;
const PACIFIC = 2;
const DUCK = 0;

/**
 * Who sends what whence and whither when the story begins. Ducks and others wait in Tokyo for the duck ship,
 * the first ship has been loaded there days before, the third crosses the Pacific, the fourth comes up from Sydney.
 */
export function lots(ships: number): readonly Lot[] {
  const four = ships >= 4;
  const carrier = { owner: "bigblue", kind: "dry", cargo: GENERAL, booking: "wanted" } as const;
  const nobody = { owner: "", kind: "dry", cargo: GENERAL, booking: "none" } as const;
  const polar = {
    owner: "polarfoods",
    kind: "reefer",
    cargo: FROZEN,
    setpointsC: FROZEN_C,
    booking: "wanted",
  } as const;
  const ducks = { owner: "duckworks", kind: "dry", cargo: DUCKS, booking: "wanted", home: "JPTYO" } as const;
  const lots: Lot[] = [
    { ...ducks, share: 0.12, from: "JPTYO", route: ["AUSYD"], ship: DUCK, gateHours: [126, 152] },
    { ...ducks, share: 0.08, from: "JPTYO", route: ["SGSIN", "AUSYD"], ship: DUCK, gateHours: [126, 152] },
    { ...carrier, share: 0.05, from: "JPTYO", route: ["AUSYD"], ship: DUCK, gateHours: [124, 150] },
    { ...nobody, share: 0.03, from: "JPTYO", route: ["SGSIN"], ship: DUCK, gateHours: [124, 150] },
    { ...carrier, share: 0.09, from: "JPTYO", route: ["SGSIN"], ship: FIRST, gateHours: [0.2, 3] },
    { ...nobody, share: 0.04, from: "JPTYO", route: ["SGSIN"], ship: FIRST, gateHours: [0.2, 3] },
    { ...polar, share: 0.06, from: "JPTYO", route: ["SGSIN"], ship: FIRST, gateHours: [0.2, 3] },
    { ...carrier, share: 0.08, from: "JPTYO", route: ["USLAX"], ship: PACIFIC, gateHours: [62, 76] },
    { ...polar, share: 0.06, from: "JPTYO", route: ["USLAX"], ship: PACIFIC, gateHours: [62, 76] },
    { ...carrier, share: 0.06, from: "SGSIN", route: ["JPTYO"], gateHours: [130, 156] },
    {
      ...({ owner: "polarfoods", kind: "reefer", cargo: FRUIT, setpointsC: FRUIT_C, booking: "later" } as const),
      share: 0.08,
      from: "SGSIN",
      route: ["AUSYD"],
      ship: DUCK,
      gateHours: [Infinity, Infinity],
    },
  ];
  // Without a fourth ship its cargo waits in Sydney for whoever calls.
  const up = { from: "AUSYD", route: ["SGSIN"], gateHours: [78, 92] as const, ...(four ? { ship: 3 } : {}) };
  lots.push({ ...polar, share: 0.07, ...up }, { ...carrier, share: 0.05, ...up }, { ...nobody, share: 0.02, ...up });
  lots.push(
    // Return cargo, so that no ship sails home empty.
    { ...polar, share: 0.03, from: "AUSYD", route: ["JPTYO"], gateHours: [500, 560] },
    { ...carrier, share: 0.03, from: "USLAX", route: ["JPTYO"], gateHours: [280, 340] },
    { ...carrier, share: 0.06, from: "JPTYO", route: ["SGSIN"], gateHours: [200, 340] },
  );
  return lots;
}

/** The containers of the fleet at the start, all of them still inland of the port of their lot. */
export function population(
  seed: number,
  startMs: number,
  containers: number,
  imos: readonly string[],
): readonly ContainerState[] {
  const boxes: ContainerState[] = [];
  const serial = { dry: 0, reefer: 0, leased: 0 };
  const all = lots(imos.length);
  all.forEach((lot, lotIndex) => {
    const rest = containers - boxes.length - (all.length - 1 - lotIndex);
    const count = Math.max(1, lotIndex === all.length - 1 ? rest : Math.min(rest, Math.round(containers * lot.share)));
    for (let i = 0; i < count; i++) {
      const series = lot.owner === "" ? "leased" : lot.kind;
      const id = containerNumber(series, serial[series]++);
      boxes.push(newContainer(seed, startMs, lot, id, imos));
    }
  });
  return boxes;
}

function newContainer(seed: number, startMs: number, lot: Lot, id: string, imos: readonly string[]): ContainerState {
  const pick = hash(seed, "cargo", id) % lot.cargo.length;
  const setpointC = lot.setpointsC?.[pick];
  const [first, last] = lot.gateHours;
  const known = Number.isFinite(first);
  const gateInMs = known ? startMs + (first + (last - first) * uniform(seed, "gate", id)) * HOUR_MS : undefined;
  // The sensor is switched on when the container is stuffed, shortly before it comes to the gate.
  const wakeMs = gateInMs === undefined ? Number.MAX_SAFE_INTEGER : gateInMs - 0.1 * HOUR_MS;
  // Whole seconds, and never the second of a tick, so that reports do not come in one breath.
  const phaseMs = (hash(seed, "phase", id) % (REPORT_INTERVAL_MS / 1000)) * 1000;
  const vessel = lot.ship === undefined ? undefined : imos[lot.ship];
  return {
    id,
    kind: lot.kind,
    cargo: lot.cargo[pick] ?? "",
    owner: lot.owner,
    bookedFromMs: startMs - 24 * HOUR_MS,
    booking: lot.booking,
    home: lot.home ?? lot.from,
    place: { at: "road", port: lot.from },
    route: lot.route,
    ...(vessel === undefined ? {} : { vessel }),
    sinceMs: startMs,
    slot: 0,
    ...(gateInMs === undefined ? {} : { gateInMs }),
    wakeMs,
    phaseMs,
    // Packed and cooled when the sensor is switched on.
    inside: stuffed(lot.kind, setpointC, gateInMs === undefined ? startMs : wakeMs, phaseMs),
  };
}
