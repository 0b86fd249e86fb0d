import { NO_HEADERS } from "./block-headers.js";
import type { TopicName } from "../model/names.js";
import type { Offset, Seq, StoredRecord, TimestampMs } from "../model/record.js";
import type { RunBlock } from "./run-block.js";
import type { Run } from "./segment-format.js";

/** Record `index` of a block of a run. */
export interface RunRef {
  readonly run: Run;
  readonly block: RunBlock;
  readonly index: number;
  readonly topic: string;
}

/** Bytes of the record's value. */
export function valueBytes({ valueStarts }: RunBlock, index: number): number {
  return (valueStarts[index + 1] as number) - (valueStarts[index] as number);
}

/** A copy of the values of records [first, end), one behind the other. */
export function valuesOf(block: RunBlock, first: number, end: number): Uint8Array<ArrayBuffer> {
  return block.bytes.slice(block.valueStarts[first], block.valueStarts[end]);
}

/** The records, their values the caller's own: one buffer for all of them. */
export function runRecords(refs: readonly RunRef[]): StoredRecord[] {
  let size = 0;
  for (const { block, index } of refs) size += valueBytes(block, index);
  const values = new Uint8Array(size);
  const records: StoredRecord[] = [];
  let at = 0;
  for (let first = 0; first < refs.length;) {
    const { block, index } = refs[first] as RunRef;
    const start = at;
    let end = first;
    // What lies one behind the other is copied at once.
    for (; refs[end]?.block === block && refs[end]?.index === index + end - first; end++) {
      const ref = refs[end] as RunRef;
      const bytes = valueBytes(block, ref.index);
      records.push(recordAt(ref.run, block, ref.index, ref.topic, new Uint8Array(values.buffer, at, bytes)));
      at += bytes;
    }
    const from = block.valueStarts[index] as number;
    values.set(new Uint8Array(block.bytes.buffer, block.bytes.byteOffset + from, at - start), start);
    first = end;
  }
  return records;
}

export function recordAt(run: Run, block: RunBlock, index: number, topic: string, value: Uint8Array): StoredRecord {
  return {
    stream: run.stream,
    origin: run.origin,
    topic: topic as TopicName,
    offset: block.offsets[index] as Offset,
    seq: block.seqs[index] as Seq,
    timestamp: block.timestamps[index] as TimestampMs,
    received: block.received[index] as TimestampMs,
    arrived: block.arrived[index] as TimestampMs,
    headers: block.headers[block.headerOf?.[index] ?? 0] ?? NO_HEADERS,
    value,
  };
}
