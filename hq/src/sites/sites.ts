import { placeOf } from "@landfall/proto/identifiers";
import type {
  ApiLink,
  ApiSite,
  LinkClass,
  LinkDirection,
  LinkFlow,
  ShipState,
  SitesReply,
  StatusLink,
  StatusValue,
  StreamHolding,
} from "@landfall/proto/api";
import { siteOfOrigin, type OriginId, type StreamName } from "@landfall/streams/model/names";
import type { LinkView, PeerView } from "@landfall/streams/node/node";
import { toStatusLink } from "@landfall/streams/observe/status";
import type { SiteEntry } from "@landfall/streams/settings/node-settings";
import { iso } from "../view/moves.js";

/** This site has always just heard of itself; said anew this often. */
const OWN_CONTACT_MS = 10_000;

type Vector = Readonly<Record<string, number>>;
type SitePeer = Pick<PeerView, "holdings" | "lastContact"> & { readonly site: string };

/** One end of a link, as far as it is known. */
interface End {
  readonly site: string;
  readonly node?: string;
}

/** What one status record says, and when this site got it. */
export interface Status {
  readonly value: StatusValue;
  readonly arrived: number;
}

export interface SitesSources {
  readonly self: SiteEntry;
  readonly node: string;
  readonly sites: readonly SiteEntry[];
  /** Streams here that the asking person may read. */
  readonly readable: ReadonlySet<StreamName>;
  /** Newest status of each node, only out of metrics streams that they may read. */
  readonly statuses: readonly Status[];
  /** Whether they may read `<owner>.metrics`, whether or not anything is in it. */
  readonly readsMetricsOf: (owner: string) => boolean;
  readonly peers: readonly PeerView[];
  readonly links: readonly LinkView[];
  readonly vectorOf: (stream: StreamName) => Vector;
  readonly ship: (imo: string) => ShipState | undefined;
  readonly now: number;
}

/**
 * Sites and links as one person may know them:
 * - a site whose owner's metrics they may read, with everything;
 * - this site, and any other that is known to hold a stream that they may read: with those streams alone;
 * - links as the metrics of either end's owner tell them; nothing to who may not read those.
 * No number counts a record of a stream that they may not read, but for what a readable status says itself.
 */
export function describeSites(sources: SitesSources): SitesReply {
  const sites = sources.sites.map((entry) => describeSite(entry, sources)).filter((site) => site !== undefined);
  return { sites, links: describeLinks(sources) };
}

function describeSite(entry: SiteEntry, sources: SitesSources): ApiSite | undefined {
  const { self, readable, peers, vectorOf } = sources;
  const isSelf = entry.site === self.site;
  const readsMetrics = sources.readsMetricsOf(entry.owner);
  const peer = peerOfSite(entry.site, peers);
  const streams = isSelf ? ownHoldings(sources) : peer ? peerHoldings(peer, readable, vectorOf) : [];
  if (!isSelf && !readsMetrics && streams.length === 0) return undefined;
  const status = sources.statuses
    .filter(({ value }) => value.site === entry.site)
    .reduce<Status | undefined>((newest, one) => (newest && newest.arrived >= one.arrived ? newest : one), undefined);
  // Coarse for this site itself, so that passing time alone is no news to the live feed.
  const contact = isSelf
    ? sources.now - (sources.now % OWN_CONTACT_MS)
    : Math.max(peer?.lastContact ?? 0, status?.arrived ?? 0);
  return {
    site: entry.site,
    kind: entry.kind,
    name: entry.name,
    owner: entry.owner,
    ...(entry.imo !== undefined && { imo: entry.imo }),
    ...(entry.locode !== undefined && { locode: entry.locode }),
    ...positionOf(entry, sources.ship),
    ...((isSelf || readsMetrics) && contact > 0 && { lastContact: iso(contact) }),
    notAshore: isSelf
      ? 0
      : Math.max(writtenThere(entry.site, peer, readable, vectorOf), waitingOnBoard(entry, sources)),
    streams,
    ...nodesOf(entry, sources),
  };
}

/** What is known of a site by all its nodes: it has what any of them has. */
function peerOfSite(site: string, peers: readonly PeerView[]): SitePeer | undefined {
  const views = peers.filter((peer) => peer.site === site);
  if (views.length === 0) return undefined;
  const holdings = new Map<StreamName, Record<string, number>>();
  for (const view of views) {
    for (const [stream, vector] of view.holdings) {
      const best = holdings.get(stream) ?? {};
      holdings.set(stream, best);
      for (const [origin, next] of Object.entries(vector)) best[origin] = Math.max(best[origin] ?? 0, next);
    }
  }
  return { site, holdings, lastContact: Math.max(...views.map(({ lastContact }) => lastContact)) };
}

