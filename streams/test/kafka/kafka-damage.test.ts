import { skipWithoutKafka } from "@landfall/brokers/for-tests";
import { START_MS_MAX, startKafka, type KafkaCluster } from "@landfall/brokers/kafka";
import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemEnv } from "../../src/env.js";
import type { KafkaClient } from "../../src/kafka/kafka-client.js";
import type { KafkaStore } from "../../src/kafka/kafka-store.js";
import type { KafkaSiteOptions } from "../../src/kafka/open-kafka-store.js";
import { POSITIONS } from "../../src/kafka/positions.js";
import { originId, type OriginId, type StreamName } from "../../src/model/names.js";
import type { Offset, OriginRecord, Seq, TimestampMs } from "../../src/model/record.js";
import { openEmbeddedStore } from "../../src/store/embedded-store.js";
import { SILENT_LOG } from "../../src/store/open-folder.js";
import { readSegment } from "../../src/store/open-segments.js";
import { segmentNumber } from "../../src/store/segment-format.js";
import { nodeDisk } from "../../src/store/node-disk.js";
import { verifyFolder } from "../../src/store/verify-folder.js";
import { closingAfterEach } from "../../testing/closing.js";
import { insteadOf } from "../../testing/instead-of.js";
import { KafkaSite } from "../../testing/kafka-site.js";
import { standingIn } from "../../testing/kafka-standing.js";
import { KAFKA_STREAM, heldIn, record } from "../../testing/kafka-writing.js";
import { until } from "../../testing/until.js";

const SHIP = originId("vessel-9321483.a~0000000001");
const OTHER_SHIP = originId("vessel-9321495.a~0000000001");
const RECORDS = 300;
const NODE = { site: "tokyo", node: "a", slot: 1, env: systemEnv };
const skip = await skipWithoutKafka();

describe.skipIf(skip)("a node of a Kafka site whose folder rots", () => {
  let kafka: KafkaCluster;
  const closing = closingAfterEach();
  beforeAll(async () => {
    kafka = await startKafka();
  }, START_MS_MAX);
  afterAll(() => kafka?.close());

  async function open(site: KafkaSite, over: Partial<KafkaSiteOptions> = {}): Promise<KafkaStore> {
    const store = await site.open({ cacheBytes: 0, ...over });
    closing.push(() => store.close());
    return store;
  }

  /** A closed folder with sealed records, of its own and of a ship's, and some behind them in the journal. */
  async function filled(): Promise<KafkaSite> {
    const site = await KafkaSite.make(kafka.brokers, NODE);
    closing.push(() => site.dispose());
    const store = await site.open();
    await write(store, 0);
    await store.close();
    // As a node does by itself once it has enough.
    const retention = (stream: string) => (stream === POSITIONS ? { compact: true } : undefined);
    const local = await openEmbeddedStore({ ...NODE, folder: site.folder, followsLog: true, retention });
    await local.sealNow();
    await local.close();
    const later = await site.open();
    await write(later, RECORDS);
    await later.close();
    return site;
  }

  /** Everything is here once, and in Kafka still once. */
  async function isWhole(site: KafkaSite, store: KafkaStore, records = 4 * RECORDS): Promise<void> {
    const held = await heldIn(store);
    expect([...held.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: records }, (_, i) => i));
    expect([...held].filter(([, names]) => names.length !== 1)).toEqual([]);
    expect(store.gaps(KAFKA_STREAM)).toEqual([]);
    const standing = await standingIn(kafka.brokers, `${site.topicPrefix}${KAFKA_STREAM}`);
    expect(standing.size).toBe(records);
    expect([...standing].filter(([, times]) => times !== 1)).toEqual([]);
  }

  it("S3: records of a segment that is gone are read from Kafka again, its own included", async () => {
    const site = await filled();
    for (const name of await filesOf(site, ".lfs")) await rm(join(site.folder, name));
    await isWhole(site, await open(site));
  });

  it("S3: so are those of a journal that was damaged", async () => {
    const site = await filled();
    const journals = await filesOf(site, ".log");
    for (const name of journals) await flip(join(site.folder, name), (bytes) => Math.floor(bytes.length / 4));
    await isWhole(site, await open(site));
  });

  it("S3: damage that is met while the node runs is mended from Kafka, and nothing of it is written there again", async () => {
    const site = await filled();
    await rotten(site);
    const store = await open(site);
    await met(store);
    await until(async () => (await heldIn(store).catch(() => new Map())).size === 4 * RECORDS);
    await isWhole(site, store);
  });

  it("S3, R3: what a peer sends of it meanwhile is not written to Kafka again", async () => {
    const site = await filled();
    await rotten(site);
    const store = await open(site);
    // As replication does once it is told of the gap.
    const sent = new Promise<void>((resolve, reject) => {
      store.onGaps(({ origin }) => {
        if (origin !== SHIP) return;
        store
          .apply({ stream: KAFKA_STREAM, origin: SHIP, firstSeq: 0 as Seq, records: ofShip(0, RECORDS) })
          .then(resolve, reject);
      });
    });
    await met(store);
    await sent;
    await until(async () => (await heldIn(store).catch(() => new Map())).size === 4 * RECORDS);
    await isWhole(site, store);
  });

  it("S3: while it is read again, what follows goes on, of the same histories and of others", async () => {
    const site = await filled();
    await rotten(site);
    const between = new Between();
    const store = await open(site, { watched: between.watch });
    between.hold();
    await metAndNoted(store);
    const behind = (2 * RECORDS) as Seq;
    const more = ofShip(4 * RECORDS, 10, behind);
    await store.apply({ stream: KAFKA_STREAM, origin: SHIP, firstSeq: behind, records: more });
    const other = ofShip(4 * RECORDS + 10, 10, 0);
    await store.apply({ stream: KAFKA_STREAM, origin: OTHER_SHIP, firstSeq: 0 as Seq, records: other });
    await store.append(KAFKA_STREAM, [record(4 * RECORDS + 20)]);
    between.letGo();
    await until(async () => (await heldIn(store).catch(() => new Map())).size === 4 * RECORDS + 21);
    await isWhole(site, store, 4 * RECORDS + 21);
  });

  it("S3: where nobody can read it in Kafka either, it is told, and a peer's is taken", async () => {
    const site = await filled();
    await rotten(site);
    const between = new Between();
    const told: string[] = [];
    const log = { ...SILENT_LOG, error: (_: unknown, message: string) => void told.push(message) };
    const store = await open(site, { watched: between.watch, log });
    between.spoil();
    await metAndNoted(store);
    await store.apply({ stream: KAFKA_STREAM, origin: SHIP, firstSeq: 0 as Seq, records: ofShip(0, RECORDS) });
    expect(told).toContain("what was lost to damage cannot be read from Kafka");
    const held = await heldIn(store);
    const ofTheShip = Array.from({ length: 2 * RECORDS }, (_, i) => held.get(i)?.length);
    expect(ofTheShip).toEqual(Array(2 * RECORDS).fill(1));
  });

  it("S3: what a look at the folder has marked is read again when the node starts", async () => {
    const site = await filled();
    await rotten(site);
    const { findings } = await verifyFolder(nodeDisk, site.folder, true);
    expect(findings.map(({ repaired }) => repaired)).toEqual(Array(2).fill("marked: peers are asked for it"));
    await isWhole(site, await open(site));
  });

  it("S3: where it has lost how far it had read, it reads all again", async () => {
    const site = await filled();
    await rotten(site, POSITIONS);
    for (let start = 0; start < 3; start++) {
      const store = await site.open({ cacheBytes: 0 });
      await isWhole(site, store);
      await store.close();
    }
  });
});

