import type {
  ApiLink,
  ApiSite,
  LinkClass,
  LinkDirection,
  ShipState,
  SimulationLink,
  SitesReply,
} from "@landfall/proto/api";
import { PLACES, placeOf } from "@landfall/proto/identifiers";
import { toMs } from "./format/time.js";

/** How a link is drawn. `out-of-reach`: a ship at sea has no port link, and nobody cut it. */
export type LinkLook = "up" | "degraded" | "cut" | "out-of-reach";

export interface LinkView {
  readonly link: ApiLink;
  readonly look: LinkLook;
  readonly fromName: string;
  readonly toName: string;
  /** Positions of both ends, longitude and latitude, where they are known. */
  readonly ends?: readonly [readonly [number, number], readonly [number, number]];
  /** How fast data moves over it right now, from its first end to its second and back; the protocol's small talk does not count. */
  readonly flow: { readonly there: number; readonly back: number };
  /** Of a port link: how many ships lie before this one at the same quay. */
  readonly berth?: number;
  /** What the demo's own link says, for whom may control it. */
  readonly control?: SimulationLink;
}

/** A ship's word may be this old on its class of link before the mark says that it is stale. Fleet's clock. */
const STALE_AFTER_MS = { satellite: 6 * 3_600_000, port: 3_600_000, lan: 3_600_000, wan: 3_600_000 } as const;

export function isStale(ship: ShipState, nowMs: number): boolean {
  const measured = toMs(ship.time);
  return measured === undefined || nowMs - measured > STALE_AFTER_MS[ship.lastLink ?? "satellite"];
}

/** When a site was last heard of over each class of its links, the newest first. */
export function contactsByClass(
  links: readonly ApiLink[],
  site: string,
): { readonly kind: LinkClass; readonly time: string }[] {
  const newest = new Map<LinkClass, string>();
  for (const link of links) {
    if ((link.from !== site && link.to !== site) || link.lastContact === undefined) continue;
    if (link.lastContact > (newest.get(link.class) ?? "")) newest.set(link.class, link.lastContact);
  }
  return [...newest].map(([kind, time]) => ({ kind, time })).sort((a, b) => (a.time < b.time ? 1 : -1));
}

/** Longitude and latitude of a site: of a ship from its newest word, of a place from its code. */
export function sitePosition(
  site: ApiSite,
  ships: Readonly<Record<string, ShipState>>,
): readonly [number, number] | undefined {
  const ship = site.imo === undefined ? undefined : ships[site.imo];
  if (ship?.longitude !== undefined && ship.latitude !== undefined) return [ship.longitude, ship.latitude];
  if (site.longitude !== undefined && site.latitude !== undefined) return [site.longitude, site.latitude];
  const place = site.locode === undefined ? undefined : placeOf(site.locode);
  return place ? [place.longitude, place.latitude] : undefined;
}

export function viewLinks(
  reply: SitesReply,
  ships: Readonly<Record<string, ShipState>>,
  controls: readonly SimulationLink[] = [],
): LinkView[] {
  const sites = new Map(reply.sites.map((site) => [site.site, site]));
  const berthsOfShips = berths(ships);
  const byId = new Map(controls.map((control) => [control.id, control]));
  return reply.links.map((link) => {
    const from = sites.get(link.from);
    const to = sites.get(link.to);
    const a = from && sitePosition(from, ships);
    const b = to && sitePosition(to, ships);
    const control = byId.get(link.id);
    const berth = link.class === "port" ? berthsOfShips.get(from?.imo ?? "") : undefined;
    return {
      link,
      look: linkLook(link, control, from, to, ships),
      fromName: nodeName(siteName(from, link.from, ships), link.fromNode),
      toName: nodeName(siteName(to, link.to, ships), link.toNode),
      ...(a && b && link.from !== link.to ? { ends: [a, b] as const } : {}),
      flow: { there: (link.there ?? link).recordsPerSecond ?? 0, back: link.back?.recordsPerSecond ?? 0 },
      ...(berth !== undefined && berth.port === to?.locode ? { berth: berth.index } : {}),
      ...(control ? { control } : {}),
    };
  });
}

/** A node is named where its site has several. */
function nodeName(site: string, node: string | undefined): string {
  return node === undefined ? site : `${site}, node ${node}`;
}

function linkLook(
  link: ApiLink,
  control: SimulationLink | undefined,
  from: ApiSite | undefined,
  to: ApiSite | undefined,
  ships: Readonly<Record<string, ShipState>>,
): LinkLook {
  if (link.state === "up") return "up";
  if (link.state === "degraded") return "degraded";
  if (control) return control.outOfReach ? "out-of-reach" : "cut";
  if (link.class !== "port") return "cut";
  const ship = [from, to].find((site) => site?.kind === "ship");
  const port = [from, to].find((site) => site?.kind === "port");
  const docked = ship?.imo === undefined ? undefined : ships[ship.imo]?.docked;
  return docked !== undefined && docked === port?.locode ? "cut" : "out-of-reach";
}

