import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MERGE_FAN_IN } from "../src/limits.js";
import { originId, streamName, topicName } from "../src/model/names.js";
import { openEmbeddedStore, type EmbeddedStore } from "../src/store/embedded-store.js";
import { verifyFolder } from "../src/store/verify-folder.js";
import { ManualEnv } from "../testing/manual-env.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { testSeed } from "../testing/seeded-random.js";
import { CONTAINERS, FOREIGN, START_MS, foreignBatch, reading, transfer } from "../testing/store-fixture.js";
import type { GapReason } from "../src/model/gap.js";
import type { OriginId } from "../src/model/names.js";
import type { Seq, StoredRecord } from "../src/model/record.js";

const SETTINGS = streamName("bigblue.settings");
const TOPICS = ["bookings", "grants", "rules"];
const seed = testSeed();

interface Step {
  readonly site: 0 | 1;
  /** `settle` seals after every record, which brings merging about. */
  readonly what: "append" | "settle" | "pull" | "reopen";
  readonly topics: readonly number[];
}

const step: fc.Arbitrary<Step> = fc.record({
  site: fc.constantFrom(0 as const, 1 as const),
  what: fc.constantFrom("append", "settle", "settle", "settle", "pull", "reopen"),
  topics: fc.array(fc.nat({ max: TOPICS.length - 1 }), { minLength: 1, maxLength: 6 }),
});

/** Two sites that both write; the first compacts the stream. */
class Pair {
  /** How often a record was found to be superseded. */
  superseded = 0;
  /** What was appended at each site, in order of seq. */
  private readonly written = new Map<OriginId, { topic: string; value: string }[]>();
  private readonly env = new ManualEnv(START_MS);
  private readonly disks = [new MemoryDisk(), new MemoryDisk()] as const;
  private readonly stores: EmbeddedStore[] = [];

  async begin(): Promise<void> {
    for (const site of [0, 1] as const) this.stores[site] = await this.open(site);
  }

  async run({ site, what, topics }: Step): Promise<void> {
    this.env.nowMs += 10;
    const store = this.store(site);
    if (what === "append") await this.append(store, topics);
    else if (what === "settle") await this.settle(store, topics);
    else if (what === "pull") await this.pull(site);
    else {
      await store.close();
      this.stores[site] = await this.open(site);
    }
    await this.check(this.store(site));
  }

  /** Both have what the other wrote, and show the same newest records. */
  async end(): Promise<void> {
    for (const site of [0, 1] as const) {
      await this.pull(site);
      await this.check(this.store(site));
    }
    expect(this.store(0).vector(SETTINGS)).toEqual(this.store(1).vector(SETTINGS));
    expect(await this.newest(this.store(0))).toEqual(await this.newest(this.store(1)));
    for (const site of [0, 1] as const) {
      await this.store(site).sealNow();
      await this.store(site).close();
      expect((await verifyFolder(this.disks[site], "/data", false)).findings).toEqual([]);
    }
  }

  private store(site: number): EmbeddedStore {
    return this.stores[site] as EmbeddedStore;
  }

  private open(site: 0 | 1): Promise<EmbeddedStore> {
    return openEmbeddedStore({
      folder: "/data",
      site: ["tokyo", "sydney"][site] as string,
      node: "a",
      slot: site,
      env: this.env,
      disk: this.disks[site].boot(),
      ...(site === 0 && { retention: () => ({ compact: true }) }),
    });
  }

  private async append(store: EmbeddedStore, topics: readonly number[]): Promise<void> {
    const log = this.written.get(store.origin) ?? [];
    this.written.set(store.origin, log);
    const given = topics.map((topic, i) => ({
      topic: TOPICS[topic] as string,
      value: `${store.origin} ${log.length + i}`,
    }));
    await store.append(
      SETTINGS,
      given.map(({ topic, value }) => reading(topic, value)),
    );
    log.push(...given);
  }

  private async settle(store: EmbeddedStore, topics: readonly number[]): Promise<void> {
    for (const topic of topics) {
      await this.append(store, [topic]);
      await store.sealNow();
    }
  }

  /** Takes what the other site has, and its word for what it has no more. */
  private async pull(site: 0 | 1): Promise<void> {
    const [to, from] = [this.store(site), this.store(1 - site)];
    for (const origin of Object.keys(from.vector(SETTINGS)).map(originId)) {
      if (origin === to.origin) continue;
      const next = (): Seq => (to.vector(SETTINGS)[origin] ?? 0) as Seq;
      while (next() < (from.vector(SETTINGS)[origin] ?? 0)) {
        if ((await transfer(from, to, SETTINGS, origin)) > 0) continue;
        const hole = await from.holeAt(SETTINGS, origin, next());
        expect(hole).toMatchObject({ from: next(), reason: "superseded" });
        if (hole !== undefined) await to.noteGap(SETTINGS, origin, hole);
      }
    }
  }

