import { skipWithoutKafka } from "@landfall/brokers/for-tests";
import { START_MS_MAX, startKafka, type KafkaCluster } from "@landfall/brokers/kafka";
import { KAFKA_OTHER } from "@landfall/brokers/versions";
import { ConfigResourceTypes, Kafka, logLevel } from "kafkajs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemEnv } from "../../src/env.js";
import type { KafkaStore } from "../../src/kafka/kafka-store.js";
import { openKafkaStore } from "../../src/kafka/open-kafka-store.js";
import { leaderOf } from "../../testing/kafka-leader.js";
import { KAFKA_STREAM, KafkaWriting, holdsAll } from "../../testing/kafka-writing.js";
import { until } from "../../testing/until.js";

const skip = await skipWithoutKafka();
const FAULT_MS_MAX = 240_000;
/** Between two looks at whether writing goes on, so many records more must have been acknowledged. */
const MORE = 500;

describe.skipIf(skip)(`three brokers of Kafka ${KAFKA_OTHER} that fail while records come`, () => {
  let kafka: KafkaCluster;
  let store: KafkaStore;
  let writing: KafkaWriting;
  let topicPrefix: string;
  let lives = 0;

  beforeAll(async () => {
    kafka = await startKafka({ brokers: 3, version: KAFKA_OTHER });
  }, START_MS_MAX);
  afterAll(() => kafka?.close());

  const folders: string[] = [];
  afterAll(async () => {
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  });

  async function open(node: string): Promise<KafkaStore> {
    const folder = await mkdtemp(join(tmpdir(), "landfall-kafka-"));
    folders.push(folder);
    return openKafkaStore({
      folder,
      site: "tokyo",
      node,
      env: systemEnv,
      kafka: { brokers: kafka.brokers, topicPrefix, partitions: 3 },
    });
  }

  beforeEach(async () => {
    topicPrefix = `life-${++lives}.`;
    store = await open("a");
    writing = new KafkaWriting(store);
    writing.begin();
    await goesOn();
  }, FAULT_MS_MAX);

  /** Then all that was acknowledged is there, once, at this node and at one that reads all of it from Kafka. */
  afterEach(async () => {
    await writing.end();
    await holdsAll(store, writing);
    const late = await open("b");
    // A broker that hung takes itself for the leader for a moment still, and says that the log ends where it last knew it to.
    const all = store.vector(KAFKA_STREAM)[store.origin] ?? 0;
    await until(() => (late.vector(KAFKA_STREAM)[store.origin] ?? 0) >= all);
    await holdsAll(late, writing);
    await late.close();
    await store.close();
  }, FAULT_MS_MAX);

  async function goesOn(): Promise<void> {
    const before = writing.acknowledged.size;
    await until(() => writing.acknowledged.size >= before + MORE);
  }

  /** The broker that leads the partition to which the node writes. */
  const leader = (): Promise<number> => leaderOf(kafka.brokers, topicPrefix + KAFKA_STREAM, store.origin);

  it("S1: the broker that leads is killed, and another leads", { timeout: FAULT_MS_MAX }, async () => {
    expect(store.warning).toBeUndefined();
    const killed = await leader();
    await kafka.kill(killed);
    await until(async () => (await leader()) !== killed);
    await goesOn();
    await kafka.restart(killed);
    await goesOn();
  });

  it("S1: too few replicas: appends wait until there are enough", { timeout: FAULT_MS_MAX }, async () => {
    const admin = new Kafka({ clientId: "operator", brokers: kafka.brokers, logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const configEntries = [{ name: "min.insync.replicas", value: "3" }];
    const resource = { type: ConfigResourceTypes.TOPIC, name: topicPrefix + KAFKA_STREAM, configEntries };
    await admin.alterConfigs({ validateOnly: false, resources: [resource] });
    await admin.disconnect();
    await goesOn();
    const killed = ((await leader()) + 1) % 3;
    await kafka.kill(killed);
    await until(() => store.stats().failed?.endsWith(": NOT_ENOUGH_REPLICAS") === true);
    await kafka.restart(killed);
    await goesOn();
  });

  it("S1: the broker that leads hangs, and comes back", { timeout: FAULT_MS_MAX }, async () => {
    const hung = await leader();
    await kafka.pause(hung);
    await goesOn();
    await kafka.resume(hung);
    await goesOn();
  });

  it("S1: two of three are gone: nothing is acknowledged until one is back", { timeout: FAULT_MS_MAX }, async () => {
    await kafka.kill(0);
    await kafka.kill(1);
    await until(() => store.stats().failed !== undefined);
    expect(store.stats().failed).toMatch(/^Kafka does not take records: /);
    await kafka.restart(0);
    await kafka.restart(1);
    await goesOn();
    await until(() => store.stats().failed === undefined);
  });

  it("S1: all are down for a while", { timeout: FAULT_MS_MAX }, async () => {
    await Promise.all([0, 1, 2].map((index) => kafka.kill(index)));
    await until(() => store.stats().failed !== undefined);
    await kafka.start();
    await goesOn();
  });

  it("S1: a rolling restart, one after the other", { timeout: FAULT_MS_MAX }, async () => {
    for (const index of [0, 1, 2]) {
      await kafka.restart(index);
      await goesOn();
    }
  });
});
