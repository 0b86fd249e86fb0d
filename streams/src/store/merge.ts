import { join } from "node:path";
import { RUN_BLOCK_BYTES } from "../limits.js";
import { decodeRunBlock } from "./run-block.js";
import { decodeEntries, decodePages } from "./run-index.js";
import { mergedDigests } from "./run-digests.js";
import { SegmentWriter } from "./run-writer.js";
import { readError } from "./disk-errors.js";
import { segmentName } from "./segment-format.js";
import type { Disk, DiskFile } from "./disk.js";
import type { RunBlock } from "./run-block.js";
import type { BlockEntry } from "./run-index.js";
import type { NewSegment } from "./seal.js";
import type { RunMeta } from "./segment-format.js";

export interface MergeInput {
  readonly segment: number;
  readonly meta: RunMeta;
}

/** Each group becomes one run, all of them in one segment. */
export interface MergeJob {
  readonly kind: "merge";
  readonly folder: string;
  /** Runs of one origin in one stream each, in order of seq; what lies between them was superseded. */
  readonly groups: readonly (readonly MergeInput[])[];
  readonly segment: number;
  readonly packed: boolean;
  /** Keep only the newest record of each topic. */
  readonly compact: boolean;
  /** Leave out what lies before this seq: the one group becomes a run that begins with it. */
  readonly after?: number;
  /** Leave out this seq and what lies behind it: the one group becomes a run that ends before it. */
  readonly before?: number;
}

/** @throws LandfallError CORRUPT_BLOCK, DISK_FULL, DISK_FAILED */
export async function mergeRuns(disk: Disk, job: MergeJob): Promise<NewSegment[]> {
  const path = join(job.folder, segmentName(job.segment));
  const writer = await SegmentWriter.create(disk, path, job.segment, job.packed);
  const files = new Map<number, DiskFile>();
  try {
    for (const group of job.groups) {
      const [first, last] = [group[0] as MergeInput, group.at(-1) as MergeInput];
      const { stream, origin } = first.meta;
      const [from, to] = [job.after ?? first.meta.from, job.before ?? last.meta.to];
      const isWhole = !job.compact && job.after === undefined && job.before === undefined;
      const metas = group.map(({ meta }) => meta);
      writer.beginRun(stream, origin, from, to, isWhole ? (mergedDigests(metas, from, to) ?? "nowhere") : "records");
      const inputs: RunCursor[] = [];
      for (const { segment, meta } of group) {
        const file = files.get(segment) ?? (await open(disk, join(job.folder, segmentName(segment))));
        files.set(segment, file);
        const cursor = new RunCursor(file, meta, job.after ?? 0, job.before ?? Infinity);
        if (await cursor.begin()) inputs.push(cursor);
      }
      await mergeGroup(inputs, writer, job.compact);
      writer.endRun();
      await writer.flush();
    }
    const bytes = await writer.finish();
    await disk.syncFolder(job.folder);
    return [{ number: job.segment, bytes, runs: writer.runs }];
  } catch (error) {
    await writer.abandon();
    throw readError(error, path);
  } finally {
    for (const file of files.values()) await file.close();
  }
}

/** Topic by topic; within one, run after run: of one origin, later seqs have larger offsets. */
async function mergeGroup(inputs: readonly RunCursor[], writer: SegmentWriter, compact: boolean): Promise<void> {
  const left = inputs.toSorted((a, b) => a.from - b.from);
  const shared = sharedChars(left);
  // Side by side, because most comparisons are of two of them and nothing else.
  const keys = Float64Array.from(left, ({ topic }) => keyOf(topic, shared));
  while (left.length > 0) {
    const at = firstOf(left, keys);
    const input = left[at] as RunCursor;
    const { topic } = input;
    const isSuperseded = compact && left.some((other) => other.from > input.from && other.topic === topic);
    do {
      input.give(writer, compact, isSuperseded);
      if (input.atBlockEnd) {
        if (writer.isDue) await writer.flush();
        await input.nextBlock();
      }
    } while (!input.ended && input.topic === topic);
    if (input.ended) {
      left.splice(at, 1);
      keys.copyWithin(at, at + 1);
    } else keys[at] = keyOf(input.topic, shared);
  }
}

/** Which of the inputs is next in order of topic and run; they are in order of their runs. */
function firstOf(inputs: readonly RunCursor[], keys: Float64Array): number {
  let first = 0;
  let least = keys[0] as number;
  for (let i = 1; i < inputs.length; i++) {
    const key = keys[i] as number;
    if (key > least) continue;
    if (key === least && (inputs[first] as RunCursor).topic <= (inputs[i] as RunCursor).topic) continue;
    first = i;
    least = key;
  }
  return first;
}

