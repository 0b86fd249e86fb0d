import { expect } from "vitest";
import { originId, topicName } from "../../src/model/names.js";
import { openEmbeddedStore } from "../../src/store/embedded-store.js";
import { verifyFolder } from "../../src/store/verify-folder.js";
import { ManualEnv } from "../../testing/manual-env.js";
import { MemoryDisk } from "../../testing/memory-disk.js";
import { CONTAINERS, SHIPS, START_MS, text } from "../../testing/store-fixture.js";
import { StoreModel } from "../../testing/store-model.js";
import { ModelReader, describeRecord } from "./model-reader.js";
import type { StreamName, TopicName } from "../../src/model/names.js";
import type { NewRecord, Offset, OriginRecord, Seq, StoredRecord, TimestampMs } from "../../src/model/record.js";
import type { EmbeddedStore } from "../../src/store/embedded-store.js";
import type { TopicQuery } from "../../src/store/store.js";

export const MODEL_STREAMS = [CONTAINERS, SHIPS] as const;
export const MODEL_TOPICS = ["a", "a.x", "b", "MSKU9070323"] as const;
const FOREIGN_ORIGINS = ["ship-9321483.a~f0re1gn", "sydney.b~0ther"].map(originId);
const AGE_MS = 10_000;

/** What a record is made from. */
export interface Draft {
  readonly topic: number;
  /** Milliseconds that the measurement lies before the time of receipt. */
  readonly lateMs: number;
  readonly value: string;
  readonly headers: boolean;
}

/** A range of a topic, by shares of what is there, so that bounds fall on records, between and outside. */
export interface Range {
  readonly offsets: readonly [number, number] | undefined;
  readonly times: readonly [number, number] | undefined;
  readonly limit: number;
  readonly reverse: boolean;
}

/** An embedded store and the model of it, which are told the same and asked the same. */
export class ModelSite {
  /** Records that have expired. */
  expired = 0;
  private readonly disk = new MemoryDisk();
  private readonly env = new ManualEnv(START_MS);
  private readonly model = new StoreModel();
  private readonly readers = MODEL_STREAMS.map((stream) => new ModelReader(stream, this.model));
  private readonly lastForeign = new Map<string, number>();
  private opened: EmbeddedStore | undefined;

  private get store(): EmbeddedStore {
    if (this.opened === undefined) throw new Error("the store is not open");
    return this.opened;
  }

  async reopen(): Promise<void> {
    await this.opened?.close();
    // Every few records a new journal, and caches too small for most of what is read.
    const small = { journalFileBytes: 700, cacheBytes: 20_000, windowBytes: 2_000 };
    const retention = () => ({ ageMs: AGE_MS });
    const at = { folder: "/data", site: "tokyo", node: "a", slot: 1, env: this.env, disk: this.disk.boot() };
    this.opened = await openEmbeddedStore({ ...at, ...small, retention });
  }

  async append(stream: StreamName, drafts: readonly Draft[]): Promise<void> {
    const { origin } = this.store;
    const given = drafts.map((draft) => this.newRecord(draft));
    const appended = await this.store.append(stream, given);
    expect(appended.length).toBe(given.length);
    appended.forEach(({ topic, offset, seq, received }, i) => {
      const record = given[i] as NewRecord;
      expect(topic).toBe(record.topic);
      expect(seq).toBe(this.model.vector(stream)[origin] ?? 0);
      expect(offset).toBeGreaterThan(this.model.lastOffset(stream, topic));
      this.add(stream, { headers: {}, ...record, offset, seq, received }, origin);
    });
  }

  /** A batch of another origin, of which `repeated` records are here already. */
  async apply(stream: StreamName, number: number, drafts: readonly Draft[], repeated: number): Promise<void> {
    const origin = FOREIGN_ORIGINS[number] as StoredRecord["origin"];
    const first = this.model.vector(stream)[origin] ?? 0;
    const fresh = drafts.map((draft, i): OriginRecord => {
      const offset = this.foreignOffset(`${stream} ${origin}`, number);
      const received = (this.env.nowMs - number) as TimestampMs;
      return { headers: {}, ...this.newRecord(draft), offset, seq: (first + i) as Seq, received };
    });
    const before = this.model.of(stream, origin).slice(-repeated);
    const isWhole = before.every(({ seq }, i) => seq === first - before.length + i);
    const records = isWhole ? [...before, ...fresh] : fresh;
    await this.store.apply({ stream, origin, firstSeq: records[0]?.seq ?? (first as Seq), records });
    for (const record of fresh) this.add(stream, record, origin);
  }

  wait(ms: number): void {
    this.env.nowMs += ms;
  }

  seal(): Promise<void> {
    return this.store.sealNow();
  }

