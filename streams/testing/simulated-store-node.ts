import { holeAt } from "../src/model/gap.js";
import { streamName, topicName, type OriginId, type StreamName, type TopicName } from "../src/model/names.js";
import type { Cursor, StoredRecord, TimestampMs } from "../src/model/record.js";
import type { LinkSettings } from "../src/settings/node-settings.js";
import type { EmbeddedStore } from "../src/store/embedded-store.js";
import type { Appended, Batch, LocalStore, Retention, SealedRun, SealedRunWriter } from "../src/store/store.js";
import { insteadOf } from "./instead-of.js";
import { MemoryDisk } from "./memory-disk.js";
import { SimulatedEnv } from "./simulated-env.js";
import type { SimulatedNetwork } from "./simulated-transport.js";
import type { Acknowledged, SimulatedWitness } from "./simulated-witness.js";
import { startTestNode, testSite, type TestNode } from "./test-node.js";
import type { VirtualTime } from "./virtual-time.js";

export const STREAMS: readonly StreamName[] = ["bigblue.containers", "bigblue.alerts"].map(streamName);
/** All sites write to all of them. */
export const TOPICS: readonly TopicName[] = ["CSQU3054383", "MSKU9070323", "TGHU7599330"].map(topicName);
const START_MS = Date.UTC(2026, 0, 10);
/** So small that journals are sealed, and runs merged, within seconds. */
const JOURNAL_BYTES = 24 * 1024;
const DISK_MS_MAX = 2;
const PAGE = 1_000;
/** Above it, what came over links would be a batch of its own. */
const PAD_BYTES_MAX = 120;

export interface SimulatedStores {
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly network: SimulatedNetwork;
  readonly witness: SimulatedWitness;
  /** How long this site keeps a stream. */
  readonly retention?: (stream: StreamName) => Retention | undefined;
}

/** One node of the kind that ships, store and replication unchanged, on a disk in memory and in virtual time. */
export class SimulatedStoreNode {
  /** Undefined while it is down, or starting. */
  running: TestNode | undefined;
  clockErrorMs = 0;
  readonly links: LinkSettings[] = [];
  disk: MemoryDisk;
  /** Of each history, by `stream origin`, how far it is durable here. */
  readonly held = new Map<string, number>();
  /** Largest offset known here, by `stream topic` (O2). */
  readonly #highest = new Map<string, number>();
  #end: (() => void) | undefined;
  #life = 0;
  #written = 0;

  constructor(
    readonly site: string,
    private readonly sites: readonly string[],
    private readonly around: SimulatedStores,
  ) {
    this.disk = this.#newDisk();
  }

