import { LandfallError } from "@landfall/streams/model/errors";
import type { NewRecord, Offset, OriginRecord, Seq, StoredRecord, TimestampMs } from "@landfall/streams/model/record";
import type { OriginId, StreamName, TopicName } from "@landfall/streams/model/names";
import type { Appended, StreamStore, TopicQuery } from "@landfall/streams/store/store";

type Method = "append" | "readTopic" | "readStream" | "streams" | "onCommit" | "stats" | "close";

/** A disk that does what the test says: it holds commits back, or fails. Reads see only what is committed. */
export class MemoryStore implements Pick<StreamStore, Method> {
  readonly origin = "ship-1.a~test" as OriginId;
  readonly records: StoredRecord[] = [];
  appends = 0;
  #held: { commit: () => void; fail: (error: Error) => void }[] | undefined;
  #failure: LandfallError | undefined;
  #offset = 0;
  readonly #listeners = new Set<Parameters<StreamStore["onCommit"]>[0]>();

  /** Appends wait for `release` from now on. */
  hold(): void {
    this.#held ??= [];
  }

  /** Commits what waits, in order. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const { commit } of held) commit();
  }

  /** Whatever waits is gone, as after a kill. */
  crash(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const { fail } of held) fail(new LandfallError("CLOSED", "killed"));
  }

  failWith(error: LandfallError | undefined): void {
    this.#failure = error;
  }

  append(stream: StreamName, records: readonly NewRecord[]): Promise<Appended[]> {
    this.appends++;
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const commit = () => resolve(this.#commit(stream, records));
      if (this.#held) this.#held.push({ commit, fail: reject });
      else commit();
    });
  }

  readTopic(stream: StreamName, topic: TopicName, query: TopicQuery): Promise<StoredRecord[]> {
    const { fromOffset = 0, fromTime = -Infinity, toTime = Infinity, limit } = query;
    const found = this.records.filter(
      (record) =>
        record.stream === stream &&
        record.topic === topic &&
        record.offset >= fromOffset &&
        record.timestamp >= fromTime &&
        record.timestamp < toTime,
    );
    return Promise.resolve(found.slice(0, limit));
  }

  readStream: StreamStore["readStream"] = (stream, cursor, limit) => {
    const from = cursor?.next[this.origin] ?? 0;
    const all = this.records.filter((record) => record.stream === stream);
    const records = all.slice(from, from + limit);
    return Promise.resolve({ records, cursor: { v: 1, next: { [this.origin]: from + records.length } } });
  };

  streams(): StreamName[] {
    return [...new Set(this.records.map(({ stream }) => stream))].sort();
  }

  onCommit(listener: Parameters<StreamStore["onCommit"]>[0]): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stats(): ReturnType<StreamStore["stats"]> {
    const none = {
      recordsApplied: 0,
      commits: 0,
      bytesWritten: 0,
      bytesOnDisk: 0,
      bytesSpare: 0,
      topics: 0,
      streams: 0,
    };
    return { recordsAppended: this.records.length, ...none };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #commit(stream: StreamName, records: readonly NewRecord[]): Appended[] {
    const firstSeq = this.records.filter((record) => record.stream === stream).length as Seq;
    const appended = records.map((record, i) => {
      const stored: OriginRecord = {
        ...record,
        headers: record.headers ?? {},
        offset: ++this.#offset as Offset,
        seq: (firstSeq + i) as Seq,
        received: this.#offset as TimestampMs,
      };
      this.records.push({ ...stored, stream, origin: this.origin, arrived: stored.received });
      return stored;
    });
    for (const listener of this.#listeners) {
      listener([{ stream, origin: this.origin, firstSeq, nextSeq: (firstSeq + records.length) as Seq }]);
    }
    return appended;
  }
}