/** Between a node and its brokers: holds what it fetches to mend, or flips a bit in each of it. */
class Between {
  #way: "free" | "held" | "spoilt" = "free";
  #release: () => void = () => undefined;
  #held = Promise.resolve();

  readonly watch = (client: KafkaClient): KafkaClient => {
    const fetch: KafkaClient["fetch"] = async (broker, from, options) => {
      // Following lets the broker wait for what comes next.
      const isMending = options.waitMs === 0 && this.#way !== "free";
      if (isMending) await this.#held;
      const results = await client.fetch(broker, from, options);
      if (!isMending || this.#way !== "spoilt") return results;
      return results.map((result) => ({
        ...result,
        records: result.records.map((byte, i) => (i === 100 ? ~byte : byte)),
      }));
    };
    return insteadOf(client, { fetch });
  };

  hold(): void {
    this.#way = "held";
    this.#held = new Promise((resolve) => (this.#release = resolve));
  }

  letGo(): void {
    this.#way = "free";
    this.#release();
  }

  spoil(): void {
    this.#way = "spoilt";
  }
}

/** From this number on: as many of the node's own, and of a ship's. */
async function write(store: KafkaStore, from: number): Promise<void> {
  const own = Array.from({ length: RECORDS }, (_, i) => record(2 * RECORDS + from + i));
  await store.append(KAFKA_STREAM, own);
  await store.apply({
    stream: KAFKA_STREAM,
    origin: SHIP,
    firstSeq: from as Seq,
    records: ofShip(from, RECORDS),
  });
}

function ofShip(from: number, count: number, firstSeq = from): OriginRecord[] {
  return Array.from({ length: count }, (_, i) => {
    const one = record(from + i);
    const received = (one.timestamp + 5) as TimestampMs;
    return { ...one, headers: {}, seq: (firstSeq + i) as Seq, offset: (one.timestamp * 1_000) as Offset, received };
  });
}

/** Both sealed runs, of the node's own records and of the ship's, are damaged; or the run of its positions. */
async function rotten(site: KafkaSite, of: StreamName = KAFKA_STREAM): Promise<void> {
  const [name] = await filesOf(site, ".lfs");
  const { runs } = await readSegment(nodeDisk, site.folder, segmentNumber(name as string) as number);
  const some = runs.filter(({ stream }) => stream === of);
  expect(some).toHaveLength(of === KAFKA_STREAM ? 2 : 1);
  for (const { begin } of some) await flip(join(site.folder, name as string), () => begin + 50);
}

/** A reader meets the damage in both. */
async function met(store: KafkaStore): Promise<void> {
  for (const origin of Object.keys(store.vector(KAFKA_STREAM)) as OriginId[]) {
    const reading = store.readOrigin(KAFKA_STREAM, origin, 0 as Seq, 1_000_000);
    await expect(reading, origin).rejects.toMatchObject({ code: "CORRUPT_BLOCK" });
  }
}

/** Until peers would be asked for what the ship had written. */
async function metAndNoted(store: KafkaStore): Promise<void> {
  const noted = new Promise<void>((resolve) => void store.onGaps(({ origin }) => origin === SHIP && resolve()));
  await met(store);
  await noted;
}

async function filesOf(site: KafkaSite, end: string): Promise<string[]> {
  return (await readdir(site.folder)).filter((name) => name.endsWith(end)).sort();
}

async function flip(path: string, at: (bytes: Uint8Array) => number): Promise<void> {
  const bytes = await readFile(path);
  const place = at(bytes);
  bytes[place] = (bytes[place] as number) ^ 4;
  await writeFile(path, bytes);
}
