/**
 * Whole numbers of up to 53 bits, seven bits to a byte, the lowest first; signed ones folded so that small ones stay
 * small. What they are read from has a checksum, so reading trusts it, but never reads beyond the end.
 */
export class VarintWriter {
  bytes: Uint8Array;
  length = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Makes room for so many numbers; then `put` and `putSigned` need not look. */
  reserve(numbers: number): void {
    const wanted = this.length + numbers * 9;
    if (wanted <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(wanted, this.bytes.byteLength * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  put(value: number): void {
    const { bytes } = this;
    let at = this.length;
    let rest = value;
    while (rest >= 0x10000000) {
      bytes[at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    rest |= 0;
    while (rest >= 128) {
      bytes[at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.length = at;
  }

  /** @param value at most 2^52 away from 0 */
  putSigned(value: number): void {
    this.put(value < 0 ? -2 * value - 1 : 2 * value);
  }

  raw(bytes: Uint8Array, from: number, to: number): void {
    this.reserve(Math.ceil((to - from) / 9));
    for (let i = from; i < to; i++) this.bytes[this.length++] = bytes[i] as number;
  }
}

/** Up to here numbers are unfolded by shifting bits: most are. */
const SHIFTED_MAX = 0x7fffffff;

export class VarintReader {
  constructor(
    readonly bytes: Uint8Array,
    public at = 0,
  ) {}

  get(): number {
    const { bytes } = this;
    let byte = bytes[this.at++] as number;
    if (byte < 128) return byte;
    let value = byte & 127;
    let factor = 128;
    do {
      byte = bytes[this.at++] as number;
      value += (byte & 127) * factor;
      factor *= 128;
    } while (byte >= 128);
    return value;
  }

  getSigned(): number {
    const folded = this.get();
    if (folded <= SHIFTED_MAX) return (folded >>> 1) ^ -(folded & 1);
    return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
  }
}
