import { arena } from "./arena.js";
import { SHAPE_FIELDS_MAX, SHAPED_VALUE_BYTES_MAX, SHAPES_MAX } from "./codec-limits.js";

/**
 * A value as text between fields: `{"time":"` FIELD `","doorOpen":` FIELD `}`. Fields are the scalars of JSON,
 * wherever they stand; everything else, keys, brackets and white space, is literal. Nothing here needs the text to
 * be valid JSON: literals and fields in turn are the very bytes, whatever they mean.
 */
export class Shape {
  /** Records of this shape, ascending. */
  readonly rows: number[] = [];
  /** The literals one after the other, and where each ends: one more than there are fields. */
  readonly text: Uint8Array;
  readonly ends: Int32Array;
  /** 1 for a string, 0 for a bare word; a string's quotes belong to the literals around it. */
  readonly quoted: Uint8Array;
  readonly fields: number;

  constructor(value: Uint8Array, from: number, to: number, spans: Int32Array, spansFrom: number, fields: number) {
    this.fields = fields;
    this.ends = new Int32Array(fields + 1);
    this.quoted = new Uint8Array(fields);
    const text: number[] = [];
    let at = from;
    for (let field = 0; field <= fields; field++) {
      const start = field < fields ? spans[spansFrom + 2 * field]! : to;
      for (; at < start; at++) text.push(value[at]!);
      this.ends[field] = text.length;
      if (field === fields) break;
      this.quoted[field] = value[start - 1] === QUOTE ? 1 : 0;
      at = spans[spansFrom + 2 * field + 1]!;
    }
    this.text = Uint8Array.from(text);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const BRACE = 0x7b;
const BRACKET = 0x5b;

/** Bytes of numbers and of true, false and null. */
const BARE = new Uint8Array(256);
for (const char of "0123456789+-.ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") BARE[char.charCodeAt(0)] = 1;
const SPACE = new Uint8Array(256);
for (const char of " \t\r\n") SPACE[char.charCodeAt(0)] = 1;

/** Sorts the values of one block into shapes. Field `f` of row `r` lies at `spans[first[r] + 2 * f]` up to `… + 1`. */
export class ShapeTable {
  readonly shapes: Shape[] = [];
  readonly first: Int32Array;
  spans: Int32Array;
  #spansUsed = 0;
  readonly #byLiterals = new Map<number, Shape[]>();
  #last: Shape | undefined;

  /** @param bytes all values one after the other. */
  constructor(
    private readonly bytes: Uint8Array,
    records: number,
  ) {
    this.first = arena.int32(records);
    this.spans = arena.int32(Math.max(2 * SHAPE_FIELDS_MAX, records * 32));
  }

  /** @returns false when the value has no shape, or one too many: it goes raw. */
  add(row: number, from: number, to: number): boolean {
    const start = this.bytes[from];
    if (to - from > SHAPED_VALUE_BYTES_MAX || (start !== BRACE && start !== BRACKET)) return false;
    if (this.#spansUsed + 2 * SHAPE_FIELDS_MAX > this.spans.length) {
      const bigger = arena.int32(this.spans.length * 2);
      bigger.set(this.spans);
      this.spans = bigger;
    }
    const shape = this.#last !== undefined && this.#matches(this.#last, from, to) ? this.#last : this.#find(from, to);
    if (shape === undefined) return false;
    this.first[row] = this.#spansUsed;
    this.#spansUsed += 2 * shape.fields;
    shape.rows.push(row);
    this.#last = shape;
    return true;
  }

  /** Neighbours mostly look alike: comparing literals is faster than telling keys from strings. */
  #matches(shape: Shape, from: number, to: number): boolean {
    const { bytes, spans } = this;
    const { text, ends, quoted, fields } = shape;
    let at = from;
    let literal = 0;
    let span = this.#spansUsed;
    for (let field = 0; ; field++) {
      const end = ends[field]!;
      if (at + end - literal > to) return false;
      while (literal < end) if (bytes[at++] !== text[literal++]) return false;
      if (field === fields) return at === to;
      spans[span++] = at;
      if (quoted[field] === 1) {
        at = closingQuote(bytes, at, to);
        if (at < 0) return false;
      } else {
        while (at < to && BARE[bytes[at]!] === 1) at++;
      }
      spans[span++] = at;
    }
  }

  #find(from: number, to: number): Shape | undefined {
    const fields = this.#lex(from, to);
    if (fields < 0) return undefined;
    const same = this.#byLiterals.get(this.#hash);
    const known = same?.find((shape) => shape.fields === fields && this.#matches(shape, from, to));
    if (known !== undefined || this.shapes.length === SHAPES_MAX) return known;
    const shape = new Shape(this.bytes, from, to, this.spans, this.#spansUsed, fields);
    this.shapes.push(shape);
    if (same === undefined) this.#byLiterals.set(this.#hash, [shape]);
    else same.push(shape);
    return shape;
  }

  #hash = 0;

  /** Finds the fields of a value, and the hash of its literals. @returns how many; −1 when it has no shape. */
  #lex(from: number, to: number): number {
    const { bytes, spans } = this;
    let hash = 0x811c9dc5;
    let span = this.#spansUsed;
    const spansEnd = span + 2 * SHAPE_FIELDS_MAX;
    for (let at = from; at < to;) {
      const byte = bytes[at]!;
      let end = at + 1;
      if (byte === QUOTE) {
        const close = closingQuote(bytes, at + 1, to);
        if (close < 0) return -1;
        let after = close + 1;
        while (after < to && SPACE[bytes[after]!] === 1) after++;
        end = close + 1;
        if (bytes[after] !== COLON || after === to) {
          if (span === spansEnd) return -1;
          spans[span++] = at + 1;
          spans[span++] = close;
          hash = Math.imul(hash ^ 0x1_22, 0x01000193);
          at = end;
          continue;
        }
      } else if (BARE[byte] === 1) {
        if (span === spansEnd) return -1;
        spans[span++] = at;
        while (at < to && BARE[bytes[at]!] === 1) at++;
        spans[span++] = at;
        hash = Math.imul(hash ^ 0x1_00, 0x01000193);
        continue;
      }
      for (; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
    }
    this.#hash = hash;
    return (span - this.#spansUsed) / 2;
  }
}

/** @returns where the string that began before `from` ends, −1 if nowhere. */
function closingQuote(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return -1;
}
