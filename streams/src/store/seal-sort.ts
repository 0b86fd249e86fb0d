import { RECORD_HEADER_BYTES, RECORD_OFFSET_AT, RECORD_TOPIC_AT } from "./block-layout.js";
import { compareNames } from "./compare-names.js";
import type { SealScan } from "./seal-scan.js";

/** So many characters of a name are sorted by their ranks; what is still equal then, by comparing the rest. */
const KEY_CHARS = 32;
const CODES = 256;
/** Numbers of buckets up to which neighbouring characters are sorted by at once: the counts stay in the processor's cache. */
const BUCKETS_MAX = 16_384;

export interface Sorted {
  /** Numbers of all records in order of (run, topic, offset). */
  readonly order: Uint32Array;
  /** For each place in `order`, 1 where a topic begins. */
  readonly begins: Uint8Array;
}

/**
 * Sorts by radix, the last characters first. Names of one trade are alike: at each place few different characters occur, at
 * many only one, so that a name of eleven characters takes two or three rounds, whatever the number of topics.
 */
export function sortRecords(scan: SealScan): Sorted {
  const { count, runs } = scan;
  const names = new Names(scan);
  let order = new Uint32Array(count);
  for (let record = 0; record < count; record++) order[record] = record;
  let spare = new Uint32Array(count);
  const round = (keys: Uint16Array, buckets: number): void => {
    sortBy(keys, buckets, order, spare);
    [order, spare] = [spare, order];
  };
  for (const { keys, buckets } of names.digits.toReversed()) round(keys, buckets);
  if (runs.length > 1) {
    const runOf = new Uint32Array(count);
    runs.reduce((first, run, number) => (runOf.fill(number, first, first + run.count), first + run.count), 0);
    round(new Uint16Array(runOf), 0x10000);
    if (runs.length > 0x10000)
      round(
        Uint16Array.from(runOf, (run) => run >>> 16),
        0x10000,
      );
    names.runOf = runOf;
  }
  if (names.areLong) names.sortRest(order);
  return { order, begins: beginnings(scan, names, order) };
}

function sortBy(keys: Uint16Array, buckets: number, from: Uint32Array, to: Uint32Array): void {
  const starts = new Uint32Array(buckets + 1);
  const { length } = from;
  for (let i = 0; i < length; i++) (starts[(keys[i] as number) + 1] as number)++;
  for (let i = 1; i <= buckets; i++) starts[i] = (starts[i] as number) + (starts[i - 1] as number);
  for (let i = 0; i < length; i++) {
    const record = from[i] as number;
    const key = keys[record] as number;
    const at = starts[key] as number;
    starts[key] = at + 1;
    to[at] = record;
  }
}

/** Where topics begin; records of one whose offsets do not grow are put in order first. */
function beginnings(scan: SealScan, names: Names, order: Uint32Array): Uint8Array {
  const begins = new Uint8Array(order.length);
  const offset = (record: number): number =>
    scan.view.getFloat64((scan.recordAts[record] as number) + RECORD_OFFSET_AT, true);
  const end = (first: number, to: number): void => {
    for (let i = first + 1; i < to; i++) {
      // Of one origin and topic, later seqs have larger offsets; a peer that breaks this rule must not break the order.
      const record = order[i] as number;
      const own = offset(record);
      let at = i;
      for (; at > first && offset(order[at - 1] as number) > own; at--) order[at] = order[at - 1] as number;
      order[at] = record;
    }
  };
  let first = 0;
  for (let i = 0; i < order.length; i++) {
    if (i > 0 && names.areEqual(order[i - 1] as number, order[i] as number)) continue;
    begins[i] = 1;
    end(first, i);
    first = i;
  }
  end(first, order.length);
  return begins;
}

interface Digit {
  /** Of each record; smaller than `buckets`. */
  readonly keys: Uint16Array;
  readonly buckets: number;
}

/** The names of the records' topics as numbers in few digits, which sort like them. */
class Names {
  readonly digits: readonly Digit[];
  readonly areLong: boolean;
  /** Of each record, where there are several. */
  runOf: Uint32Array | undefined;

  constructor(private readonly scan: SealScan) {
    const { used, shortest, longest } = charactersOf(scan);
    this.areLong = longest > KEY_CHARS;
    const digits: Digit[] = [];
    for (let at = 0; at < Math.min(longest, KEY_CHARS);) {
      const { weights, buckets, end } = weigh(used, at, Math.min(longest, KEY_CHARS), shortest);
      if (buckets > 1) digits.push({ keys: this.keys(weights, at, end), buckets });
      at = end;
    }
    this.digits = digits;
  }

