import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isLandfallError } from "../src/model/errors.js";
import { openEmbeddedStore } from "../src/store/embedded-store.js";
import { ManualEnv } from "../testing/manual-env.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { testSeed } from "../testing/seeded-random.js";
import { CONTAINERS, FOREIGN, SHIPS, START_MS, foreignBatch, reading } from "../testing/store-fixture.js";
import type { StreamName } from "../src/model/names.js";
import type { StreamStore } from "../src/store/store.js";

const SEED = testSeed();

/** One life of the node: so many appends, the power cut when so many disk operations have been done. */
interface Life {
  readonly appends: readonly { readonly records: number; readonly bytes: number; readonly ships: boolean }[];
  readonly foreign: number;
  readonly cutAfter: number;
  readonly kill: boolean;
}

const lives: fc.Arbitrary<Life[]> = fc.array(
  fc.record({
    appends: fc.array(
      fc.record({
        records: fc.integer({ min: 1, max: 5 }),
        bytes: fc.constantFrom(10, 700, 20_000),
        ships: fc.boolean(),
      }),
      { maxLength: 12 },
    ),
    foreign: fc.nat({ max: 8 }),
    cutAfter: fc.nat({ max: 30 }),
    kill: fc.boolean(),
  }),
  { minLength: 1, maxLength: 6 },
);

/** Everything that anybody was ever shown, and everything that was acknowledged, over all lives. */
class Witness {
  private readonly shown = new Map<string, string>();
  private readonly acknowledged = new Map<string, string>();

  acknowledge(stream: StreamName, origin: string, seq: number, content: string): void {
    this.acknowledged.set(`${stream} ${origin} ${seq}`, content);
  }

  /** Reads all there is; checks it against what was shown before and against what was acknowledged. */
  async check(store: StreamStore): Promise<void> {
    const here = new Map<string, string>();
    for (const stream of [CONTAINERS, SHIPS]) {
      const { records, cursor } = await store.readStream(stream, undefined, 10_000);
      expect(cursor.next).toEqual(store.vector(stream));
      for (const { origin, seq, offset, value } of records) {
        here.set(`${stream} ${origin} ${seq}`, `${offset} ${new TextDecoder().decode(value).trim()}`);
      }
    }
    for (const [key, content] of here) if (!this.shown.has(key)) this.shown.set(key, content);
    // S2: what was once shown stays, and its number never stands for anything else.
    for (const [key, content] of this.shown) expect(`${key}: ${here.get(key)}`).toBe(`${key}: ${content}`);
    for (const [key, content] of this.acknowledged) expect(`${key}: ${here.get(key)}`).toBe(`${key}: ${content}`);
  }
}

/** All lives of one node, on one disk. */
class Node {
  private readonly disk = new MemoryDisk();
  private readonly env: ManualEnv;
  private readonly witness = new Witness();
  private count = 0;

  constructor(seed: number) {
    this.env = new ManualEnv(START_MS, seed);
    this.disk.writesThrough = seed % 2 === 1;
  }

  open(): Promise<StreamStore> {
    return openEmbeddedStore({
      folder: "/data",
      site: "tokyo",
      node: "a",
      env: this.env,
      disk: this.disk.boot(),
      // Small, so that lives end in the middle of files and between commits.
      journalFileBytes: 50_000,
      commitBytes: 30_000,
    });
  }

  async live(life: Life): Promise<void> {
    const store = await this.open();
    await this.witness.check(store);
    let isDead = false;
    let operations = 0;
    const cut = (): void => {
      if (++operations !== life.cutAfter) return;
      isDead = true;
      if (life.kill) this.disk.kill();
      else this.disk.cutPower(this.env.random);
    };
    this.disk.faults.onSync = cut;
    this.disk.faults.onWrite = cut;
    await this.work(store, life);
    this.disk.faults.onSync = undefined;
    this.disk.faults.onWrite = undefined;
    if (!isDead) await this.witness.check(store);
    // Whoever is still alive loses power while idle.
    this.disk.cutPower(this.env.random);
    await store.close().catch(() => undefined);
  }

