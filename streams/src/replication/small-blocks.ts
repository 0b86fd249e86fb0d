import { deflateRawSync, inflateRawSync } from "node:zlib";
import { LandfallError } from "../model/errors.js";

/** Larger blocks are of a backlog, which goes sealed; and what is deflated is deflated for each link. */
const BLOCK_BYTES_MAX = 4 * 1024;
/** Of what went before, so much is kept at both ends: some tens of single records. */
const HISTORY_BYTES = 8 * 1024;

/**
 * Small blocks that go over one link in one direction, one record or a few each. A record by itself can hardly be made smaller; but
 * it looks like those before it: names, the shape of its value, the first digits of its times. So these are the
 * dictionary with which it is deflated. Both ends keep the same, because frames come in order or not at all.
 */
export class SmallBlocks {
  private history: Uint8Array = new Uint8Array(0);

  /** The block deflated; undefined when it is to go as it is. */
  deflate(block: Uint8Array): Uint8Array | undefined {
    if (block.byteLength > BLOCK_BYTES_MAX) return undefined;
    const deflated = deflateRawSync(block, { dictionary: this.history });
    if (deflated.byteLength >= block.byteLength) return undefined;
    this.remember(block);
    return deflated;
  }

  /** @throws LandfallError CORRUPT_BLOCK */
  inflate(deflated: Uint8Array, bytes: number): Uint8Array {
    const block = this.inflated(deflated, bytes);
    this.remember(block);
    return block;
  }

  private inflated(deflated: Uint8Array, bytes: number): Uint8Array {
    try {
      // Bounded by what is said, and that by what is allowed: little that comes can become much.
      const maxOutputLength = Math.min(bytes, BLOCK_BYTES_MAX);
      const block = inflateRawSync(deflated, { dictionary: this.history, maxOutputLength });
      if (block.byteLength === bytes) return block;
    } catch (cause) {
      throw new LandfallError("CORRUPT_BLOCK", "a block that cannot be inflated", { cause });
    }
    throw new LandfallError("CORRUPT_BLOCK", `a block of ${bytes} bytes becomes another length when it is inflated`);
  }

  private remember(block: Uint8Array): void {
    const kept = this.history.subarray(Math.max(0, this.history.byteLength + block.byteLength - HISTORY_BYTES));
    this.history = Buffer.concat([kept, block]);
  }
}
