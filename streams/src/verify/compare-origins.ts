import type { DigestRange, NamedRecord, OriginHolding, RangeDigests } from "@landfall/proto/api";
import { DIGEST_CHUNK_RECORDS } from "../limits.js";
import { isFillable, type GapReason } from "../model/gap.js";
import type { SeqRange } from "../model/record.js";
import { joined, sizeOf, within, without } from "./seq-ranges.js";
import { allDigests, type SiteView } from "./site-view.js";
import type { Absent, Behind, Difference, Different, OriginComparison } from "./comparison.js";

/** From one digest for all down to single records. */
const STEPS = [Number.MAX_SAFE_INTEGER, DIGEST_CHUNK_RECORDS, 256, 1] as const;
/** Cells that differ are looked into so many at a time; of a fork, everything differs. */
const EXAMINED_MAX = 16;
/** In a compacted stream cells differ wherever one site has dropped what the other still has. */
const EXAMINED_COMPACT_MAX = 4_096;

export interface ComparedSite {
  readonly name: string;
  readonly view: SiteView;
}

/** One origin in one stream, and what each of two sites says that it holds of it. */
export interface OriginAtSites {
  readonly stream: string;
  readonly origin: string;
  readonly held: readonly [OriginHolding, OriginHolding];
  /** Nobody held more when the comparison began: what came since is not looked at. */
  readonly until: number;
  /** Whether each site takes in what it lacks at the end. */
  readonly expected: readonly [boolean, boolean];
  /** At either site. */
  readonly compact: boolean;
}

/** Damage that was met at the sites while they were compared. */
export interface MetDamage {
  readonly at: OriginAtSites;
  readonly damaged: readonly [SeqRange[], SeqRange[]];
}

type Cell = readonly [records: number, high: number, low: number];
const NOTHING: Cell = [0, 0, 0];

/** What is known of one origin so far. */
class Work {
  same = 0;
  readonly differences: Difference[] = [];
  readonly absent: Absent[] = [];
  /** Damage that was met, at each site: the holdings did not tell of it. */
  readonly damaged: [SeqRange[], SeqRange[]] = [[], []];
  /** Where both should hold the same. */
  region: SeqRange[] = [];

  constructor(
    readonly at: OriginAtSites,
    private readonly names: readonly [string, string],
  ) {
    const common = Math.min(...at.held.map(({ next }) => next), at.until);
    const whole: SeqRange[] = [[0, common]];
    const gaps = at.held.map((held) => within(joined(held.gaps.map(({ from, to }) => [from, to])), whole));
    const [first, second] = gaps as [SeqRange[], SeqRange[]];
    const onlyOne = [without(first, second), without(second, first)] as const;
    for (const side of [0, 1] as const) {
      for (const { from, to, reason } of at.held[side].gaps) {
        for (const [start, end] of within(onlyOne[side], [[from, to]]))
          this.lacks(side, start, end, reason as GapReason);
        if (side === 1) continue;
        for (const [start, end] of within(within(first, second), [[from, to]])) {
          this.absent.push({ from: start, to: end, reason: reason as GapReason });
        }
      }
    }
    this.region = without(whole, joined([...onlyOne[0], ...onlyOne[1]]));
  }

  /** @param reason undefined when the site does not know why */
  lacks(side: 0 | 1, from: number, to: number, reason: GapReason | undefined): void {
    const site = this.names[side];
    const isNone = reason === "expired" || reason === "superseded";
    if (isNone) put(this.absent, { site, from, to, reason }, (a) => a.site === site && a.reason === reason);
    else {
      const lack = { kind: "lacking", site, from, to, ...(reason !== undefined && { reason }) } as const;
      put(this.differences, lack, (d) => d.kind === "lacking" && d.site === site && d.reason === reason);
    }
  }

  namesOf(first: NamedRecord, second: NamedRecord): Different["at"] {
    const [a, b] = this.names;
    const name = ({ topic, offset }: NamedRecord): { topic: string; offset: number } => ({ topic, offset });
    return { [a]: name(first), [b]: name(second) };
  }

  unexamined(from: number, to: number): void {
    put(this.differences, { kind: "unexamined", from, to }, (d) => d.kind === "unexamined");
  }

  get behind(): Behind | undefined {
    const { held, until, expected } = this.at;
    for (const side of [0, 1] as const) {
      const from = held[side].next;
      const end = Math.min(held[1 - side]?.next ?? 0, until);
      if (from >= end || !expected[side]) continue;
      const gaps = held[side === 0 ? 1 : 0].gaps.map(({ from: start, to }) => [start, to] as const);
      const records = sizeOf(without([[from, end]], joined(gaps)));
      if (records > 0) return { site: this.names[side], records, from };
    }
    return undefined;
  }

  done(): OriginComparison {
    const { stream, origin } = this.at;
    const { same, behind, absent } = this;
    const differences = this.differences.sort((a, b) => beginOf(a) - beginOf(b));
    return { stream, origin, same, differences, absent, ...(behind !== undefined && { behind }) };
  }
}

/**
 * Compares origins, all of them together, from digests of everything down to the records that differ.
 * `again` are those in which damage was met: what is lacking there is known only now.
 */
