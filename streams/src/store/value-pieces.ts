import { viewOf } from "./block-layout.js";

/** Values up to this size are copied word by word: cheaper than a call for each. */
export const WORDS_BYTES_MAX = 256;
const WORD_BYTES = 4;
const PIECES_FIRST = 1024;
/** Of the sources that were taken from, so many of the last are looked through: merging takes from a few in turn. */
const SOURCES_KNOWN = 64;

interface Source {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** Where the values of a block in the making lie, one behind the other: they are copied once, when it is known where to. */
export class ValuePieces {
  /** Of all of them. */
  bytes = 0;
  private count = 0;
  private readonly sources: Source[] = [];
  private sourceOf = new Uint32Array(PIECES_FIRST);
  private froms = new Uint32Array(PIECES_FIRST);
  private lengths = new Uint32Array(PIECES_FIRST);
  private last: Uint8Array | undefined;
  private lastNumber = 0;

  /** The next values are [from, to) of `source`. */
  add(source: Uint8Array, from: number, to: number): void {
    if (this.count === this.froms.length) this.grow();
    const i = this.count++;
    if (source !== this.last) {
      this.lastNumber = this.numberOf(source);
      this.last = source;
    }
    this.sourceOf[i] = this.lastNumber;
    this.froms[i] = from;
    this.lengths[i] = to - from;
    this.bytes += to - from;
  }

  /** Copies as many bytes as fit before `end` into `into`, from `at` on. */
  copy(into: Uint8Array, at: number, end = into.length): void {
    const { sources, sourceOf, froms, lengths, count } = this;
    const view = viewOf(into);
    let to = at;
    for (let i = 0; i < count && to < end; i++) {
      const source = sources[sourceOf[i] as number] as Source;
      const from = froms[i] as number;
      const length = Math.min(lengths[i] as number, end - to);
      if (length <= WORDS_BYTES_MAX) copyWords(source.view, from, view, to, length);
      else into.set(source.bytes.subarray(from, from + length), to);
      to += length;
    }
  }

  clear(): void {
    this.count = 0;
    this.bytes = 0;
    this.sources.length = 0;
    this.last = undefined;
  }

  private numberOf(source: Uint8Array): number {
    const { sources } = this;
    const oldest = Math.max(0, sources.length - SOURCES_KNOWN);
    for (let number = sources.length - 1; number >= oldest; number--) {
      if ((sources[number] as Source).bytes === source) return number;
    }
    return sources.push({ bytes: source, view: viewOf(source) }) - 1;
  }

  private grow(): void {
    const twice = (array: Uint32Array): Uint32Array<ArrayBuffer> => {
      const grown = new Uint32Array(array.length * 2);
      grown.set(array);
      return grown;
    };
    this.sourceOf = twice(this.sourceOf);
    this.froms = twice(this.froms);
    this.lengths = twice(this.lengths);
  }
}

/** Copies word by word. */
export function copyWords(source: DataView, from: number, into: DataView, to: number, length: number): void {
  let i = 0;
  for (; i + WORD_BYTES <= length; i += WORD_BYTES) into.setUint32(to + i, source.getUint32(from + i));
  for (; i < length; i++) into.setUint8(to + i, source.getUint8(from + i));
}
