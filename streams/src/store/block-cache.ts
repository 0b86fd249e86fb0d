import { BLOCK_CACHE_BYTES_MAX } from "../limits.js";

interface Run {
  readonly blocks: readonly number[];
  readonly bytes: number;
}

/** What a cached block costs besides its bytes, about. */
const OVERHEAD_BYTES = 512;

/**
 * Recent blocks, verified. First in, first out, in whole buffers: blocks written or read together share one, so keeping
 * one of them longer would keep all of them.
 */
export class BlockCache<B> {
  private readonly blocks = new Map<number, B>();
  private readonly runs: Run[] = [];
  private oldest = 0;
  private bytes = 0;

  constructor(private readonly bytesMax: number = BLOCK_CACHE_BYTES_MAX) {}

  get(block: number): B | undefined {
    return this.blocks.get(block);
  }

  /** @param bytes size of the buffer on which all these blocks are views */
  add(blocks: readonly (readonly [number, B])[], bytes: number): void {
    const fresh = blocks.filter(([number]) => !this.blocks.has(number));
    if (fresh.length === 0) return;
    for (const [number, block] of fresh) this.blocks.set(number, block);
    const run = { blocks: fresh.map(([number]) => number), bytes: bytes + fresh.length * OVERHEAD_BYTES };
    this.runs.push(run);
    this.bytes += run.bytes;
    while (this.bytes > this.bytesMax) this.dropOldest();
  }

  private dropOldest(): void {
    const run = this.runs[this.oldest++] as Run;
    for (const number of run.blocks) this.blocks.delete(number);
    this.bytes -= run.bytes;
    // Shifting every time would move the whole queue every time.
    if (this.oldest * 2 > this.runs.length) {
      this.runs.splice(0, this.oldest);
      this.oldest = 0;
    }
  }
}
