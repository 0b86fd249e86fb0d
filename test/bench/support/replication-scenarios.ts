import { rmSync } from "node:fs";
import { join } from "node:path";
import { alerts, memory, rawLink, serveShip, unload, type Wire } from "./replication-backlog.js";
import { hops, liveBytes } from "./replication-live.js";
import { fillShip } from "./replication-load.js";
import { mirror, PEER_WAYS } from "./replication-peers.js";
import { cuts, mesh, simulated } from "./replication-twice.js";

export type Figures = Record<string, number>;

export interface Options {
  /** Records of an ordinary backlog, of 1,000 containers. */
  readonly records: number;
  /** Records of the voyage's backlog, of 10,000 containers. */
  readonly voyage: number;
  /** This program. */
  readonly self: string;
  /** Of the port, for a ship in a process of its own. */
  readonly port: number;
}

const BACKLOG_CONTAINERS = 1_000;
const VOYAGE_CONTAINERS = 10_000;
const LOOPBACK: Wire = { linkClass: "wan", oneWayMs: 0, kbps: 0 };
const LONG: Wire = { linkClass: "wan", oneWayMs: 300, kbps: 0 };
const TEN_MBIT: Wire = { linkClass: "port", oneWayMs: 10, kbps: 10_000 };
const ONE_MBIT: Wire = { linkClass: "port", oneWayMs: 25, kbps: 1_000 };
const ALERTS = 8;
const LIVE_SECONDS = 15;
const HOP_RECORDS = 500;
const SOURCE_CHANGES = 1_000;
const CUTS = 100;

const SCENARIOS: Record<string, (folder: string, options: Options) => Promise<Figures>> = {
  "fill-sealed": async (folder, { records }) => ({ records: await backlog(folder, records, true) }),
  sealed: (folder) => unload(folder, LOOPBACK),
  long: (folder) => unload(folder, LONG),
  // Sealing it for the port changes the ship's folder: it is filled anew each time.
  unsealed: async (folder, { records }) => {
    rmSync(join(folder, "ship"), { recursive: true, force: true });
    await backlog(folder, records, false);
    return unload(folder, LOOPBACK);
  },
  "fill-voyage": async (folder, { voyage }) => {
    const reports = Math.ceil(voyage / VOYAGE_CONTAINERS);
    return { records: await fillShip(join(folder, "ship"), VOYAGE_CONTAINERS, reports, true) };
  },
  "raw-link": () => rawLink(TEN_MBIT),
  voyage: (folder) => unload(folder, TEN_MBIT),
  alert: (folder) => alerts(folder, ONE_MBIT, ALERTS),
  memory: (folder, { self }) => memory(folder, self),
  ship: (folder, { port }) => serveShip(folder, port),
  "live-bytes": (folder) => liveBytes(folder, LIVE_SECONDS),
  hops: (folder) => hops(folder, HOP_RECORDS),
  mesh: (folder) => mesh(folder, SOURCE_CHANGES),
  cuts: (folder) => cuts(folder, CUTS),
  simulated: () => Promise.resolve(simulated()),
  ...Object.fromEntries(
    PEER_WAYS.map((way) => [
      way.scenario,
      (folder: string, { records }: Options) => mirror(join(folder, way.scenario), records, way),
    ]),
  ),
};

export function runScenario(name: string, folder: string, options: Options): Promise<Figures> {
  const scenario = SCENARIOS[name];
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  return scenario(folder, options);
}

function backlog(folder: string, records: number, sealed: boolean): Promise<number> {
  return fillShip(join(folder, "ship"), BACKLOG_CONTAINERS, Math.ceil(records / BACKLOG_CONTAINERS), sealed);
}
