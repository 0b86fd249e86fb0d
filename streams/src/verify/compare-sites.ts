import type { OriginHolding, StreamHoldings } from "@landfall/proto/api";
import { LandfallError } from "../model/errors.js";
import { siteOfOrigin, type OriginId } from "../model/names.js";
import type { SeqRange } from "../model/record.js";
import { compareOrigins, type ComparedSite, type MetDamage, type OriginAtSites } from "./compare-origins.js";
import {
  verdictOf,
  worst,
  type Difference,
  type Lacking,
  type OriginComparison,
  type SiteComparison,
} from "./comparison.js";
import { joined, sizeOf, without } from "./seq-ranges.js";
import { allHoldings, type SiteView } from "./site-view.js";

/** Between two looks at a site that is behind. */
const LAG_PAUSE_MS = 250;
/** A site that got nothing of what it lacks in so many looks, one after the other, is behind. */
const LAG_LOOKS = 20;
/** Damage that is met is known only afterwards, so what it touched is compared again; more than twice, it goes on breaking. */
const ROUNDS_MAX = 3;
/** Streams asked for by name in one request. */
const STREAMS_PER_REQUEST = 500;

export interface CompareOptions {
  /** Read every byte at both sites. */
  readonly deep: boolean;
  readonly includes: (stream: string) => boolean;
  readonly pause: (ms: number) => Promise<void>;
}

/**
 * Compares what two sites hold, of all streams that both may hold and that whoever asks may read, up to what either held when
 * it began.
 * @throws LandfallError UNSUPPORTED_VERSION when their digests cannot be compared
 */
export async function compareSites(
  views: readonly [SiteView, SiteView],
  options: CompareOptions,
): Promise<SiteComparison> {
  const sites = await introduce(views);
  let origins = await originsOf(sites, options.includes);
  origins = await caughtUp(sites, origins, options);
  const results = new Map<string, OriginComparison>();
  const met: MetDamage[] = [];
  const streams = new Set(origins.map(({ stream }) => stream)).size;
  for (let round = 0; origins.length > 0 && round < ROUNDS_MAX; round++) {
    const { done, again } = await compareOrigins(sites, origins, options.deep && round === 0);
    for (const one of done) results.set(`${one.stream} ${one.origin}`, one);
    met.push(...again);
    const open = again.map(({ at }) => at);
    origins = await looked(sites, open);
  }
  for (const { at, damaged } of met) {
    const key = `${at.stream} ${at.origin}`;
    sites.forEach(({ name }, side) => {
      results.set(key, withDamage(results.get(key) as OriginComparison, name, damaged[side] ?? []));
    });
  }
  const compared = [...results.values()];
  const verdict = worst(compared.map(verdictOf));
  return { sites: [sites[0].name, sites[1].name], verdict, deep: options.deep, streams, origins: compared };
}

type Sites = readonly [NamedSite, NamedSite];
interface NamedSite extends ComparedSite {
  readonly site: string;
}

async function introduce(views: readonly [SiteView, SiteView]): Promise<Sites> {
  const [a, b] = await Promise.all(views.map((view) => view.holdings({ streams: [] })));
  if (a === undefined || b === undefined || a.digest !== b.digest) {
    throw new LandfallError(
      "UNSUPPORTED_VERSION",
      `${a?.site} makes digests with ${a?.digest}, ${b?.site} with ${b?.digest}: they cannot be compared`,
    );
  }
  const isOne = a.site === b.site;
  const nameOf = ({ site, node }: { site: string; node: string }): string => (isOne ? `${site}.${node}` : site);
  return [
    { name: nameOf(a), site: a.site, view: views[0] },
    { name: nameOf(b), site: b.site, view: views[1] },
  ];
}

/** What both sites say of all streams, and of what each has of every origin. */
async function originsOf(sites: Sites, includes: (stream: string) => boolean): Promise<OriginAtSites[]> {
  const lists = await Promise.all(sites.map(({ view }, i) => allHoldings(view, { peer: peerOf(sites, i) })));
  const here = lists.map((list) => new Map(list.map((one) => [one.stream, one])));
  const names = [...new Set(here.flatMap((streams) => [...streams.keys()]))].filter(includes).sort();
  // What a site does not have yet, it may still want.
  await Promise.all(
    here.map(async (streams, i) => {
      const unknown = names.filter((name) => !streams.has(name));
      for (const one of await named(sites, i, unknown)) streams.set(one.stream, one);
    }),
  );
  return names.flatMap((name) => {
    const [a, b] = here.map((streams) => streams.get(name));
    // What cannot be read at one of them does not exist there.
    return a === undefined || b === undefined ? [] : originsOfStream(sites, a, b);
  });
}

