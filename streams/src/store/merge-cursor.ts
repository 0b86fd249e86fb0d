import { RUN_BLOCK_BYTES } from "../limits.js";
import { compareNames } from "./compare-names.js";
import { decodeForMerging } from "./run-block.js";
import { decodeEntries, decodePages } from "./run-index.js";
import type { DiskFile } from "./disk.js";
import type { NamedBytesBlock } from "./run-block.js";
import type { BlockEntry } from "./run-index.js";
import type { SegmentWriter } from "./run-writer.js";
import type { RunMeta } from "./segment-format.js";

const READ_BYTES = RUN_BLOCK_BYTES * 8;
const NO_BYTES = new Uint8Array(0);

/** Walks over a run, topic slice by topic slice, reading ahead in large pieces. */
export class RunCursor {
  ended = false;
  /** The name of the topic it is at: [nameAt, nameAt + nameBytes) of `names`. */
  names: Uint8Array = NO_BYTES;
  nameAt = 0;
  nameBytes = 0;
  private entries: BlockEntry[] = [];
  private next = 0;
  private block: NamedBytesBlock | undefined;
  private slice = 0;
  private slices = 0;
  private ahead: Uint8Array = NO_BYTES;
  private aheadAt = 0;

  /** Reads only what has a seq in [after, before). */
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
    return !this.ended && this.slice >= this.slices;
  }

  /** Orders the topics that two cursors are at. */
  compare(other: RunCursor): number {
    return compareNames(this.names, this.nameAt, this.nameBytes, other.names, other.nameAt, other.nameBytes);
  }

  async begin(): Promise<boolean> {
    for (const { at, bytes } of decodePages(await this.read(this.meta.at, this.meta.bytes))) {
      this.entries.push(...decodeEntries(await this.read(at, bytes)));
    }
    await this.nextBlock();
    return !this.ended;
  }

  /** Goes to the next block, if there is one. Returns whether it begins with the topic that the one before ended with. */
  async nextBlock(): Promise<boolean> {
    const entry = this.entries[this.next++];
    if (entry === undefined) {
      this.ended = true;
      this.block = undefined;
      return false;
    }
    const { names, nameAt, nameBytes } = this;
    this.block = decodeForMerging(await this.readAhead(entry), this.meta.arrived);
    this.slice = 0;
    this.slices = this.block.nameEnds.length - 1;
    this.lookAt(this.block);
    return compareNames(names, nameAt, nameBytes, this.names, this.nameAt, this.nameBytes) === 0;
  }

  /** Writes this topic's records in this block and goes to the next topic. */
  give(writer: SegmentWriter, newestOnly: boolean, none: boolean): void {
    const block = this.block as NamedBytesBlock;
    const { slice } = this;
    const end = block.topicEnds[slice] as number;
    let i = slice === 0 ? 0 : (block.topicEnds[slice - 1] as number);
    if (newestOnly) {
      // A topic that goes on in the next block has its newest record there.
      const goesOn = slice === this.slices - 1 && this.entries[this.next]?.first === this.topic;
      i = none || goesOn ? end : end - 1;
    }
    this.giveSome(writer, block, i, end);
    this.slice++;
    if (this.slice < this.slices) this.lookAt(block);
  }

  private get topic(): string {
    const { names, nameAt, nameBytes } = this;
    return Buffer.from(names.buffer, names.byteOffset + nameAt, nameBytes).toString("latin1");
  }

  private lookAt({ names, nameEnds }: NamedBytesBlock): void {
    this.names = names;
    this.nameAt = nameEnds[this.slice] as number;
    this.nameBytes = (nameEnds[this.slice + 1] as number) - this.nameAt;
  }

  private giveSome(writer: SegmentWriter, block: NamedBytesBlock, from: number, end: number): void {
    if (this.after === 0 && this.before === Infinity) {
      if (from < end) writer.addSlice(block, this.slice, from, end);
      return;
    }
    const isWanted = (seq: number): boolean => seq >= this.after && seq < this.before;
    let at = from;
    while (at < end) {
      while (at < end && !isWanted(block.seqs[at] as number)) at++;
      const start = at;
      while (at < end && isWanted(block.seqs[at] as number)) at++;
      if (start < at) writer.addSlice(block, this.slice, start, at);
    }
  }

  private async readAhead(entry: BlockEntry): Promise<Uint8Array> {
    const from = entry.at - this.aheadAt;
    if (from >= 0 && from + entry.bytes <= this.ahead.length) return this.ahead.subarray(from, from + entry.bytes);
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

/** The first six characters of a name behind those that all names share, as a number that sorts like them. */
const KEY_CHARS = 6;

/** How many characters all names of these runs begin with. */
export function sharedChars(inputs: readonly RunCursor[]): number {
  const names = inputs.flatMap(({ ends }) => ends).sort((a, b) => (a < b ? -1 : 1));
  const [first = "", last = ""] = [names[0], names.at(-1)];
  let shared = 0;
  while (shared < first.length && first[shared] === last[shared]) shared++;
  return shared;
}

/** Sorts like the topic that a cursor is at, behind the characters that all topics share, as far as it reaches. */
export function keyOf({ names, nameAt, nameBytes }: RunCursor, shared: number): number {
  let key = 0;
  for (let i = shared; i < shared + KEY_CHARS; i++)
    key = key * 256 + (i < nameBytes ? (names[nameAt + i] as number) : 0);
  return key;
}
