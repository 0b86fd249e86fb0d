import type { Offset, StoredRecord } from "../src/model/record.js";
import type { OriginId, StreamName, TopicName } from "../src/model/names.js";
import type { TopicQuery } from "../src/store/store.js";

/** What a store must answer, said in the simplest way: an array of all records. */
export class StoreModel {
  readonly records: StoredRecord[] = [];

  add(record: StoredRecord): void {
    this.records.push(record);
  }

  of(stream: StreamName, origin?: OriginId): StoredRecord[] {
    return this.records.filter((r) => r.stream === stream && (origin === undefined || r.origin === origin));
  }

  streams(): StreamName[] {
    return [...new Set(this.records.map((r) => r.stream))].sort();
  }

  vector(stream: StreamName): Record<OriginId, number> {
    const vector: Record<OriginId, number> = {};
    for (const { origin } of this.of(stream)) vector[origin] = (vector[origin] ?? 0) + 1;
    return vector;
  }

  topics(stream: StreamName, query: { prefix?: string; after?: string; limit: number }): TopicName[] {
    return [...new Set(this.of(stream).map((r) => r.topic))]
      .filter((topic) => topic.startsWith(query.prefix ?? "") && (query.after === undefined || topic > query.after))
      .sort()
      .slice(0, query.limit);
  }

  lastOffset(stream: StreamName, topic: TopicName): Offset {
    return Math.max(
      0,
      ...this.of(stream)
        .filter((r) => r.topic === topic)
        .map((r) => r.offset),
    ) as Offset;
  }

  topic(stream: StreamName, topic: TopicName, query: TopicQuery): StoredRecord[] {
    const { fromOffset = -1, toOffset = Infinity, fromTime = -Infinity, toTime = Infinity } = query;
    const found = this.of(stream)
      .filter((r) => r.topic === topic && r.offset >= fromOffset && r.offset < toOffset)
      .filter((r) => r.timestamp >= fromTime && r.timestamp < toTime)
      .sort((a, b) => a.offset - b.offset || (a.origin < b.origin ? -1 : 1));
    return (query.reverse === true ? found.reverse() : found).slice(0, query.limit);
  }
}
