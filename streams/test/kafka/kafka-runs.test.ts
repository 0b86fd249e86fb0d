import { skipWithoutKafka } from "@landfall/brokers/for-tests";
import { START_MS_MAX, startKafka, type KafkaCluster } from "@landfall/brokers/kafka";
import { cp, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemEnv } from "../../src/env.js";
import { openKafkaStore } from "../../src/kafka/open-kafka-store.js";
import { isLandfallError } from "../../src/model/errors.js";
import { nodeDisk } from "../../src/store/node-disk.js";
import { openEmbeddedStore, type EmbeddedStore } from "../../src/store/embedded-store.js";
import type { Seq } from "../../src/model/record.js";
import type { Disk } from "../../src/store/disk.js";
import type { LocalStore, SealedRunReader, SealedRunWriter } from "../../src/store/store.js";
import { deferred } from "../../testing/deferred.js";
import { KAFKA_STREAM, heldIn, record } from "../../testing/kafka-writing.js";
import { closingAfterEach } from "../../testing/closing.js";
import { until } from "../../testing/until.js";

/** More than what is on its way to Kafka at a time. */
const RECORDS = 30_000;
const skip = await skipWithoutKafka();

describe.skipIf(skip)("sealed runs at a site on Kafka", () => {
  let kafka: KafkaCluster;
  const closing = closingAfterEach();
  let sites = 0;
  let ship: EmbeddedStore;
  /** What became of runs that could not be taken as they are, and errors. */
  let warnings: unknown[] = [];

  beforeAll(async () => {
    kafka = await startKafka();
    ship = await openEmbeddedStore({ folder: await mkdtemp(join(tmpdir(), "landfall-run-")), ...at("ship-9321483") });
    for (let from = 0; from < RECORDS; from += 5_000) {
      await ship.append(
        KAFKA_STREAM,
        Array.from({ length: 5_000 }, (_, i) => record(from + i)),
      );
    }
    await ship.sealNow();
    await ship.append(KAFKA_STREAM, [record(RECORDS), record(RECORDS + 1)]);
  }, START_MS_MAX);
  afterAll(async () => {
    await ship?.close();
    await kafka?.close();
  });
  afterEach(() => {
    warnings = [];
  });

  const at = (site: string) => ({ site, node: "a", env: systemEnv });
  const newPrefix = () => `runs-${++sites}.`;

  async function open(
    topicPrefix: string,
    folder: string,
    over: { node?: string; disk?: Disk; arrivingBytesMax?: number } = {},
  ) {
    const store = await openKafkaStore({
      ...at("tokyo"),
      folder,
      kafka: { brokers: kafka.brokers, topicPrefix, partitions: 1 },
      log: {
        info: () => undefined,
        // A broker that has not heard of a new topic yet is nothing to speak of.
        warn: (detail, message) => void (message.includes("sealed run") && warnings.push(detail)),
        error: (detail) => void warnings.push(detail),
      },
      ...over,
    });
    closing.push(() => store.close());
    return store;
  }

  /** The run that begins at this seq, all but its end. */
  async function sent(from: EmbeddedStore, seq: number, to: LocalStore) {
    const reader = (await from.openSealed(KAFKA_STREAM, from.origin, seq as Seq)) as SealedRunReader;
    closing.push(() => reader.close());
    const writer = await to.receiveSealed(reader.run);
    for (let block = 0; block < reader.run.blocks;) {
      const { bytes, next } = await reader.read(block, 256 * 1024);
      await writer.add(bytes);
      block = next;
    }
    return { reader, writer };
  }

  async function begun(store: LocalStore): Promise<{ reader: SealedRunReader; writer: SealedRunWriter }> {
    return sent(ship, 0, store);
  }

  /** What came behind the run, as its origin sent it when it was not sealed yet. */
  async function rest(store: LocalStore): Promise<void> {
    const records = await ship.readOrigin(KAFKA_STREAM, ship.origin, RECORDS as Seq, 64 * 1024);
    await store.apply({ stream: KAFKA_STREAM, origin: ship.origin, firstSeq: RECORDS as Seq, records });
  }

  /** S1, S2, O1: every record of the ship once, with the ship's numbers, and nothing is said to be missing. */
  async function hasAll(store: LocalStore, count = RECORDS): Promise<void> {
    const [held, there] = [await heldIn(store), await heldIn(ship)];
    const own = [...held].flatMap(([n, names]) =>
      names.filter((name) => name.startsWith(ship.origin)).map((name) => [n, name]),
    );
    expect(own.length).toBe(count);
    expect(own.filter(([n, name]) => there.get(n as number)?.join() !== name)).toEqual([]);
    expect(store.vector(KAFKA_STREAM)[ship.origin]).toBe(count);
    expect(store.gaps(KAFKA_STREAM)).toEqual([]);
  }

  it("S1, S2: Kafka has its records in order of seq, and the node's own store has it as its origin sealed it", async () => {
    const topicPrefix = newPrefix();
    const folder = await closing.folder("kafka-runs");
    const store = await open(topicPrefix, folder);
    const { reader, writer } = await begun(store);
    const other = await open(topicPrefix, await closing.folder("kafka-runs"), { node: "b" });
    await writer.finish();
    expect(warnings).toEqual([]);
    await hasAll(store);
    const own = await store.openSealed(KAFKA_STREAM, ship.origin, 0 as Seq);
    expect(own?.run.id).toBe(reader.run.id);
    await own?.close();
    // From Kafka alone.
    await until(() => (other.vector(KAFKA_STREAM)[ship.origin] ?? 0) === RECORDS);
    await hasAll(other);
    await rest(store);
    await store.close();
    const again = await open(topicPrefix, folder);
    await hasAll(again, RECORDS + 2);
  });

  it("S1, S2, R3: what follows it, and what other nodes write meanwhile, is behind it and between", async () => {
    const topicPrefix = newPrefix();
    const b = await open(topicPrefix, await closing.folder("kafka-runs"), { node: "b" });
    const disk: Disk = {
      ...nodeDisk,
      rename: async (from, to) => {
        // What follows the run is in Kafka, and at the other node, before this one has the run.
        if (to.endsWith(".lfs")) await until(() => (b.vector(KAFKA_STREAM)[ship.origin] ?? 0) === RECORDS + 2);
        await nodeDisk.rename(from, to);
      },
    };
    const a = await open(topicPrefix, await closing.folder("kafka-runs"), { disk });
    const { writer } = await begun(a);
    // Not even for a moment.
    const gaps: unknown[] = [];
    a.onGaps((told) => void gaps.push(told));
    const over = new AbortController();
    const appended: number[] = [];
    const busy = async (store: LocalStore, first: number): Promise<void> => {
      for (let n = first; !over.signal.aborted; n++) {
        await store.append(KAFKA_STREAM, [record(n)]);
        appended.push(n);
      }
    };
    const others = [busy(a, 1_000_000), busy(b, 2_000_000)];
    await until(() => appended.some((n) => n >= 2_000_000));
    const finished = writer.finish();
    // As soon as all of the run is on its way.
    const following = until(() =>
      rest(a).then(
        () => true,
        (error: unknown) => {
          if (!isLandfallError(error, "SEQ_GAP")) throw error;
          return false;
        },
      ),
    );
    await Promise.all([finished, following]);
    over.abort();
    await Promise.all(others);
    expect(gaps).toEqual([]);
    for (const store of [a, b]) {
      await until(() => appended.length + RECORDS + 2 === total(store));
      await hasAll(store, RECORDS + 2);
      const held = await heldIn(store);
      expect(appended.filter((n) => held.get(n)?.length !== 1)).toEqual([]);
    }
  });

  it("S1, S2: those of several ships at once, run behind run, each in its order", async () => {
    const ships = await Promise.all(
      Array.from({ length: 4 }, async (_, n) => {
        const folder = await closing.folder("kafka-runs");
        const one = await openEmbeddedStore({ folder, ...at(`ship-${9_321_500 + n}`) });
        closing.push(() => one.close());
        for (let run = 0; run < 2; run++) {
          // Sealed each by itself, and not put together.
          for (let from = 0; from < 6_000; from += 2_000) {
            const values = Array.from({ length: 2_000 }, (_unused, i) => record(n * 100_000 + run * 6_000 + from + i));
            await one.append(KAFKA_STREAM, values);
          }
          await one.sealNow();
        }
        return one;
      }),
    );
    const store = await open(newPrefix(), await closing.folder("kafka-runs"));
    const other = await open(`runs-${sites}.`, await closing.folder("kafka-runs"), { node: "b" });
    await Promise.all(
      ships.map(async (one) => {
        for (let from = 0; from < 12_000;) {
          const { reader, writer } = await sent(one, from, store);
          await writer.finish();
          from = reader.run.to;
        }
      }),
    );
    expect(warnings).toEqual([]);
    for (const one of ships) {
      await until(() => (other.vector(KAFKA_STREAM)[one.origin] ?? 0) === 12_000);
      const there = await one.readOrigin(KAFKA_STREAM, one.origin, 11_990 as Seq, 64 * 1024);
      for (const held of [store, other]) {
        const own = await held.readOrigin(KAFKA_STREAM, one.origin, 11_990 as Seq, 64 * 1024);
        expect(own.map(({ seq, offset }) => [seq, offset])).toEqual(there.map(({ seq, offset }) => [seq, offset]));
      }
    }
    const written = new Map(
      (await Promise.all(ships.map(heldIn))).flatMap((held) =>
        [...held].map(([n, names]) => [n, names.join()] as const),
      ),
    );
    for (const held of [store, other]) {
      const here = new Map([...(await heldIn(held))].map(([n, names]) => [n, names.join()] as const));
      expect(here).toEqual(written);
    }
  });

  it("S1, S2: it waits for room, page by page; nothing of it is refused", async () => {
    const store = await open(newPrefix(), await closing.folder("kafka-runs"), { arrivingBytesMax: 1 });
    const { writer } = await begun(store);
    await writer.finish();
    expect(warnings).toEqual([]);
    await hasAll(store);
  });

  it("S1: where the node's own store cannot take it whole, it takes its records from Kafka", async () => {
    const [topicPrefix, folder] = [newPrefix(), await closing.folder("kafka-runs")];
    const full = Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });
    let refused = 0;
    const disk: Disk = {
      ...nodeDisk,
      rename: async (from, to) => {
        if (!to.endsWith(".lfs")) return nodeDisk.rename(from, to);
        refused++;
        throw full;
      },
    };
    const store = await open(topicPrefix, folder, { disk });
    const { writer } = await begun(store);
    await writer.finish();
    expect(refused).toBeGreaterThan(0);
    await hasAll(store);
    await rest(store);
    await store.close();
    await hasAll(await open(topicPrefix, folder), RECORDS + 2);
  });

  it("S1, S2: whose node dies when Kafka has it and the node's own store has not: it is read from there, once", async () => {
    const [topicPrefix, folder, copy] = [
      newPrefix(),
      await closing.folder("kafka-runs"),
      await closing.folder("kafka-runs"),
    ];
    const reached = deferred<void>();
    const forever = deferred<void>();
    const disk: Disk = {
      ...nodeDisk,
      rename: async (from, to) => {
        if (!to.endsWith(".lfs")) return nodeDisk.rename(from, to);
        reached.resolve();
        return forever.promise;
      },
    };
    const store = await open(topicPrefix, folder, { disk });
    await store.append(KAFKA_STREAM, [record(5_000_000)]);
    const { writer } = await begun(store);
    const finished = writer.finish();
    await Promise.race([reached.promise, finished]);
    expect(warnings).toEqual([]);
    // Others' positions are not written down either, as long as the run's are not.
    await store.append(KAFKA_STREAM, [record(5_000_001)]);
    await cp(folder, copy, { recursive: true, filter: (path) => !path.endsWith("lock") });
    const again = await open(topicPrefix, copy, { node: "a" });
    await hasAll(again);
    const held = await heldIn(again);
    expect([5_000_000, 5_000_001].map((n) => held.get(n)?.length)).toEqual([1, 1]);
    forever.reject(new Error("a dead process"));
    await finished.catch(() => undefined);
  });

  it("a run that goes on where something else has come is refused as everywhere", async () => {
    const store = await open(newPrefix(), await closing.folder("kafka-runs"));
    const { writer } = await begun(store);
    await writer.finish();
    const reader = (await ship.openSealed(KAFKA_STREAM, ship.origin, 0 as Seq)) as SealedRunReader;
    closing.push(() => reader.close());
    await expect(store.receiveSealed(reader.run)).rejects.toMatchObject({ code: "SEQ_GAP" });
    await hasAll(store);
  });
});

function total(store: LocalStore): number {
  return Object.values(store.vector(KAFKA_STREAM)).reduce((sum, next) => sum + next, 0);
}