  async end(): Promise<void> {
    const store = await this.open();
    await this.witness.check(store);
    await store.append(CONTAINERS, [reading("t0", "alive")]);
    await store.close();
  }

  private async work(store: StreamStore, life: Life): Promise<void> {
    const work: Promise<void>[] = [];
    for (const { records, bytes, ships } of life.appends) {
      work.push(unlessCut(this.append(store, ships ? SHIPS : CONTAINERS, records, bytes)));
      this.env.nowMs += 1;
      // Sometimes they wait for each other, sometimes they share a commit.
      if (this.env.random() < 0.5) await Promise.all(work);
    }
    const next = store.vector(CONTAINERS)[FOREIGN] ?? 0;
    for (let i = 0; i < life.foreign; i++) work.push(unlessCut(this.apply(store, next + i)));
    await Promise.all(work);
  }

  private async append(store: StreamStore, stream: StreamName, records: number, bytes: number): Promise<void> {
    const values = Array.from({ length: records }, () => `own ${this.count++}`);
    const given = values.map((value, i) => reading(`t${i % 2}`, value.padEnd(bytes)));
    const appended = await store.append(stream, given);
    for (const [i, { seq, offset }] of appended.entries()) {
      this.witness.acknowledge(stream, store.origin, seq, `${offset} ${values[i]}`);
    }
  }

  private async apply(store: StreamStore, seq: number): Promise<void> {
    const batch = foreignBatch(seq, [`foreign ${seq}`]);
    await store.apply(batch);
    this.witness.acknowledge(CONTAINERS, FOREIGN, seq, `${batch.records[0]?.offset} foreign ${seq}`);
  }
}

describe(`the power cut at any moment (seed ${SEED})`, () => {
  it("S1, S2, S3, R4: loses nothing acknowledged, shows nothing that was torn, and gives no number twice", async () => {
    await fc.assert(
      fc.asyncProperty(lives, fc.nat(), async (lives, seed) => {
        const node = new Node(seed);
        for (const life of lives) await node.live(life);
        await node.end();
      }),
      { seed: SEED, numRuns: 150 },
    );
  }, 120_000);
});

describe("the power cut after a kill", () => {
  it("S2: what the killed process left in the system's cache is durable before anybody sees it", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const disk = new MemoryDisk();
      const env = new ManualEnv(START_MS, seed);
      const open = (): Promise<StreamStore> =>
        openEmbeddedStore({ folder: "/data", site: "tokyo", node: "a", env, disk: disk.boot() });
      const first = await open();
      await first.append(CONTAINERS, [reading("a", "acknowledged")]);
      disk.faults.onSync = () => disk.kill();
      await expect(first.append(CONTAINERS, [reading("a", "written only")])).rejects.toThrow();
      disk.faults.onSync = undefined;
      const second = await open();
      const { origin } = second;
      expect(second.vector(CONTAINERS)).toEqual({ [origin]: 2 });
      disk.cutPower(env.random);
      const third = await open();
      expect(third.vector(CONTAINERS)).toEqual({ [origin]: 2 });
    }
  });

  it("O1: an idle node is the same one after it, however many files it has", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const disk = new MemoryDisk();
      const env = new ManualEnv(START_MS, seed);
      const open = (): Promise<StreamStore> =>
        openEmbeddedStore({ folder: "/data", site: "tokyo", node: "a", env, disk: disk.boot(), journalFileBytes: 400 });
      const { origin } = await open();
      for (let life = 0; life < 3; life++) {
        disk.kill();
        const store = await open();
        expect(store.origin).toBe(origin);
        await store.append(CONTAINERS, [reading("a", "x".repeat(200))]);
        await store.append(CONTAINERS, [reading("a", "x".repeat(200))]);
        disk.cutPower(env.random);
      }
    }
  });
});

async function unlessCut(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    // DISK_FAILED: the process is dead. SEQ_GAP: the batch before was not kept.
    if (!isLandfallError(error, "DISK_FAILED") && !isLandfallError(error, "SEQ_GAP")) throw error;
  }
}
