import { setImmediate as immediate } from "node:timers/promises";
import { LandfallError, isLandfallError } from "../model/errors.js";
import type { Catalog } from "./catalog.js";
import type { Generation } from "./generation.js";
import type { GenerationIndex } from "./generation-index.js";
import type { JournalBlock } from "./journal-block.js";
import type { JournalReader } from "./journal-reader.js";
import type { OriginLog } from "./origin-log.js";
import type { StreamState } from "./stream-state.js";

/** Records indexed in one turn of the event loop: a few milliseconds. */
const INDEX_STEP_RECORDS = 5_000;

export interface IndexSoFar {
  readonly index: GenerationIndex;
  /** Everything that is durable is in it. */
  readonly isWhole: boolean;
}

/**
 * Makes the index of the topics of unsealed journals, of what is durable, as far as it is not made yet, when somebody asks.
 * It is made of the journals' blocks: those written a moment ago are in memory, others are read back and verified.
 */
export class JournalIndex {
  private readonly steps = new WeakMap<Generation, Promise<void>>();

  constructor(
    private readonly catalog: Catalog,
    private readonly journals: JournalReader,
  ) {}

  /**
   * With every record that is durable now; in steps, between which others get their turn.
   * @throws LandfallError DISK_FAILED
   */
  async of(generation: Generation): Promise<GenerationIndex> {
    const wanted = generation.visibleBlocks;
    while (generation.index.blocks < wanted) {
      let step = this.steps.get(generation);
      if (step === undefined) {
        step = this.step(generation).finally(() => this.steps.delete(generation));
        this.steps.set(generation, step);
      }
      await step;
    }
    return generation.index;
  }

  /** The same at once, for those who cannot wait. @throws LandfallError DISK_FAILED */
  now(generation: Generation): GenerationIndex {
    while (generation.index.blocks < generation.visibleBlocks) this.stepNow(generation, Infinity);
    return generation.index;
  }

  /**
   * One step further than it was, for those who can neither wait nor need all of it.
   * @throws LandfallError DISK_FAILED
   */
  soFar(generation: Generation): IndexSoFar {
    const { index, visibleBlocks } = generation;
    if (index.blocks < visibleBlocks) this.stepNow(generation, INDEX_STEP_RECORDS);
    return { index, isWhole: index.blocks >= visibleBlocks };
  }

  /** Largest offset of a topic in the unsealed journals; 0 for none. @throws LandfallError DISK_FAILED */
  async lastOffset(stream: StreamState, topic: string): Promise<number> {
    let last = 0;
    for (const generation of this.catalog.generations.slice()) {
      const { topics, damaged } = await this.of(generation);
      const found = topics.find(stream.number, topic);
      if (found >= 0) last = Math.max(last, topics.highest(found));
      // What cannot be read must not stop what is to be written: nothing in the block is larger than this.
      for (const { block } of damaged) if (block.log.stream === stream) last = Math.max(last, block.highest);
    }
    return last;
  }

  /** Whether a durable unsealed record of this origin has this offset in this topic. @throws LandfallError DISK_FAILED */
  holds(log: OriginLog, topic: string, offset: number): boolean {
    for (const generation of this.catalog.generations) {
      const index = this.now(generation);
      const { topics } = index;
      const found = topics.find(log.stream.number, topic);
      if (found < 0 || topics.highest(found) < offset) continue;
      let holds = false;
      index.walk(found, (record) => {
        const own = index.offsets[record] as number;
        holds = own === offset && generation.block(generation.blockOf(record)).log === log;
        return !holds && (own >= offset || topics.isDisordered(found));
      });
      if (holds) return true;
    }
    return false;
  }

  private stepNow(generation: Generation, records: number): void {
    const from = generation.index.blocks;
    const count = this.journals.stretch(generation, from, generation.visibleBlocks, records);
    const remembered = this.journals.remembered(generation, from, count);
    take(generation, from, remembered ?? this.journals.readStretchSync(generation, from, count));
  }

  private async step(generation: Generation): Promise<void> {
    const { index, visibleBlocks } = generation;
    const from = index.blocks;
    const count = this.journals.stretch(generation, from, visibleBlocks, INDEX_STEP_RECORDS);
    const remembered = this.journals.remembered(generation, from, count);
    take(generation, from, remembered ?? (await this.journals.readStretch(generation, from, count)));
    if (index.blocks < visibleBlocks && remembered !== undefined) await immediate();
  }
}

/** Takes blocks into the index, unless somebody who could not wait has done so meanwhile. */
function take(generation: Generation, from: number, blocks: readonly (JournalBlock | LandfallError)[]): void {
  const { index, visible } = generation;
  blocks.forEach((parsed, i) => {
    if (index.blocks !== from + i) return;
    const block = generation.block(from + i);
    if (parsed instanceof LandfallError) {
      index.skip(block, parsed);
      return;
    }
    try {
      index.add(block, parsed, visible);
    } catch (error) {
      if (!isLandfallError(error, "CORRUPT_BLOCK")) throw error;
      index.skip(block, error);
    }
  });
}