  areEqual(a: number, b: number): boolean {
    if (this.runOf !== undefined && this.runOf[a] !== this.runOf[b]) return false;
    for (const { keys } of this.digits) if (keys[a] !== keys[b]) return false;
    return !this.areLong || this.compareRest(a, b) === 0;
  }

  /** Puts those in order that share all that was sorted by. */
  sortRest(order: Uint32Array): void {
    for (let first = 0; first < order.length;) {
      let end = first + 1;
      while (end < order.length && this.shareKeys(order[first] as number, order[end] as number)) end++;
      if (end - first > 1) {
        // Stable: records of one topic stay in order of seq.
        order.set(
          [...order.subarray(first, end)].sort((a, b) => this.compareRest(a, b) || a - b),
          first,
        );
      }
      first = end;
    }
  }

  private shareKeys(a: number, b: number): boolean {
    if (this.runOf !== undefined && this.runOf[a] !== this.runOf[b]) return false;
    return this.digits.every(({ keys }) => keys[a] === keys[b]);
  }

  private length(record: number): number {
    return this.scan.view.getUint16((this.scan.recordAts[record] as number) + RECORD_TOPIC_AT, true);
  }

  /** Of two names that are the same up to `KEY_CHARS`. */
  private compareRest(a: number, b: number): number {
    const { bytes, recordAts } = this.scan;
    const behind = RECORD_HEADER_BYTES + KEY_CHARS;
    const [atA, atB] = [(recordAts[a] as number) + behind, (recordAts[b] as number) + behind];
    return compareNames(bytes, atA, this.length(a) - KEY_CHARS, bytes, atB, this.length(b) - KEY_CHARS);
  }

  private keys(weights: Uint16Array, from: number, to: number): Uint16Array {
    const { bytes, recordAts, view, count } = this.scan;
    const keys = new Uint16Array(count);
    for (let record = 0; record < count; record++) {
      const start = recordAts[record] as number;
      const length = view.getUint16(start + RECORD_TOPIC_AT, true);
      const end = length < to ? length : to;
      const at = start + RECORD_HEADER_BYTES;
      let key = 0;
      for (let i = from; i < end; i++) key += weights[(i - from) * CODES + (bytes[at + i] as number)] as number;
      keys[record] = key;
    }
    return keys;
  }
}

/** Which characters occur at which place of the names. */
function charactersOf({ bytes, view, recordAts, count }: SealScan) {
  const used = new Uint8Array(KEY_CHARS * CODES);
  let shortest = Infinity;
  let longest = 0;
  for (let record = 0; record < count; record++) {
    const start = recordAts[record] as number;
    const length = view.getUint16(start + RECORD_TOPIC_AT, true);
    if (length < shortest) shortest = length;
    if (length > longest) longest = length;
    const at = start + RECORD_HEADER_BYTES;
    const end = length < KEY_CHARS ? length : KEY_CHARS;
    for (let i = 0; i < end; i++) used[i * CODES + (bytes[at + i] as number)] = 1;
  }
  return { used, shortest, longest };
}

/**
 * Of as many characters from `from` on as fit into one digit, what each adds to it: its rank among those that occur at its place,
 * times what the places behind it can make. A name that has ended ranks before all of them.
 */
function weigh(
  used: Uint8Array,
  from: number,
  to: number,
  shortest: number,
): { readonly weights: Uint16Array; readonly buckets: number; readonly end: number } {
  const ranks: number[] = [];
  let buckets = 1;
  let end = from;
  for (; end < to; end++) {
    let rank = shortest > end ? 0 : 1;
    for (let code = 0; code < CODES; code++) rank += used[end * CODES + code] as number;
    if (end > from && buckets * rank > BUCKETS_MAX) break;
    buckets *= rank;
    ranks.push(rank);
  }
  const weights = new Uint16Array(ranks.length * CODES);
  let factor = 1;
  for (let place = ranks.length - 1; place >= 0; place--) {
    let rank = shortest > from + place ? 0 : 1;
    for (let code = 0; code < CODES; code++) {
      if (used[(from + place) * CODES + code] === 1) weights[place * CODES + code] = rank++ * factor;
    }
    factor *= ranks[place] as number;
  }
  return { weights, buckets, end };
}
