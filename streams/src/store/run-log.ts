import { RUN_WINDOW_BYTES } from "../limits.js";
import { partOf } from "./run-part.js";
import { valueBytes } from "./run-records.js";
import type { RunBlock } from "./run-block.js";
import type { RunRef } from "./run-records.js";
import type { Run } from "./segment-format.js";
import type { SegmentReader } from "./segment-reader.js";

const NOWHERE = 0xffffffff;

/** Part of a run by seq: which record of which block each seq is. */
export interface LogWindow {
  readonly run: Run;
  readonly from: number;
  readonly to: number;
  readonly blocks: readonly RunBlock[];
  readonly blockOf: Uint32Array;
  readonly indexOf: Uint32Array;
  readonly topicOf: Uint32Array;
}

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
    const step = Math.max(1, Math.ceil(span / Math.ceil(Math.max(1, run.rawBytes / this.windowBytes))));
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
    const blocks: RunBlock[] = [];
    const blockOf = new Uint32Array(to - from).fill(NOWHERE);
    const indexOf = new Uint32Array(to - from);
    const topicOf = new Uint32Array(to - from);
    const isWhole = from === run.from && to === run.to;
    for await (const page of this.reader.entries(run)) {
      for (const entry of page) {
        const whole = await this.reader.block(run, entry, false);
        const block = isWhole ? whole : partOf(whole, from, to);
        if (block === undefined) continue;
        const number = blocks.push(block) - 1;
        let topic = 0;
        for (let i = 0; i < block.count; i++) {
          while (i >= (block.topicEnds[topic] as number)) topic++;
          const at = (block.seqs[i] as number) - from;
          if (at < 0 || at >= to - from) continue;
          blockOf[at] = number;
          indexOf[at] = i;
          topicOf[at] = topic;
        }
      }
    }
    return { run, from, to, blocks, blockOf, indexOf, topicOf };
  }
}

/** Bytes of the record's value and names, about what it takes in a block; -1 when it was superseded. */
export function windowBytes(window: LogWindow, seq: number): number {
  const number = window.blockOf[seq - window.from] as number;
  if (number === NOWHERE) return -1;
  const block = window.blocks[number] as RunBlock;
  const i = window.indexOf[seq - window.from] as number;
  const headers = block.headerBytes[block.headerOf?.[i] ?? 0]?.byteLength ?? 0;
  const topic = block.topics[window.topicOf[seq - window.from] as number] as string;
  return valueBytes(block, i) + headers + topic.length + 33;
}

/** Where the record with that seq is; it must be there. */
export function windowRef(window: LogWindow, seq: number): RunRef {
  const at = seq - window.from;
  const block = window.blocks[window.blockOf[at] as number] as RunBlock;
  const topic = block.topics[window.topicOf[at] as number] as string;
  return { run: window.run, block, index: window.indexOf[at] as number, topic };
}
