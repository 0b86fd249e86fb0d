import type { Offset, Seq, StoredRecord } from "../src/model/record.js";
import type { OriginId, StreamName, TopicName } from "../src/model/names.js";
import type { TopicQuery } from "../src/store/store.js";

/** What a store must answer, said in the simplest way: an array of all records. */
export class StoreModel {
  readonly records: StoredRecord[] = [];
  /** Of each stream and origin the next seq, of each topic the largest offset: both outlive what expires. */
  private readonly next = new Map<StreamName, Record<OriginId, number>>();
  private readonly highest = new Map<string, number>();

  add(record: StoredRecord): void {
    const { stream, topic, origin, seq, offset } = record;
    this.records.push(record);
    this.next.set(stream, { ...this.next.get(stream), [origin]: seq + 1 });
    this.highest.set(`${stream}:${topic}`, Math.max(offset, this.lastOffset(stream, topic)));
  }

  /** Forgets the records with these seqs, [from, to); returns them. */
  expire(stream: StreamName, origin: OriginId, from: number, to: number): StoredRecord[] {
    const gone = this.of(stream, origin).filter(({ seq }) => seq >= from && seq < to);
    const left = this.records.filter((record) => !gone.includes(record));
    this.records.splice(0, this.records.length, ...left);
    return gone;
  }

  /** In order of seq. */
  of(stream: StreamName, origin?: OriginId): StoredRecord[] {
    return this.records.filter((r) => r.stream === stream && (origin === undefined || r.origin === origin));
  }

  streams(): StreamName[] {
    return [...this.next.keys()].sort();
  }

  vector(stream: StreamName): Record<OriginId, number> {
    return { ...this.next.get(stream) };
  }

  topics(stream: StreamName, query: { prefix?: string; after?: string; limit: number }): TopicName[] {
    return [...new Set(this.of(stream).map((r) => r.topic))]
      .filter((topic) => topic.startsWith(query.prefix ?? "") && (query.after === undefined || topic > query.after))
      .sort()
      .slice(0, query.limit);
  }

  lastOffset(stream: StreamName, topic: TopicName): Offset {
    return (this.highest.get(`${stream}:${topic}`) ?? 0) as Offset;
  }

  topic(stream: StreamName, topic: TopicName, query: TopicQuery): StoredRecord[] {
    const { fromOffset = -1, toOffset = Infinity, fromTime = -Infinity, toTime = Infinity } = query;
    const found = this.of(stream)
      .filter((r) => r.topic === topic && r.offset >= fromOffset && r.offset < toOffset)
      .filter((r) => r.timestamp >= fromTime && r.timestamp < toTime)
      .sort((a, b) => a.offset - b.offset || (a.origin < b.origin ? -1 : 1));
    return (query.reverse === true ? found.reverse() : found).slice(0, query.limit);
  }

  latest(stream: StreamName, query: { prefix?: string; after?: string; limit: number }): StoredRecord[] {
    return this.topics(stream, query).flatMap((topic) => this.topic(stream, topic, { limit: 1, reverse: true }));
  }

  /** From a seq on, up to what is not here. */
  origin(stream: StreamName, origin: OriginId, from: Seq): StoredRecord[] {
    const records = this.of(stream, origin).filter(({ seq }) => seq >= from);
    return records.filter(({ seq }, i) => seq === from + i);
  }
}
