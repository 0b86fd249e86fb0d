import { READ_BYTES_MAX, READ_PARALLEL_MAX, READ_RECORDS_MAX } from "../limits.js";
import { isLandfallError } from "../model/errors.js";
import { RECORD_HEADER_BYTES } from "./block-layout.js";
import { runRecords, valueBytes } from "./run-records.js";
import type { RunRef } from "./run-records.js";
import type { OriginId } from "../model/names.js";
import type { StoredRecord } from "../model/record.js";
import type { Catalog } from "./catalog.js";
import type { Generation } from "./generation.js";
import type { JournalReader, JournalRef } from "./journal-reader.js";
import type { RunBlock } from "./run-block.js";
import type { Run } from "./segment-format.js";
import type { SegmentReader } from "./segment-reader.js";
import type { StreamState } from "./stream-state.js";
import type { TopicQuery } from "./store.js";
import type { TopicTable } from "./topic-table.js";

/** A record that answers the query, not fetched yet if it is in a journal. */
interface Candidate {
  readonly offset: number;
  readonly origin: OriginId;
  readonly bytes: number;
  readonly from: JournalRef | RunRef;
}

interface Bounds {
  readonly fromOffset: number;
  readonly toOffset: number;
  readonly fromTime: number;
  readonly toTime: number;
  readonly limit: number;
  readonly reverse: boolean;
}

/** Reads one topic: from every generation and every run that may hold some of it, newest or oldest first. */
export class TopicReader {
  constructor(
    private readonly catalog: Catalog,
    private readonly journals: JournalReader,
    private readonly segments: SegmentReader,
  ) {}

  async read(stream: StreamState, topic: string, query: TopicQuery): Promise<StoredRecord[]> {
    const bounds: Bounds = {
      fromOffset: query.fromOffset ?? -Infinity,
      toOffset: query.toOffset ?? Infinity,
      fromTime: query.fromTime ?? -Infinity,
      toTime: query.toTime ?? Infinity,
      limit: Math.min(query.limit, READ_RECORDS_MAX),
      reverse: query.reverse ?? false,
    };
    if (bounds.limit === 0) return [];
    // Before anything is awaited: what is sealed meanwhile is found here, and its file stays until we are done.
    const runs = runsInOrder(stream, bounds);
    let found: Candidate[] = [];
    for (const generation of this.catalog.generations.slice()) {
      fromGeneration(generation, await generation.indexed(), stream, topic, bounds, found);
    }
    const order = (a: Candidate, b: Candidate): number => compare(a, b, bounds.reverse);
    found.sort(order);
    for (let i = 0; i < runs.length;) {
      const bar = found.length < bounds.limit ? undefined : (found[bounds.limit - 1] as Candidate).offset;
      // Nothing in the runs that are left can come before what was found.
      const next = runs[i] as Run;
      if (bar !== undefined && (bounds.reverse ? next.highest < bar : next.lowest > bar)) break;
      const some = runs.slice(i, (i += READ_PARALLEL_MAX));
      const parts = await Promise.all(some.map((run) => this.fromRun(run, topic, bounds)));
      found = found.concat(...parts);
      sortUnlessSorted(found, order);
    }
    return this.fetch(dropDoubles(found), bounds);
  }

  /**
   * Largest offset that a topic has or may have had, what is on its way to the disk included; anything below `base` when
   * it has none of at least `base` (O2).
   */
  async lastOffset(stream: StreamState, topic: string, base: number): Promise<number> {
    let last = Math.max(stream.expiredHighest, this.catalog.lastOffset(stream, topic));
    for (const run of stream.runs) {
      if (run.highest < base || run.highest <= last) continue;
      try {
        last = Math.max(last, await this.lastOffsetIn(run, topic, base));
      } catch (error) {
        // What cannot be read must not stop what is to be written: nothing in the run is larger than this.
        if (!isLandfallError(error, "CORRUPT_BLOCK")) throw error;
        last = run.highest;
      }
    }
    return last;
  }

  private async lastOffsetIn(run: Run, topic: string, base: number): Promise<number> {
    let last = 0;
    for (const entry of await this.segments.entriesOf(run, topic)) {
      if (entry.maxOffset < base || entry.maxOffset <= last) continue;
      const block = await this.segments.block(run, entry);
      const at = indexOf(block.topics, topic);
      const end = at < 0 ? 0 : (block.topicEnds[at] as number);
      if (end > 0) last = Math.max(last, block.offsets[end - 1] as number);
    }
    return last;
  }

