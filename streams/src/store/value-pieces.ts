/** Values up to this size are copied word by word: cheaper than a call for each. */
const WORDS_BYTES_MAX = 256;
const WORD_BYTES = 4;

/** Where the values of a block in the making lie, one behind the other: they are copied once, when it is known where to. */
export class ValuePieces {
  /** Of all of them. */
  bytes = 0;
  private count = 0;
  private readonly sources: Uint8Array[] = [];
  private readonly views: DataView[] = [];
  private froms = new Uint32Array(1024);
  private lengths = new Uint32Array(1024);
  private readonly known = new WeakMap<Uint8Array, DataView>();
  private last: Uint8Array | undefined;
  private lastView: DataView | undefined;

  /** The next values are [from, to) of `source`. */
  add(source: Uint8Array, from: number, to: number): void {
    if (this.count === this.froms.length) this.grow();
    const i = this.count++;
    if (source !== this.last) this.lookAt(source);
    this.sources[i] = source;
    this.views[i] = this.lastView as DataView;
    this.froms[i] = from;
    this.lengths[i] = to - from;
    this.bytes += to - from;
  }

  /** Copies as many bytes as fit before `end` into `into`, from `at` on. */
  copy(into: Uint8Array, at: number, end = into.byteLength): void {
    const { sources, views, froms, lengths, count } = this;
    const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
    let to = at;
    for (let i = 0; i < count && to < end; i++) {
      const from = froms[i] as number;
      const length = Math.min(lengths[i] as number, end - to);
      if (length <= WORDS_BYTES_MAX) copyWords(views[i] as DataView, from, view, to, length);
      else into.set((sources[i] as Uint8Array).subarray(from, from + length), to);
      to += length;
    }
  }

  clear(): void {
    this.count = 0;
    this.bytes = 0;
    this.sources.length = 0;
    this.views.length = 0;
    this.last = this.lastView = undefined;
  }

  private lookAt(source: Uint8Array): void {
    let view = this.known.get(source);
    if (view === undefined) {
      view = new DataView(source.buffer, source.byteOffset, source.byteLength);
      this.known.set(source, view);
    }
    this.last = source;
    this.lastView = view;
  }

  private grow(): void {
    const twice = (array: Uint32Array): Uint32Array<ArrayBuffer> => {
      const grown = new Uint32Array(array.length * 2);
      grown.set(array);
      return grown;
    };
    this.froms = twice(this.froms);
    this.lengths = twice(this.lengths);
  }
}

function copyWords(source: DataView, from: number, into: DataView, to: number, length: number): void {
  let i = 0;
  for (; i + WORD_BYTES <= length; i += WORD_BYTES) into.setUint32(to + i, source.getUint32(from + i));
  for (; i < length; i++) into.setUint8(to + i, source.getUint8(from + i));
}
