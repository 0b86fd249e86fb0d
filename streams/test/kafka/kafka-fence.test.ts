import { skipWithoutKafka } from "@landfall/brokers/for-tests";
import { START_MS_MAX, startKafka, type KafkaCluster } from "@landfall/brokers/kafka";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemEnv } from "../../src/env.js";
import type { KafkaStore } from "../../src/kafka/kafka-store.js";
import { kafkaJsClient } from "../../src/kafka/kafkajs-client.js";
import { openKafkaStore, type KafkaSiteOptions } from "../../src/kafka/open-kafka-store.js";
import { encodeBatch, type ProducerIdentity } from "../../src/kafka/record-batch.js";
import type { LandfallError } from "../../src/model/errors.js";
import { originId, streamName } from "../../src/model/names.js";
import type { Seq } from "../../src/model/record.js";
import { openEmbeddedStore, type EmbeddedStore } from "../../src/store/embedded-store.js";
import type { SealedRunReader } from "../../src/store/store.js";
import { closingAfterEach } from "../../testing/closing.js";
import { standingIn } from "../../testing/kafka-standing.js";
import { KAFKA_STREAM, heldIn, record } from "../../testing/kafka-writing.js";
import { until } from "../../testing/until.js";

/** Of the ship: another node takes over before all of them are in Kafka, page by page. */
const RECORDS = 150_000;
const OTHER_STREAM = streamName("bigblue.ships");
const PAGE_BY_PAGE = { arrivingBytesMax: 1 };
const TAKEN_OVER = { code: "TAKEN_OVER" };
const skip = await skipWithoutKafka();

interface Opened {
  readonly store: KafkaStore;
  readonly fatal: LandfallError[];
  readonly refused: string[];
  /** How often it was told that another has taken over. */
  fenced: number;
}