  private async fromRun(run: Run, topic: string, bounds: Bounds): Promise<Candidate[]> {
    const entries = (await this.segments.entriesOf(run, topic)).filter(
      (entry) =>
        entry.maxOffset >= bounds.fromOffset &&
        entry.minOffset < bounds.toOffset &&
        entry.maxTime >= bounds.fromTime &&
        entry.minTime < bounds.toTime,
    );
    if (bounds.reverse) entries.reverse();
    const found: Candidate[] = [];
    for (let i = 0; i < entries.length && found.length < bounds.limit; i += READ_PARALLEL_MAX) {
      const some = entries.slice(i, i + READ_PARALLEL_MAX);
      const blocks = await Promise.all(some.map((entry) => this.segments.block(run, entry)));
      for (const block of blocks) fromBlock(run, block, topic, bounds, found);
    }
    return found;
  }

  private async fetch(found: readonly Candidate[], bounds: Bounds): Promise<StoredRecord[]> {
    const taken: Candidate[] = [];
    let bytes = 0;
    for (const candidate of found) {
      bytes += candidate.bytes;
      if (taken.length === bounds.limit || (taken.length > 0 && bytes > READ_BYTES_MAX)) break;
      taken.push(candidate);
    }
    const refs: JournalRef[] = [];
    const runRefs: RunRef[] = [];
    for (const { from } of taken) {
      if ("generation" in from) refs.push(from);
      else runRefs.push(from);
    }
    const sealed = runRecords(runRefs);
    if (refs.length === 0) return sealed;
    const unsealed = await this.journals.read(refs);
    let next = 0;
    let nextSealed = 0;
    return taken.map(({ from }) => ("generation" in from ? unsealed[next++] : sealed[nextSealed++]) as StoredRecord);
  }
}

function fromGeneration(
  generation: Generation,
  topics: TopicTable,
  stream: StreamState,
  topic: string,
  bounds: Bounds,
  found: Candidate[],
): void {
  const number = topics.find(stream.number, topic);
  if (number < 0) return;
  // Unless records came late, the newest first: then the end is near.
  const isOrdered = !topics.isDisordered(number);
  let count = 0;
  generation.walk(number, (record) => {
    const offset = generation.offsets[record] as number;
    if (isOrdered && offset < bounds.fromOffset) return false;
    const time = generation.timestamps[record] as number;
    if (offset < bounds.fromOffset || offset >= bounds.toOffset) return true;
    if (time < bounds.fromTime || time >= bounds.toTime) return true;
    const block = generation.block(generation.blockOf(record));
    const bytes = generation.recordBytes(record, block);
    found.push({ offset, origin: block.log.origin, bytes, from: { generation, record } });
    count++;
    return !(isOrdered && bounds.reverse && count >= bounds.limit);
  });
}

function fromBlock(run: Run, block: RunBlock, topic: string, bounds: Bounds, found: Candidate[]): void {
  const at = indexOf(block.topics, topic);
  if (at < 0) return;
  const first = at === 0 ? 0 : (block.topicEnds[at - 1] as number);
  const end = block.topicEnds[at] as number;
  for (let n = 0; n < end - first; n++) {
    const index = bounds.reverse ? end - 1 - n : first + n;
    const offset = block.offsets[index] as number;
    const time = block.timestamps[index] as number;
    if (offset < bounds.fromOffset || offset >= bounds.toOffset) continue;
    if (time < bounds.fromTime || time >= bounds.toTime) continue;
    const bytes = valueBytes(block, index) + RECORD_HEADER_BYTES;
    found.push({ offset, origin: run.origin, bytes, from: { run, block, index, topic } });
    if (found.length >= bounds.limit) return;
  }
}

/** Those whose records can answer, the ones that can answer first, first. */
function runsInOrder(stream: StreamState, bounds: Bounds): Run[] {
  const runs = stream.runs.filter(
    (run) =>
      run.highest >= bounds.fromOffset &&
      run.lowest < bounds.toOffset &&
      run.toTime >= bounds.fromTime &&
      run.fromTime < bounds.toTime,
  );
  return runs.sort((a, b) => (bounds.reverse ? b.highest - a.highest : a.lowest - b.lowest));
}

/** Runs of one origin mostly follow each other. */
function sortUnlessSorted(found: Candidate[], order: (a: Candidate, b: Candidate) => number): void {
  for (let i = 1; i < found.length; i++) {
    if (order(found[i - 1] as Candidate, found[i] as Candidate) > 0) {
      found.sort(order);
      return;
    }
  }
}

function compare(a: Candidate, b: Candidate, reverse: boolean): number {
  const order = a.offset - b.offset || (a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : 0);
  return reverse ? -order : order;
}

/** While a damaged run is being healed, some of its records are here twice. */
function dropDoubles(sorted: readonly Candidate[]): Candidate[] {
  return sorted.filter((one, i) => {
    const before = sorted[i - 1];
    return before === undefined || before.offset !== one.offset || before.origin !== one.origin;
  });
}

/** Place of the topic in a sorted list, or -1. */
function indexOf(topics: readonly string[], topic: string): number {
  let low = 0;
  let high = topics.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((topics[middle] as string) < topic) low = middle + 1;
    else high = middle;
  }
  return topics[low] === topic ? low : -1;
}
