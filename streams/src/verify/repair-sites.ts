import type { DigestRange } from "@landfall/proto/api";
import type { GapReason } from "../model/gap.js";
import { joined, sizeOf, within } from "./seq-ranges.js";
import { allHoldings, type SiteView } from "./site-view.js";
import type { Lacking, OriginComparison, SiteComparison } from "./comparison.js";

/** Between two looks at what a site still lacks. */
const REPAIR_PAUSE_MS = 500;
/** A site that got nothing of what it lacks in so many looks, one after the other, has no neighbour that sends it. */
const REPAIR_LOOKS = 40;
/** Ranges in one request. */
const RANGES_PER_REQUEST = 64;

type Range = Omit<DigestRange, "step">;

export interface Repaired {
  readonly site: string;
  /** Records that it lacked, and that it still lacks. */
  readonly lacked: number;
  readonly left: number;
}

/**
 * Has each site look at what it lacks although the other holds it, and waits until its neighbours have sent it. What differs is
 * left alone: nobody can tell from two copies which of them is right.
 */
export async function repairSites(
  views: readonly [SiteView, SiteView],
  { sites, origins }: SiteComparison,
  pause: (ms: number) => Promise<void>,
): Promise<Repaired[]> {
  const repaired: Repaired[] = [];
  for (const [i, site] of sites.entries()) {
    const ranges = origins.flatMap((origin) => lackingAt(origin, site));
    if (ranges.length === 0) continue;
    const view = views[i] as SiteView;
    const open: Range[] = [];
    for (let at = 0; at < ranges.length; at += RANGES_PER_REQUEST) {
      const some = ranges.slice(at, at + RANGES_PER_REQUEST);
      const reply = await view.repair({ ranges: some });
      some.forEach(({ stream, origin }, n) => {
        for (const { from, to } of reply.ranges[n]?.lacking ?? []) open.push({ stream, origin, from, to });
      });
    }
    const count = (some: readonly Range[]): number => some.reduce((sum, { from, to }) => sum + to - from, 0);
    const left = await filled(view, open, pause);
    repaired.push({ site, lacked: count(ranges), left: count(ranges) - count(open) + left });
  }
  return repaired;
}

function lackingAt({ stream, origin, differences }: OriginComparison, site: string): Range[] {
  const lacking = differences.filter((one): one is Lacking => one.kind === "lacking" && one.site === site);
  return lacking.map(({ from, to }) => ({ stream, origin, from, to }));
}

/** Until nothing of these ranges is lacking any more, or nothing comes any more. Returns how many records are still lacking. */
async function filled(view: SiteView, ranges: readonly Range[], pause: (ms: number) => Promise<void>): Promise<number> {
  const streams = [...new Set(ranges.map(({ stream }) => stream))];
  let left = Infinity;
  for (let looks = 0; looks < REPAIR_LOOKS && streams.length > 0; looks++) {
    const now = await stillLacking(view, streams, ranges);
    if (now === 0) return 0;
    if (now < left) looks = 0;
    left = now;
    await pause(REPAIR_PAUSE_MS);
  }
  return streams.length === 0 ? 0 : left;
}

async function stillLacking(view: SiteView, streams: readonly string[], ranges: readonly Range[]): Promise<number> {
  const held = await allHoldings(view, { streams });
  return held.reduce((sum, { stream, origins }) => {
    return origins.reduce((count, { origin, gaps }) => {
      const asked = ranges.filter((range) => range.stream === stream && range.origin === origin);
      const open = gaps.filter(({ reason }) => (reason as GapReason) !== "superseded");
      const lacking = joined(open.map(({ from, to }) => [from, to]));
      return count + sizeOf(within(joined(asked.map(({ from, to }) => [from, to])), lacking));
    }, sum);
  }, 0);
}
