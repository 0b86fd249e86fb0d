import type { LinkClass, SiteKind } from "@landfall/proto/api";
import { imoNumber, SHIP_NAMES, shipSite } from "../world/fleet.js";

/** The demo's fleet: which sites there are, on which ports, and how they are linked. */

export interface Site {
  readonly site: string;
  readonly kind: SiteKind;
  readonly name: string;
  readonly owner: "bigblue" | "duckworks";
  readonly groups: readonly string[];
  readonly imo?: string;
  readonly locode?: string;
  readonly http: number;
  /** Port on which it accepts other sites. */
  readonly replication?: number;
  readonly mqtt?: number;
  /** Streams that it wants to hold. */
  readonly wants: readonly string[];
}

export interface DemoLink {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly class: LinkClass;
  /** Port of the proxy that the dialling side dials. */
  readonly proxy: number;
  readonly latencyMs: number;
  readonly kbps: number;
  readonly carries?: readonly string[];
  /** Bytes that may cross in a day, both ways; absent without a budget. */
  readonly budgetBytesPerDay?: number;
  readonly reach?: { readonly imo: string; readonly port: string };
}

export interface Topology {
  readonly sites: readonly Site[];
  readonly links: readonly DemoLink[];
  /** Port of the simulator's controls. */
  readonly control: number;
  /** Port of the Kafka broker, where the demo has one. */
  readonly kafka: number;
}

export interface Ports {
  /** Of the map; not moved by the base. */
  readonly web: number;
  /** Added to every other port. */
  readonly base: number;
}

/** One way, and per direction. A terminal's radio link, shared by all that is alongside. */
const PORT_LINK = { latencyMs: 20, kbps: 6_000 };
/** By way of a satellite 36,000 km up. */
const SATELLITE = { latencyMs: 300, kbps: 256 };
/**
 * Of each ship's satellite, for a real day. The simulated weeks go by in one: enough for their positions and alerts, little
 * enough that the map shows it being used.
 */
const SATELLITE_BYTES_PER_DAY = 20_000_000;
const LAN = { latencyMs: 1, kbps: 0 };

/** One-way delays between the shore sites, from the length of the cables. */
const WAN_LATENCY_MS: Readonly<Record<string, number>> = {
  "tokyo~singapore": 35,
  "tokyo~sydney": 55,
  "tokyo~los-angeles": 52,
  "singapore~sydney": 47,
  "singapore~los-angeles": 88,
  "sydney~los-angeles": 70,
  "duckworks~tokyo": 4,
};

const PORTS = [
  { site: "tokyo", locode: "JPTYO", name: "Tokyo" },
  { site: "singapore", locode: "SGSIN", name: "Singapore" },
  { site: "sydney", locode: "AUSYD", name: "Sydney" },
] as const;

export function topology(ships: number, ports: Ports): Topology {
  const at = (port: number): number => port + ports.base;
  const bigblue = { owner: "bigblue", groups: ["bigblue-sites"] } as const;
  const imos = Array.from({ length: ships }, (_, i) => imoNumber(i));
  const sites: Site[] = [
    ...PORTS.map(({ site, locode, name }, i): Site => {
      const node = { http: at(8101 + i), replication: at(9101 + i), wants: ["*"] };
      return { site, kind: "port", name: `Port of ${name}`, ...bigblue, locode, ...node };
    }),
    {
      site: "los-angeles",
      kind: "hq",
      name: "Big Blue, Los Angeles",
      ...bigblue,
      locode: "USLAX",
      http: ports.web,
      replication: at(9104),
      wants: ["*"],
    },
    {
      site: "duckworks",
      kind: "hq",
      name: "Duckworks, Tokyo",
      owner: "duckworks",
      groups: [],
      locode: "JPTYO",
      http: at(8081),
      wants: ["duckworks.*"],
    },
    ...PORTS.map(({ site, locode, name }, i): Site => {
      const node = { http: at(8111 + i), mqtt: at(2883 + i), wants: ["*.settings"] };
      return { site: `${site}-yard`, kind: "yard", name: `${name} yard`, ...bigblue, locode, ...node };
    }),
    ...imos.map((imo, i): Site => {
      const node = { http: at(8121 + i), mqtt: at(1883 + i), wants: ["*.settings"] };
      return { site: shipSite(imo), kind: "ship", name: SHIP_NAMES[i] ?? imo, ...bigblue, imo, ...node };
    }),
  ];
  let proxy = 9201;
  const link = (from: string, to: string, rest: Omit<DemoLink, "id" | "from" | "to" | "proxy">): DemoLink => ({
    id: `${from}~${to}`,
    from,
    to,
    proxy: at(proxy++),
    ...rest,
  });
  const links: DemoLink[] = [
    ...Object.entries(WAN_LATENCY_MS).map(([id, latencyMs]) => {
      const [from = "", to = ""] = id.split("~");
      return link(from, to, { class: "wan", latencyMs, kbps: 0 });
    }),
    ...PORTS.map(({ site }) => link(`${site}-yard`, site, { class: "lan", ...LAN })),
    ...imos.flatMap((imo) => [
      ...PORTS.map(({ site, locode }) =>
        link(shipSite(imo), site, { class: "port", ...PORT_LINK, reach: { imo, port: locode } }),
      ),
      link(shipSite(imo), "los-angeles", {
        class: "satellite",
        ...SATELLITE,
        carries: ["*.alerts", "*.ships"],
        budgetBytesPerDay: SATELLITE_BYTES_PER_DAY,
      }),
      // The same site over two links: alongside in Los Angeles everything crosses, at sea only what may use a satellite.
      {
        ...link(shipSite(imo), "los-angeles", { class: "port", ...PORT_LINK, reach: { imo, port: "USLAX" } }),
        id: `${shipSite(imo)}~los-angeles-quay`,
      },
    ]),
  ];
  return { sites, links, control: at(8099), kafka: at(9092) };
}

