import { READ_PARALLEL_MAX, READ_RUN_BYTES_MAX, READ_RUN_GAP_BYTES_MAX } from "../limits.js";
import { LandfallError, isLandfallError } from "../model/errors.js";
import { headersDecoder } from "./block-parse.js";
import { journalFields, journalRecordAt, latin1, parseJournalBlock, recordStarts } from "./journal-block.js";
import { journalName } from "./journal-format.js";
import type { TopicName } from "../model/names.js";
import type { Offset, Seq, StoredRecord, TimestampMs } from "../model/record.js";
import type { BlockCache } from "./block-cache.js";
import type { FilePool } from "./file-pool.js";
import type { Generation } from "./generation.js";
import type { JournalBlock } from "./journal-block.js";

/** A record that is not sealed yet. */
export interface JournalRef {
  readonly generation: Generation;
  readonly record: number;
}

/** Neighbouring blocks that one read fetches. */
interface Stretch {
  readonly generation: Generation;
  readonly from: number;
  to: number;
  readonly blocks: number[];
}

/** Fetches unsealed records. Every block is verified on its way from the disk (S3). */
export class JournalReader {
  constructor(
    private readonly files: FilePool,
    private readonly cache: BlockCache<JournalBlock>,
    private readonly onCorrupt: (error: LandfallError) => void,
  ) {}

  /**
   * The records, in this order; their values are the caller's own.
   * @throws LandfallError CORRUPT_BLOCK, DISK_FAILED
   */
  async read(records: readonly JournalRef[]): Promise<StoredRecord[]> {
    const wanted = byBlock(records);
    const result = Array.from<StoredRecord>({ length: records.length });
    const missing: [Generation, number][] = [];
    for (const [generation, blocks] of wanted) {
      for (const [block, places] of blocks) {
        const cached = this.cache.get(keyOf(generation, block));
        if (cached === undefined) missing.push([generation, block]);
        else extract(generation, block, cached, records, places, result);
      }
    }
    const stretches = stretchesOf(missing);
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < stretches.length) {
        const stretch = stretches[next++] as Stretch;
        const { generation } = stretch;
        for (const [block, parsed] of await this.fetch(stretch)) {
          extract(generation, block, parsed, records, wanted.get(generation)?.get(block) ?? [], result);
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(READ_PARALLEL_MAX, stretches.length) }, work));
    return result;
  }

  /** One block. @throws LandfallError CORRUPT_BLOCK, DISK_FAILED */
  async block(generation: Generation, number: number): Promise<JournalBlock> {
    const cached = this.cache.get(keyOf(generation, number));
    if (cached !== undefined) return cached;
    const [found] = await this.fetch(stretchesOf([[generation, number]])[0] as Stretch);
    return (found as [number, JournalBlock])[1];
  }

  /** Keeps blocks that were written a moment ago. @param bytes size of the buffer that they share */
  remember(generation: Generation, first: number, blocks: readonly JournalBlock[], bytes: number): void {
    this.cache.add(
      blocks.map((block, i) => [keyOf(generation, first + i), block]),
      bytes,
    );
  }

  /** How many of the blocks from `from` on, before `to`, are in memory or fetched by one read; at least one. */
  stretch(generation: Generation, from: number, to: number, recordsMax: number): number {
    const first = generation.block(from);
    const isCached = this.cache.get(keyOf(generation, from)) !== undefined;
    let end = from + 1;
    for (; end < to; end++) {
      const { position, bytes, firstRecord, count } = generation.block(end);
      if (firstRecord + count - first.firstRecord > recordsMax) break;
      if ((this.cache.get(keyOf(generation, end)) !== undefined) !== isCached) break;
      if (!isCached && position + bytes - first.position > READ_RUN_BYTES_MAX) break;
    }
    return end - from;
  }

  /** The blocks of a stretch, from memory; undefined when they have to be read. */
  remembered(generation: Generation, from: number, count: number): JournalBlock[] | undefined {
    const blocks: JournalBlock[] = [];
    for (let i = from; i < from + count; i++) {
      const cached = this.cache.get(keyOf(generation, i));
      if (cached === undefined) return undefined;
      blocks.push(cached);
    }
    return blocks;
  }

  /** The blocks of a stretch, read from disk; in the place of a damaged one, which is reported, the error. @throws LandfallError DISK_FAILED */
  async readStretch(generation: Generation, from: number, count: number): Promise<(JournalBlock | LandfallError)[]> {
    const { name, bytes, position } = placeOf(generation, from, count);
    return this.verifyAll(generation, from, count, bytes.subarray(0, await this.files.read(name, bytes, position)));
  }

  /** The same at once. @throws LandfallError DISK_FAILED */
  readStretchSync(generation: Generation, from: number, count: number): (JournalBlock | LandfallError)[] {
    const { name, bytes, position } = placeOf(generation, from, count);
    return this.verifyAll(generation, from, count, bytes.subarray(0, this.files.readSync(name, bytes, position)));
  }

  private verifyAll(
    generation: Generation,
    from: number,
    count: number,
    read: Uint8Array,
  ): (JournalBlock | LandfallError)[] {
    const start = generation.block(from).position;
    return Array.from({ length: count }, (_, i) => {
      const { position, bytes } = generation.block(from + i);
      try {
        return this.verify(generation, from + i, read.subarray(position - start, position - start + bytes));
      } catch (error) {
        if (isLandfallError(error, "CORRUPT_BLOCK")) return error;
        throw error;
      }
    });
  }

  private async fetch(stretch: Stretch): Promise<[number, JournalBlock][]> {
    const { generation } = stretch;
    const bytes = new Uint8Array(stretch.to - stretch.from);
    const read = await this.files.read(journalName(generation.number), bytes, stretch.from);
    const blocks = stretch.blocks.map((block): [number, JournalBlock] => {
      const { position, bytes: length } = generation.block(block);
      const at = position - stretch.from;
      return [block, this.verify(generation, block, bytes.subarray(at, Math.min(at + length, read)))];
    });
    this.cache.add(
      blocks.map(([block, parsed]) => [keyOf(generation, block), parsed]),
      bytes.byteLength,
    );
    return blocks;
  }

  private verify(generation: Generation, block: number, bytes: Uint8Array): JournalBlock {
    const { log, position, firstSeq } = generation.block(block);
    try {
      const parsed = parseJournalBlock(bytes);
      // A whole block that is another one: written to the wrong place, or the file was replaced under us.
      const isIt = parsed.stream === log.stream.name && parsed.origin === log.origin && parsed.firstSeq === firstSeq;
      if (isIt) return parsed;
      throw new LandfallError("CORRUPT_BLOCK", "corrupt block: it belongs elsewhere");
    } catch (cause) {
      if (!isLandfallError(cause, "CORRUPT_BLOCK")) throw cause;
      const message = `${journalName(generation.number)} at ${position}: ${cause.message}; its records are not served`;
      const error = new LandfallError("CORRUPT_BLOCK", message, { cause });
      this.onCorrupt(error);
      throw error;
    }
  }
}

