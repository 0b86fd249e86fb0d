import type { HistoryGap } from "@landfall/proto/api";
import type { Gap } from "@landfall/streams/model/gap";
import { siteOfOrigin, type OriginId, type StreamName, type TopicName } from "@landfall/streams/model/names";
import type { StoredRecord, TimestampMs } from "@landfall/streams/model/record";
import type { StreamStore } from "@landfall/streams/store/store";
import { GAP_EVIDENCE_RECORDS } from "../limits.js";
import { iso, type Span } from "../view/moves.js";
import { overlap, placeGap, type GapEvidence } from "./gap-places.js";
import type { OriginTimes } from "./origin-times.js";
import type { TimeRange } from "./read.js";

const NOTHING_AROUND = { before: undefined, after: undefined };

export type HistoryStore = Pick<StreamStore, "readTopic" | "gaps" | "vector">;

/** A topic that a history is made of. */
export interface HistoryTopic {
  readonly stream: StreamName;
  readonly topic: string;
}

export interface GapOptions {
  /** Whether being heard of at one site means not being at another: so it is with containers. */
  readonly isInOnePlace: boolean;
  /** When the thing was aboard the ship that is this site. */
  readonly aboard: (site: string) => readonly Span[];
}

interface Trace {
  readonly seq: number;
  readonly time: number;
}

/** Which gaps of its streams concern one history, and when: told every record of it, then asked (R6). */
export class GapFinder {
  private readonly gaps: ReadonlyMap<StreamName, readonly Gap[]>;
  private readonly isWhole: boolean;
  private readonly traces = new Map<StreamName, Map<OriginId, Trace[]>>();

  constructor(
    private readonly store: HistoryStore,
    private readonly times: OriginTimes,
    private readonly topics: readonly HistoryTopic[],
    private readonly range: TimeRange,
    /** Only this part of time may be known: nothing beside it, and nothing that counts other topics. */
    private readonly isPart = false,
  ) {
    const names = new Set(topics.map(({ stream }) => stream));
    this.gaps = new Map([...names].map((name) => [name, store.gaps(name)]));
    this.isWhole = [...this.gaps.values()].every((gaps) => gaps.length === 0);
  }

  note({ stream, origin, seq, timestamp }: StoredRecord): void {
    if (this.isWhole) return;
    const origins = this.traces.get(stream) ?? new Map<OriginId, Trace[]>();
    const traces = origins.get(origin) ?? [];
    traces.push({ seq, time: timestamp });
    this.traces.set(stream, origins.set(origin, traces));
  }

  async find({ isInOnePlace, aboard }: GapOptions): Promise<HistoryGap[]> {
    if (this.isWhole) return [];
    if (!this.isPart) await this.lookAround();
    const found: HistoryGap[] = [];
    const elsewhere = new Map<string, number[]>();
    const timesElsewhere = (site: string): number[] => {
      const times = elsewhere.get(site) ?? this.timesElsewhere(site);
      elsewhere.set(site, times);
      return times;
    };
    const within: Span = { from: this.range.from ?? -Infinity, to: this.range.to ?? Infinity };
    for (const [stream, gaps] of this.gaps) {
      for (const gap of gaps) {
        const site = siteOfOrigin(gap.origin);
        const evidence: GapEvidence = {
          own: this.traces.get(stream)?.get(gap.origin) ?? [],
          elsewhere: isInOnePlace ? timesElsewhere(site) : [],
          aboard: aboard(site),
        };
        if (evidence.own.length === 0 && evidence.aboard.length === 0) continue;
        const around = this.isPart ? NOTHING_AROUND : await this.around(stream, gap, gaps);
        for (const span of placeGap(gap, evidence, around)) {
          const shown = overlap(span, within);
          if (shown) add(found, stream, gap, shown, this.isPart);
        }
      }
    }
    return found.sort(compareGaps);
  }

  /** A history of a part of time needs the records beside it, too: they bound what is missing at its edges. */
  private async lookAround(): Promise<void> {
    const { from, to } = this.range;
    for (const { stream, topic } of this.topics) {
      const read = async (query: object): Promise<void> => {
        const limit = GAP_EVIDENCE_RECORDS;
        for (const record of await this.store.readTopic(stream, topic as TopicName, { ...query, limit }))
          this.note(record);
      };
      if (from !== undefined) await read({ toTime: from as TimestampMs, reverse: true });
      if (to !== undefined) await read({ fromTime: to as TimestampMs });
    }
  }

  private timesElsewhere(site: string): number[] {
    const times: number[] = [];
    for (const origins of this.traces.values()) {
      for (const [origin, traces] of origins) {
        if (siteOfOrigin(origin) !== site) for (const { time } of traces) times.push(time);
      }
    }
    return times.sort((a, b) => a - b);
  }

  private async around(stream: StreamName, gap: Gap, gaps: readonly Gap[]) {
    let { from, to }: { from: number; to: number } = gap;
    // Gaps lie side by side where their reasons differ.
    for (let before = at(gaps, gap, from - 1); before; before = at(gaps, gap, from - 1)) from = before.from;
    for (let after = at(gaps, gap, to); after; after = at(gaps, gap, to)) to = after.to;
    const isLast = to >= (this.store.vector(stream)[gap.origin] ?? 0);
    return {
      before: from === 0 ? undefined : await this.times.at(stream, gap.origin, from - 1),
      after: isLast ? undefined : await this.times.at(stream, gap.origin, to),
    };
  }
}

function at(gaps: readonly Gap[], { origin }: Gap, seq: number): Gap | undefined {
  return gaps.find((gap) => gap.origin === origin && gap.from <= seq && seq < gap.to);
}

/** Pieces of the same kind at the same time are one to people. */
function add(
  found: HistoryGap[],
  stream: StreamName,
  { origin, from, to, reason }: Gap,
  span: Span,
  isPart: boolean,
): void {
  const fromTime = Number.isFinite(span.from) ? iso(span.from) : undefined;
  const toTime = Number.isFinite(span.to) ? iso(span.to) : undefined;
  const twin = found.findIndex(
    (one) =>
      one.stream === stream &&
      one.origin === origin &&
      one.reason === reason &&
      one.from === fromTime &&
      one.to === toTime,
  );
  const known = found[twin];
  if (known) {
    const { fromSeq = from, toSeq = to, records = 0 } = known;
    if (!isPart) {
      const numbers = { fromSeq: Math.min(fromSeq, from), toSeq: Math.max(toSeq, to), records: records + to - from };
      found[twin] = { ...known, ...numbers };
    }
    return;
  }
  found.push({
    stream,
    origin,
    ...(!isPart && { fromSeq: from, toSeq: to, records: to - from }),
    reason,
    ...(fromTime !== undefined && { from: fromTime }),
    ...(toTime !== undefined && { to: toTime }),
  });
}

/** In order of time. */
export function compareGaps(a: HistoryGap, b: HistoryGap): number {
  return compareTexts(a.from ?? "", b.from ?? "") || compareTexts(a.origin, b.origin);
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
