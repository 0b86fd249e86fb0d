import { RUN_WINDOW_BYTES } from "../limits.js";
import type { TopicName } from "../model/names.js";
import type { Headers, Offset, Seq, StoredRecord, TimestampMs } from "../model/record.js";
import type { BlockRecords } from "./block-topics.js";
import type { Run } from "./segment-format.js";
import type { SegmentReader } from "./segment-reader.js";

/** Takes records one after the other, as they stand in memory: no object is made for any of them. */
export interface RecordSink {
  /**
   * @param headers as a block has them (`block-headers.ts`)
   * @param values the value is [at, at + length) of it
   * @returns false, and nothing is taken, when it has enough
   */
  take(
    topic: string,
    seq: number,
    offset: number,
    timestamp: number,
    received: number,
    headers: Uint8Array,
    values: Uint8Array,
    at: number,
    length: number,
  ): boolean;
}

/** What a window takes for each seq besides values: a run whose records were mostly superseded has little else. */
const SEQ_BYTES = 64;

/** Windows of so many of the largest size are kept, or more that are smaller. */
const WINDOWS_KEPT = 2;

interface KeptWindow {
  readonly window: Promise<LogWindow>;
  readonly run: Run;
  readonly from: number;
  readonly to: number;
  /** In memory, about. */
  readonly bytes: number;
}

/**
 * Reads runs in order of seq. A run lies on disk in order of topics, so it is unpacked whole, or, when it is large, window
 * by window; those that were looked at last are kept, for whoever reads on.
 */
export class RunLog {
  /** The one that was looked at last stands last. */
  private windows: KeptWindow[] = [];

  constructor(
    private readonly reader: Pick<SegmentReader, "scan">,
    private readonly windowBytes: number = RUN_WINDOW_BYTES,
  ) {}

  /** The window that holds this seq. @throws LandfallError CORRUPT_BLOCK, DISK_FAILED */
  window(run: Run, seq: number): Promise<LogWindow> {
    const known = this.windows.find((one) => one.run === run && one.from <= seq && seq < one.to);
    if (known !== undefined) {
      this.drop(known);
      this.windows.push(known);
      return known.window;
    }
    const span = run.to - run.from;
    const bytes = windowBytesOf(run);
    const windows = Math.ceil(bytes / this.windowBytes);
    const step = Math.max(1, Math.ceil(span / windows));
    const from = run.from + Math.floor((seq - run.from) / step) * step;
    const to = Math.min(from + step, run.to);
    const window = this.build(run, from, to);
    const entry = { window, run, from, to, bytes: Math.ceil((bytes * (to - from)) / span) };
    window.catch(() => this.drop(entry));
    this.windows.push(entry);
    this.forgetOldest();
    return window;
  }

  /** Forgets what it knows of a run that is gone. */
  forget(run: Run): void {
    this.windows = this.windows.filter((window) => window.run !== run);
  }

  private drop(entry: KeptWindow): void {
    const at = this.windows.indexOf(entry);
    if (at >= 0) this.windows.splice(at, 1);
  }

  private forgetOldest(): void {
    let bytes = this.windows.reduce((sum, window) => sum + window.bytes, 0);
    while (this.windows.length > WINDOWS_KEPT && bytes > WINDOWS_KEPT * this.windowBytes) {
      bytes -= (this.windows.shift() as KeptWindow).bytes;
    }
  }

  private async build(run: Run, from: number, to: number): Promise<LogWindow> {
    const share = (to - from) / (run.to - run.from);
    const window = new LogWindow(run, from, to, Math.ceil(run.rawBytes * share));
    const room = (bytes: number): Uint8Array<ArrayBuffer> => window.room(bytes);
    for await (const records of this.reader.scan(run, from, to, room)) window.take(records);
    return window;
  }
}

/** What it takes, about, to have a run in memory in order of seq. */
export function windowBytesOf({ from, to, rawBytes }: Pick<Run, "from" | "to" | "rawBytes">): number {
  return Math.max(1, rawBytes, (to - from) * SEQ_BYTES);
}

/** Memory as it comes: nobody reads what was not written, and to clear it takes as long as to write it. */
function unwritten(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
}

/** To copy fewer bytes one by one is cheaper than to call for it. */
const FEW_BYTES = 160;

function copy(source: Uint8Array, from: number, target: Uint8Array, at: number, length: number): void {
  if (length > FEW_BYTES) target.set(source.subarray(from, from + length), at);
  else for (let i = 0; i < length; i++) target[at + i] = source[from + i] as number;
}

/** What is known of a record, number by number: together they fill one line of the processor's cache. */
const ROW = { offset: 0, timestamp: 1, received: 2, arrived: 3, topic: 4, headers: 5, valueAt: 6, length: 7 } as const;
const ROW_NUMBERS = 8;

/**
 * Part of a run in order of seq. Its records come sorted by topic, so each goes to another end of the window: all that is known
 * of one stands together, that the processor has one place to fetch instead of eight.
 */
export class LogWindow {
  /** `valueAt` is one more than the place in `values`; 0 when the record was superseded. */
  private readonly rows: Float64Array;
  private readonly topics: string[] = [];
  private readonly headers: Headers[] = [];
  private readonly headerBytes: Uint8Array[] = [];
  private values: Uint8Array<ArrayBuffer>;
  private valuesEnd = 0;
  /** Only so that looking ahead is not found to be useless. */
  seen = 0;

  /** @param bytes its values take, about */
  constructor(
    private readonly run: Run,
    private readonly from: number,
    readonly to: number,
    bytes: number,
  ) {
    this.rows = new Float64Array((to - from) * ROW_NUMBERS);
    this.values = unwritten(bytes);
  }

