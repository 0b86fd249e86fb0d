import type { SealScan } from "./seal-scan.js";

/** Fewer topics than this are sorted by comparing their names. */
const RADIX_MIN = 2048;
const KEY_WORDS = 4;

/** Numbers of all records in order of (run, topic, offset). */
export function sortRecords(scan: SealScan): Uint32Array {
  const { topics, topicOf, offsets } = scan;
  const order = topics.count < RADIX_MIN ? byComparing(scan) : byRadix(scan);
  const ranks = new Uint32Array(topics.count);
  for (let rank = 0; rank < order.length; rank++) ranks[order[rank] as number] = rank;
  const { length } = topicOf;
  const rankOf = new Uint32Array(length);
  const ends = new Uint32Array(topics.count + 1);
  for (let record = 0; record < length; record++) {
    const rank = ranks[topicOf[record] as number] as number;
    rankOf[record] = rank;
    (ends[rank + 1] as number)++;
  }
  for (let i = 1; i < ends.length; i++) ends[i] = (ends[i] as number) + (ends[i - 1] as number);
  const sorted = new Uint32Array(length);
  for (let record = 0; record < length; record++) {
    const rank = rankOf[record] as number;
    const at = ends[rank] as number;
    ends[rank] = at + 1;
    sorted[at] = record;
  }
  for (let rank = 0, first = 0; rank < topics.count; rank++) {
    const end = ends[rank] as number;
    if (end - first > 1) sortOffsets(sorted, offsets, first, end);
    first = end;
  }
  return sorted;
}

/** Of one origin and topic, later seqs have larger offsets; a peer that breaks this rule must not break the order. */
function sortOffsets(sorted: Uint32Array, offsets: Float64Array, first: number, end: number): void {
  for (let i = first + 1; i < end; i++) {
    const record = sorted[i] as number;
    const offset = offsets[record] as number;
    let at = i;
    for (; at > first && (offsets[sorted[at - 1] as number] as number) > offset; at--)
      sorted[at] = sorted[at - 1] as number;
    sorted[at] = record;
  }
}

function byComparing(scan: SealScan): Uint32Array {
  const { topics } = scan;
  const order = Array.from({ length: topics.count }, (_, i) => i);
  return Uint32Array.from(order.sort((a, b) => compare(scan, a, b)));
}

function compare(scan: SealScan, a: number, b: number): number {
  const run = scan.topics.stream(a) - scan.topics.stream(b);
  if (run !== 0) return run;
  const [x, y] = [scan.name(a), scan.name(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Sorts by the first sixteen bytes of the names, sixteen bits at a time, then by run; what is still equal by comparing. */
function byRadix(scan: SealScan): Uint32Array {
  const { topics } = scan;
  const { count } = topics;
  const key = new Uint16Array(count);
  let order = Uint32Array.from({ length: count }, (_, i) => i);
  let spare = new Uint32Array(count);
  const sort = (): void => {
    const starts = new Uint32Array(65_537);
    for (let topic = 0; topic < count; topic++) (starts[(key[topic] as number) + 1] as number)++;
    // Much of a name is mostly the same in all.
    if (starts[(key[0] as number) + 1] === count) return;
    for (let i = 1; i < starts.length; i++) starts[i] = (starts[i] as number) + (starts[i - 1] as number);
    for (let i = 0; i < count; i++) {
      const topic = order[i] as number;
      const at = starts[key[topic] as number] as number;
      starts[key[topic] as number] = at + 1;
      spare[at] = topic;
    }
    [order, spare] = [spare, order];
  };
  for (let word = KEY_WORDS - 1; word >= 0; word--) {
    for (let topic = 0; topic < count; topic++) key[topic] = topics.nameWord(topic, word);
    sort();
    for (let topic = 0; topic < count; topic++) key[topic] = topics.nameWord(topic, word) >>> 16;
    sort();
  }
  for (let topic = 0; topic < count; topic++) key[topic] = topics.stream(topic);
  sort();
  for (let topic = 0; topic < count; topic++) key[topic] = topics.stream(topic) >>> 16;
  sort();
  if (topics.hasLongNames) sortEqual(scan, order);
  return order;
}

/** Puts those names in order that share all that was sorted by. */
function sortEqual(scan: SealScan, order: Uint32Array): void {
  for (let first = 0; first < order.length;) {
    let end = first + 1;
    while (end < order.length && isSame(scan, order[first] as number, order[end] as number)) end++;
    if (end - first > 1) order.subarray(first, end).sort((a, b) => compare(scan, a, b));
    first = end;
  }
}

function isSame({ topics }: SealScan, a: number, b: number): boolean {
  if (topics.stream(a) !== topics.stream(b)) return false;
  for (let word = 0; word < KEY_WORDS; word++) if (topics.nameWord(a, word) !== topics.nameWord(b, word)) return false;
  return true;
}