export async function compareOrigins(
  sites: readonly [ComparedSite, ComparedSite],
  origins: readonly OriginAtSites[],
  deep: boolean,
): Promise<{ done: OriginComparison[]; again: MetDamage[] }> {
  const names = [sites[0].name, sites[1].name] as const;
  const works = origins.map((at) => new Work(at, names));
  for (const work of works) if (work.at.compact) await dropSuperseded(sites, work);
  let open = works.flatMap((work) => work.region.map(([from, to]) => ({ work, from, to })));
  for (let level = 0; open.length > 0; level++) {
    const step = STEPS[level] as number;
    const ranges = open.map(({ work, from, to }): DigestRange => {
      const { stream, origin } = work.at;
      return { stream, origin, from, to, step };
    });
    const isDeep = deep && level === 0;
    const [first, second] = await Promise.all(sites.map(({ view }) => allDigests(view, ranges, isDeep)));
    const next: typeof open = [];
    open.forEach(({ work, from, to }, i) => {
      const found = [first?.[i], second?.[i]] as [Required<RangeDigests>, Required<RangeDigests>];
      for (const side of [0, 1] as const) work.damaged[side].push(...found[side].damaged);
      if (step === 1) compareRecords(work, found);
      else for (const cell of differing(work, from, to, step, found)) next.push({ work, ...cell });
    });
    open = limited(next);
  }
  const again = works.filter(({ damaged }) => damaged.some((ranges) => ranges.length > 0));
  return { done: works.map((work) => work.done()), again: again.map(({ at, damaged }) => ({ at, damaged })) };
}

/** Cells of [from, to) that differ; those that are equal count as the same. */
function differing(
  work: Work,
  from: number,
  to: number,
  step: number,
  [a, b]: readonly [RangeDigests, RangeDigests],
): { from: number; to: number }[] {
  const cells: { from: number; to: number }[] = [];
  const first = Math.floor(from / step);
  for (let i = 0, at = from; at < to; i++) {
    const end = Math.min(to, (first + i + 1) * step);
    const [x, y] = [a.digests[i] ?? NOTHING, b.digests[i] ?? NOTHING];
    if (x.every((number, n) => number === y[n])) work.same += x[0];
    else cells.push({ from: at, to: end });
    at = end;
  }
  return cells;
}

/** Of each origin only some are looked into. */
function limited<T extends { work: Work; from: number; to: number }>(cells: readonly T[]): T[] {
  const counts = new Map<Work, number>();
  return cells.filter(({ work, from, to }) => {
    const count = (counts.get(work) ?? 0) + 1;
    counts.set(work, count);
    if (count <= (work.at.compact ? EXAMINED_COMPACT_MAX : EXAMINED_MAX)) return true;
    work.unexamined(from, to);
    return false;
  });
}

/** Record by record. */
function compareRecords(work: Work, [a, b]: readonly [Required<RangeDigests>, Required<RangeDigests>]): void {
  const here = [a, b].map(({ records }) => new Map(records.map((record) => [record.seq, record])));
  const [first, second] = here as [Map<number, NamedRecord>, Map<number, NamedRecord>];
  for (const seq of [...new Set([...first.keys(), ...second.keys()])].sort((x, y) => x - y)) {
    const [x, y] = [first.get(seq), second.get(seq)];
    if (x === undefined) work.lacks(0, seq, seq + 1, reasonAt(a, seq));
    else if (y === undefined) work.lacks(1, seq, seq + 1, reasonAt(b, seq));
    else if (x.high === y.high && x.low === y.low) work.same++;
    else work.differences.push({ kind: "different", seq, at: work.namesOf(x, y) });
  }
}

function reasonAt({ absent }: Required<RangeDigests>, seq: number): GapReason | undefined {
  return absent.find(({ from, to }) => from <= seq && seq < to)?.reason as GapReason | undefined;
}

/** In a compacted stream, what one site lacks for a reason may have been superseded at the other. */
async function dropSuperseded(sites: readonly [ComparedSite, ComparedSite], work: Work): Promise<void> {
  const { stream, origin } = work.at;
  const lacking = work.differences.flatMap((one) => (one.kind === "lacking" ? [one] : []));
  for (const lack of lacking) {
    const other = sites.find(({ name }) => name !== lack.site);
    if (other === undefined || lack.reason === undefined || !isFillable(lack.reason)) continue;
    const { from, to } = lack;
    const [found] = await allDigests(other.view, [{ stream, origin, from, to, step: Number.MAX_SAFE_INTEGER }], false);
    if ((found?.digests[0]?.[0] ?? 0) > 0) continue;
    work.differences.splice(work.differences.indexOf(lack), 1);
    work.absent.push({ from, to, reason: lack.reason });
  }
}

function beginOf(difference: Difference): number {
  return difference.kind === "different" ? difference.seq : difference.from;
}

/** Adds a range to a list, joined with its neighbour before if that is of the same kind. */
function put<T extends object>(list: T[], one: T & { from: number; to: number }, isSame: (other: T) => boolean): void {
  const last = list.findLast(isSame) as (T & { from: number; to: number }) | undefined;
  if (last !== undefined && last.to === one.from) list[list.indexOf(last)] = { ...last, to: one.to };
  else list.push(one);
}