  /** Whole runs go, so some of what is old may stay; nothing young goes, and all goes when all is old. */
  async expire(): Promise<void> {
    const count = await this.store.expire();
    const limit = this.env.nowMs - AGE_MS;
    let gone = 0;
    for (const stream of MODEL_STREAMS) {
      for (const { origin, from, to, reason } of this.store.gaps(stream)) {
        expect(reason).toBe("expired");
        const records = this.model.expire(stream, origin, from, to);
        for (const { received } of records) expect(received).toBeLessThan(limit);
        gone += records.length;
      }
    }
    expect(gone).toBe(count);
    this.expired += gone;
  }

  /** Long after everything, nothing is left but what is known of it. */
  async expireAll(): Promise<void> {
    this.wait(AGE_MS * 100);
    await this.seal();
    await this.expire();
    expect(this.model.records).toEqual([]);
  }

  async readTopic(stream: StreamName, topic: TopicName, range: Range): Promise<void> {
    const query = this.queryOf(stream, topic, range);
    const found = await this.store.readTopic(stream, topic, query);
    expect(found.map(describeRecord)).toEqual(this.model.topic(stream, topic, query).map(describeRecord));
  }

  async list(stream: StreamName, query: { prefix?: string; after?: string; limit: number }): Promise<void> {
    expect(this.store.topics(stream, query)).toEqual(this.model.topics(stream, query));
    const latest = await this.store.latest(stream, query);
    expect(latest.map(describeRecord)).toEqual(this.model.latest(stream, query).map(describeRecord));
  }

  /** @param share of the origin's seqs that lie before `from` */
  async readOrigin(stream: StreamName, share: number, maxBytes: number): Promise<void> {
    for (const [origin, next] of Object.entries(this.model.vector(stream))) {
      const from = Math.floor(next * share) as Seq;
      const found = await this.store.readOrigin(stream, originId(origin), from, maxBytes);
      const want = this.model.origin(stream, originId(origin), from);
      expect(found.length).toBeGreaterThanOrEqual(Math.min(want.length, 1));
      expect(found.map(({ seq, value }) => [seq, value])).toEqual(
        want.slice(0, found.length).map(({ seq, value }) => [seq, value]),
      );
    }
  }

  async read(reader: number, limit: number): Promise<void> {
    await this.readers[reader]?.read(this.store, limit);
  }

  /** Follows to the end, then on to a record that is appended while it waits. */
  async follow(reader: number, limit: number, draft: Draft): Promise<void> {
    const own = this.readers[reader] as ModelReader;
    await own.follow(this.store, limit, () => this.append(own.stream, [draft]));
  }

  /** The whole store against the whole model. */
  async check(): Promise<void> {
    expect(this.store.streams()).toEqual(this.model.streams());
    for (const stream of MODEL_STREAMS) {
      expect(this.store.vector(stream)).toEqual(this.model.vector(stream));
      const { records } = await this.store.readStream(stream, undefined, 10_000);
      expect(records.map(describeRecord).sort()).toEqual(this.model.of(stream).map(describeRecord).sort());
    }
  }

  async end(): Promise<void> {
    await this.seal();
    await this.check();
    await this.store.close();
    expect((await verifyFolder(this.disk, "/data", false)).findings).toEqual([]);
  }

  private add(stream: StreamName, record: OriginRecord, origin: StoredRecord["origin"]): void {
    this.model.add({ ...record, stream, origin, arrived: this.env.nowMs as TimestampMs });
  }

  private newRecord({ topic, lateMs, value, headers }: Draft): NewRecord {
    return {
      topic: topicName(MODEL_TOPICS[topic] as string),
      timestamp: (this.env.nowMs - lateMs) as TimestampMs,
      value: text(value),
      ...(headers && { headers: { kind: "telemetry", value } }),
    };
  }

  /** Of its own slot, each larger than the one before. */
  private foreignOffset(key: string, number: number): Offset {
    const now = Math.floor((this.env.nowMs * 1000) / 1024);
    const ticks = Math.max(now, (this.lastForeign.get(key) ?? 0) + 1);
    this.lastForeign.set(key, ticks);
    return (ticks * 1024 + 8 + number) as Offset;
  }

  private queryOf(stream: StreamName, topic: TopicName, { offsets, times, limit, reverse }: Range): TopicQuery {
    const records = this.model.topic(stream, topic, { limit: 10_000 });
    const at = (share: number): StoredRecord | undefined => records[Math.floor(share * records.length)];
    return {
      limit,
      reverse,
      ...(offsets && {
        fromOffset: (at(offsets[0])?.offset ?? 0) as Offset,
        toOffset: ((at(offsets[1])?.offset ?? Number.MAX_SAFE_INTEGER - 1) + 1) as Offset,
      }),
      ...(times && {
        fromTime: (at(times[0])?.timestamp ?? 0) as TimestampMs,
        toTime: (at(times[1])?.timestamp ?? this.env.nowMs) as TimestampMs,
      }),
    };
  }
}
