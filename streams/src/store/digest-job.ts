import { join } from "node:path";
import { crc32 } from "node:zlib";
import { RUN_BLOCK_BYTES } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { readError } from "./disk-errors.js";
import { RecordDigester } from "./record-digest.js";
import { decodeRunBlock } from "./run-block.js";
import { DIGEST_NUMBERS, takeFromBlock } from "./run-digests.js";
import { decodeEntries, decodePages } from "./run-index.js";
import { segmentName } from "./segment-format.js";
import type { SeqRange } from "../model/record.js";
import type { Disk, DiskFile } from "./disk.js";
import type { RunBlock } from "./run-block.js";
import type { BlockEntry } from "./run-index.js";
import type { RunMeta } from "./segment-format.js";

/** Reads a run, byte by byte, and digests its records. */
export interface DigestJob {
  readonly kind: "digest";
  readonly folder: string;
  readonly segment: number;
  readonly meta: RunMeta;
  /** Seqs of the run in ascending order: a digest is made of the records between each two neighbours. */
  readonly bounds: readonly number[];
  /** Records with these seqs are named one by one. */
  readonly named: readonly SeqRange[];
}

/** One record by name, with its digest. */
export interface NamedDigest {
  readonly seq: number;
  readonly topic: string;
  readonly offset: number;
  readonly high: number;
  readonly low: number;
}

export interface RunDigest {
  /** For each part: records, high, low. */
  readonly parts: readonly number[];
  readonly named: readonly NamedDigest[];
}

const READ_BYTES = 8 * RUN_BLOCK_BYTES;
const MODULUS = 2 ** 32;

/** @throws LandfallError CORRUPT_BLOCK, also when it is whole but not what the footer says; DISK_FAILED */
export async function digestRun(disk: Disk, { folder, segment, meta, bounds, named }: DigestJob): Promise<RunDigest> {
  const path = join(folder, segmentName(segment));
  let file: DiskFile;
  try {
    file = await disk.open(path, "read");
  } catch (error) {
    throw readError(error, path);
  }
  try {
    const sums = new PartSums(bounds, named);
    let count = 0;
    for await (const block of blocksOf(file, meta)) {
      count += block.count;
      sums.take(block);
    }
    if (count !== meta.count) throw wrong(`${count} records instead of ${meta.count}`);
    return { parts: sums.parts, named: sums.found };
  } catch (error) {
    throw readError(error, path);
  } finally {
    await file.close();
  }
}

/** Sums of the records between bounds. */
class PartSums {
  readonly parts: number[];
  readonly found: NamedDigest[] = [];
  private readonly digester = new RecordDigester();
  private readonly named = new Set<number>();
  /** Of the record before: the next one of a topic mostly lies there, too. */
  private part = 0;

  constructor(
    private readonly bounds: readonly number[],
    named: readonly SeqRange[],
  ) {
    for (const [from, to] of named) for (let seq = from; seq < to; seq++) this.named.add(seq);
    this.parts = Array.from({ length: (bounds.length - 1) * DIGEST_NUMBERS }, () => 0);
  }

  take(block: RunBlock): void {
    const { digester, parts } = this;
    const { topics, topicEnds, seqs, offsets, count } = block;
    for (let i = 0, t = 0; i < count; i++) {
      while (i >= (topicEnds[t] as number)) t++;
      const topic = topics[t] as string;
      const seq = seqs[i] as number;
      digester.beginNamed(topic);
      takeFromBlock(digester, block, i);
      const { high, low } = digester;
      const at = this.find(seq) * DIGEST_NUMBERS;
      parts[at] = (parts[at] as number) + 1;
      parts[at + 1] = ((parts[at + 1] as number) + high) % MODULUS;
      parts[at + 2] = ((parts[at + 2] as number) + low) % MODULUS;
      if (this.named.has(seq)) this.found.push({ seq, topic, offset: offsets[i] as number, high, low });
    }
  }

  private find(seq: number): number {
    const { bounds } = this;
    if (seq >= (bounds[this.part] as number) && seq < (bounds[this.part + 1] as number)) return this.part;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((bounds[middle] as number) <= seq) low = middle + 1;
      else high = middle;
    }
    if (low === 0 || low === bounds.length) throw wrong(`seq ${seq} does not belong to it`);
    this.part = low - 1;
    return this.part;
  }
}

/** All blocks of a run, each verified, read ahead in large pieces. */
async function* blocksOf(file: DiskFile, meta: RunMeta): AsyncGenerator<RunBlock> {
  const entries: BlockEntry[] = [];
  const directory = await read(file, meta.at, meta.bytes);
  if (crc32(directory) !== meta.crc) throw wrong("a damaged directory");
  for (const { at, bytes, crc } of decodePages(directory)) {
    const page = await read(file, at, bytes);
    if (crc32(page) !== crc) throw wrong("a damaged index page");
    entries.push(...decodeEntries(page));
  }
  for (let first = 0; first < entries.length;) {
    const { at } = entries[first] as BlockEntry;
    let end = first + 1;
    let length = (entries[first] as BlockEntry).bytes;
    for (let entry = entries[end]; entry?.at === at + length && length + entry.bytes <= READ_BYTES;) {
      length += entry.bytes;
      entry = entries[++end];
    }
    const bytes = await read(file, at, length);
    for (const entry of entries.slice(first, end)) {
      const block = decodeRunBlock(bytes.subarray(entry.at - at, entry.at - at + entry.bytes));
      if (block.count !== entry.count || block.topics[0] !== entry.first) throw wrong("a block belongs elsewhere");
      yield block;
    }
    first = end;
  }
}

async function read(file: DiskFile, at: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, await file.read(bytes, at));
}

function wrong(what: string): LandfallError {
  return new LandfallError("CORRUPT_BLOCK", `a corrupt run: ${what}`);
}