/** Short name of a site: a ship's own, a place's; for headquarters and yards what the fleet calls them. */
export function siteName(
  site: ApiSite | undefined,
  fallback: string,
  ships: Readonly<Record<string, ShipState>>,
): string {
  if (!site) return wordsOf(fallback);
  if (site.kind === "ship") return (site.imo === undefined ? undefined : ships[site.imo]?.name) ?? site.name;
  return site.kind === "port" && site.locode !== undefined ? portName(site.locode) : wordsOf(site.site);
}

/** `los-angeles` is called so in settings and addresses; people read `Los Angeles`. */
export function wordsOf(site: string): string {
  return site.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => (dash ? " " : "") + letter.toUpperCase());
}

/**
 * Records that a site waits for. A ship or yard wants little of what is known elsewhere; there it is what they have
 * and nobody here has.
 */
export function backlogOf(site: ApiSite): number {
  if (site.kind === "ship" || site.kind === "yard") return site.notAshore;
  return site.streams.reduce((sum, holding) => sum + holding.lacks, 0);
}

export interface Replicas {
  /** Sites that gather what others wrote, and have said what they hold. */
  readonly sites: readonly ApiSite[];
  /** `lacks`: of each of these sites, in records; undefined where it does not hold the stream at all. */
  readonly rows: readonly { readonly stream: string; readonly lacks: readonly (number | undefined)[] }[];
}

/** Which site has what of the streams that are gathered: what is lacked most stands first. */
export function replicasOf(all: readonly ApiSite[]): Replicas {
  const sites = all
    .filter(({ kind, streams }) => (kind === "port" || kind === "hq") && streams.length > 0)
    .toSorted((a, b) => a.site.localeCompare(b.site));
  const held = sites.map(({ streams }) => new Map(streams.map(({ stream, lacks }) => [stream, lacks])));
  const names = new Set(held.flatMap((streams) => [...streams.keys()]));
  const rows = [...names].map((stream) => ({ stream, lacks: held.map((streams) => streams.get(stream)) }));
  const most = ({ lacks }: Replicas["rows"][number]): number => Math.max(...lacks.map((count = 0) => count));
  return { sites, rows: rows.sort((a, b) => most(b) - most(a) || a.stream.localeCompare(b.stream)) };
}

/** Records that a ring stands for when it is full; each quarter is a factor of ten. */
const RING_FULL_RECORDS = 10_000;

/** How far a site's ring is filled, 0…1, by the logarithm of its backlog. */
export function ringShare(records: number): number {
  return records <= 0 ? 0 : Math.min(1, Math.log10(1 + records) / Math.log10(RING_FULL_RECORDS));
}

export function portName(locode: string | undefined): string {
  return locode === undefined ? "" : (placeOf(locode)?.name ?? locode);
}

/** How near to a terminal, in degrees, a ship that does not move counts as lying there. */
const BERTH_DEG = 0.1;

/** UN/LOCODE where a ship lies: by its arrival, or, before one is known, because it lies still beside a terminal. */
export function berthOf(ship: ShipState): string | undefined {
  if (ship.docked !== undefined) return ship.docked;
  const { latitude, longitude, speedKn } = ship;
  if (latitude === undefined || longitude === undefined || speedKn === undefined || speedKn >= 0.5) return undefined;
  return PLACES.find(
    (place) => Math.abs(place.latitude - latitude) < BERTH_DEG && Math.abs(place.longitude - longitude) < BERTH_DEG,
  )?.locode;
}

/** For each ship in port, which port, and how many lie there before it: so they are drawn. */
export function berths(
  ships: Readonly<Record<string, ShipState>>,
): ReadonlyMap<string, { readonly port: string; readonly index: number }> {
  const taken = new Map<string, number>();
  const found = new Map<string, { port: string; index: number }>();
  for (const ship of Object.values(ships)) {
    const port = berthOf(ship);
    if (port === undefined || ship.longitude === undefined || ship.latitude === undefined) continue;
    const index = taken.get(port) ?? 0;
    taken.set(port, index + 1);
    found.set(ship.imo, { port, index });
  }
  return found;
}

/** What waits and moves in each direction, the busier one first; nothing where the site's program does not tell. */
export function directions(
  view: LinkView,
): { readonly from: string; readonly to: string; readonly of: LinkDirection }[] {
  const { link, fromName, toName } = view;
  return [
    ...(link.there ? [{ from: fromName, to: toName, of: link.there }] : []),
    ...(link.back ? [{ from: toName, to: fromName, of: link.back }] : []),
  ].toSorted((a, b) => b.of.backlogRecords - a.of.backlogRecords);
}
