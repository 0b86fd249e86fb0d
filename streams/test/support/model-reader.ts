import { expect } from "vitest";
import type { StreamName } from "../../src/model/names.js";
import type { Cursor, StoredRecord } from "../../src/model/record.js";
import type { LocalStore } from "../../src/store/store.js";
import type { StoreModel } from "../../testing/store-model.js";

/** Everything that is known of a record, as text that can be compared. */
export function describeRecord(record: StoredRecord): string {
  const { stream, topic, origin, offset, seq, timestamp, received, arrived, value, headers } = record;
  const bytes = Buffer.from(value).toString("latin1");
  return JSON.stringify([stream, topic, origin, offset, seq, timestamp, received, arrived, bytes, headers]);
}

/** Reads a stream with a cursor through everything that happens to the store: each record once, whatever expires. */
export class ModelReader {
  private readonly seen = new Set<string>();
  private readonly last = new Map<string, number>();
  private cursor: Cursor | undefined;

  constructor(
    readonly stream: StreamName,
    private readonly model: StoreModel,
  ) {}

  async read(store: LocalStore, limit: number): Promise<void> {
    const { records, cursor } = await store.readStream(this.stream, this.cursor, limit);
    this.take(records, cursor, limit);
    if (records.length < limit) this.isAtEnd();
  }

  /** To the end, then waits; `wake` appends what it waits for. */
  async follow(store: LocalStore, limit: number, wake: () => Promise<void>): Promise<void> {
    const following = store.follow(this.stream, this.cursor, { limit });
    const takeNext = async (next: ReturnType<typeof following.next>): Promise<void> => {
      const { value, done } = await next;
      expect(done).toBe(false);
      if (value !== undefined) this.take(value.records, value.cursor, limit);
    };
    try {
      while (this.unseen().length > 0) await takeNext(following.next());
      const next = following.next();
      await wake();
      await takeNext(next);
      this.isAtEnd();
    } finally {
      await following.return();
    }
  }

  private take(records: readonly StoredRecord[], cursor: Cursor, limit: number): void {
    expect(records.length).toBeLessThanOrEqual(limit);
    const here = new Set(this.model.of(this.stream).map(describeRecord));
    for (const record of records) {
      const is = describeRecord(record);
      expect(here.has(is), `${is} is in the model`).toBe(true);
      expect(this.seen.has(is), `${is} comes twice`).toBe(false);
      expect(record.seq).toBeGreaterThan(this.last.get(record.origin) ?? -1);
      this.last.set(record.origin, record.seq);
      this.seen.add(is);
    }
    // Through JSON, as it travels in an API.
    this.cursor = JSON.parse(JSON.stringify(cursor)) as Cursor;
  }

  private isAtEnd(): void {
    expect(this.unseen()).toEqual([]);
    expect(this.cursor?.next).toEqual(this.model.vector(this.stream));
  }

  private unseen(): string[] {
    return this.model
      .of(this.stream)
      .map(describeRecord)
      .filter((record) => !this.seen.has(record));
  }
}
