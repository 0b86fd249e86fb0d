/** Rates over the last few seconds, from counts at points in time. */
export class LinkMeter {
  #bytes = 0;
  #records = 0;
  #recordBytes = 0;
  #samples: { at: number; bytes: number; records: number }[] = [];

  static readonly WINDOW_MS = 3_000;

  count(bytes: number, records: number): void {
    this.#bytes += bytes;
    this.#records += records;
    if (records > 0) this.#recordBytes += bytes;
  }

  /** What a record took so far on this link, its share of the block included; undefined before the first. */
  get bytesPerRecord(): number | undefined {
    return this.#records === 0 ? undefined : this.#recordBytes / this.#records;
  }

  /** Remembers where the counts stand; called about once a second. */
  sample(now: number): void {
    this.#samples.push({ at: now, bytes: this.#bytes, records: this.#records });
    while (this.#samples.length > 2 && now - (this.#samples[0]?.at ?? now) > LinkMeter.WINDOW_MS) this.#samples.shift();
  }

  rates(now: number): { bytesPerSecond: number; recordsPerSecond: number } {
    const first = this.#samples[0];
    if (first === undefined || now - first.at < 1) return { bytesPerSecond: 0, recordsPerSecond: 0 };
    const seconds = (now - first.at) / 1_000;
    return {
      bytesPerSecond: Math.round((this.#bytes - first.bytes) / seconds),
      recordsPerSecond: Math.round((this.#records - first.records) / seconds),
    };
  }

  get total(): { bytes: number; records: number } {
    return { bytes: this.#bytes, records: this.#records };
  }
}