describe.skipIf(skip)("what a node of a site on Kafka brings, when another takes over", () => {
  let kafka: KafkaCluster;
  let ship: EmbeddedStore;
  let shipFolder: string;
  const closing = closingAfterEach();
  let sites = 0;

  beforeAll(async () => {
    kafka = await startKafka();
    shipFolder = await mkdtemp(join(tmpdir(), "landfall-fence-"));
    ship = await openEmbeddedStore({ folder: shipFolder, site: "ship-9321483", node: "a", env: systemEnv });
    for (let from = 0; from < RECORDS; from += 5_000) {
      const records = Array.from({ length: 5_000 }, (_, i) => record(from + i));
      await ship.append(KAFKA_STREAM, records);
    }
    await ship.sealNow();
  }, START_MS_MAX);
  afterAll(async () => {
    await ship?.close();
    await rm(shipFolder, { recursive: true, force: true });
    await kafka?.close();
  });

  /** Nodes of a site of its own, by name. */
  function site() {
    const topicPrefix = `fence-${process.pid}-${++sites}.`;
    const open = async (node: string, over: Partial<KafkaSiteOptions> = {}): Promise<Opened> => {
      const [fatal, refused]: [LandfallError[], string[]] = [[], []];
      const store = await openKafkaStore({
        folder: await closing.folder("kafka-fence"),
        site: "tokyo",
        node,
        env: systemEnv,
        kafka: { brokers: kafka.brokers, topicPrefix, partitions: 1 },
        onFatal: (error) => fatal.push(error),
        onRefused: (code, message) => refused.push(`${code} ${message}`),
        ...over,
      });
      closing.push(() => store.close());
      const opened: Opened = { store, fatal, refused, fenced: 0 };
      store.shared.onFenced(() => void opened.fenced++);
      return opened;
    };
    return { topicPrefix, open };
  }

  async function bring(store: KafkaStore, from: number, count: number, stream = KAFKA_STREAM): Promise<void> {
    const read = await ship.readOrigin(KAFKA_STREAM, ship.origin, from as Seq, 1024 * 1024);
    const records = read.slice(0, count);
    expect(records.length).toBe(count);
    await store.apply({ stream, origin: ship.origin, firstSeq: from as Seq, records });
  }

  const take = (store: KafkaStore, stream = KAFKA_STREAM): Promise<void> =>
    store.shared.settled(stream, ship.origin, "ask");
  const next = (store: KafkaStore): number => store.vector(KAFKA_STREAM)[ship.origin] ?? 0;

  /** R3: what the ship wrote stands there up to this seq, each record once. */
  async function standsOnce(topicPrefix: string, to: number): Promise<void> {
    const standing = [...(await standingIn(kafka.brokers, topicPrefix + KAFKA_STREAM))];
    const ofShip = standing.filter(([name]) => name.startsWith(ship.origin));
    expect(ofShip.filter(([, times]) => times > 1)).toEqual([]);
    expect(ofShip.length).toBe(to);
  }

  it("R3: is refused from then on, also to a third; its own records are not, and it brings again behind what is there", async () => {
    const { topicPrefix, open } = site();
    const [a, b] = [await open("a"), await open("b")];
    await take(a.store);
    await bring(a.store, 0, 10);
    b.store.shared.fence("tokyo.a");
    await take(b.store);
    expect(next(b.store)).toBe(10);
    await expect(bring(a.store, 10, 10)).rejects.toMatchObject(TAKEN_OVER);
    expect(a.fenced).toBe(1);
    await bring(b.store, 10, 5);
    await a.store.append(KAFKA_STREAM, [record(1_000_000)]);
    await take(a.store);
    expect(next(a.store)).toBe(15);
    await bring(a.store, 15, 5);
    await until(() => next(b.store) === 20);
    await standsOnce(topicPrefix, 20);
    for (const { fatal, refused } of [a, b]) expect([fatal, refused]).toEqual([[], []]);
    expect(a.fenced).toBe(1);
  });

  /** A run has come to a, and b takes over while a hands it on. */
  async function handsOnHalf(a: Opened, b: Opened): Promise<void> {
    const reader = (await ship.openSealed(KAFKA_STREAM, ship.origin, 0 as Seq)) as SealedRunReader;
    closing.push(() => reader.close());
    const writer = await a.store.receiveSealed(reader.run);
    for (let block = 0; block < reader.run.blocks;) {
      const { bytes, next } = await reader.read(block, 256 * 1024);
      await writer.add(bytes);
      block = next;
    }
    // So that it follows the topic.
    await take(b.store);
    const finished = writer.finish();
    const takesOver = async (): Promise<void> => {
      await until(() => next(b.store) > 0);
      b.store.shared.fence("tokyo.a");
      await take(b.store);
    };
    await Promise.all([expect(finished).rejects.toMatchObject(TAKEN_OVER), takesOver()]);
    const taken = next(b.store);
    expect(taken).toBeLessThan(RECORDS);
    await bring(b.store, taken, 10);
  }

  async function hasAll({ store, fatal, refused }: Opened): Promise<void> {
    await until(() => next(store) === RECORDS);
    expect([store.gaps(KAFKA_STREAM), store.shared.left(), (await heldIn(store)).size]).toEqual([[], [], RECORDS]);
    expect([fatal, refused]).toEqual([[], []]);
  }

  it("R3: what is on its way, or waits, is told so, and what came as a run goes on when it is the node's turn again", async () => {
    const { topicPrefix, open } = site();
    const [a, b] = [await open("a", PAGE_BY_PAGE), await open("b")];
    await handsOnHalf(a, b);
    expect(a.store.shared.left()).toEqual([{ stream: KAFKA_STREAM, origin: ship.origin, next: RECORDS }]);
    await take(a.store);
    for (const node of [a, b]) await hasAll(node);
    await standsOnce(topicPrefix, RECORDS);
  });

  it("R3: of a run that a former process has left, nothing is handed on before it is the node's turn", async () => {
    const { topicPrefix, open } = site();
    const folder = await closing.folder("kafka-fence");
    const [former, b] = [await open("a", { ...PAGE_BY_PAGE, folder }), await open("b")];
    await handsOnHalf(former, b);
    await former.store.close();
    const a = await open("a", { folder });
    expect(a.store.shared.left()).toEqual([{ stream: KAFKA_STREAM, origin: ship.origin, next: RECORDS }]);
    const before = next(b.store);
    await a.store.append(KAFKA_STREAM, [record(1_000_000)]);
    await until(() => b.store.vector(KAFKA_STREAM)[a.store.origin] === 1);
    await bring(b.store, before, 10);
    // To fill a gap is no turn to ask.
    await a.store.shared.settled(KAFKA_STREAM, ship.origin, "fill");
    expect(a.store.shared.left()).toHaveLength(1);
    await take(a.store);
    await until(() => next(b.store) === RECORDS);
    await standsOnce(topicPrefix, RECORDS);
  });

  it("R3: two may take over, one after the other, in either order", async () => {
    const { topicPrefix, open } = site();
    const [a, b, c] = [await open("a"), await open("b"), await open("c")];
    await take(a.store);
    await bring(a.store, 0, 10);
    b.store.shared.fence("tokyo.a");
    // Here, b is the first to take the name.
    await take(b.store, OTHER_STREAM);
    c.store.shared.fence("tokyo.a");
    await take(c.store);
    await expect(bring(a.store, 10, 10)).rejects.toMatchObject(TAKEN_OVER);
    // What c has done stands.
    await take(b.store);
    await bring(b.store, 10, 10);
    await take(c.store);
    await bring(c.store, 20, 10);
    for (const { fatal, refused } of [a, b, c]) expect([fatal, refused]).toEqual([[], []]);
    await standsOnce(topicPrefix, 30);
  });

  it("R3: a fence that comes after the node has begun anew ends nothing of what it brings since", async () => {
    const { topicPrefix, open } = site();
    const [a, b] = [await open("a"), await open("b")];
    await take(a.store);
    await bring(a.store, 0, 10);
    b.store.shared.fence("tokyo.a");
    await take(b.store, OTHER_STREAM);
    a.store.shared.giveUp();
    await take(a.store);
    await bring(a.store, 10, 10);
    await take(b.store);
    await bring(a.store, 20, 10);
    expect([a.fenced, b.fenced, next(b.store) >= 20]).toEqual([0, 0, true]);
    await standsOnce(topicPrefix, 30);
  });

  it("R3: a process that takes the node's name ends what the one before it brings", async () => {
    const { topicPrefix, open } = site();
    const early = await open("a");
    await take(early.store);
    await bring(early.store, 0, 10);
    const late = await open("a");
    await take(late.store);
    expect(next(late.store)).toBe(10);
    await expect(bring(early.store, 10, 10)).rejects.toMatchObject(TAKEN_OVER);
    await bring(late.store, 10, 10);
    // It ends where the later one writes its own.
    await late.store.append(KAFKA_STREAM, [record(1_000_000)]);
    await until(() => early.fatal.length > 0);
    expect(early.fatal.map(({ code }) => code)).toEqual(["FENCED"]);
    await standsOnce(topicPrefix, 20);
  });

  it("brokers refuse a batch of an earlier epoch once they have heard of a later one in that partition, and not before", async () => {
    const { topicPrefix, open } = site();
    const { store } = await open("a");
    await take(store);
    await take(store, OTHER_STREAM);
    const client = kafkaJsClient({ brokers: kafka.brokers, clientId: "stranger" });
    closing.push(() => client.close());
    const places = (await client.topology(topicPrefix)).topics;
    const produce = async (stream: string, producer: ProducerIdentity, sequence: number, seq: number) => {
      const origin = originId("oslo.a~1");
      const header = { kind: 1, seq, offset: 0, timestamp: 0, received: Date.now(), rest: new Uint8Array(0) } as const;
      const batch = encodeBatch(
        [{ key: "a", value: new Uint8Array(0), header: { ...header, origin } }],
        producer,
        sequence,
      );
      const topic = topicPrefix + stream;
      const leader = places.get(topic)?.[0]?.leader ?? -1;
      const [result] = await client.produce(leader, [{ topic, partition: 0, batch }]);
      return result?.error;
    };
    const name = `landfall-${topicPrefix}tokyo.sleeper~brings`;
    const early = await client.initProducer(name);
    for (const stream of [KAFKA_STREAM, OTHER_STREAM]) expect(await produce(stream, early, 0, 0)).toBeUndefined();
    store.shared.fence("tokyo.sleeper");
    await take(store);
    expect(await produce(KAFKA_STREAM, early, 1, 1)).toBe("INVALID_PRODUCER_EPOCH");
    expect(await produce(OTHER_STREAM, early, 1, 1)).toBeUndefined();
    await take(store, OTHER_STREAM);
    expect(await produce(OTHER_STREAM, early, 2, 2)).toBe("INVALID_PRODUCER_EPOCH");
  });
});