/** The first six characters of a name behind those that all names share, as a number that sorts like them. */
const KEY_CHARS = 6;

/** How many characters all names of these runs begin with. */
function sharedChars(inputs: readonly RunCursor[]): number {
  const names = inputs.flatMap(({ ends }) => ends).sort((a, b) => (a < b ? -1 : 1));
  const [first = "", last = ""] = [names[0], names.at(-1)];
  let shared = 0;
  while (shared < first.length && first[shared] === last[shared]) shared++;
  return shared;
}

function keyOf(topic: string, shared: number): number {
  let key = 0;
  for (let i = shared; i < shared + KEY_CHARS; i++) key = key * 256 + (i < topic.length ? topic.charCodeAt(i) : 0);
  return key;
}

const READ_BYTES = RUN_BLOCK_BYTES * 8;

/** Walks over a run, topic slice by topic slice, reading ahead in large pieces. */
class RunCursor {
  ended = false;
  topic = "";
  private entries: BlockEntry[] = [];
  private next = 0;
  private block: RunBlock | undefined;
  private slice = 0;
  private ahead: Uint8Array = new Uint8Array(0);
  private aheadAt = 0;

  constructor(
    private readonly file: DiskFile,
    private readonly meta: RunMeta,
    private readonly after: number,
    private readonly before: number,
  ) {}

  get from(): number {
    return this.meta.from;
  }

  /** First and last topic of what is read of the run. */
  get ends(): readonly [string, string] {
    return [this.topic, this.entries.at(-1)?.last ?? this.topic];
  }

  get atBlockEnd(): boolean {
    return this.block === undefined || this.slice >= this.block.topics.length;
  }

  async begin(): Promise<boolean> {
    for (const { at, bytes } of decodePages(await this.read(this.meta.at, this.meta.bytes))) {
      this.entries.push(...decodeEntries(await this.read(at, bytes)));
    }
    await this.nextBlock();
    return !this.ended;
  }

  async nextBlock(): Promise<void> {
    const entry = this.entries[this.next++];
    if (entry === undefined) {
      this.ended = true;
      this.block = undefined;
      return;
    }
    this.block = decodeRunBlock(await this.readAhead(entry), this.meta.arrived);
    this.slice = 0;
    this.topic = this.block.topics[0] as string;
  }

  /** Writes this topic's records in this block and goes to the next topic. */
  give(writer: SegmentWriter, newestOnly: boolean, none: boolean): void {
    const block = this.block as RunBlock;
    const end = block.topicEnds[this.slice] as number;
    let i = this.slice === 0 ? 0 : (block.topicEnds[this.slice - 1] as number);
    // A topic that goes on in the next block has its newest record there.
    const goesOn = this.slice === block.topics.length - 1 && this.entries[this.next]?.first === this.topic;
    if (none || (newestOnly && goesOn)) i = end;
    else if (newestOnly) i = end - 1;
    this.giveSome(writer, block, i, end);
    this.slice++;
    if (this.slice < block.topics.length) this.topic = block.topics[this.slice] as string;
  }

  private giveSome(writer: SegmentWriter, block: RunBlock, from: number, end: number): void {
    if (this.after === 0 && this.before === Infinity) {
      if (from < end) writer.addSlice(this.topic, block, from, end);
      return;
    }
    const isWanted = (seq: number): boolean => seq >= this.after && seq < this.before;
    let at = from;
    while (at < end) {
      while (at < end && !isWanted(block.seqs[at] as number)) at++;
      const start = at;
      while (at < end && isWanted(block.seqs[at] as number)) at++;
      if (start < at) writer.addSlice(this.topic, block, start, at);
    }
  }

  private async readAhead(entry: BlockEntry): Promise<Uint8Array> {
    const from = entry.at - this.aheadAt;
    if (from >= 0 && from + entry.bytes <= this.ahead.byteLength) return this.ahead.subarray(from, from + entry.bytes);
    let end = entry.at + entry.bytes;
    for (let i = this.next; i < this.entries.length; i++) {
      const { at, bytes } = this.entries[i] as BlockEntry;
      if (at + bytes - entry.at > READ_BYTES) break;
      end = at + bytes;
    }
    this.ahead = await this.read(entry.at, end - entry.at);
    this.aheadAt = entry.at;
    return this.ahead.subarray(0, entry.bytes);
  }

  private async read(at: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    const read = await this.file.read(bytes, at);
    return bytes.subarray(0, read);
  }
}

async function open(disk: Disk, path: string): Promise<DiskFile> {
  try {
    return await disk.open(path, "read");
  } catch (error) {
    throw readError(error, path);
  }
}
