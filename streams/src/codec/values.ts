import { BLOCK_RECORDS_MAX, VALUE_BYTES_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { arena } from "./arena.js";
import { ByteReader, ByteWriter, corrupt } from "./bytes.js";
import { INTEGER_LIMIT, SHAPE_FIELDS_MAX, SHAPE_RECORDS_MIN, SHAPES_MAX, UNPACKED_BYTES_MAX } from "./codec-limits.js";
import { readGeneral, writeGeneral } from "./general.js";
import type { IntegerValues } from "./predict.js";
import type { Column } from "./read-column.js";
import { readColumn } from "./read-column.js";
import type { Shape } from "./shapes.js";
import { ShapeTable } from "./shapes.js";
import { copy } from "./texts.js";
import { writeColumn } from "./write-column.js";

/** Layout in docs/codec.md. */
const VERSION = 1;
/** Columns are small: the better search costs little. Raw text is not. */
const COLUMNS_QUALITY = 4;
const RAW_QUALITY = 1;

/**
 * Packs the values of one block, best sorted by topic and then offset. Any bytes come back as they were; readings of
 * one shape become columns.
 * @param timestamps of the records, in milliseconds, as they will be given to `decodeValues`.
 */
export function encodeValues(values: readonly Uint8Array[], timestamps: readonly number[]): Uint8Array<ArrayBuffer> {
  const count = values.length;
  if (count !== timestamps.length) throw refused(`${count} values need as many timestamps, not ${timestamps.length}`);
  if (count > BLOCK_RECORDS_MAX) throw refused(`at most ${BLOCK_RECORDS_MAX} go into one block, not ${count}`);
  const starts = new Int32Array(count + 1);
  let total = 0;
  for (let row = 0; row < count; row++) {
    const length = values[row]!.length;
    if (length > VALUE_BYTES_MAX) throw refused(`one has ${length} bytes, at most ${VALUE_BYTES_MAX} are possible`);
    total += length;
    starts[row + 1] = total;
  }
  if (total > UNPACKED_BYTES_MAX) throw tooMuch(total);
  const bytes = new Uint8Array(total);
  for (let row = 0; row < count; row++) bytes.set(values[row]!, starts[row]);
  return encodeJoinedValues(bytes, starts, timestamps);
}

/**
 * The same of values that lie one behind the other: number i is [starts[i], starts[i + 1]), the first begins with 0.
 * @param starts one more than there are values, at most `BLOCK_RECORDS_MAX`
 */
export function encodeJoinedValues(
  bytes: Uint8Array,
  starts: Int32Array,
  timestamps: ArrayLike<number>,
): Uint8Array<ArrayBuffer> {
  const count = starts.length - 1;
  const total = starts[count]!;
  if (total > UNPACKED_BYTES_MAX) throw tooMuch(total);
  arena.reset();
  const table = new ShapeTable(bytes, count);
  for (let row = 0; row < count; row++) table.add(row, starts[row]!, starts[row + 1]!);
  const shapes = table.shapes.filter((shape) => shape.rows.length >= SHAPE_RECORDS_MIN);
  const shapeOf = arena.uint8(count).fill(0);
  shapes.forEach((shape, index) => {
    for (const row of shape.rows) shapeOf[row] = index + 1;
  });

  const body = new ByteWriter(4096 + count * 16);
  body.varint(count);
  body.varint(total);
  body.byte(shapes.length);
  body.bytes(shapeOf);
  const times = cleanTimes(timestamps, arena.float64(count));
  for (const shape of shapes) writeShape(body, shape, table, bytes, times);
  const rawBytes = writeRaw(body, bytes, starts, shapeOf);
  const out = new ByteWriter(body.length + 16);
  out.byte(VERSION);
  writeGeneral(out, body.written(), rawBytes * 2 > body.length ? RAW_QUALITY : COLUMNS_QUALITY);
  return out.written().slice();
}

function writeShape(body: ByteWriter, shape: Shape, table: ShapeTable, bytes: Uint8Array, times: Float64Array): void {
  const { rows, ends, text, fields } = shape;
  body.varint(rows.length);
  body.varint(fields);
  let from = 0;
  for (const end of ends) {
    body.varint(end - from);
    from = end;
  }
  body.bytes(text);
  const { spans, first } = table;
  const shapeTimes = arena.float64(rows.length);
  for (let i = 0; i < rows.length; i++) shapeTimes[i] = times[rows[i]!]!;
  const earlier: IntegerValues[] = [];
  for (let field = 0; field < fields; field++) {
    const starts = arena.int32(rows.length);
    const stops = arena.int32(rows.length);
    for (let i = 0; i < rows.length; i++) {
      const span = first[rows[i]!]! + 2 * field;
      starts[i] = spans[span]!;
      stops[i] = spans[span + 1]!;
    }
    writeColumn(body, { bytes, starts, ends: stops, times: shapeTimes }, earlier);
  }
}

/** What has no shape, as it is. @returns how many bytes that are. */
function writeRaw(body: ByteWriter, bytes: Uint8Array, starts: Int32Array, shapeOf: Uint8Array): number {
  const before = body.length;
  const count = shapeOf.length;
  for (let row = 0; row < count; row++) if (shapeOf[row] === 0) body.varint(starts[row + 1]! - starts[row]!);
  for (let row = 0; row < count; row++) {
    if (shapeOf[row] === 0) body.bytes(bytes.subarray(starts[row], starts[row + 1]));
  }
  return body.length - before;
}

/** The part of a block that is wanted: rows from `from` up to, not with, `to`. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

/**
 * The values that `encodeValues` packed, views of one new buffer.
 * @param timestamps the same as were given to `encodeValues`.
 * @param range only these, if not all: cheaper, the columns are read but the texts not written.
 * @throws CORRUPT_BLOCK for anything that `encodeValues` did not write.
 */
export function decodeValues(bytes: Uint8Array, timestamps: readonly number[], range?: RowRange): Uint8Array[] {
  const { bytes: values, starts } = decodeJoinedValues(bytes, timestamps, range);
  return Array.from({ length: starts.length - 1 }, (_, i) => {
    const start = starts[i]!;
    return new Uint8Array(values.buffer, start, starts[i + 1]! - start);
  });
}

/** Values one behind the other, in a buffer of their own: number i is [starts[i], starts[i + 1]). */
export interface JoinedValues {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly starts: Uint32Array;
}

/** Where so many bytes are to be put: that many, which nobody else has. */
export type Room = (bytes: number) => Uint8Array<ArrayBuffer>;

/**
 * The same in one piece.
 * @param room of them all; without it, and for a range, in a buffer of their own
 * @throws CORRUPT_BLOCK for anything that `encodeValues` did not write.
 */
export function decodeJoinedValues(
  bytes: Uint8Array,
  timestamps: ArrayLike<number>,
  range?: RowRange,
  room: Room = ownRoom,
): JoinedValues {
  if (bytes[0] !== VERSION) throw corrupt(`its version is ${bytes[0] ?? "missing"}, known is ${VERSION}`);
  const body = new ByteReader(readGeneral(bytes, 1, BODY_BYTES_MAX));
  const count = body.varint();
  if (count !== timestamps.length) throw corrupt(`it holds ${count} records, not ${timestamps.length}`);
  const total = body.varintUpTo(UNPACKED_BYTES_MAX, "the length of all values");
  const shapeCount = body.byte();
  if (shapeCount > SHAPES_MAX) throw corrupt("too many shapes");
  const shapeOf = body.bytes(count);
  const perShape = new Uint32Array(shapeCount + 1);
  for (let row = 0; row < count; row++) {
    if (shapeOf[row]! > shapeCount) throw corrupt("a record of no shape");
    perShape[shapeOf[row]!]!++;
  }
  const times = cleanTimes(timestamps, new Float64Array(count));
  const templates: Template[] = [];
  for (let shape = 1; shape <= shapeCount; shape++) {
    const shapeTimes = new Float64Array(perShape[shape]!);
    for (let row = 0, i = 0; row < count; row++) if (shapeOf[row] === shape) shapeTimes[i++] = times[row]!;
    templates.push(readShape(body, shapeTimes));
  }
  const rawLengths = Array.from({ length: perShape[0]! }, () => body.varintUpTo(VALUE_BYTES_MAX, "a length"));
  return render(body, shapeOf, templates, rawLengths, range === undefined ? room(total) : ownRoom(total), range);
}

/** Shapes, columns and what has no shape: never much more than the values themselves. */
const BODY_BYTES_MAX = UNPACKED_BYTES_MAX * 2;

/** Text and columns in turn: literal, column, literal, column, …, literal. */
interface Template {
  readonly literals: readonly Uint8Array[];
  readonly columns: readonly Column[];
}

function readShape(body: ByteReader, times: Float64Array): Template {
  const count = body.varint();
  if (count !== times.length || count === 0) throw corrupt("a shape of another number of records");
  const fields = body.varintUpTo(SHAPE_FIELDS_MAX, "the number of fields");
  const lengths = Array.from({ length: fields + 1 }, () => body.varintUpTo(VALUE_BYTES_MAX, "a length"));
  const literals = lengths.map((length) => body.bytes(length));
  const earlier: IntegerValues[] = [];
  const columns: Column[] = [];
  for (let field = 0; field < fields; field++) columns.push(readColumn(body, count, times, earlier));
  return joined(literals, columns);
}

/** The same with constant columns made part of the literals. */
function joined(literals: readonly Uint8Array[], columns: readonly Column[]): Template {
  const outLiterals: Uint8Array[] = [];
  const outColumns: Column[] = [];
  let text = literals[0]!;
  columns.forEach((column, field) => {
    const after = literals[field + 1]!;
    if (column.constant !== undefined) text = Buffer.concat([text, column.constant, after]);
    else {
      outLiterals.push(text);
      outColumns.push(column);
      text = after;
    }
  });
  outLiterals.push(text);
  return { literals: outLiterals, columns: outColumns };
}

function ownRoom(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

function render(
  body: ByteReader,
  shapeOf: Uint8Array,
  templates: readonly Template[],
  rawLengths: readonly number[],
  out: Uint8Array<ArrayBuffer>,
  range: RowRange | undefined,
): JoinedValues {
  const total = out.length;
  const count = shapeOf.length;
  const from = Math.max(0, range?.from ?? 0);
  const to = Math.min(count, range?.to ?? count);
  const next = new Uint32Array(templates.length + 1);
  const starts = new Uint32Array(Math.max(0, to - from) + 1);
  let done = 0;
  let at = 0;
  for (let row = 0; row < count; row++) {
    const shape = shapeOf[row]!;
    const index = next[shape]!++;
    if (shape === 0) {
      const raw = body.bytes(rawLengths[index]!);
      if (row >= from && row < to) at = copy(raw, 0, raw.length, out, at);
    } else if (row >= from && row < to) {
      const { literals, columns } = templates[shape - 1]!;
      for (let field = 0; field < columns.length; field++) {
        const literal = literals[field]!;
        at = columns[field]!.write(out, copy(literal, 0, literal.length, out, at), index);
      }
      const last = literals[columns.length]!;
      at = copy(last, 0, last.length, out, at);
    } else continue;
    if (at > total) throw corrupt("values longer than it says");
    if (row >= from && row < to) starts[++done] = at;
  }
  if (body.left > 0 || (from === 0 && to === count && at !== total))
    throw corrupt("it has another length than it says");
  // A few records must not keep a buffer for all of them alive.
  return { bytes: at * 2 < total ? out.slice(0, at) : out.subarray(0, at), starts };
}

/** The predictors need whole numbers; whatever else a time may be counts as none. */
function cleanTimes(timestamps: ArrayLike<number>, into: Float64Array): Float64Array {
  for (let i = 0; i < into.length; i++) {
    const ms = timestamps[i]!;
    into[i] = ms > -INTEGER_LIMIT && ms < INTEGER_LIMIT && ms === Math.floor(ms) ? ms : 0;
  }
  return into;
}

function tooMuch(bytes: number): LandfallError {
  return refused(`at most ${UNPACKED_BYTES_MAX} bytes go into one block, not ${bytes}`);
}

function refused(why: string): LandfallError {
  return new LandfallError("INVALID_ARGUMENT", `These values cannot be packed: ${why}.`);
}
