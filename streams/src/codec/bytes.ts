import { LandfallError } from "../model/errors.js";

const VARINT_BYTES_MAX = 8;

/** Bytes that grow as they are written. */
export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacityBytes = 1024) {
    this.#bytes = new Uint8Array(capacityBytes);
  }

  get length(): number {
    return this.#length;
  }

  /** What was written so far: a view, valid until the next write. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
  }

  bytes(value: Uint8Array): void {
    if (this.#length + value.length > this.#bytes.length) this.#grow(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** Length, then the bytes. */
  sized(value: Uint8Array): void {
    this.varint(value.length);
    this.bytes(value);
  }

  /** A whole number from 0 to 2^53 − 1: seven bits a byte, the lowest first. */
  varint(value: number): void {
    if (this.#length + VARINT_BYTES_MAX > this.#bytes.length) this.#grow(VARINT_BYTES_MAX);
    let rest = value;
    while (rest >= 0x8000_0000) {
      this.#bytes[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest >= 128) {
      this.#bytes[this.#length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  /** A whole number from −2^52 to 2^52, small whichever sign it has. */
  signed(value: number): void {
    this.varint(zigzag(value));
  }

  #grow(neededBytes: number): void {
    const bigger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + neededBytes));
    bigger.set(this.written());
    this.#bytes = bigger;
  }
}

/** Reads what `ByteWriter` wrote; whatever is not that ends in CORRUPT_BLOCK. */
export class ByteReader {
  #at: number;

  constructor(
    private readonly input: Uint8Array,
    from = 0,
  ) {
    this.#at = from;
  }

  get left(): number {
    return this.input.length - this.#at;
  }

  byte(): number {
    const value = this.input[this.#at++];
    if (value === undefined) throw corrupt("it ends too early");
    return value;
  }

  /** A view of the next bytes. */
  bytes(length: number): Uint8Array {
    if (length > this.left) throw corrupt("it ends too early");
    this.#at += length;
    return this.input.subarray(this.#at - length, this.#at);
  }

  /** @param lengthMax more is a lie. */
  sized(lengthMax: number): Uint8Array {
    return this.bytes(this.varintUpTo(lengthMax, "a length"));
  }

  varint(): number {
    const first = this.byte();
    if (first < 128) return first;
    let value = first & 127;
    let scale = 128;
    for (let count = 1; count < VARINT_BYTES_MAX; count++) {
      const next = this.byte();
      value += (next & 127) * scale;
      if (next < 128) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw corrupt("a number is too large");
  }

  varintUpTo(most: number, what: string): number {
    const value = this.varint();
    if (value > most) throw corrupt(`${what} is ${value}, at most ${most} is possible`);
    return value;
  }

  signed(): number {
    return unzigzag(this.varint());
  }
}

/** Bytes that `varint` takes. */
export function sizeOfVarint(value: number): number {
  let bytes = 1;
  for (let above = 128; value >= above; above *= 128) bytes++;
  return bytes;
}

/** 0, −1, 1, −2, 2 … become 0, 1, 2, 3, 4 … */
export function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

export function unzigzag(value: number): number {
  if (value < 0x8000_0000) return (value >>> 1) ^ -(value & 1);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

export function corrupt(what: string, cause?: unknown): LandfallError {
  return new LandfallError("CORRUPT_BLOCK", `A packed block is damaged: ${what}. Fetch it from a peer that has it.`, {
    cause,
  });
}