  /** S2: each seq below the vector is the record that was written, or superseded by a later one of its topic. */
  private async check(store: EmbeddedStore): Promise<void> {
    const { records, cursor } = await store.readStream(SETTINGS, undefined, 10_000);
    expect(cursor.next).toEqual(store.vector(SETTINGS));
    expect(cursor.gaps).toBeUndefined();
    const here = new Map(records.map((record) => [`${record.origin} ${record.seq}`, record]));
    for (const [origin, next] of Object.entries(store.vector(SETTINGS))) {
      const log = (this.written.get(originId(origin)) ?? []).slice(0, next);
      for (const [seq, { topic, value }] of log.entries()) {
        const found = here.get(`${origin} ${seq}`);
        if (found !== undefined) expect([found.topic, text(found)]).toEqual([topic, value]);
        else {
          expect((await store.holeAt(SETTINGS, originId(origin), seq as Seq))?.reason).toBe("superseded");
          this.superseded++;
        }
      }
      for (const topic of TOPICS) {
        const last = log.findLastIndex((one) => one.topic === topic);
        if (last >= 0) expect(here.has(`${origin} ${last}`), `the newest of ${topic}`).toBe(true);
      }
    }
  }

  private async newest(store: EmbeddedStore): Promise<string[]> {
    return (await store.latest(SETTINGS, { limit: 100 })).map(text);
  }
}

describe("a compacted stream", () => {
  it(`S2, O3, R6: keeps the newest of each topic; what went is known as superseded, here and where it is copied to (seed ${seed})`, async () => {
    let superseded = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 40 }), async (steps) => {
        const pair = new Pair();
        await pair.begin();
        for (const one of steps) await pair.run(one);
        await pair.end();
        superseded += pair.superseded;
      }),
      { numRuns: 8, seed, endOnFailure: true },
    );
    expect(superseded).toBeGreaterThan(0);
  });

  it("S4: is no larger than its topics, however often they are written", async () => {
    const env = new ManualEnv(START_MS);
    const disk = new MemoryDisk();
    const store = await openEmbeddedStore({
      folder: "/data",
      site: "tokyo",
      node: "a",
      env,
      disk,
      retention: () => ({ compact: true }),
    });
    for (let round = 0; round < 4 * MERGE_FAN_IN; round++) {
      env.nowMs += 10;
      await store.append(
        SETTINGS,
        TOPICS.map((topic) => reading(topic, `${round}`)),
      );
      await store.sealNow();
    }
    const { records } = await store.readStream(SETTINGS, undefined, 10_000);
    // What was not merged yet is not compacted either.
    expect(records.length).toBeLessThan(MERGE_FAN_IN * TOPICS.length);
    expect(await store.readOrigin(SETTINGS, store.origin, 0 as Seq, 100_000)).toEqual([]);
  });
});

describe("holes between runs", () => {
  /** Records of an origin far away, each sealed by itself, with holes of this reason between them. */
  async function receive(reason: GapReason): Promise<{ store: EmbeddedStore; disk: MemoryDisk; seqs: number[] }> {
    const disk = new MemoryDisk();
    const store = await open(disk);
    const seqs: number[] = [];
    for (let round = 0, seq = 0; round < 3 * MERGE_FAN_IN; round++) {
      const topic = topicName(TOPICS[round % TOPICS.length] as string);
      await store.apply(foreignBatch(seq, [`${round}`], { topic }));
      seqs.push(seq);
      const to = seq + 2 + (round % 3);
      await store.noteGap(CONTAINERS, FOREIGN, { from: (seq + 1) as Seq, to: to as Seq, reason });
      await store.sealNow();
      seq = to;
    }
    return { store, disk, seqs };
  }

  function open(disk: MemoryDisk): Promise<EmbeddedStore> {
    return openEmbeddedStore({ folder: "/data", site: "tokyo", node: "a", env: new ManualEnv(START_MS), disk });
  }

  it("S4, R6: are merged across when their records were superseded, and known as such afterwards", async () => {
    const { store, disk, seqs } = await receive("superseded");
    expect(store.spread(CONTAINERS).runs).toBeLessThan(2 * MERGE_FAN_IN);
    const end = store.vector(CONTAINERS)[FOREIGN] ?? 0;
    const check = async (at: EmbeddedStore): Promise<void> => {
      expect(at.vector(CONTAINERS)).toEqual({ [FOREIGN]: end });
      const { records, cursor } = await at.readStream(CONTAINERS, undefined, 10_000);
      expect(records.map((record) => record.seq)).toEqual(seqs);
      expect(cursor).toEqual({ v: 1, next: { [FOREIGN]: end } });
      for (let seq = 0; seq < end; seq++) {
        const hole = await at.holeAt(CONTAINERS, FOREIGN, seq as Seq);
        expect(`${seq} ${hole?.reason}`).toBe(`${seq} ${seqs.includes(seq) ? "undefined" : "superseded"}`);
      }
    };
    await check(store);
    await store.close();
    expect((await verifyFolder(disk, "/data", false)).findings).toEqual([]);
    const again = await open(disk);
    await check(again);
    // What the runs say, the manifest need not say as well.
    expect(again.gaps(CONTAINERS).length).toBeLessThan(2 * MERGE_FAN_IN);
    await again.close();
  });

  it("R6: are left as they are when what is missing may still come", async () => {
    const { store } = await receive("missed");
    expect(store.spread(CONTAINERS).runs).toBe(3 * MERGE_FAN_IN);
    await store.apply(foreignBatch(1, ["late"]));
    expect(await store.holeAt(CONTAINERS, FOREIGN, 1 as Seq)).toBeUndefined();
    await store.close();
  });
});

function text({ value }: StoredRecord): string {
  return new TextDecoder().decode(value);
}