function keyOf(generation: Generation, block: number): number {
  return generation.number * 2 ** 24 + block;
}

/** For each block, which places of the result it fills. */
function byBlock(records: readonly JournalRef[]): Map<Generation, Map<number, number[]>> {
  const wanted = new Map<Generation, Map<number, number[]>>();
  let last: { generation: Generation; from: number; to: number; places: number[] } | undefined;
  records.forEach(({ generation, record }, place) => {
    // Neighbours mostly lie in one block.
    if (last === undefined || last.generation !== generation || record < last.from || record >= last.to) {
      const block = generation.blockOf(record);
      let blocks = wanted.get(generation);
      if (blocks === undefined) wanted.set(generation, (blocks = new Map()));
      let places = blocks.get(block);
      if (places === undefined) blocks.set(block, (places = []));
      const { firstRecord, count } = generation.block(block);
      last = { generation, from: firstRecord, to: firstRecord + count, places };
    }
    last.places.push(place);
  });
  return wanted;
}

function stretchesOf(blocks: [Generation, number][]): Stretch[] {
  const sorted = blocks.sort(([a, x], [b, y]) => a.number - b.number || x - y);
  const stretches: Stretch[] = [];
  for (const [generation, block] of sorted) {
    const { position, bytes } = generation.block(block);
    const last = stretches.at(-1);
    const end = position + bytes;
    const near = last?.generation === generation && position - last.to <= READ_RUN_GAP_BYTES_MAX;
    if (last !== undefined && near && end - last.from <= READ_RUN_BYTES_MAX) {
      last.to = end;
      last.blocks.push(block);
    } else {
      stretches.push({ generation, from: position, to: end, blocks: [block] });
    }
  }
  return stretches;
}

function placeOf(
  generation: Generation,
  from: number,
  count: number,
): { readonly name: string; readonly bytes: Uint8Array; readonly position: number } {
  const { position } = generation.block(from);
  const last = generation.block(from + count - 1);
  const bytes = new Uint8Array(last.position + last.bytes - position);
  return { name: journalName(generation.number), bytes, position };
}

function extract(
  generation: Generation,
  number: number,
  parsed: JournalBlock,
  records: readonly JournalRef[],
  places: readonly number[],
  result: StoredRecord[],
): void {
  const { firstRecord } = generation.block(number);
  const take = recordsOf(generation, number, parsed, places.length);
  for (const place of places) result[place] = take((records[place] as JournalRef).record - firstRecord);
}

/**
 * What gives records of a block by their place in it; their values are the caller's own.
 * @param wanted how many of them will be asked for, about
 */
export function recordsOf(
  generation: Generation,
  number: number,
  parsed: JournalBlock,
  wanted: number,
): (i: number) => StoredRecord {
  const { log, arrived, firstSeq } = generation.block(number);
  const fields = journalFields();
  const headers = headersDecoder();
  const starts = recordStarts(parsed);
  // The cached block stays ours. One copy of all of it is cheaper than many small ones, if most of it is wanted.
  const whole = wanted * 2 >= parsed.count ? parsed.bytes.slice() : undefined;
  return (i) => {
    const { nameAt, nameBytes, offset, timestamp, received, headersAt, valueAt, end } = journalRecordAt(
      parsed,
      starts[i] as number,
      fields,
    );
    return {
      stream: log.stream.name,
      origin: log.origin,
      topic: latin1(parsed.bytes, nameAt, nameBytes) as TopicName,
      offset: offset as Offset,
      seq: (firstSeq + i) as Seq,
      timestamp: timestamp as TimestampMs,
      received: received as TimestampMs,
      arrived: arrived as TimestampMs,
      headers: headers(parsed.bytes, headersAt, valueAt),
      value: whole === undefined ? parsed.bytes.slice(valueAt, end) : whole.subarray(valueAt, end),
    };
  };
}