/** The carrier's sites hold a stream, write into it and pass it on. */
const CARRIERS = { replicate: "g:bigblue-sites", produce: "g:bigblue-sites" } as const;
/** Bookings and rules, who may write what among them, are the carrier's headquarters' to say. */
const SETTLED = { ...CARRIERS, produce: "u:site.los-angeles" } as const;
const OF_DUCKWORKS = {
  read: "g:bigblue-ops | g:duckworks",
  replicate: "g:bigblue-sites | u:site.duckworks",
  relay: "g:bigblue-sites",
} as const;

/**
 * Access rules of the fleet; the first that matches counts. The manufacturer's site gets its streams, and writes into those that
 * are about itself: no sensor reports to it.
 */
export const ACCESS = [
  { stream: "bigblue.settings", read: "g:bigblue-ops", ...SETTLED },
  { stream: "bigblue.*", read: "g:bigblue-ops", ...CARRIERS },
  { stream: "duckworks.settings", ...OF_DUCKWORKS, produce: "u:site.los-angeles" },
  { stream: "duckworks.metrics", ...OF_DUCKWORKS, produce: "u:site.duckworks" },
  { stream: "duckworks.exceptions", ...OF_DUCKWORKS, produce: "u:site.duckworks" },
  // Who looked at the ducks anywhere is told to whose they are.
  { stream: "duckworks.audit", ...OF_DUCKWORKS, produce: "g:bigblue-sites | u:site.duckworks" },
  // What the manufacturer's people say on an alert at their own headquarters stands beside it.
  { stream: "duckworks.alerts", ...OF_DUCKWORKS, produce: "g:bigblue-sites | u:site.duckworks" },
  { stream: "duckworks.*", ...OF_DUCKWORKS, produce: "g:bigblue-sites" },
  { stream: "polarfoods.settings", read: "g:bigblue-ops | g:polarfoods", ...SETTLED },
  { stream: "polarfoods.*", read: "g:bigblue-ops | g:polarfoods", ...CARRIERS },
  { stream: "port.ausyd.events", read: "g:bigblue-ops | g:port-ausyd", ...CARRIERS },
  { stream: "port.*", read: "g:bigblue-ops", ...CARRIERS },
] as const;

export const DEMO_PASSWORD = "landfall";

export interface DemoUser {
  readonly name: string;
  readonly displayName: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  /** For people, at the sign-in page. */
  readonly sees: string;
}

/** Who may sign in where. */
export const USERS: Readonly<Record<"los-angeles" | "duckworks", readonly DemoUser[]>> = {
  "los-angeles": [
    {
      name: "ops",
      displayName: "Big Blue operations",
      groups: ["bigblue-ops"],
      roles: ["admin"],
      sees: "everything, and steers the voyage",
    },
    {
      name: "ducky",
      displayName: "Duckworks",
      groups: ["duckworks"],
      roles: [],
      sees: "the manufacturer's ducks, and nobody else's cargo",
    },
    {
      name: "sydney",
      displayName: "Sydney port authority",
      groups: ["port-ausyd"],
      roles: [],
      sees: "what happens in the port of Sydney",
    },
  ],
  duckworks: [
    {
      name: "ducky",
      displayName: "Duckworks",
      groups: ["duckworks"],
      roles: ["admin"],
      sees: "the ducks, at the manufacturer's own site",
    },
  ],
};
