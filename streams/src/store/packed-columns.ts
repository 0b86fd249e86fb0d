import { OFFSET_SLOT_COUNT } from "../limits.js";
import { corruptRun, predictOffset } from "./run-columns.js";
import { VarintReader } from "./varint.js";
import type { RunColumns } from "./run-columns.js";
import type { VarintWriter } from "./varint.js";

/** The columns of a packed block: differences, as varints, which brotli then packs well. docs/format.md has the layout. */

const SMALL_MAX = 2 ** 50;

/** Writes the columns from the beginning of `out` on. */
export function writePackedColumns(out: VarintWriter, columns: RunColumns): void {
  const { count, topics, topicEnds, headerBytes, headerOf } = columns;
  out.length = 0;
  writeTopics(out, topics, topicEnds);
  out.reserve(count * 8 + headerBytes.length + 16);
  const slot = (columns.offsets[0] as number) % OFFSET_SLOT_COUNT;
  out.put(slot);
  writeDeltas(out, columns, columns.seqs);
  writeDeltas(out, columns, columns.received);
  for (let i = 0; i < count; i++) {
    const rest = (columns.offsets[i] as number) - predictOffset(columns.received[i] as number, slot);
    // In steps of the clock, mostly none.
    const steps = Math.floor(rest / OFFSET_SLOT_COUNT);
    const odd = rest - steps * OFFSET_SLOT_COUNT;
    out.put(fold(steps) * 2 + (odd === 0 ? 0 : 1));
    if (odd !== 0) out.put(odd);
  }
  writeDeltas(out, columns, columns.timestamps);
  writeLags(out, columns);
  out.put(headerBytes.length);
  for (const bytes of headerBytes) {
    out.reserve(1);
    out.put(bytes.byteLength);
    out.raw(bytes, 0, bytes.byteLength);
  }
  out.reserve(count);
  if (headerOf !== undefined) for (let i = 0; i < count; i++) out.put(headerOf[i] as number);
}

function writeTopics(out: VarintWriter, topics: readonly string[], topicEnds: ArrayLike<number>): void {
  let last = "";
  topics.forEach((topic, i) => {
    let shared = 0;
    while (shared < topic.length && topic.charCodeAt(shared) === last.charCodeAt(shared)) shared++;
    out.reserve(topic.length + 3);
    out.put(shared);
    out.put(topic.length - shared);
    for (let c = shared; c < topic.length; c++) out.bytes[out.length++] = topic.charCodeAt(c);
    out.put((topicEnds[i] as number) - (topicEnds[i - 1] ?? 0));
    last = topic;
  });
}

/** From one record of a topic to the next; from one topic's first to the next one's. */
function writeDeltas(out: VarintWriter, { count, topicEnds }: RunColumns, numbers: Float64Array): void {
  if (!writeMode(out, areSmall(numbers, count), numbers, count)) return;
  let first = 0;
  let i = 0;
  for (let topic = 0; i < count; topic++) {
    const end = topicEnds[topic] as number;
    let previous = first;
    first = numbers[i] as number;
    for (; i < end; i++) {
      const value = numbers[i] as number;
      out.putSigned(value - previous);
      previous = value;
    }
  }
}

function writeLags(out: VarintWriter, { arrived, received, count }: RunColumns): void {
  const isSmall = areSmall(arrived, count) && areSmall(received, count);
  if (!writeMode(out, isSmall, arrived, count)) return;
  for (let i = 0; i < count; i++) out.putSigned((arrived[i] as number) - (received[i] as number));
}

/** Says how a column is written; writes it as it is and returns false when differences might be too large. */
function writeMode(out: VarintWriter, asDifferences: boolean, numbers: Float64Array, count: number): boolean {
  out.put(asDifferences ? 0 : 1);
  if (asDifferences) return true;
  const bytes = new Uint8Array(numbers.slice(0, count).buffer);
  out.raw(bytes, 0, bytes.byteLength);
  out.reserve(count * 9);
  return false;
}

/** Names of a block's topics alone. */
export function readPackedTopics(bytes: Uint8Array, topicCount: number): string[] {
  return readTopics(new VarintReader(bytes), topicCount).topics;
}

/** @returns the columns, and where in `bytes` what follows them begins. @throws LandfallError CORRUPT_BLOCK */
export function readPackedColumns(
  bytes: Uint8Array,
  count: number,
  topicCount: number,
): { readonly columns: RunColumns; readonly end: number } {
  const reader = new VarintReader(bytes);
  const { topics, topicEnds } = readTopics(reader, topicCount);
  if ((topicEnds[topicCount - 1] ?? 0) !== count) throw corruptRun("its topics do not add up");
  const slot = reader.get();
  const seqs = readDeltas(reader, topicEnds, count);
  const received = readDeltas(reader, topicEnds, count);
  const offsets = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const folded = reader.get();
    const odd = folded % 2 === 0 ? 0 : reader.get();
    offsets[i] = predictOffset(received[i] as number, slot) + unfold(Math.floor(folded / 2)) * OFFSET_SLOT_COUNT + odd;
  }
  const timestamps = readDeltas(reader, topicEnds, count);
  const arrived = new Float64Array(count);
  if (reader.get() === 1) readPlain(reader, arrived);
  else for (let i = 0; i < count; i++) arrived[i] = (received[i] as number) + reader.getSigned();
  const headerCount = reader.get();
  // The block may come from another site, and say what it likes.
  if (!(headerCount <= count)) throw corruptRun("more headers than records");
  const headerBytes: Uint8Array[] = [];
  for (let i = 0; i < headerCount; i++) {
    const length = reader.get();
    headerBytes.push(bytes.subarray(reader.at, reader.at + length));
    reader.at += length;
  }
  let headerOf: Uint16Array | undefined;
  if (headerCount > 1) {
    headerOf = new Uint16Array(count);
    for (let i = 0; i < count; i++) headerOf[i] = reader.get();
  }
  const columns = { count, topics, topicEnds, seqs, offsets, timestamps, received, arrived, headerBytes, headerOf };
  return { columns, end: reader.at };
}

function readTopics(reader: VarintReader, count: number): { topics: string[]; topicEnds: Uint32Array } {
  const topics: string[] = [];
  const topicEnds = new Uint32Array(count);
  let last = "";
  let end = 0;
  const { bytes } = reader;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < count; i++) {
    const shared = reader.get();
    const length = reader.get();
    last = last.slice(0, shared) + buffer.toString("latin1", reader.at, reader.at + length);
    reader.at += length;
    topics.push(last);
    topicEnds[i] = end += reader.get();
  }
  return { topics, topicEnds };
}

function readDeltas(reader: VarintReader, topicEnds: Uint32Array, count: number): Float64Array {
  const numbers = new Float64Array(count);
  if (reader.get() === 1) return readPlain(reader, numbers);
  let first = 0;
  let i = 0;
  for (const end of topicEnds) {
    let previous = first;
    const start = i;
    for (; i < end; i++) numbers[i] = previous += reader.getSigned();
    first = numbers[start] as number;
  }
  return numbers;
}

function readPlain(reader: VarintReader, into: Float64Array): Float64Array {
  const bytes = new Uint8Array(into.buffer);
  bytes.set(reader.bytes.subarray(reader.at, reader.at + bytes.byteLength));
  reader.at += bytes.byteLength;
  return into;
}

/** Their differences, folded, are safe integers. */
function areSmall(numbers: Float64Array, count: number): boolean {
  for (let i = 0; i < count; i++) if (Math.abs(numbers[i] as number) > SMALL_MAX) return false;
  return true;
}

function fold(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

function unfold(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