/** The nodes of a site, where it has several, to those who may read what they say of themselves. */
function nodesOf(
  entry: SiteEntry,
  { statuses, readsMetricsOf, peers, now, self, node }: SitesSources,
): Pick<ApiSite, "nodes"> {
  if (!readsMetricsOf(entry.owner)) return {};
  const nodes = new Map<string, { contact: number; notReady: readonly string[] }>();
  for (const { value, arrived } of statuses) {
    if (value.site !== entry.site || (nodes.get(value.node)?.contact ?? 0) >= arrived) continue;
    nodes.set(value.node, { contact: arrived, notReady: value.notReady });
  }
  const heard = peers
    .filter(({ site }) => site === entry.site)
    .map((peer) => ({ node: peer.node, at: peer.lastContact }));
  if (entry.site === self.site) heard.push({ node, at: now - (now % OWN_CONTACT_MS) });
  for (const { node: name, at } of heard) {
    const { contact = 0, notReady = [] } = nodes.get(name) ?? {};
    nodes.set(name, { contact: Math.max(contact, at), notReady });
  }
  if (nodes.size < 2) return {};
  const list = [...nodes].map(([name, { contact, notReady }]) => ({ node: name, lastContact: iso(contact), notReady }));
  return { nodes: list.sort((a, b) => (a.node < b.node ? -1 : 1)) };
}

function peerHoldings(
  { site, holdings }: SitePeer,
  readable: ReadonlySet<StreamName>,
  vectorOf: (stream: StreamName) => Vector,
): StreamHolding[] {
  return [...holdings]
    .filter(([stream]) => readable.has(stream))
    .map(([stream, theirs]) => {
      // A ship writes streams that it takes from nobody: what others wrote there it does not lack.
      const takes = Object.keys(theirs).some((origin) => siteOfOrigin(origin as OriginId) !== site);
      return { stream, has: sum(theirs), lacks: takes ? ahead(vectorOf(stream), theirs) : 0 };
    })
    .sort(byStream);
}

function ownHoldings({ peers, readable, vectorOf }: SitesSources): StreamHolding[] {
  return [...readable]
    .map((stream) => {
      const ours = vectorOf(stream);
      const best: Record<string, number> = {};
      for (const { holdings } of peers) {
        for (const [origin, next] of Object.entries((holdings.get(stream) ?? {}) as Vector)) {
          best[origin] = Math.max(best[origin] ?? 0, next);
        }
      }
      return { stream, has: sum(ours), lacks: ahead(best, ours) };
    })
    .filter(({ has, lacks }) => has > 0 || lacks > 0)
    .sort(byStream);
}

/** Records whose origin is at that site and that it says it holds, beyond ours. */
function writtenThere(
  site: string,
  peer: SitePeer | undefined,
  readable: ReadonlySet<StreamName>,
  vectorOf: (stream: StreamName) => Vector,
): number {
  let waiting = 0;
  for (const [stream, theirs] of peer?.holdings ?? []) {
    if (!readable.has(stream)) continue;
    const ours = vectorOf(stream);
    for (const [origin, next] of Object.entries(theirs as Vector)) {
      if (siteOfOrigin(origin as OriginId) === site) waiting += Math.max(0, next - (ours[origin] ?? 0));
    }
  }
  return waiting;
}

/** What a port's or yard's own status says still comes from a site that it has a link with. */
function waitingOnBoard(entry: SiteEntry, { statuses, readsMetricsOf }: SitesSources): number {
  if (!readsMetricsOf(entry.owner)) return 0;
  let waiting = 0;
  for (const { value } of statuses) {
    for (const link of value.links) {
      if (link.peer === entry.site && link.state === "up") waiting = Math.max(waiting, link.toReceive);
    }
  }
  return entry.kind === "ship" || entry.kind === "yard" ? waiting : 0;
}

/** Milliseconds for a round trip beyond which a link of this class is not what it should be. */
const ROUND_TRIP_MS_MAX: Readonly<Record<LinkClass, number>> = { lan: 100, port: 500, wan: 1_000, satellite: 3_000 };

