import { READ_BYTES_MAX, READ_PARALLEL_MAX, READ_RECORDS_MAX } from "../limits.js";
import { isLandfallError } from "../model/errors.js";
import { RECORD_HEADER_BYTES } from "./block-layout.js";
import { runRecords, valueBytes } from "./run-records.js";
import { countOf, highest, indexOf, lowest, sortStretches, stretchOf, stretchRecords } from "./run-stretch.js";
import type { RunRef } from "./run-records.js";
import type { RunStretch } from "./run-stretch.js";
import type { OriginId } from "../model/names.js";
import type { StoredRecord } from "../model/record.js";
import type { Catalog } from "./catalog.js";
import type { Generation } from "./generation.js";
import type { DamagedBlock, GenerationIndex } from "./generation-index.js";
import type { JournalIndex } from "./journal-index.js";
import type { JournalReader, JournalRef } from "./journal-reader.js";
import type { RunBlock } from "./run-block.js";
import type { Run } from "./segment-format.js";
import type { SegmentReader } from "./segment-reader.js";
import type { StreamState } from "./stream-state.js";
import type { TopicQuery } from "./store.js";

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
    private readonly index: JournalIndex,
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
    const damaged: DamagedBlock[] = [];
    const records = await this.answer(stream, topic, bounds, damaged);
    const last = records.length < bounds.limit ? undefined : records.at(-1)?.offset;
    for (const { block, error } of damaged) {
      // What cannot be read may be part of the answer, of which topic it ever was.
      const isBehind = last !== undefined && (bounds.reverse ? block.highest < last : block.lowest > last);
      if (!isBehind) throw error;
    }
    return records;
  }

  /** @param damaged takes the blocks of journals that may hold some of it, and cannot be read */
  private async answer(
    stream: StreamState,
    topic: string,
    bounds: Bounds,
    damaged: DamagedBlock[],
  ): Promise<StoredRecord[]> {
    // Before anything is awaited: what is sealed meanwhile is found here, and its file stays until we are done.
    const runs = runsInOrder(stream, bounds);
    let found: Candidate[] = [];
    for (const generation of this.catalog.generations.slice()) {
      const index = await this.index.of(generation);
      fromGeneration(generation, index, stream, topic, bounds, found);
      for (const one of index.damaged) if (mayHold(one, stream, bounds)) damaged.push(one);
    }
    const order = (a: Candidate, b: Candidate): number => compare(a, b, bounds.reverse);
    found.sort(order);
    const quick = await this.readInOrder(runs, topic, bounds, found);
    if (quick !== undefined) return quick;
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
    return this.fetch(dropDoubles(found), bounds, READ_BYTES_MAX);
  }

  /**
   * The usual case: what the blocks hold of the topic lies one behind the other, and before what is not sealed. Then whole
   * stretches are copied, and nothing is made for each record but itself. Undefined when it is not so.
   * @param unsealed in the order of the answer
   */
  private async readInOrder(
    runs: readonly Run[],
    topic: string,
    bounds: Bounds,
    unsealed: readonly Candidate[],
  ): Promise<StoredRecord[] | undefined> {
    if (bounds.fromTime > -Infinity || bounds.toTime < Infinity) return undefined;
    const { limit, reverse } = bounds;
    const stretches: RunStretch[] = [];
    let count = reverse ? unsealed.length : 0;
    for (let i = 0; i < runs.length;) {
      const next = runs[i] as Run;
      // Nothing in the runs that are left can come before what was found.
      const edges = stretches.map(reverse ? lowest : highest);
      const oldest = unsealed.at(-1)?.offset;
      if (reverse && oldest !== undefined) edges.push(oldest);
      if (count >= limit && (reverse ? next.highest < Math.min(...edges) : next.lowest > Math.max(...edges))) break;
      const some = runs.slice(i, (i += READ_PARALLEL_MAX));
      for (const found of await Promise.all(some.map((run) => this.stretches(run, topic, bounds)))) {
        stretches.push(...found);
        count += countOf(found);
      }
    }
    if (!sortStretches(stretches)) return undefined;
    const last = stretches.at(-1);
    const first = reverse ? unsealed.at(-1) : unsealed[0];
    if (first !== undefined && last !== undefined && first.offset <= highest(last)) return undefined;
    if (reverse) {
      const newest = await this.fetch(unsealed, bounds, READ_BYTES_MAX);
      const room = READ_BYTES_MAX - valuesIn(newest);
      if (newest.length < unsealed.length || newest.length >= limit || room <= 0) return newest;
      return newest.concat(stretchRecords(stretches, { limit: limit - newest.length, reverse }, room));
    }
    const oldest = stretchRecords(stretches, bounds, READ_BYTES_MAX);
    const room = READ_BYTES_MAX - valuesIn(oldest);
    if (oldest.length < countOf(stretches) || oldest.length >= limit || room <= 0) return oldest;
    return oldest.concat(await this.fetch(unsealed, { ...bounds, limit: limit - oldest.length }, room));
  }

  private async stretches(run: Run, topic: string, bounds: Bounds): Promise<RunStretch[]> {
    const found: RunStretch[] = [];
    const { fromOffset, toOffset, limit } = bounds;
    for await (const block of this.blocks(run, topic, bounds)) {
      const stretch = stretchOf(run, block, topic, fromOffset, toOffset);
      if (stretch !== undefined) found.push(stretch);
      if (countOf(found) >= limit) break;
    }
    return found;
  }

  /**
   * Largest offset that a topic has or may have had, what is on its way to the disk included; anything below `base` when
   * it has none of at least `base` (O2).
   */
  async lastOffset(stream: StreamState, topic: string, base: number): Promise<number> {
    let last = Math.max(stream.expiredHighest, await this.index.lastOffset(stream, topic));
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
    const found: Candidate[] = [];
    for await (const block of this.blocks(run, topic, bounds)) {
      fromBlock(run, block, topic, bounds, found);
      if (found.length >= bounds.limit) break;
    }
    return found;
  }

  /** Blocks of a run that may hold what is asked for, in the order of the answer; a few are read at once. */
  private async *blocks(run: Run, topic: string, bounds: Bounds): AsyncGenerator<RunBlock> {
    const entries = (await this.segments.entriesOf(run, topic)).filter(
      (entry) =>
        entry.maxOffset >= bounds.fromOffset &&
        entry.minOffset < bounds.toOffset &&
        entry.maxTime >= bounds.fromTime &&
        entry.minTime < bounds.toTime,
    );
    if (bounds.reverse) entries.reverse();
    for (let i = 0; i < entries.length; i += READ_PARALLEL_MAX) {
      const some = entries.slice(i, i + READ_PARALLEL_MAX);
      yield* await Promise.all(some.map((entry) => this.segments.block(run, entry)));
    }
  }

  private async fetch(found: readonly Candidate[], bounds: Bounds, bytesMax: number): Promise<StoredRecord[]> {
    const taken: Candidate[] = [];
    let bytes = 0;
    for (const candidate of found) {
      bytes += candidate.bytes;
      if (taken.length === bounds.limit || (taken.length > 0 && bytes > bytesMax)) break;
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
  index: GenerationIndex,
  stream: StreamState,
  topic: string,
  bounds: Bounds,
  found: Candidate[],
): void {
  const { topics } = index;
  const number = topics.find(stream.number, topic);
  if (number < 0) return;
  // Unless records came late, the newest first: then the end is near.
  const isOrdered = !topics.isDisordered(number);
  let count = 0;
  index.walk(number, (record) => {
    const offset = index.offsets[record] as number;
    if (isOrdered && offset < bounds.fromOffset) return false;
    const time = index.timestamps[record] as number;
    if (offset < bounds.fromOffset || offset >= bounds.toOffset) return true;
    if (time < bounds.fromTime || time >= bounds.toTime) return true;
    const block = generation.block(generation.blockOf(record));
    const bytes = index.sizes[record] as number;
    found.push({ offset, origin: block.log.origin, bytes, from: { generation, record } });
    count++;
    return !(isOrdered && bounds.reverse && count >= bounds.limit);
  });
}

function mayHold({ block }: DamagedBlock, stream: StreamState, { fromOffset, toOffset }: Bounds): boolean {
  return block.log.stream === stream && block.highest >= fromOffset && block.lowest < toOffset;
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

function valuesIn(records: readonly StoredRecord[]): number {
  return records.reduce((sum, { value }) => sum + value.byteLength, 0);
}
