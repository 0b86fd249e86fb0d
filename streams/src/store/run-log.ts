import { RUN_WINDOW_BYTES } from "../limits.js";
import type { TopicName } from "../model/names.js";
import type { Headers, Offset, Seq, StoredRecord, TimestampMs } from "../model/record.js";
import type { RunBlock } from "./run-block.js";
import type { Run } from "./segment-format.js";
import type { SegmentReader } from "./segment-reader.js";

const NOWHERE = 0xffffffff;
/** What a window takes for each seq besides values: a run whose records were mostly superseded has little else. */
const SEQ_BYTES = 56;

/**
 * Reads runs in order of seq. A run lies on disk in order of topics, so it is unpacked whole, or, when it is large, window
 * by window; the last windows are kept, for whoever reads on.
 */
export class RunLog {
  private readonly windows: { readonly window: Promise<LogWindow>; readonly run: Run; from: number; to: number }[] = [];

  constructor(
    private readonly reader: SegmentReader,
    private readonly windowBytes: number = RUN_WINDOW_BYTES,
  ) {}

  /** The window that holds this seq. @throws LandfallError CORRUPT_BLOCK, DISK_FAILED */
  window(run: Run, seq: number): Promise<LogWindow> {
    const known = this.windows.find((one) => one.run === run && one.from <= seq && seq < one.to);
    if (known !== undefined) return known.window;
    const span = run.to - run.from;
    const windows = Math.ceil(Math.max(1, run.rawBytes, span * SEQ_BYTES) / this.windowBytes);
    const step = Math.max(1, Math.ceil(span / windows));
    const from = run.from + Math.floor((seq - run.from) / step) * step;
    const to = Math.min(from + step, run.to);
    const window = this.build(run, from, to);
    const entry = { window, run, from, to };
    window.catch(() => this.drop(entry));
    this.windows.push(entry);
    // The last one, and one more for a second reader.
    while (this.windows.length > 2) this.windows.shift();
    return window;
  }

  /** Forgets what it knows of a run that is gone. */
  forget(run: Run): void {
    for (const one of this.windows.filter((window) => window.run === run)) this.drop(one);
  }

  private drop(entry: unknown): void {
    const at = this.windows.findIndex((one) => one === entry);
    if (at >= 0) this.windows.splice(at, 1);
  }

  private async build(run: Run, from: number, to: number): Promise<LogWindow> {
    const share = (to - from) / (run.to - run.from);
    const window = new LogWindow(run, from, to, Math.ceil(run.rawBytes * share));
    for await (const page of this.reader.entries(run)) {
      for (const entry of page) window.take(await this.reader.block(run, entry));
    }
    return window;
  }
}

/** Part of a run in order of seq: all that is known of one record stands in one place of each column. */
export class LogWindow {
  private readonly offsets: Float64Array;
  private readonly timestamps: Float64Array;
  private readonly received: Float64Array;
  private readonly arrived: Float64Array;
  private readonly topics: string[];
  private readonly headerOf: Uint32Array;
  private readonly headers: Headers[] = [];
  private readonly headerBytes: number[] = [];
  /** Where in `values` each record's value begins; NOWHERE when the record was superseded. */
  private readonly valueAts: Uint32Array;
  private readonly lengths: Uint32Array;
  private values: Uint8Array;
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
    const count = to - from;
    this.offsets = new Float64Array(count);
    this.timestamps = new Float64Array(count);
    this.received = new Float64Array(count);
    this.arrived = new Float64Array(count);
    this.topics = Array.from({ length: count }, () => "");
    this.headerOf = new Uint32Array(count);
    this.valueAts = new Uint32Array(count).fill(NOWHERE);
    this.lengths = new Uint32Array(count);
    this.values = new Uint8Array(bytes);
  }

  /** Takes those records of a block that belong here. */
  take(block: RunBlock): void {
    const firstHeaders = this.headers.length;
    let topic = 0;
    for (let i = 0; i < block.count; i++) {
      while (i >= (block.topicEnds[topic] as number)) topic++;
      const at = (block.seqs[i] as number) - this.from;
      if (!(at >= 0 && at < this.offsets.length)) continue;
      if (this.headers.length === firstHeaders) this.addHeaders(block);
      this.offsets[at] = block.offsets[i] as number;
      this.timestamps[at] = block.timestamps[i] as number;
      this.received[at] = block.received[i] as number;
      this.arrived[at] = block.arrived[i] as number;
      this.topics[at] = block.topics[topic] as string;
      this.headerOf[at] = firstHeaders + (block.headerOf?.[i] ?? 0);
      const start = block.valueStarts[i] as number;
      const end = block.valueStarts[i + 1] as number;
      this.reserve(end - start);
      this.values.set(block.bytes.subarray(start, end), this.valuesEnd);
      this.valueAts[at] = this.valuesEnd;
      this.lengths[at] = end - start;
      this.valuesEnd += end - start;
    }
  }

  /** Bytes of the record's value and names, about what it takes in a block; -1 when it was superseded. */
  bytes(seq: number): number {
    const at = seq - this.from;
    if (this.valueAts[at] === NOWHERE) return -1;
    const headers = this.headerBytes[this.headerOf[at] as number] as number;
    return (this.lengths[at] as number) + headers + (this.topics[at] as string).length + 33;
  }

  /** The records with these seqs, which must be there; their values are the caller's own, in one buffer. */
  records(seqs: readonly number[]): StoredRecord[] {
    const { run, values, lengths, valueAts } = this;
    let size = 0;
    for (const seq of seqs) {
      const at = seq - this.from;
      size += lengths[at] as number;
      // They lie all over the window: looking at all of them first, the processor waits for them together.
      this.seen ^= values[valueAts[at] as number] as number;
    }
    const own = new Uint8Array(size);
    let end = 0;
    return seqs.map((seq) => {
      const at = seq - this.from;
      const from = valueAts[at] as number;
      const length = lengths[at] as number;
      const value = new Uint8Array(own.buffer, end, length);
      value.set(values.subarray(from, from + length));
      end += length;
      return {
        stream: run.stream,
        origin: run.origin,
        topic: this.topics[at] as TopicName,
        offset: this.offsets[at] as Offset,
        seq: seq as Seq,
        timestamp: this.timestamps[at] as TimestampMs,
        received: this.received[at] as TimestampMs,
        arrived: this.arrived[at] as TimestampMs,
        headers: this.headers[this.headerOf[at] as number] as Headers,
        value,
      };
    });
  }

  private addHeaders({ headers, headerBytes }: RunBlock): void {
    headers.forEach((one, i) => {
      this.headers.push(one);
      this.headerBytes.push((headerBytes[i] as Uint8Array).byteLength);
    });
  }

  private reserve(bytes: number): void {
    const wanted = this.valuesEnd + bytes;
    if (wanted <= this.values.byteLength) return;
    const grown = new Uint8Array(Math.max(wanted, Math.ceil(this.values.byteLength * 1.5)));
    grown.set(this.values.subarray(0, this.valuesEnd));
    this.values = grown;
  }
}
