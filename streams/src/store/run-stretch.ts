import { recordAt, valueBytes, valuesOf } from "./run-records.js";
import type { StoredRecord } from "../model/record.js";
import type { RunBlock } from "./run-block.js";
import type { Run } from "./segment-format.js";

/** Records [first, end) of a block: one topic's, in order of their offsets. */
export interface RunStretch {
  readonly run: Run;
  readonly block: RunBlock;
  readonly topic: string;
  readonly first: number;
  readonly end: number;
}

/** What a stretch has to be part of: offsets and timestamps from the first, inclusive, to the second, exclusive. */
export interface StretchBounds {
  readonly fromOffset: number;
  readonly toOffset: number;
  readonly fromTime: number;
  readonly toTime: number;
  readonly reverse: boolean;
}

/**
 * What a block has of a topic within the bounds: mostly one stretch, more where times go up and down.
 * @param block the records of this topic alone
 */
export function stretchesOf(
  run: Run,
  block: RunBlock,
  topic: string,
  { fromOffset, toOffset, fromTime, toTime, reverse }: StretchBounds,
): RunStretch[] {
  const { offsets, timestamps } = block;
  let first = 0;
  let end = block.count;
  while (first < end && (offsets[first] as number) < fromOffset) first++;
  while (first < end && (offsets[end - 1] as number) >= toOffset) end--;
  if (fromTime === -Infinity && toTime === Infinity) return first < end ? [{ run, block, topic, first, end }] : [];
  const found: RunStretch[] = [];
  const isIn = (i: number): boolean => (timestamps[i] as number) >= fromTime && (timestamps[i] as number) < toTime;
  while (first < end) {
    while (first < end && !isIn(first)) first++;
    const begin = first;
    while (first < end && isIn(first)) first++;
    if (begin < first) found.push({ run, block, topic, first: begin, end: first });
  }
  return reverse ? found.reverse() : found;
}

/** Bytes of its values. */
export function stretchBytes({ block, first, end }: RunStretch): number {
  return (block.valueStarts[end] as number) - (block.valueStarts[first] as number);
}

export function lowest({ block, first }: RunStretch): number {
  return block.offsets[first] as number;
}

export function highest({ block, end }: RunStretch): number {
  return block.offsets[end - 1] as number;
}

/** Sorts them by offset. False when they are not one behind the other: sites that wrote at the same time, or doubles. */
export function sortStretches(stretches: RunStretch[]): boolean {
  stretches.sort((a, b) => lowest(a) - lowest(b));
  return stretches.every((stretch, i) => i === 0 || highest(stretches[i - 1] as RunStretch) < lowest(stretch));
}

export function countOf(stretches: readonly RunStretch[]): number {
  return stretches.reduce((sum, { first, end }) => sum + end - first, 0);
}

/**
 * The first records of stretches that are in order, or the last of them, from the end; their values the caller's own. At most
 * `limit`, and at most `bytesMax` of values, but always one.
 */
export function stretchRecords(
  stretches: readonly RunStretch[],
  { limit, reverse }: { readonly limit: number; readonly reverse: boolean },
  bytesMax: number,
): StoredRecord[] {
  const records: StoredRecord[] = [];
  let left = bytesMax;
  for (const stretch of reverse ? stretches.toReversed() : stretches) {
    const { run, block, topic } = stretch;
    const { first, end } = part(stretch, limit - records.length, reverse, left, records.length === 0);
    const values = valuesOf(block, first, end);
    left -= values.byteLength;
    const begin = block.valueStarts[first] as number;
    for (let n = 0; n < end - first; n++) {
      const index = reverse ? end - 1 - n : first + n;
      const from = (block.valueStarts[index] as number) - begin;
      records.push(recordAt(run, block, index, topic, new Uint8Array(values.buffer, from, valueBytes(block, index))));
    }
    if (end - first < stretch.end - stretch.first) break;
  }
  return records;
}

/** What fits of a stretch, from its beginning or its end. */
function part(
  { block, first, end }: RunStretch,
  limit: number,
  reverse: boolean,
  bytes: number,
  atLeastOne: boolean,
): { readonly first: number; readonly end: number } {
  let count = Math.min(limit, end - first);
  const size = (): number => {
    const [from, to] = reverse ? [end - count, end] : [first, first + count];
    return (block.valueStarts[to] as number) - (block.valueStarts[from] as number);
  };
  while (count > (atLeastOne ? 1 : 0) && size() > bytes) count--;
  return reverse ? { first: end - count, end } : { first, end: first + count };
}

/** Place of the topic in a sorted list, or -1. */
export function indexOf(topics: readonly string[], topic: string): number {
  let low = 0;
  let high = topics.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((topics[middle] as string) < topic) low = middle + 1;
    else high = middle;
  }
  return topics[low] === topic ? low : -1;
}
