import { ManualEnv } from "./manual-env.js";
import { originId, streamName, topicName } from "../src/model/names.js";
import type { Env } from "../src/env.js";
import type { OriginId, StreamName } from "../src/model/names.js";
import type { NewRecord, Offset, OriginRecord, Seq, TimestampMs } from "../src/model/record.js";
import type { Batch, StreamStore } from "../src/store/store.js";

/** One store under test, with what it keeps its records in. */
export interface StoreFixture {
  /** Opens the store, or, after it was closed, opens it again with what it held. */
  open(): Promise<StreamStore>;
  /** Removes all it left; called when the store is closed. */
  dispose(): Promise<void>;
}

export interface StoreFixtureOptions {
  readonly site: string;
  readonly node: string;
  readonly slot: number;
  readonly env: Env;
}

export type StoreFactory = (options: StoreFixtureOptions) => Promise<StoreFixture>;

/** The duck voyage's first day, by everybody's clock. */
export const START_MS = Date.UTC(2026, 0, 10);
export const CONTAINERS = streamName("bigblue.containers");
export const SHIPS = streamName("bigblue.ships");

/** A store of one site, that can be closed and opened again. */
export class TestSite {
  private current: StreamStore | undefined;
  private constructor(
    private readonly fixture: StoreFixture,
    readonly env: ManualEnv,
    readonly slot: number,
  ) {}

  static async open(factory: StoreFactory, site: string, slot: number): Promise<TestSite> {
    const env = new ManualEnv(START_MS, slot + 1);
    const opened = new TestSite(await factory({ site, node: "a", slot, env }), env, slot);
    await opened.reopen();
    return opened;
  }

  get store(): StreamStore {
    if (this.current === undefined) throw new Error("the store is not open");
    return this.current;
  }

  async reopen(): Promise<StreamStore> {
    await this.current?.close();
    this.current = await this.fixture.open();
    return this.current;
  }

  async dispose(): Promise<void> {
    await this.current?.close();
    await this.fixture.dispose();
  }
}

export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

export function reading(topic: string, value: string, over: Partial<NewRecord> = {}): NewRecord {
  return { topic: topicName(topic), timestamp: START_MS as TimestampMs, value: text(value), ...over };
}

/** A batch as a peer would send it, of an origin that exists nowhere else. */
export function foreignBatch(firstSeq: number, values: readonly string[], over: Partial<OriginRecord> = {}): Batch {
  return {
    stream: CONTAINERS,
    origin: FOREIGN,
    firstSeq: firstSeq as Seq,
    records: values.map((value, i) => ({
      topic: topicName("CSQU3054383"),
      offset: (START_MS * 1000 + (firstSeq + i) * 1024) as Offset,
      seq: (firstSeq + i) as Seq,
      timestamp: START_MS as TimestampMs,
      received: START_MS as TimestampMs,
      headers: { kind: "telemetry" },
      value: text(value),
      ...over,
    })),
  };
}

export const FOREIGN: OriginId = originId("ship-9321483.a~f0re1gn");

/** Hands what `to` lacks of one origin over, as replication does. Returns how many records went. */
export async function transfer(
  from: StreamStore,
  to: StreamStore,
  stream: StreamName,
  origin: OriginId,
  maxBytes = 64 * 1024,
): Promise<number> {
  const firstSeq = (to.vector(stream)[origin] ?? 0) as Seq;
  const records = await from.readOrigin(stream, origin, firstSeq, maxBytes);
  if (records.length > 0) await to.apply({ stream, origin, firstSeq, records });
  return records.length;
}

/** Transfers until `to` has all that `from` has of the stream. */
export async function sync(from: StreamStore, to: StreamStore, stream: StreamName): Promise<void> {
  for (const origin of Object.keys(from.vector(stream)).map(originId)) {
    if (origin === to.origin) continue;
    while ((await transfer(from, to, stream, origin)) > 0);
  }
}

/** Hands over what lies in `to`'s gaps, as replication does once a neighbour holds it. */
export async function fillGaps(from: StreamStore, to: StreamStore, stream: StreamName): Promise<void> {
  for (const gap of to.gaps(stream)) {
    for (let at = gap.from; at < gap.to;) {
      const records = (await from.readOrigin(stream, gap.origin, at, 64 * 1024)).slice(0, gap.to - at);
      if (records.length === 0) break;
      await to.apply({ stream, origin: gap.origin, firstSeq: at, records });
      at = (at + records.length) as Seq;
    }
  }
}
