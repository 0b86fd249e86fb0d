import { nextOffset } from "./offset-clock.js";

const EMPTY = -1;
/** Room for the records of a usual batch; it grows. */
const RECORDS_EXPECTED = 512;

/**
 * Offsets of a batch (O2). All its records get the same one, the next above all that its stream holds; only a topic that
 * occurs again gets the next larger. Topics are told apart by the hashes of their names alone: where two meet, one gets a
 * larger offset than it needs, which harms nobody.
 */
export class BatchOffsets {
  /** Open addressing: place in the batch of the last record with a hash. Used again and again, it stays in the cache. */
  private slots = new Int32Array(RECORDS_EXPECTED * 2);
  private hashes = new Int32Array(RECORDS_EXPECTED);
  private offsets = new Float64Array(RECORDS_EXPECTED);
  private mask = 0;
  private count = 0;
  private nowMs = 0;
  private slot = 0;
  private base = 0;
  private isUniform = true;
  private floors: ArrayLike<number> | undefined;

  /**
   * Begins a batch of at most so many records.
   * @param floor largest offset known of its stream
   * @param floors instead, the largest offset known of each record's topic
   * @throws LandfallError CLOCK_REFUSED
   */
  begin(records: number, nowMs: number, slot: number, floor: number, floors?: ArrayLike<number>): void {
    if (this.hashes.length < records) this.grow(records);
    let size = 16;
    while (size < records * 2) size *= 2;
    this.slots.fill(EMPTY, 0, size);
    this.mask = size - 1;
    this.count = 0;
    this.nowMs = nowMs;
    this.slot = slot;
    this.floors = floors;
    this.base = nextOffset(nowMs, floors === undefined ? floor : (floors[0] as number), slot);
    this.isUniform = true;
  }

  /** The offset of the next record. @param hash of its topic's name @throws LandfallError CLOCK_REFUSED */
  next(hash: number): number {
    const { slots, hashes, mask, floors } = this;
    const i = this.count++;
    let at = (hash ^ (hash >>> 15)) & mask;
    let before = slots[at] as number;
    while (before !== EMPTY && hashes[before] !== hash) {
      at = (at + 1) & mask;
      before = slots[at] as number;
    }
    slots[at] = i;
    hashes[i] = hash;
    let offset = this.base;
    if (floors !== undefined) offset = nextOffset(this.nowMs, floors[i] as number, this.slot);
    if (before !== EMPTY) {
      offset = Math.max(offset, nextOffset(this.nowMs, this.offsets[before] as number, this.slot));
    }
    if (offset !== this.base) this.isUniform = false;
    this.offsets[i] = offset;
    return offset;
  }

  /** Those of the batch, which stay when the next begins. */
  given(): ArrayLike<number> | number {
    return this.isUniform ? this.base : this.offsets.slice(0, this.count);
  }

  private grow(records: number): void {
    const room = 2 ** Math.ceil(Math.log2(records));
    this.slots = new Int32Array(room * 2);
    this.hashes = new Int32Array(room);
    this.offsets = new Float64Array(room);
  }
}
