/** Memory at first, and how much is kept from block to block: more than a usual block takes. */
const FIRST_BYTES = 256 * 1024;
const KEPT_BYTES_MAX = 16 * 1024 * 1024;
const ALIGN_BYTES = 8;

/**
 * Memory for the arrays that packing one block takes, dozens for each column: handed out one behind the other, and taken back all
 * at once. Arrays of their own would be the collector's, which costs more than filling them.
 */
export class Arena {
  private chunk = new ArrayBuffer(FIRST_BYTES);
  private used = 0;
  /** Since the last `reset`, in all chunks. */
  private total = 0;

  /** What was handed out is given up: it will be handed out again. */
  reset(): void {
    if (this.total > this.chunk.byteLength) this.chunk = new ArrayBuffer(Math.min(this.total, KEPT_BYTES_MAX));
    this.used = this.total = 0;
  }

  /** Whatever is in them, until the next `reset`. */
  float64(count: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.take(count * 8), this.taken, count);
  }

  int32(count: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.take(count * 4), this.taken, count);
  }

  uint8(count: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.take(count), this.taken, count);
  }

  /** Where the last piece begins in its chunk. */
  private taken = 0;

  private take(bytes: number): ArrayBuffer {
    const size = Math.ceil(bytes / ALIGN_BYTES) * ALIGN_BYTES;
    this.total += size;
    if (this.used + size > this.chunk.byteLength) {
      this.chunk = new ArrayBuffer(Math.max(size, this.chunk.byteLength * 2));
      this.used = 0;
    }
    this.taken = this.used;
    this.used += size;
    return this.chunk;
  }
}

/** Of this thread: a block is packed without a pause, and none within another. */
export const arena = new Arena();
