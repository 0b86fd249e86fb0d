import type {
  DigestRange,
  DigestsReply,
  DigestsRequest,
  HoldingsReply,
  HoldingsRequest,
  RangeDigests,
  RepairReply,
  RepairRequest,
  StreamHoldings,
} from "@landfall/proto/api";
import { LandfallError } from "../model/errors.js";

/** A site to be compared: a node's HTTP API, or in tests its store. */
export interface SiteView {
  holdings(request: HoldingsRequest): Promise<HoldingsReply>;
  digests(request: DigestsRequest): Promise<DigestsReply>;
  repair(request: RepairRequest): Promise<RepairReply>;
}

/** Ranges in one request. */
const RANGES_PER_REQUEST = 64;
/** Cells, or single records, in one request. */
const CELLS_PER_REQUEST = 16_384;

/** All pages of what a site holds. */
export async function allHoldings(site: SiteView, request: HoldingsRequest): Promise<StreamHoldings[]> {
  const streams: StreamHoldings[] = [];
  let after: string | undefined;
  do {
    const page: HoldingsReply = await site.holdings({ ...request, ...(after !== undefined && { after }) });
    streams.push(...page.streams);
    after = page.next;
  } while (after !== undefined);
  return streams;
}

/** Digests of all of these ranges, over as many requests as that takes. */
export async function allDigests(
  site: SiteView,
  ranges: readonly DigestRange[],
  deep: boolean,
): Promise<Required<RangeDigests>[]> {
  const sums = ranges.map((range) => new RangeSum(range));
  for (;;) {
    const open = sums.filter(({ isDone }) => !isDone);
    if (open.length === 0) break;
    const batch: RangeSum[] = [];
    let cells = 0;
    for (const sum of open) {
      cells += sum.cells;
      if (batch.length === RANGES_PER_REQUEST || (batch.length > 0 && cells > CELLS_PER_REQUEST)) break;
      batch.push(sum);
    }
    const reply = await site.digests({ ranges: batch.map(({ rest }) => rest), deep });
    let isOn = false;
    for (const [i, sum] of batch.entries()) isOn = sum.take(reply.ranges[i]) || isOn;
    if (!isOn) throw new LandfallError("PROTOCOL_ERROR", "a node does not go on with the digests it was asked for");
  }
  return sums.map((sum) => sum.found);
}

/** Puts together what several replies say of one range. */
class RangeSum {
  private next: number;
  private readonly digests: [number, number, number][] = [];
  private readonly damaged: (readonly [number, number])[] = [];
  private readonly records: Required<RangeDigests>["records"][number][] = [];
  private readonly absent: Required<RangeDigests>["absent"][number][] = [];

  constructor(private readonly range: DigestRange) {
    this.next = range.from;
  }

  get isDone(): boolean {
    return this.next >= this.range.to;
  }

  get rest(): DigestRange {
    return { ...this.range, from: this.next };
  }

  get cells(): number {
    const { to, step } = this.range;
    return Math.ceil(to / step) - Math.floor(this.next / step);
  }

  get found(): Required<RangeDigests> {
    const { next, digests, damaged, records, absent } = this;
    return { next, digests, damaged, records, absent };
  }

  /** Whether it says anything of what was asked. */
  take(reply: RangeDigests | undefined): boolean {
    if (reply === undefined || reply.next <= this.next) return false;
    const { from, step } = this.range;
    // A reply may end, and the next one begin, within a cell.
    const first = Math.floor(this.next / step) - Math.floor(from / step);
    reply.digests.forEach(([count, high, low], i) => {
      const before = this.digests[first + i] ?? [0, 0, 0];
      const sum = (a: number, b: number): number => (a + b) % 2 ** 32;
      this.digests[first + i] = [before[0] + count, sum(before[1], high), sum(before[2], low)];
    });
    this.damaged.push(...reply.damaged);
    this.records.push(...(reply.records ?? []));
    this.absent.push(...(reply.absent ?? []));
    this.next = reply.next;
    return true;
  }
}