  /** For the values of the block that is taken next. */
  room(bytes: number): Uint8Array<ArrayBuffer> {
    this.reserve(bytes);
    return this.values.subarray(this.valuesEnd, this.valuesEnd + bytes);
  }

  /** Takes records of a block that belong here. */
  take(records: BlockRecords): void {
    const { topics, topicEnds, seqs, offsets, timestamps, received, arrived, headerOf, valueAts, valueEnds } = records;
    const { rows, from } = this;
    const firstHeaders = this.headers.length;
    this.addHeaders(records);
    let end = this.addValues(records);
    let i = 0;
    for (let t = 0; t < topics.length; t++) {
      const topic = this.topics.push(topics[t] as string) - 1;
      for (const last = topicEnds[t] as number; i < last; i++) {
        const length = (valueEnds[i] as number) - (valueAts[i] as number);
        const row = ((seqs[i] as number) - from) * ROW_NUMBERS;
        rows[row + ROW.offset] = offsets[i] as number;
        rows[row + ROW.timestamp] = timestamps[i] as number;
        rows[row + ROW.received] = received[i] as number;
        rows[row + ROW.arrived] = arrived[i] as number;
        rows[row + ROW.topic] = topic;
        rows[row + ROW.headers] = firstHeaders + (headerOf === undefined ? 0 : (headerOf[i] as number));
        rows[row + ROW.valueAt] = end + 1;
        rows[row + ROW.length] = length;
        end += length;
      }
    }
  }

  /** Bytes of the record's value and names, about what it takes in a block; -1 when it was superseded. */
  bytes(seq: number): number {
    const { rows } = this;
    const row = (seq - this.from) * ROW_NUMBERS;
    if (rows[row + ROW.valueAt] === 0) return -1;
    const headers = this.headerBytes[rows[row + ROW.headers] as number]?.length ?? 0;
    const topic = this.topics[rows[row + ROW.topic] as number] as string;
    return (rows[row + ROW.length] as number) + headers + topic.length + 33;
  }

  /** Gives records from `seq` on, up to `end`, the first that was superseded, or the first that is not taken. Returns that seq. */
  give(seq: number, end: number, sink: RecordSink): number {
    const { rows, topics, headerBytes, values } = this;
    for (let at = seq; at < end; at++) {
      const row = (at - this.from) * ROW_NUMBERS;
      const valueAt = (rows[row + ROW.valueAt] as number) - 1;
      if (valueAt < 0) return at;
      const isTaken = sink.take(
        topics[rows[row + ROW.topic] as number] as string,
        at,
        rows[row + ROW.offset] as number,
        rows[row + ROW.timestamp] as number,
        rows[row + ROW.received] as number,
        headerBytes[rows[row + ROW.headers] as number] as Uint8Array,
        values,
        valueAt,
        rows[row + ROW.length] as number,
      );
      if (!isTaken) return at;
    }
    return end;
  }

  /** The records with these seqs, which must be there; their values are the caller's own, in one buffer. */
  records(seqs: readonly number[]): StoredRecord[] {
    const { run, rows, values } = this;
    let size = 0;
    for (const seq of seqs) {
      const row = (seq - this.from) * ROW_NUMBERS;
      size += rows[row + ROW.length] as number;
      // They lie all over the window: looking at all of them first, the processor waits for them together.
      this.seen ^= values[(rows[row + ROW.valueAt] as number) - 1] as number;
    }
    const own = new Uint8Array(size);
    let end = 0;
    return seqs.map((seq) => {
      const row = (seq - this.from) * ROW_NUMBERS;
      const length = rows[row + ROW.length] as number;
      copy(values, (rows[row + ROW.valueAt] as number) - 1, own, end, length);
      const value = new Uint8Array(own.buffer, end, length);
      end += length;
      return {
        stream: run.stream,
        origin: run.origin,
        topic: this.topics[rows[row + ROW.topic] as number] as TopicName,
        offset: rows[row + ROW.offset] as Offset,
        seq: seq as Seq,
        timestamp: rows[row + ROW.timestamp] as TimestampMs,
        received: rows[row + ROW.received] as TimestampMs,
        arrived: rows[row + ROW.arrived] as TimestampMs,
        headers: this.headers[rows[row + ROW.headers] as number] as Headers,
        value,
      };
    });
  }

  private addHeaders({ headers, headerBytes }: BlockRecords): void {
    headers.forEach((one, i) => {
      this.headers.push(one);
      // A copy: the block goes.
      this.headerBytes.push((headerBytes[i] as Uint8Array).slice());
    });
  }

  /** Returns where the first of them lies. */
  private addValues({ count, valueAts, valueEnds, isWhole, bytes }: BlockRecords): number {
    const start = this.valuesEnd;
    if (isWhole) {
      // They may have been put where they belong.
      if (bytes.buffer !== this.values.buffer) {
        this.reserve(bytes.length);
        this.values.set(bytes, start);
      }
      this.valuesEnd += bytes.length;
      return start;
    }
    let size = 0;
    for (let i = 0; i < count; i++) size += (valueEnds[i] as number) - (valueAts[i] as number);
    this.reserve(size);
    for (let i = 0; i < count; i++) {
      const at = valueAts[i] as number;
      const length = (valueEnds[i] as number) - at;
      copy(bytes, at, this.values, this.valuesEnd, length);
      this.valuesEnd += length;
    }
    return start;
  }

  private reserve(bytes: number): void {
    const wanted = this.valuesEnd + bytes;
    if (wanted <= this.values.length) return;
    const grown = unwritten(Math.max(wanted, Math.ceil(this.values.byteLength * 1.5)));
    grown.set(this.values.subarray(0, this.valuesEnd));
    this.values = grown;
  }
}
