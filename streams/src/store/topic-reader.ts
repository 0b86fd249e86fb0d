import { READ_BYTES_MAX, READ_PARALLEL_MAX, READ_RECORDS_MAX } from "../limits.js";
import { isLandfallError } from "../model/errors.js";
import { RECORD_HEADER_BYTES } from "./block-layout.js";
import { runRecords, valueBytes } from "./run-records.js";
import { countOf, highest, lowest, sortStretches, stretchBytes, stretchRecords, stretchesOf } from "./run-stretch.js";
import type { RunRef } from "./run-records.js";
import type { RunStretch } from "./run-stretch.js";
import type { OriginId } from "../model/names.js";
import type { StoredRecord } from "../model/record.js";
import type { Catalog } from "./catalog.js";
import type { Generation } from "./generation.js";
import type { DamagedBlock, GenerationIndex } from "./generation-index.js";
import type { JournalIndex } from "./journal-index.js";
import type { JournalReader, JournalRef } from "./journal-reader.js";
import type { BlockEntry } from "./run-index.js";
import type { Run } from "./segment-format.js";
import type { SegmentReader } from "./segment-reader.js";
import type { StreamState } from "./stream-state.js";
import type { TopicQuery } from "./store.js";

/** Runs that one call asks at once: it waits for the disk once, not again and again. */
const RUNS_AT_ONCE = 32;
/** Blocks of a run that are looked at before it is asked whether they are enough. */
const BLOCKS_AT_ONCE = 16;

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
    const unsealed: Candidate[] = [];
    for (const generation of this.catalog.generations.slice()) {
      const index = await this.index.of(generation);
      fromGeneration(generation, index, stream, topic, bounds, unsealed);
      for (const one of index.damaged) if (mayHold(one, stream, bounds)) damaged.push(one);
    }
    const order = (a: Candidate, b: Candidate): number => compare(a, b, bounds.reverse);
    unsealed.sort(order);
    for (let wanted = bounds.limit; ;) {
      const { stretches, isDone } = await this.gather(runs, topic, bounds, wanted, unsealed);
      if (areInOrder(stretches, unsealed, bounds.reverse)) return this.inOrder(stretches, bounds, unsealed);
      const found = unsealed.concat(stretches.flatMap(candidatesOf)).sort(order);
      const single = dropDoubles(found);
      if (isDone || single.length >= wanted || single.length === found.length) return this.fetch(single, bounds);
      wanted += found.length - single.length;
    }
  }

  /**
   * What the sealed runs hold of the topic, until `wanted` records are found, or as many bytes as one answer has room for, and
   * nothing in the runs that are left can come before them; then it is not done, as some may be found twice. As many runs are asked at once as it will probably take.
   */
  private async gather(
    runs: readonly Run[],
    topic: string,
    bounds: Bounds,
    wanted: number,
    unsealed: readonly Candidate[],
  ): Promise<{ readonly stretches: RunStretch[]; readonly isDone: boolean }> {
    const { reverse } = bounds;
    const stretches: RunStretch[] = [];
    const known = reverse ? unsealed.length : 0;
    let edge = reverse ? (unsealed.at(-1)?.offset ?? Infinity) : -Infinity;
    let found = 0;
    let bytes = 0;
    let asked = 0;
    while (asked < runs.length) {
      const next = runs[asked] as Run;
      const isFull = bytes >= READ_BYTES_MAX;
      const isEnough = isFull || known + found >= wanted;
      if (isEnough && (reverse ? next.highest < edge : next.lowest > edge)) return { stretches, isDone: isFull };
      const count = runsToAsk(asked, found, isEnough ? 0 : wanted - known - found);
      const some = runs.slice(asked, (asked += count));
      for (const part of await Promise.all(some.map((run) => this.stretches(run, topic, bounds, wanted)))) {
        for (const stretch of part) {
          stretches.push(stretch);
          found += stretch.end - stretch.first;
          bytes += stretchBytes(stretch);
          edge = reverse ? Math.min(edge, lowest(stretch)) : Math.max(edge, highest(stretch));
        }
      }
    }
    return { stretches, isDone: true };
  }

  /**
   * The usual case: what the blocks hold of the topic lies one behind the other, and before what is not sealed. Then whole
   * stretches are copied, and nothing is made for each record but itself.
   */
  private async inOrder(
    stretches: readonly RunStretch[],
    bounds: Bounds,
    unsealed: readonly Candidate[],
  ): Promise<StoredRecord[]> {
    const { limit, reverse } = bounds;
    if (reverse) {
      const newest = await this.fetch(unsealed, bounds);
      const room = READ_BYTES_MAX - valuesIn(newest);
      if (newest.length < unsealed.length || newest.length >= limit || room <= 0) return newest;
      return newest.concat(stretchRecords(stretches, { limit: limit - newest.length, reverse }, room));
    }
    const oldest = stretchRecords(stretches, bounds, READ_BYTES_MAX);
    const room = READ_BYTES_MAX - valuesIn(oldest);
    if (oldest.length < countOf(stretches) || oldest.length >= limit || room <= 0) return oldest;
    return oldest.concat(await this.fetch(unsealed, { ...bounds, limit: limit - oldest.length }, room));
  }

  /** What one run holds of the topic, in the order of the answer, until it is enough. */
  private async stretches(run: Run, topic: string, bounds: Bounds, wanted: number): Promise<RunStretch[]> {
    const found: RunStretch[] = [];
    const entries = (await this.segments.entriesOf(run, topic)).filter(
      (entry) =>
        entry.maxOffset >= bounds.fromOffset &&
        entry.minOffset < bounds.toOffset &&
        entry.maxTime >= bounds.fromTime &&
        entry.minTime < bounds.toTime,
    );
    if (bounds.reverse) entries.reverse();
    let count = 0;
    let bytes = 0;
    for (let i = 0; i < entries.length && count < wanted && bytes < READ_BYTES_MAX;) {
      // No more blocks than would do if all their records were asked for.
      const first = i;
      for (let room = wanted - count; i < entries.length && room > 0; i++) {
        if (i - first >= BLOCKS_AT_ONCE) break;
        room -= (entries[i] as BlockEntry).count;
      }
      for (const block of await this.segments.topic(run, entries.slice(first, i), topic)) {
        for (const stretch of stretchesOf(run, block, topic, bounds)) {
          found.push(stretch);
          count += stretch.end - stretch.first;
          bytes += stretchBytes(stretch);
        }
      }
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
      for (const { offsets } of await this.segments.topic(run, [entry], topic)) {
        last = Math.max(last, offsets[offsets.length - 1] as number);
      }
    }
    return last;
  }

  private async fetch(found: readonly Candidate[], bounds: Bounds, bytesMax = READ_BYTES_MAX): Promise<StoredRecord[]> {
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

/** How many runs to ask at once, when `asked` of them had `found` records and `missing` are still to be found. */
function runsToAsk(asked: number, found: number, missing: number): number {
  if (asked === 0 || missing === 0) return READ_PARALLEL_MAX;
  const count = found === 0 ? asked * 2 : Math.ceil((missing * asked) / found);
  return Math.min(count, RUNS_AT_ONCE);
}

/** Sorts the stretches. Whether they lie one behind the other, before what is not sealed: mostly. */
function areInOrder(stretches: RunStretch[], unsealed: readonly Candidate[], reverse: boolean): boolean {
  if (!sortStretches(stretches)) return false;
  const last = stretches.at(-1);
  const first = reverse ? unsealed.at(-1) : unsealed[0];
  return first === undefined || last === undefined || first.offset > highest(last);
}

function candidatesOf({ run, block, topic, first, end }: RunStretch): Candidate[] {
  return Array.from({ length: end - first }, (_, n) => {
    const index = first + n;
    const bytes = valueBytes(block, index) + RECORD_HEADER_BYTES;
    return { offset: block.offsets[index] as number, origin: run.origin, bytes, from: { run, block, index, topic } };
  });
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
  return records.reduce((sum, { value }) => sum + value.length, 0);
}