function describeLinks(sources: SitesSources): ApiLink[] {
  const { self, node, statuses, readsMetricsOf, links, now } = sources;
  const reports = new Map<string, Report>();
  const hear = (report: Report): void => {
    const known = reports.get(report.link.id);
    const [older, newer] = known && known.time >= report.time ? [report, known] : [known, report];
    reports.set(report.link.id, withReason(newer, older));
  };
  for (const { value } of statuses) {
    for (const link of value.links) hear({ from: value, link, time: Date.parse(value.time) });
  }
  // What this site sees itself is newer than any report.
  if (readsMetricsOf(self.owner))
    for (const link of links) hear({ from: { site: self.site, node }, link: toStatusLink(link), time: now + 1 });
  const ends = [...reports.values()].flatMap(({ from, link }) => [from, { site: link.peer, node: link.node }]);
  const several = (site: string): boolean =>
    new Set(ends.flatMap((end) => (end.site === site ? [end.node] : []))).size > 1;
  return [...reports.values()]
    .map(({ from, link }) => toApiLink(from, link, several))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

interface Report {
  readonly from: End;
  readonly link: StatusLink;
  readonly time: number;
}

/** Only who dials knows why a link is down; the other end may have the newer word. */
function withReason(newer: Report, older: Report | undefined): Report {
  const problem = older?.link.state === "down" ? older.link.problem : undefined;
  if (newer.link.state === "up" || newer.link.problem !== undefined || problem === undefined) return newer;
  return { ...newer, link: { ...newer.link, problem } };
}

function direction(backlogRecords: number, flow: LinkFlow | undefined): LinkDirection {
  return {
    backlogRecords,
    ...(flow && { recordsPerSecond: flow.recordsPerSecond, bytesPerSecond: flow.bytesPerSecond }),
  };
}

function toApiLink(reporter: End, link: StatusLink, several: (site: string) => boolean): ApiLink {
  const peer: End = { site: link.peer, ...(link.node !== undefined && { node: link.node }) };
  // `<dialler>~<other>`, as link ids are by custom; otherwise from who reports to the other.
  const isDialled = namesOf(peer).some((one) => namesOf(reporter).some((other) => link.id === `${one}~${other}`));
  const [from, to] = isDialled ? [peer, reporter] : [reporter, peer];
  const { roundTripMs, lastContact, backlogBytes, secondsToGo, certificateExpires, problem, budget } = link;
  const [sending, receiving] = [direction(link.toSend, link.sending), direction(link.toReceive, link.receiving)];
  const isSlow = roundTripMs !== undefined && roundTripMs > ROUND_TRIP_MS_MAX[link.class];
  return {
    id: link.id,
    from: from.site,
    to: to.site,
    ...(from.node !== undefined && several(from.site) && { fromNode: from.node }),
    ...(to.node !== undefined && several(to.site) && { toNode: to.node }),
    class: link.class,
    state: link.state === "up" && isSlow ? "degraded" : link.state,
    backlogRecords: link.toSend + link.toReceive,
    recordsPerSecond: link.recordsPerSecond,
    bytesPerSecond: link.bytesPerSecond,
    there: isDialled ? receiving : sending,
    back: isDialled ? sending : receiving,
    ...(roundTripMs !== undefined && { roundTripMs }),
    ...(backlogBytes !== undefined && { backlogBytes }),
    ...(secondsToGo !== undefined && { secondsToGo }),
    ...(lastContact !== undefined && { lastContact }),
    ...(certificateExpires !== undefined && { certificateExpires }),
    ...(problem !== undefined && { problem }),
    ...(budget !== undefined && { budget }),
  };
}

/** A link may be named after sites, or after their nodes. */
function namesOf({ site, node }: End): string[] {
  return node === undefined ? [site] : [site, `${site}.${node}`];
}

function positionOf(
  entry: SiteEntry,
  ship: (imo: string) => ShipState | undefined,
): { latitude: number; longitude: number } | undefined {
  const at = entry.imo !== undefined ? ship(entry.imo) : entry.locode !== undefined ? placeOf(entry.locode) : undefined;
  if (at?.latitude === undefined || at.longitude === undefined) return undefined;
  return { latitude: at.latitude, longitude: at.longitude };
}

function sum(vector: Vector): number {
  return Object.values(vector).reduce((total, next) => total + next, 0);
}

/** Records of `a` that `b` lacks. */
function ahead(a: Vector, b: Vector): number {
  return Object.entries(a).reduce((total, [origin, next]) => total + Math.max(0, next - (b[origin] ?? 0)), 0);
}

function byStream(a: StreamHolding, b: StreamHolding): number {
  return a.stream < b.stream ? -1 : 1;
}
