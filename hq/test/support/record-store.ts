import { originId, type OriginId, type StreamName } from "@landfall/streams/model/names";
import type { Gap } from "@landfall/streams/model/gap";
import type { Cursor, Seq, StoredRecord, VersionVector } from "@landfall/streams/model/record";
import type { Committed, StreamStore, TopicQuery } from "@landfall/streams/store/store";

type Stands = Pick<StreamStore, "streams" | "readStream" | "readTopic" | "onCommit" | "origin" | "vector" | "gaps">;

/** What a fleet view needs of a store, in memory: whole histories of any number of origins, of which the oldest may expire. */
export class RecordStore implements Stands {
  origin = originId("los-angeles.a~1");
  /** Records that `readStream` gave. */
  readRecords = 0;
  private readonly histories = new Map<StreamName, Map<OriginId, StoredRecord[]>>();
  private readonly expired = new Map<string, number>();
  private readonly listeners = new Set<(committed: readonly Committed[]) => void>();

  /** Gives each its number. */
  add(...records: readonly StoredRecord[]): void {
    for (const record of records) {
      const { stream, origin } = record;
      const histories = this.histories.get(stream) ?? new Map<OriginId, StoredRecord[]>();
      const history = histories.get(origin) ?? [];
      history.push({ ...record, seq: history.length as Seq });
      this.histories.set(stream, histories.set(origin, history));
      for (const listener of this.listeners) listener([{ stream, origin } as Committed]);
    }
  }

  /** Drops what a history began with. */
  expire(stream: StreamName, origin: OriginId, to: number): void {
    this.expired.set(`${stream} ${origin}`, to);
  }

  lengths(): { readonly stream: StreamName; readonly origin: OriginId; readonly length: number }[] {
    return [...this.histories].flatMap(([stream, histories]) =>
      [...histories].map(([origin, { length }]) => ({ stream, origin, length })),
    );
  }

  streams(): StreamName[] {
    return [...this.histories.keys()].toSorted();
  }

  vector(stream: StreamName): VersionVector {
    const histories = this.histories.get(stream) ?? new Map<OriginId, StoredRecord[]>();
    return Object.fromEntries([...histories].map(([origin, { length }]) => [origin, length])) as VersionVector;
  }

  gaps(stream: StreamName): Gap[] {
    return [...(this.histories.get(stream)?.keys() ?? [])].flatMap((origin) => {
      const to = this.expired.get(`${stream} ${origin}`) ?? 0;
      return to === 0 ? [] : [{ origin, from: 0 as Seq, to: to as Seq, reason: "expired" as const }];
    });
  }

  readStream(stream: StreamName, cursor: Cursor | undefined, limit: number) {
    const records: StoredRecord[] = [];
    const next: Record<OriginId, number> = { ...cursor?.next };
    for (const [origin, history] of this.histories.get(stream) ?? []) {
      const here = history.slice(Math.max(next[origin] ?? 0, this.expired.get(`${stream} ${origin}`) ?? 0));
      const some = here.slice(0, limit - records.length);
      records.push(...some);
      next[origin] = history.length - here.length + some.length;
    }
    this.readRecords += records.length;
    return Promise.resolve({ records, cursor: { v: 1 as const, next } });
  }

  readTopic(
    stream: StreamName,
    topic: string,
    { fromOffset = 0 as never, limit }: TopicQuery,
  ): Promise<StoredRecord[]> {
    const all = [...(this.histories.get(stream) ?? [])].flatMap(([origin, history]) =>
      history.slice(this.expired.get(`${stream} ${origin}`) ?? 0),
    );
    const found = all.filter((record) => record.topic === topic && record.offset >= fromOffset);
    return Promise.resolve(found.toSorted((a, b) => a.offset - b.offset).slice(0, limit));
  }

  onCommit(listener: (committed: readonly Committed[]) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
