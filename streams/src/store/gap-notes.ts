import { holesWithout } from "../model/gap.js";
import type { Gap } from "../model/gap.js";
import type { StreamName } from "../model/names.js";
import type { ExpiredStream, Manifest } from "./manifest.js";
import type { Run } from "./segment-format.js";
import type { StreamState } from "./stream-state.js";

/** A gap of one stream, as the manifest is to remember it. */
export interface GapNote extends Gap {
  readonly stream: StreamName;
}

type Notes = Manifest["expired"];

const NOTHING: ExpiredStream = { gaps: [], highest: 0 };

/** What the manifest remembers, with more gaps. */
export function withGaps(notes: Notes, gaps: readonly GapNote[]): Notes {
  const grown: Record<StreamName, ExpiredStream> = { ...notes };
  for (const { stream, ...gap } of gaps) {
    const { gaps: before, highest } = grown[stream] ?? NOTHING;
    grown[stream] = { gaps: joinGaps([...cleared(before, gap), gap]), highest };
  }
  return grown;
}

/** What the manifest remembers once these runs have expired; a topic's largest offset outlives them (O2). */
export function withExpired(notes: Notes, runs: readonly Run[]): Notes {
  const gaps = runs.map(({ stream, origin, from, to }) => ({ stream, origin, from, to, reason: "expired" }) as GapNote);
  const grown: Record<StreamName, ExpiredStream> = { ...withGaps(notes, gaps) };
  for (const { stream, highest } of runs) {
    const { gaps: joined, highest: before } = grown[stream] ?? NOTHING;
    grown[stream] = { gaps: joined, highest: Math.max(before, highest) };
  }
  return grown;
}

/** What the manifest remembers once these runs are there: what they fill is no gap any more. */
export function withoutRuns(notes: Notes, runs: readonly Pick<Run, "stream" | "origin" | "from" | "to">[]): Notes {
  const left: Record<StreamName, ExpiredStream> = { ...notes };
  for (const run of runs) {
    const { gaps, highest } = left[run.stream] ?? NOTHING;
    if (gaps.length > 0) left[run.stream] = { gaps: cleared(gaps, run), highest };
  }
  return left;
}

/** Puts what the manifest remembers of a stream where no records are; they win over a gap that they have filled. */
export function placeGaps(stream: StreamState, { gaps, highest }: ExpiredStream): void {
  stream.expiredHighest = Math.max(stream.expiredHighest, highest);
  for (const { origin, from, to, reason } of gaps) {
    const log = stream.log(origin);
    log.saw(highest);
    log.addGap(from, to, reason);
  }
}

function cleared(gaps: readonly Gap[], range: Pick<Run, "origin" | "from" | "to">): Gap[] {
  return gaps.flatMap((gap) => (gap.origin === range.origin ? holesWithout([gap], range.from, range.to) : [gap]));
}

/** In order; neighbours of one reason become one. */
function joinGaps(gaps: readonly Gap[]): Gap[] {
  const joined: Gap[] = [];
  const sorted = gaps.slice().sort((a, b) => (a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : a.from - b.from));
  for (const gap of sorted) {
    const last = joined.at(-1);
    const isNext = last?.origin === gap.origin && last.reason === gap.reason && last.to === gap.from;
    if (isNext) joined[joined.length - 1] = { ...last, to: gap.to };
    else joined.push(gap);
  }
  return joined;
}