  /** Runs once everything has been read that was there before. */
  async start(): Promise<void> {
    if (this.#end !== undefined) return;
    const { time, random, network, witness, retention } = this.around;
    const life = ++this.#life;
    const env = new SimulatedEnv(time, random, START_MS, () => this.clockErrorMs);
    const { transport, die } = network.transportFor(this.site);
    this.#end = () => {
      env.end();
      die();
    };
    try {
      const node = await startTestNode({
        site: this.site,
        folder: "/data",
        sites: this.sites.map((site) => testSite(site)),
        links: this.links,
        env,
        disk: this.disk.boot(),
        transport,
        storing: { journalFileBytes: JOURNAL_BYTES, ...(retention && { retention }) },
        watched: (store) => this.#watch(store),
      });
      if (life !== this.#life) return;
      this.running = node;
      await this.#look(node.store, life);
    } catch (error) {
      if (life === this.#life) witness.fail(`${this.site} does not start: ${String(error)}`);
    }
  }

  /** The process dies at once. @param how what becomes of what it has on disk */
  crash(how: "kill" | "power" | "lost"): void {
    this.#life++;
    this.#end?.();
    this.#end = undefined;
    this.running = undefined;
    if (how === "kill") this.disk.kill();
    else this.disk.cutPower(this.around.random);
    if (how !== "lost") return;
    this.disk = this.#newDisk();
    this.held.clear();
    this.#highest.clear();
  }

  async stop(): Promise<void> {
    await this.running?.close();
  }

  append(stream: StreamName, topic: TopicName, count: number): void {
    const { random, witness } = this.around;
    const store = this.running?.store;
    if (store === undefined) return;
    const values = Array.from({ length: count }, () => {
      const pad = "x".repeat(random() * PAD_BYTES_MAX);
      return `{"n":${this.#written++},"at":"${this.site}","pad":"${pad}"}`;
    });
    for (const value of values) witness.writes(`${this.site}.a`, value);
    const above = this.#highest.get(`${stream} ${topic}`) ?? 0;
    const { origin } = store;
    const timestamp = (START_MS + Math.floor(this.around.time.now)) as TimestampMs;
    store
      .append(
        stream,
        values.map((value) => ({ topic, timestamp, value: new TextEncoder().encode(value) })),
      )
      .then((appended) => this.#appended({ stream, origin, above, appended }))
      .catch((error: unknown) => {
        const isDead = store !== this.running?.store;
        if (!isDead) witness.fail(`${this.site} could not append: ${String(error)}`);
      });
  }

  /** What is here of the topic, in its order. */
  async history(stream: StreamName, topic: TopicName): Promise<string[]> {
    const store = this.store;
    const records: StoredRecord[] = [];
    for (;;) {
      const last = records.at(-1);
      const fromOffset = last === undefined ? {} : { fromOffset: (last.offset + 1) as StoredRecord["offset"] };
      const page = await store.readTopic(stream, topic, { limit: PAGE, ...fromOffset });
      if (page.length === 0) break;
      records.push(...page);
    }
    this.#checkOrder(stream, topic, records);
    return records.map(
      ({ origin, seq, offset, value }) => `${offset} ${origin} ${seq} ${Buffer.from(value).toString()}`,
    );
  }

  /** Of these records, the first that is neither here nor known to be gone. */
  lacking(records: readonly Acknowledged[], here: ReadonlySet<string>): string | undefined {
    const lacking = records.find(({ stream, origin, seq }) => {
      if (here.has(`${stream} ${origin} ${seq}`)) return false;
      const gaps = this.store.gaps(stream).filter((gap) => gap.origin === origin);
      return holeAt(gaps, seq) === undefined;
    });
    return lacking && `${this.site} lacks ${lacking.stream} ${lacking.origin} ${lacking.seq}`;
  }

  get store(): EmbeddedStore {
    if (this.running === undefined) throw new Error(`${this.site} is down`);
    return this.running.store;
  }

  /** All records that are here, by `stream origin seq`; each was seen by the witness. */
  async all(store = this.store): Promise<Set<string>> {
    const here = new Set<string>();
    for (const stream of STREAMS) {
      let cursor: Cursor | undefined;
      for (;;) {
        const read = await store.readStream(stream, cursor, PAGE);
        ({ cursor } = read);
        if (read.records.length === 0) break;
        for (const record of read.records) {
          const id = `${stream} ${record.origin} ${record.seq}`;
          if (here.has(id)) this.around.witness.fail(`${this.site} shows ${id} twice (R2)`);
          here.add(id);
          this.around.witness.saw(this.site, stream, record.origin, record);
          this.#knows(stream, record.topic, record.offset);
        }
      }
    }
    return here;
  }

  #newDisk(): MemoryDisk {
    const { time, random } = this.around;
    const pause = (): Promise<void> =>
      new Promise((resolve) => {
        time.after(random() * DISK_MS_MAX, resolve);
      });
    const disk = new MemoryDisk(pause);
    disk.writesThrough = random() < 0.5;
    return disk;
  }

  /** After a start: what was acknowledged here is here, and everything is what it was (S1, S2). */
  async #look(store: EmbeddedStore, life: number): Promise<void> {
    const { witness } = this.around;
    for (const stream of STREAMS) {
      for (const [origin, next] of Object.entries(store.vector(stream))) this.#holds(stream, origin as OriginId, next);
    }
    store.onCommit((committed) => {
      if (life !== this.#life) return;
      for (const { stream, origin, nextSeq } of committed) this.#holds(stream, origin, nextSeq);
    });
    // Not what it acknowledges while it is read.
    const acknowledged = [...witness.acknowledged];
    try {
      const here = await this.all(store);
      if (life !== this.#life) return;
      const own = acknowledged.filter(({ disk }) => disk === this.disk);
      const lacking = this.lacking(own, here);
      if (lacking !== undefined) witness.fail(`${lacking}, which it acknowledged (S1)`);
    } catch (error) {
      if (life === this.#life) throw error;
    }
  }

  #holds(stream: StreamName, origin: OriginId, next: number): void {
    const key = `${stream} ${origin}`;
    this.held.set(key, Math.max(this.held.get(key) ?? 0, next));
  }

  #knows(stream: StreamName, topic: TopicName, offset: number): void {
    const key = `${stream} ${topic}`;
    this.#highest.set(key, Math.max(this.#highest.get(key) ?? 0, offset));
  }

  #appended(given: {
    readonly stream: StreamName;
    readonly origin: OriginId;
    readonly above: number;
    readonly appended: readonly Appended[];
  }): void {
    const { stream, origin, above, appended } = given;
    for (const { topic, offset, seq } of appended) {
      if (offset <= above) {
        this.around.witness.fail(`${this.site} gives ${topic} offset ${offset}, and knows one of ${above} (O2)`);
      }
      this.#knows(stream, topic, offset);
      this.around.witness.acknowledged.push({ stream, origin, seq, disk: this.disk });
    }
  }

  /** Looks on while records are taken in. */
  #watch(store: EmbeddedStore): LocalStore {
    const apply = async (batch: Batch): Promise<void> => {
      for (const record of batch.records) this.around.witness.saw(this.site, batch.stream, batch.origin, record);
      await store.apply(batch);
      for (const { topic, offset } of batch.records) this.#knows(batch.stream, topic, offset);
    };
    const receiveSealed = (run: SealedRun): Promise<SealedRunWriter> => {
      this.around.witness.runs++;
      return store.receiveSealed(run);
    };
    const noteGap: LocalStore["noteGap"] = (...gap) => {
      this.around.witness.gaps++;
      return store.noteGap(...gap);
    };
    return insteadOf(store, { apply, receiveSealed, noteGap });
  }

  #checkOrder(stream: StreamName, topic: TopicName, records: readonly StoredRecord[]): void {
    records.forEach((record, i) => {
      const before = records[i - 1];
      if (before === undefined || before.offset < record.offset) return;
      if (before.offset === record.offset && before.origin < record.origin) return;
      this.around.witness.fail(`${this.site} shows ${stream} ${topic} out of order at ${record.offset} (O3)`);
    });
  }
}
