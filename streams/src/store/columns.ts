/**
 * Growing columns of numbers, in chunks: growing never copies what is there, and a million entries cost
 * a million times 8 or 4 bytes.
 */
const CHUNK_BITS = 15;
const CHUNK = 1 << CHUNK_BITS;
const MASK = CHUNK - 1;

export class Float64Column {
  private readonly chunks: Float64Array[] = [];
  length = 0;

  push(value: number): void {
    const at = this.length++;
    if ((at & MASK) === 0) this.chunks.push(new Float64Array(CHUNK));
    (this.chunks[at >>> CHUNK_BITS] as Float64Array)[at & MASK] = value;
  }

  /** @param at less than `length` */
  get(at: number): number {
    return (this.chunks[at >>> CHUNK_BITS] as Float64Array)[at & MASK] as number;
  }
}

export class Uint32Column {
  private readonly chunks: Uint32Array[] = [];
  length = 0;

  push(value: number): void {
    const at = this.length++;
    if ((at & MASK) === 0) this.chunks.push(new Uint32Array(CHUNK));
    (this.chunks[at >>> CHUNK_BITS] as Uint32Array)[at & MASK] = value;
  }

  /** @param at less than `length` */
  get(at: number): number {
    return (this.chunks[at >>> CHUNK_BITS] as Uint32Array)[at & MASK] as number;
  }
}
