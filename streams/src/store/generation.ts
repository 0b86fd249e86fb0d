import { GenerationIndex } from "./generation-index.js";
import { journalFields, journalRecordAt } from "./journal-block.js";
import { corrupt } from "./block-layout.js";
import type { JournalBlock } from "./journal-block.js";
import type { OriginLog } from "./origin-log.js";

/** Where a block lies in its journal file; `position` is of the block itself, behind its frame's head. */
export interface JournalPlace {
  readonly position: number;
  readonly bytes: number;
}

/** What is known of a block of a journal without reading it. */
export interface Block extends JournalPlace {
  readonly log: OriginLog;
  readonly firstSeq: number;
  readonly firstRecord: number;
  readonly count: number;
  /** Smallest and largest offset of its records. */
  readonly lowest: number;
  readonly highest: number;
  arrived: number;
  /** What a record may take on the wire besides what it takes here: its topic's name, or only that one's length. */
  readonly extra: number;
}

const TOPIC_ROOM_BYTES = 256;

/**
 * What is known of one journal file that is not sealed yet: its blocks. Records are numbered as they were written. Those
 * from `visible` on are on their way to the disk: whoever reads must not see them (S2).
 *
 * Of the records themselves nothing is kept: they stand in the journal. Which records a topic has, the index says, which
 * is made of the journal's blocks when somebody asks (journal-index.ts): under load most journals are sealed before.
 */
export class Generation {
  count = 0;
  visible = 0;
  /** So many blocks hold the visible records. */
  visibleBlocks = 0;
  /** Number of the last commit in it. */
  lastCommit = -1;
  /** Nothing more is written to it. */
  isFull = false;
  readonly blocks: Block[] = [];
  /** Of the first blocks, as many as somebody has asked for so far. */
  readonly index = new GenerationIndex();

  constructor(readonly number: number) {}

  /** Where the last block ends in the file. */
  get bytes(): number {
    const last = this.blocks.at(-1);
    return last === undefined ? 0 : last.position + last.bytes;
  }

  /** Everything up to this block is durable. */
  show(blocks: number): void {
    const last = this.blocks[blocks - 1];
    this.visibleBlocks = blocks;
    this.visible = last === undefined ? 0 : last.firstRecord + last.count;
  }

  /** Takes a block of a journal that is replayed in; nothing of it when it throws. @throws LandfallError CORRUPT_BLOCK */
  replay(block: JournalBlock, log: OriginLog, place: JournalPlace, arrived: number): number {
    const fields = journalFields();
    const { count, firstSeq } = block;
    let at = block.recordsAt;
    let lowest = Infinity;
    let highest = 0;
    for (let i = 0; i < count; i++) {
      const { offset, end } = journalRecordAt(block, at, fields);
      if (offset < lowest) lowest = offset;
      if (offset > highest) highest = offset;
      at = end;
    }
    if (at !== block.bytes.byteLength) throw corrupt("bytes after the last record", at);
    const extra = block.names === undefined ? 1 : TOPIC_ROOM_BYTES;
    const firstRecord = this.count;
    const number =
      this.blocks.push({ ...place, log, firstSeq, firstRecord, count, lowest, highest, arrived, extra }) - 1;
    this.count += count;
    log.saw(highest);
    this.show(this.blocks.length);
    return number;
  }

  /** Forgets the blocks from this one on, whose commit failed, with all records from `count` on. */
  rollBack(count: number, blocks: number): void {
    this.count = count;
    this.blocks.length = blocks;
  }

  /** Number of the block that holds a record. */
  blockOf(record: number): number {
    let low = 0;
    let high = this.blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.blocks[middle] as Block).firstRecord <= record) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  block(number: number): Readonly<Block> {
    return this.blocks[number] as Block;
  }

  setArrived(block: number, arrived: number): void {
    (this.blocks[block] as Block).arrived = arrived;
  }
}
