import { READ_PARALLEL_MAX, READ_RUN_BYTES_MAX, READ_RUN_GAP_BYTES_MAX } from "../limits.js";
import { LandfallError, isLandfallError } from "../model/errors.js";
import { emptyFields, headersDecoder, parseOwnBlock, recordAt } from "./block-parse.js";
import { journalName } from "./journal-format.js";
import type { TopicName } from "../model/names.js";
import type { Offset, Seq, StoredRecord, TimestampMs } from "../model/record.js";
import type { BlockCache } from "./block-cache.js";
import type { ParsedBlock } from "./block-parse.js";
import type { Journal } from "./journal.js";
import type { RecordIndex } from "./record-index.js";

/** Neighbouring blocks that one read fetches. */
interface Run {
  readonly file: number;
  readonly from: number;
  to: number;
  readonly blocks: number[];
}

/** Fetches records by their number in the index. Every block is verified on its way from the disk (S3). */
export class RecordReader {
  constructor(
    private readonly index: RecordIndex,
    private readonly journal: Journal,
    private readonly cache: BlockCache,
    private readonly onCorrupt: (error: LandfallError) => void,
  ) {}

  /**
   * The records with these numbers, in this order; their values are the caller's own.
   * @throws LandfallError CORRUPT_BLOCK, DISK_FAILED
   */
  async read(records: readonly number[]): Promise<StoredRecord[]> {
    const wanted = this.byBlock(records);
    const result = Array.from<StoredRecord>({ length: records.length });
    const missing: number[] = [];
    for (const [block, places] of wanted) {
      const cached = this.cache.get(block);
      if (cached === undefined) missing.push(block);
      else this.extract(block, cached, records, places, result);
    }
    const runs = this.runsOf(missing.sort((a, b) => a - b));
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < runs.length) {
        const run = runs[next++] as Run;
        for (const [block, parsed] of await this.fetch(run)) {
          this.extract(block, parsed, records, wanted.get(block) ?? [], result);
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(READ_PARALLEL_MAX, runs.length) }, work));
    return result;
  }

  /** For each block, which places of the result it fills. */
  private byBlock(records: readonly number[]): Map<number, number[]> {
    const wanted = new Map<number, number[]>();
    records.forEach((record, place) => {
      const block = this.index.block(record);
      const places = wanted.get(block);
      if (places === undefined) wanted.set(block, [place]);
      else places.push(place);
    });
    return wanted;
  }

  private runsOf(blocks: readonly number[]): Run[] {
    const runs: Run[] = [];
    for (const block of blocks) {
      const { file, position, bytes } = this.index.place(block);
      const run = runs.at(-1);
      const end = position + bytes;
      const near = run !== undefined && run.file === file && position - run.to <= READ_RUN_GAP_BYTES_MAX;
      if (near && end - run.from <= READ_RUN_BYTES_MAX) {
        run.to = end;
        run.blocks.push(block);
      } else {
        runs.push({ file, from: position, to: end, blocks: [block] });
      }
    }
    return runs;
  }

  private async fetch(run: Run): Promise<[number, ParsedBlock][]> {
    const bytes = new Uint8Array(run.to - run.from);
    const read = await this.journal.read(run.file, bytes, run.from);
    const blocks = run.blocks.map((block): [number, ParsedBlock] => {
      const { position, bytes: length } = this.index.place(block);
      const at = position - run.from;
      return [block, this.verify(block, bytes.subarray(at, Math.min(at + length, read)))];
    });
    this.cache.add(blocks, bytes.byteLength);
    return blocks;
  }

  private verify(block: number, bytes: Uint8Array): ParsedBlock {
    try {
      const parsed = parseOwnBlock(bytes);
      const log = this.index.log(block);
      // A whole block that is another one: written to the wrong place, or the file was replaced under us.
      if (parsed.stream === log.stream.name && parsed.origin === log.origin) return parsed;
      throw new LandfallError("CORRUPT_BLOCK", "corrupt block: it belongs to another stream or origin");
    } catch (cause) {
      if (!isLandfallError(cause, "CORRUPT_BLOCK")) throw cause;
      const { file, position } = this.index.place(block);
      const message = `${journalName(file)} at ${position}: ${cause.message}; its records are not served`;
      const error = new LandfallError("CORRUPT_BLOCK", message, { cause });
      this.onCorrupt(error);
      throw error;
    }
  }

  private extract(
    block: number,
    parsed: ParsedBlock,
    records: readonly number[],
    places: readonly number[],
    result: StoredRecord[],
  ): void {
    const { index } = this;
    const { stream, origin } = index.log(block);
    const arrived = index.arrived(block) as TimestampMs;
    const fields = emptyFields();
    const headers = headersDecoder();
    // The cached block stays ours. One copy of all of it is cheaper than many small ones, if most of it is wanted.
    const whole = places.length * 2 >= parsed.count ? parsed.bytes.slice() : undefined;
    for (const place of places) {
      const number = records[place] as number;
      const { topic, offset, timestamp, received, headersAt, valueAt, end } = recordAt(
        parsed,
        index.position(number),
        fields,
      );
      result[place] = {
        stream: stream.name,
        origin,
        topic: parsed.topics[topic] as TopicName,
        offset: offset as Offset,
        seq: index.seq(number) as Seq,
        timestamp: timestamp as TimestampMs,
        received: received as TimestampMs,
        arrived,
        headers: headers(parsed.bytes, headersAt, valueAt),
        value: whole === undefined ? parsed.bytes.slice(valueAt, end) : whole.subarray(valueAt, end),
      };
    }
  }
}