function originsOfStream(sites: Sites, a: StreamHoldings, b: StreamHoldings): OriginAtSites[] {
  const names = new Set([...a.origins, ...b.origins].map(({ origin }) => origin));
  return [...names].sort().flatMap((origin) => {
    const found = [a, b].map((streams) => streams.origins.find((one) => one.origin === origin));
    const isOf = (i: number): boolean => siteOfOrigin(origin as OriginId) === sites[i]?.site;
    // A site takes in what it wants and may have, besides what it wrote itself.
    const expected = [isOf(0) || (a.wanted && b.replicates), isOf(1) || (b.wanted && a.replicates)] as const;
    if (found.some((held, i) => held === undefined && expected[i] !== true)) return [];
    const held = found.map((one): OriginHolding => one ?? { origin, next: 0, gaps: [] }) as [
      OriginHolding,
      OriginHolding,
    ];
    const until = Math.max(...held.map(({ next }) => next));
    return [{ stream: a.stream, origin, held, until, expected, compact: a.compact || b.compact }];
  });
}

/** Neighbours may have sent again by now what could not be read a moment ago: it is a difference that was met all the same. */
function withDamage(one: OriginComparison, site: string, damaged: readonly SeqRange[]): OriginComparison {
  if (damaged.length === 0) return one;
  const isSuch = (other: Difference): other is Lacking =>
    other.kind === "lacking" && other.site === site && other.reason === "damaged";
  const known = joined(one.differences.filter(isSuch).map(({ from, to }) => [from, to]));
  const all = joined([...known, ...damaged]);
  const lacking = all.map(([from, to]): Lacking => ({ kind: "lacking", site, reason: "damaged", from, to }));
  const differences = [...lacking, ...one.differences.filter((other) => !isSuch(other))];
  return { ...one, same: one.same - sizeOf(without(all, known)), differences };
}

/** Waits for a site that is behind, as long as it gets on. */
async function caughtUp(
  sites: Sites,
  first: readonly OriginAtSites[],
  { pause }: CompareOptions,
): Promise<OriginAtSites[]> {
  let origins = [...first];
  let last = Infinity;
  for (let looks = 0; looks < LAG_LOOKS; looks++) {
    const late = origins.filter(isLate);
    if (late.length === 0) break;
    const lag = late.reduce(
      (sum, { held, until }) => sum + held.reduce((s, { next }) => s + until - Math.min(next, until), 0),
      0,
    );
    if (lag < last) looks = 0;
    last = lag;
    await pause(LAG_PAUSE_MS);
    const fresh = new Map((await looked(sites, late)).map((one) => [`${one.stream} ${one.origin}`, one]));
    origins = origins.map((one) => fresh.get(`${one.stream} ${one.origin}`) ?? one);
  }
  return origins;
}

function isLate({ held, until, expected }: OriginAtSites): boolean {
  return held.some(({ next }, side) => next < until && expected[side] === true);
}

/** The same origins, and what the sites hold of them now. */
async function looked(sites: Sites, origins: readonly OriginAtSites[]): Promise<OriginAtSites[]> {
  if (origins.length === 0) return [];
  const streams = [...new Set(origins.map(({ stream }) => stream))];
  const lists = await Promise.all(sites.map((_, i) => named(sites, i, streams)));
  const known = lists.map(
    (list) => new Map(list.flatMap((one) => one.origins.map((held) => [`${one.stream} ${held.origin}`, held]))),
  );
  return origins.map((one) => {
    const held = one.held.map((before, i) => known[i]?.get(`${one.stream} ${one.origin}`) ?? before);
    return { ...one, held: held as [OriginHolding, OriginHolding] };
  });
}

async function named(sites: Sites, i: number, streams: readonly string[]): Promise<StreamHoldings[]> {
  const found: StreamHoldings[] = [];
  for (let at = 0; at < streams.length; at += STREAMS_PER_REQUEST) {
    const some = streams.slice(at, at + STREAMS_PER_REQUEST);
    found.push(...(await allHoldings((sites[i] as NamedSite).view, { streams: some, peer: peerOf(sites, i) })));
  }
  return found;
}

function peerOf(sites: Sites, i: number): string {
  return (sites[1 - i] as NamedSite).site;
}
