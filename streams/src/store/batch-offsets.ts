import { nextOffset } from "./offset-clock.js";

const EMPTY = -1;

/**
 * Offsets of a batch (O2). All its records get the same one, the next above all that its stream holds; only a topic that
 * occurs again gets the next larger. Topics are told apart by the hashes of their names alone: where two meet, one gets a
 * larger offset than it needs, which harms nobody.
 */
export class BatchOffsets {
  /** Open addressing: place in the batch of the last record with a hash. Used again and again, it stays in the cache. */
  private slots = new Int32Array(1024);

  /**
   * @param floor largest offset known of the batch's stream
   * @throws LandfallError CLOCK_REFUSED
   */
  above(floor: number, nowMs: number, slot: number, hashes: Int32Array): Float64Array {
    const base = nextOffset(nowMs, floor, slot);
    return this.give(hashes, nowMs, slot, () => base);
  }

  /**
   * @param floors largest offset known of each record's topic
   * @throws LandfallError CLOCK_REFUSED
   */
  aboveEach(floors: ArrayLike<number>, nowMs: number, slot: number, hashes: Int32Array): Float64Array {
    return this.give(hashes, nowMs, slot, (i) => nextOffset(nowMs, floors[i] as number, slot));
  }

  private give(hashes: Int32Array, nowMs: number, slot: number, first: (i: number) => number): Float64Array {
    const count = hashes.length;
    const offsets = new Float64Array(count);
    while (this.slots.length < count * 2) this.slots = new Int32Array(this.slots.length * 2);
    const { slots } = this;
    slots.fill(EMPTY);
    const mask = slots.length - 1;
    for (let i = 0; i < count; i++) {
      const hash = hashes[i] as number;
      let at = (hash ^ (hash >>> 15)) & mask;
      let before = slots[at] as number;
      while (before !== EMPTY && hashes[before] !== hash) {
        at = (at + 1) & mask;
        before = slots[at] as number;
      }
      slots[at] = i;
      const own = first(i);
      offsets[i] = before === EMPTY ? own : Math.max(own, nextOffset(nowMs, offsets[before] as number, slot));
    }
    return offsets;
  }
}
