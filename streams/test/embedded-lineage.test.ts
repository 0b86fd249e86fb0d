import { describe, expect, it } from "vitest";
import { isLandfallError } from "../src/model/errors.js";
import { originId, type OriginId } from "../src/model/names.js";
import type { OriginRecord, Seq } from "../src/model/record.js";
import { openEmbeddedStore, type EmbeddedStore } from "../src/store/embedded-store.js";
import { deferred } from "../testing/deferred.js";
import { ManualEnv } from "../testing/manual-env.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { CONTAINERS, START_MS, reading, sync, text } from "../testing/store-fixture.js";

/** A node whose folder was restored, as its store sees it; and another site that holds what it wrote. */
class Restored {
  readonly disk = new MemoryDisk();
  readonly env: ManualEnv;

  constructor(seed: number, random?: () => number) {
    this.env = new ManualEnv(START_MS, seed);
    this.random = random ?? this.env.random;
  }
  readonly random: () => number;

  open(site = "tokyo", folder = `/${site}`): Promise<EmbeddedStore> {
    const disk = this.disk.boot();
    return openEmbeddedStore({ folder, site, node: "a", env: this.env, disk, journalFileBytes: 2_000 });
  }
}

/** Records 0 and 1 are what the backup held, 2 to 5 were given numbers that others had. */
async function fill(store: EmbeddedStore, env: ManualEnv): Promise<OriginId> {
  const { origin } = store;
  for (let i = 0; i < 6; i++) {
    await store.append(CONTAINERS, [reading(`t${i % 2}`, `own ${i}`)]);
    env.nowMs += 1_000;
  }
  return origin;
}

const valueOf = ({ value }: OriginRecord): string => Buffer.from(value).toString();

