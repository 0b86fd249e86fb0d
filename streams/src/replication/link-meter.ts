import type { Flow } from "../node/node.js";

interface Counts {
  bytes: number;
  records: number;
}

interface Sample {
  readonly at: number;
  readonly sent: Counts;
  readonly received: Counts;
}

/** Rates over the last few seconds, each way, from counts at points in time. */
export class LinkMeter {
  readonly #sent: Counts = { bytes: 0, records: 0 };
  readonly #received: Counts = { bytes: 0, records: 0 };
  #recordBytes = 0;
  #samples: Sample[] = [];

  static readonly WINDOW_MS = 3_000;

  sent(bytes: number, records: number): void {
    this.#count(this.#sent, bytes, records);
  }

  received(bytes: number, records: number): void {
    this.#count(this.#received, bytes, records);
  }

  #count(counts: Counts, bytes: number, records: number): void {
    counts.bytes += bytes;
    counts.records += records;
    if (records > 0) this.#recordBytes += bytes;
  }

  /** What a record took so far on this link, its share of the block included; undefined before the first. */
  get bytesPerRecord(): number | undefined {
    const records = this.#sent.records + this.#received.records;
    return records === 0 ? undefined : this.#recordBytes / records;
  }

  /** Remembers where the counts stand; called about once a second. */
  sample(now: number): void {
    this.#samples.push({ at: now, sent: { ...this.#sent }, received: { ...this.#received } });
    while (this.#samples.length > 2 && now - (this.#samples[0]?.at ?? now) > LinkMeter.WINDOW_MS) this.#samples.shift();
  }

  /** What goes out and what comes in, in a second. */
  rates(now: number): { readonly sending: Flow; readonly receiving: Flow } {
    const first = this.#samples[0];
    if (first === undefined || now - first.at < 1) return { sending: STILL, receiving: STILL };
    const seconds = (now - first.at) / 1_000;
    const since = (counts: Counts, before: Counts): Flow => ({
      bytesPerSecond: Math.round((counts.bytes - before.bytes) / seconds),
      recordsPerSecond: Math.round((counts.records - before.records) / seconds),
    });
    return { sending: since(this.#sent, first.sent), receiving: since(this.#received, first.received) };
  }
}

/** Nothing moves. */
export const STILL: Flow = { bytesPerSecond: 0, recordsPerSecond: 0 };
