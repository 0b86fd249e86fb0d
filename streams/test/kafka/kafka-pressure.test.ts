import { skipWithoutKafka } from "@landfall/brokers/for-tests";
import { START_MS_MAX, startKafka, type KafkaCluster } from "@landfall/brokers/kafka";
import { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { systemEnv } from "../../src/env.js";
import { kafkaJsClient } from "../../src/kafka/kafkajs-client.js";
import type { KafkaStore } from "../../src/kafka/kafka-store.js";
import { openKafkaStore } from "../../src/kafka/open-kafka-store.js";
import type { KafkaClient, ProduceResult } from "../../src/kafka/kafka-client.js";
import { encodeBatch } from "../../src/kafka/record-batch.js";
import { KIND } from "../../src/kafka/record-header.js";
import { isLandfallError } from "../../src/model/errors.js";
import { originId, streamName } from "../../src/model/names.js";
import { limitProducer } from "../../testing/kafka-quota.js";
import { record } from "../../testing/kafka-writing.js";
import { startTestNode, startTestNodeOn, testSite, type TestNode } from "../../testing/test-node.js";
import { testProxy, type TestProxy } from "../../testing/test-proxy.js";
import { closingAfterEach } from "../../testing/closing.js";
import { until } from "../../testing/until.js";

const STREAMS = ["bigblue.containers", "bigblue.ships", "duckworks.containers", "duckworks.alerts"].map((name) =>
  streamName(name),
);
const OWN = streamName("bigblue.events");
const SITES = ["ship-1", "tokyo"].map((site) => testSite(site));
const VALUE = Buffer.alloc(1024, 7);
/** Of each stream: together far more than there is room for. */
const RECORDS = 800;
/** Less than what a link begins with. */
const ARRIVING_BYTES_MAX = 128 * 1024;
/** The largest block of such a link, as it is counted: alone, it may be in a room that is smaller. */
const BLOCK_BYTES_MAX = 320 * 1024;
const PENDING_BYTES_MAX = 64 * 1024;

const skip = await skipWithoutKafka();

describe.skipIf(skip)("a Kafka that takes less than what comes", () => {
  let kafka: KafkaCluster;
  const closing = closingAfterEach();

  beforeAll(async () => void (kafka = await startKafka()), START_MS_MAX);
  afterAll(() => kafka?.close());

  interface Pair {
    readonly tokyo: TestNode<KafkaStore>;
    readonly ship: TestNode;
    readonly line: TestProxy;
  }

  async function tokyoAndShip(topicPrefix: string): Promise<Pair> {
    const ship = await startTestNode({ site: "ship-1", folder: await closing.folder("ship"), sites: SITES, wants: [] });
    closing.push(() => ship.close());
    const line = await testProxy(ship.replicator.port as number, 1);
    closing.push(() => line.close());
    const link = { id: "tokyo~ship-1", to: "ship-1", class: "port", carries: ["*"] } as const;
    const folder = await closing.folder("tokyo");
    const tokyo = await startTestNodeOn(
      () =>
        openKafkaStore({
          folder,
          site: "tokyo",
          node: "a",
          env: systemEnv,
          kafka: { brokers: kafka.brokers, topicPrefix, partitions: 1 },
          arrivingBytesMax: ARRIVING_BYTES_MAX,
          pendingBytesMax: PENDING_BYTES_MAX,
        }),
      { site: "tokyo", folder, sites: SITES, links: [{ ...link, address: `127.0.0.1:${line.port}` }] },
    );
    closing.push(() => tokyo.close());
    return { tokyo, ship, line };
  }

  const held = ({ store }: TestNode<KafkaStore>): number =>
    STREAMS.flatMap((stream) => Object.values(store.vector(stream))).reduce((sum, next) => sum + next, 0);

  async function write({ store }: TestNode, count: number): Promise<void> {
    for (const stream of STREAMS) {
      await store.append(
        stream,
        Array.from({ length: count }, (_, i) => ({ ...record(i), value: VALUE })),
      );
    }
  }

  /** Records that came over the link. */
  async function crossed({ registry }: TestNode<KafkaStore>): Promise<number> {
    const counter = registry.getSingleMetric("landfall_replication_received_records_total");
    return (await counter?.get())?.values[0]?.value ?? 0;
  }

  it("R3, S1: a ship gets no credit while Kafka hangs, a sensor OVERLOADED; the link stays, and nothing crosses twice", async () => {
    const { tokyo, ship } = await tokyoAndShip("pressed.");
    await write(ship, 1);
    await until(() => held(tokyo) === STREAMS.length);
    await tokyo.store.append(OWN, [record(0)]);

    await kafka.pause(0);
    let most = 0;
    /** How much of it is under way here: what there is room for, and no more than the link had credit for. */
    const look = (): number => {
      const { arrived, withoutRoom } = tokyo.store.underWayBytes;
      most = Math.max(most, arrived);
      return arrived + withoutRoom;
    };
    await write(ship, RECORDS);
    await until(() => look() > 0);
    // Until there is no room for more. What was taken is not answered.
    const answered: number[] = [];
    const refused: unknown[] = [];
    const appends: Promise<unknown>[] = [];
    for (let n = 1; refused.length === 0; n++) {
      const append = tokyo.store.append(OWN, [{ ...record(n), value: VALUE }]);
      appends.push(
        append.then(
          () => answered.push(n),
          (error: unknown) => refused.push(error),
        ),
      );
      await until(() => look() > 0);
      expect(tokyo.store.underWayBytes.appended).toBeLessThanOrEqual(PENDING_BYTES_MAX);
    }
    expect(refused.filter((error) => !isLandfallError(error, "OVERLOADED"))).toEqual([]);
    expect(answered).toEqual([]);
    expect(tokyo.replicator.links()).toMatchObject([{ state: "up" }]);
    const total = STREAMS.length * (1 + RECORDS);
    expect(await crossed(tokyo)).toBeLessThan(total);

    await kafka.resume(0);
    await until(() => look() >= 0 && held(tokyo) === total);
    await Promise.all(appends);
    expect(answered).toHaveLength(appends.length - refused.length);
    expect(most).toBeLessThanOrEqual(BLOCK_BYTES_MAX);
    expect([await crossed(tokyo), tokyo.reported]).toEqual([total, []]);
    expect(tokyo.store.underWayBytes).toEqual({ appended: 0, arrived: 0, withoutRoom: 0 });
  });

  it("R4: a link that is made anew while Kafka hangs carries as much as there is room for, and the rest when it answers", async () => {
    const { tokyo, ship, line } = await tokyoAndShip("anew.");
    await write(ship, 1);
    await until(() => held(tokyo) === STREAMS.length);
    await kafka.pause(0);
    try {
      line.cut();
      await until(() => tokyo.replicator.links()[0]?.state === "down");
      await write(ship, RECORDS);
      await until(() => tokyo.store.underWayBytes.arrived > 0);
    } finally {
      await kafka.resume(0);
    }
    await until(() => held(tokyo) === STREAMS.length * (1 + RECORDS));
    expect(tokyo.reported).toEqual([]);
  });

  async function clientAt(topic: string, clientId: string): Promise<{ client: KafkaClient; leader: number }> {
    const client = kafkaJsClient({ brokers: kafka.brokers, clientId });
    closing.push(() => client.close());
    await client.createTopic(topic, 1, 1, {});
    const leader = await found(async () => (await client.topology(topic)).topics.get(topic)?.[0]?.leader);
    return { client, leader };
  }

  it("a connection on which nothing waits to be sent is left alone", async () => {
    const topic = "idle.orders";
    const { client, leader } = await clientAt(topic, "idle");
    const timers = vi.spyOn(globalThis, "setTimeout");
    closing.push(async () => timers.mockRestore());
    // Until the broker has waited in vain.
    const from = [{ topic, partition: 0, position: 0 }];
    await client.fetch(leader, from, { waitMs: 200, bytesMax: 1, isUrgent: false });
    expect(timers.mock.calls.filter(([, ms = 0]) => ms < 0)).toEqual([]);
  });

  it("honours a quota: a broker is sent nothing before it reads again", async () => {
    const clientId = "hasty";
    const topic = "hasty.orders";
    await limitProducer(kafka.brokers[0] as string, clientId, 100_000);
    const { client, leader } = await clientAt(topic, clientId);
    const producer = await client.initProducer(clientId);
    // The time by which kafkajs waits stands still.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    closing.push(async () => void vi.useRealTimers());
    const writes = vi.spyOn(Socket.prototype, "write");
    closing.push(async () => writes.mockRestore());
    const sent = (): number =>
      writes.mock.calls.filter(([bytes]) => Buffer.isBuffer(bytes) && bytes.length > 8 && bytes.readInt16BE(4) === 0)
        .length;

    const value = Buffer.alloc(105_000);
    const answers: Promise<ProduceResult[]>[] = [];
    const ask = (): void => {
      const asked = answers.length;
      const batch = encodeBatch([{ key: "a", value, header: { ...HEADER, seq: asked } }], producer, asked);
      answers.push(client.produce(leader, [{ topic, partition: 0, batch }]));
    };
    /** Whether all that was asked for is on its way, when another way to the broker and back is over. */
    const isSent = async (): Promise<boolean> => {
      const from = [{ topic, partition: 0, position: 0 }];
      await client.fetch(leader, from, { waitMs: 0, bytesMax: 1, isUrgent: true });
      return sent() === answers.length;
    };
    ask();
    // Whoever has been quiet may bring what ten seconds allow before a broker says a word.
    while (answers.length < 20 && (await isSent())) {
      await answers.at(-1);
      ask();
    }
    expect(sent()).toBe(answers.length - 1);
    vi.setSystemTime(Date.now() + 9_000);
    expect(await answers.at(-1)).toMatchObject([{ error: undefined }]);
    expect(sent()).toBe(answers.length);
  });
});

const HEADER = {
  kind: KIND.record,
  seq: 0,
  offset: 0,
  timestamp: 0,
  received: Date.now(),
  origin: originId("tokyo.a~abc"),
  rest: new Uint8Array(0),
};

async function found<T>(find: () => Promise<T | undefined>): Promise<T> {
  let there: T | undefined;
  await until(async () => (there = await find()) !== undefined);
  return there as T;
}
