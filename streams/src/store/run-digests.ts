import { DIGEST_CHUNK_RECORDS } from "../limits.js";
import type { RecordDigester } from "./record-digest.js";
import type { RunValues, UnnamedColumns } from "./run-block.js";
import type { RunMeta } from "./segment-format.js";

/** Numbers of one part in a list of digests: records, high, low. */
export const DIGEST_NUMBERS = 3;
const MODULUS = 2 ** 32;

/** Records of some seqs, as numbers that can be added up: how many there are, and the two sums of record-digest.ts. */
export interface CountedDigest {
  readonly count: number;
  readonly high: number;
  readonly low: number;
}

/**
 * Digests of a run's records, chunk by chunk: those of 65,536 seqs, at the same places at every site, of which a run's
 * first and last are mostly parts. What runs hold of one chunk adds up to the whole of it.
 */
export class RunDigests {
  readonly numbers: number[];
  private readonly firstChunk: number;

  constructor(from: number, to: number) {
    this.firstChunk = Math.floor(from / DIGEST_CHUNK_RECORDS);
    const chunks = Math.ceil(to / DIGEST_CHUNK_RECORDS) - this.firstChunk;
    this.numbers = Array.from({ length: chunks * DIGEST_NUMBERS }, () => 0);
  }

  add(seq: number, high: number, low: number): void {
    this.addAt((Math.floor(seq / DIGEST_CHUNK_RECORDS) - this.firstChunk) * DIGEST_NUMBERS, 1, high, low);
  }

  /** Those of a run within this one; false when it has none. */
  addRun({ from, digests }: Pick<RunMeta, "from" | "digests">): boolean {
    if (digests === undefined) return false;
    const first = (Math.floor(from / DIGEST_CHUNK_RECORDS) - this.firstChunk) * DIGEST_NUMBERS;
    for (let i = 0; i < digests.length; i += DIGEST_NUMBERS) {
      const [count, high, low] = digests.slice(i, i + DIGEST_NUMBERS) as [number, number, number];
      this.addAt(first + i, count, high, low);
    }
    return true;
  }

  private addAt(at: number, count: number, high: number, low: number): void {
    const { numbers } = this;
    numbers[at] = (numbers[at] as number) + count;
    numbers[at + 1] = ((numbers[at + 1] as number) + high) % MODULUS;
    numbers[at + 2] = ((numbers[at + 2] as number) + low) % MODULUS;
  }
}

/** Digests of several runs as that of the one they become; undefined when one of them has none. */
export function mergedDigests(runs: readonly RunMeta[], from: number, to: number): readonly number[] | undefined {
  const sum = new RunDigests(from, to);
  return runs.every((run) => sum.addRun(run)) ? sum.numbers : undefined;
}

/** Seqs at which the parts of a run's list of digests begin, and its end: one more than there are parts. */
export function chunkBounds({ from, to }: Pick<RunMeta, "from" | "to">): number[] {
  const bounds = [from];
  const first = (Math.floor(from / DIGEST_CHUNK_RECORDS) + 1) * DIGEST_CHUNK_RECORDS;
  for (let at = first; at < to; at += DIGEST_CHUNK_RECORDS) bounds.push(at);
  bounds.push(to);
  return bounds;
}

/** Digests record `i` of a block, which is of the topic that was begun. */
export function takeFromBlock(digester: RecordDigester, block: UnnamedColumns & RunValues, i: number): void {
  const { seqs, offsets, timestamps, received, headerBytes, headerOf, valueStarts, bytes } = block;
  const headers = headerBytes[headerOf === undefined ? 0 : (headerOf[i] as number)] as Uint8Array;
  digester.take(
    seqs[i] as number,
    offsets[i] as number,
    timestamps[i] as number,
    received[i] as number,
    headers,
    0,
    headers.length,
    bytes,
    valueStarts[i] as number,
    valueStarts[i + 1] as number,
  );
}