/** What is there, by topic in order of offset; each record as `offset value`. */
async function histories(store: EmbeddedStore): Promise<string[]> {
  const topics = store.topics(CONTAINERS, { limit: 10 });
  const read = await Promise.all(topics.map((topic) => store.readTopic(CONTAINERS, topic, { limit: 100 })));
  return read.flat().map((record) => `${record.topic} ${record.offset} ${valueOf(record)}`);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Other records under the numbers 2 to 5, as the former life had given them. */
function formerLife(origin: OriginId): Parameters<EmbeddedStore["apply"]>[0] {
  const records = [2, 3, 4, 5].map((seq) => ({
    ...reading("t0", `former ${seq}`),
    seq: seq as Seq,
    offset: ((START_MS + 2_500 + seq) * 1_000 * 1.024) as OriginRecord["offset"],
    received: START_MS as OriginRecord["received"],
    headers: {},
  }));
  return {
    stream: CONTAINERS,
    origin,
    firstSeq: 2 as Seq,
    records: records.map((record) => ({
      ...record,
      offset: (Math.floor(record.offset / 1024) * 1024) as OriginRecord["offset"],
    })),
  };
}

describe("the store of a restored node", () => {
  it("S2: a journal that is sealed while it looks for what stands again can be read to the end", async () => {
    // From some moment on a read waits until it is let; what the store does besides goes on.
    let held: ReturnType<typeof deferred<void>> | undefined;
    const reads = deferred<void>();
    const disk = new MemoryDisk(async () => {
      const wait = held;
      held = undefined;
      await nextTurn();
      if (wait !== undefined) reads.resolve();
      await wait?.promise;
    });
    const env = new ManualEnv(START_MS, 1);
    const store = await openEmbeddedStore({ folder: "/a", site: "tokyo", node: "a", env, disk, cacheBytes: 0 });
    const former = await fill(store, env);
    await store.reincarnate();
    await store.appendAgain(CONTAINERS, former, 2 as Seq);
    const gate = (held = deferred<void>());
    const aside = store.setAside(CONTAINERS, former, true);
    await reads.promise;
    const sealed = store.sealNow();
    // Enough for all of it, if it did not wait for the reader.
    for (let turn = 0; turn < 500; turn++) await nextTurn();
    gate.resolve();
    expect(await aside).toEqual({ from: 2, to: 6, reason: "missed" });
    await sealed;
    await store.close();
  });

  it("S2: appends under a new origin from now on, and never under the old one", async () => {
    const node = new Restored(1);
    const store = await node.open();
    const former = await fill(store, node.env);
    const before = store.append(CONTAINERS, [reading("t0", "before")]);
    const taken = store.reincarnate();
    const after = store.append(CONTAINERS, [reading("t0", "after")]);
    expect((await before)[0]?.seq).toBe(6);
    expect(await taken).toBe(store.origin);
    expect((await after)[0]?.seq).toBe(0);
    expect(store.origin).not.toBe(former);
    expect(store.vector(CONTAINERS)).toEqual({ [former]: 7, [store.origin]: 1 });
    const { origin } = store;
    expect(store.restoredOrigins()).toEqual([former]);
    await store.close();
    const again = await node.open();
    expect([again.origin, again.restoredOrigins()]).toEqual([origin, [former]]);
    // A copy appends under another origin, and knows no less.
    await again.close();
    node.disk.copyFolder("/tokyo", "/copy");
    const copy = await node.open("tokyo", "/copy");
    expect(copy.origin).not.toBe(origin);
    expect(copy.restoredOrigins()).toEqual([former]);
  });

  it.each(["in journals", "sealed"])(
    "S2, O1: what got used numbers stands again with its offsets, and leaves its old place to others: %s",
    async (how) => {
      const node = new Restored(2);
      const store = await node.open();
      const former = await fill(store, node.env);
      if (how === "sealed") await store.sealNow();
      const before = await histories(store);
      await store.reincarnate();
      // Newer records of the same topics do not come in between: what stands again has an origin of its own.
      await store.append(CONTAINERS, [reading("t0", "newer")]);
      await store.appendAgain(CONTAINERS, former, 2 as Seq);
      await store.appendAgain(CONTAINERS, former, 0 as Seq);
      expect(store.appendedAgain()).toEqual([{ stream: CONTAINERS, origin: former }]);
      expect(await store.setAside(CONTAINERS, former, true)).toEqual({ from: 2, to: 6, reason: "missed" });
      expect(await store.setAside(CONTAINERS, former, true)).toBeUndefined();
      expect((await histories(store)).filter((line) => !line.endsWith("newer"))).toEqual(before);
      expect(store.gaps(CONTAINERS)).toEqual([{ origin: former, from: 2, to: 6, reason: "missed" }]);

      await store.apply(formerLife(former));
      await store.sealNow();
      const all = await histories(store);
      await store.close();
      const again = await node.open();
      expect(await histories(again)).toEqual(all);
      expect(all).toHaveLength(11);
      expect(again.gaps(CONTAINERS)).toEqual([]);
      // What others hold under the old numbers has no twin, and stays.
      expect(await again.setAside(CONTAINERS, former, true)).toBeUndefined();
      await again.appendAgain(CONTAINERS, former, 2 as Seq);
      expect(await histories(again)).toEqual(all);
    },
  );

  it("S2, O1: who has taken them gives them up once they stand again there, and not before", async () => {
    const node = new Restored(3);
    const [tokyo, sydney] = [await node.open(), await node.open("sydney")];
    const former = await fill(tokyo, node.env);
    await sync(tokyo, sydney, CONTAINERS);
    await tokyo.reincarnate();
    await tokyo.append(CONTAINERS, [reading("t0", "newer")]);
    await tokyo.appendAgain(CONTAINERS, former, 2 as Seq);
    expect(await sydney.setAside(CONTAINERS, former, true)).toBeUndefined();
    const [record] = await tokyo.readOrigin(CONTAINERS, former, 3 as Seq, 1);
    expect(await sydney.standsAgain(CONTAINERS, former, record as OriginRecord)).toBe(false);
    await tokyo.setAside(CONTAINERS, former, true);
    await sync(tokyo, sydney, CONTAINERS);
    expect(await sydney.standsAgain(CONTAINERS, former, record as OriginRecord)).toBe(true);
    expect(await sydney.standsAgain(CONTAINERS, former, { ...(record as OriginRecord), value: text("other") })).toBe(
      false,
    );
    expect(await sydney.setAside(CONTAINERS, former, true)).toEqual({ from: 2, to: 6, reason: "missed" });
    expect(await histories(sydney)).toEqual(await histories(tokyo));
    await sydney.apply(formerLife(former));
    expect(sydney.vector(CONTAINERS)).toEqual(tokyo.vector(CONTAINERS));
  });

  it("appends again only what this node wrote under a former origin", async () => {
    const node = new Restored(4);
    const store = await node.open();
    const foreign = originId("sydney.a~abc");
    for (const origin of [store.origin, foreign]) {
      await expect(store.appendAgain(CONTAINERS, origin, 0 as Seq)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
  });

  it("S1, S2: a power cut or a kill at any step loses nothing, doubles nothing, and what is begun is finished", async () => {
    let finished = 0;
    for (let cutAfter = 1; finished < 2; cutAfter++) {
      const node = new Restored(cutAfter);
      const first = await node.open();
      const former = await fill(first, node.env);
      const before = await histories(first);
      let operations = 0;
      let isDead = false;
      const cut = (): void => {
        if (isDead || ++operations !== cutAfter) return;
        isDead = true;
        if (cutAfter % 2 === 0) node.disk.kill();
        else node.disk.cutPower(node.random);
      };
      Object.assign(node.disk.faults, { onSync: cut, onWrite: cut, onRename: cut });
      try {
        await first.reincarnate();
        await first.appendAgain(CONTAINERS, former, 2 as Seq);
        await first.setAside(CONTAINERS, former, true);
        await first.sealNow();
      } catch (error) {
        if (!isLandfallError(error)) throw error;
      }
      Object.assign(node.disk.faults, { onSync: undefined, onWrite: undefined, onRename: undefined });
      if (!isDead) finished++;
      node.disk.cutPower(node.random);
      await first.close().catch(() => undefined);

      const store = await node.open();
      expect({ cutAfter, shown: [...new Set(await histories(store))] }).toEqual({ cutAfter, shown: before });
      // Peers prove it once more.
      if (store.origin === former) await store.reincarnate();
      await store.appendAgain(CONTAINERS, former, 2 as Seq);
      await store.setAside(CONTAINERS, former, true);
      expect({ cutAfter, shown: await histories(store) }).toEqual({ cutAfter, shown: before });
      expect(store.gaps(CONTAINERS)).toEqual([{ origin: former, from: 2, to: 6, reason: "missed" }]);
      await store.close();
    }
  }, 60_000);
});
