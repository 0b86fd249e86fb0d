import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
// The built package, as everybody else uses it: its keeper is a program of its own.
import { createTopic } from "@landfall/brokers/create-topic";
import { skipWithoutKafka } from "@landfall/brokers/for-tests";
import { START_MS_MAX, startKafka, type KafkaCluster } from "@landfall/brokers/kafka";
import { KAFKA_NEWEST, KAFKA_VERSIONS } from "@landfall/brokers/versions";
import { Kafka, logLevel, Partitioners, type KafkaConfig } from "kafkajs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./eventually.js";

const skip = await skipWithoutKafka();
const QUIET = { clientId: "test", logLevel: logLevel.NOTHING } as const;

/** Writes one record into a new topic and reads it again. */
async function roundTrip(config: Omit<KafkaConfig, "clientId">, topic: string, text: string): Promise<string[]> {
  const kafka = new Kafka({ ...QUIET, ...config });
  const admin = kafka.admin();
  await admin.connect();
  await createTopic(admin, topic);
  await admin.disconnect();
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true });
  await producer.connect();
  await producer.send({ topic, acks: -1, messages: [{ key: "CSQU3054383", value: text }] });
  await producer.disconnect();
  const consumer = kafka.consumer({ groupId: `of-${topic}` });
  const read: string[] = [];
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const first = new Promise<void>((resolve, reject) => {
      // One that starts again by itself has met a coordinator that was not ready yet.
      consumer.on(consumer.events.CRASH, ({ payload }) => {
        if (!payload.restart) reject(payload.error);
      });
      const eachMessage = async ({ message }: { message: { value: Buffer | null } }): Promise<void> => {
        read.push(String(message.value));
        resolve();
      };
      consumer.run({ eachMessage }).catch(reject);
    });
    await first;
  } finally {
    await consumer.disconnect();
  }
  return read;
}

describe.skipIf(skip).each(KAFKA_VERSIONS)("one broker of Kafka %s", (version) => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    const listeners = {
      TLS: { protocol: "SSL" },
      SECRET: { protocol: "SASL_PLAINTEXT" },
      SECURE: { protocol: "SASL_SSL" },
    } as const;
    cluster = await startKafka({ version, listeners });
  }, START_MS_MAX);
  afterAll(() => cluster?.close());

  test("takes a record and gives it again", async () => {
    expect(await roundTrip({ brokers: cluster.brokers }, "plain", "4.5 °C")).toEqual(["4.5 °C"]);
  });

  test("speaks TLS with a certificate that its own authority signed", async () => {
    const brokers = cluster.addresses("TLS");
    const ssl = { ca: [cluster.certificates?.ca ?? ""] };
    expect(await roundTrip({ brokers, ssl }, "tls", "behind TLS")).toEqual(["behind TLS"]);
    const trusting = new Kafka({ ...QUIET, brokers, ssl: true, retry: { retries: 0 } }).admin();
    await expect(trusting.connect()).rejects.toThrow();
  });

  test.each(["plain", "scram-sha-256", "scram-sha-512"] as const)("asks for a password by %s", async (mechanism) => {
    const [user] = cluster.users;
    const username = user?.name ?? "";
    const ssl = { ca: [cluster.certificates?.ca ?? ""] };
    for (const [listener, tls] of Object.entries({ SECRET: {}, SECURE: { ssl } })) {
      const brokers = cluster.addresses(listener);
      const topic = `${listener}-${mechanism}`;
      // A new object each time: kafkajs leaves in it what it signed in with.
      const sasl = (password = ""): KafkaConfig["sasl"] & object =>
        ({ mechanism, username, password }) as KafkaConfig["sasl"] & object;
      expect(await roundTrip({ brokers, sasl: sasl(user?.password), ...tls }, topic, topic)).toEqual([topic]);
      const guessing = new Kafka({ ...QUIET, brokers, ...tls, sasl: sasl("guessed"), retry: { retries: 0 } }).admin();
      await expect(guessing.connect()).rejects.toThrow();
    }
  });

  test("keeps what it has over kill -9 and a restart on the same port", async () => {
    const { brokers } = cluster;
    await cluster.kill(0);
    expect(cluster.isRunning(0)).toBe(false);
    await cluster.restart(0);
    expect(cluster.brokers).toEqual(brokers);
    expect(await roundTrip({ brokers }, "after", "the same port")).toEqual(["the same port"]);
    const admin = new Kafka({ ...QUIET, brokers }).admin();
    await admin.connect();
    expect(await admin.listTopics()).toContain("plain");
    await admin.disconnect();
  });
});

describe.skipIf(skip)(`three brokers of Kafka ${KAFKA_NEWEST}`, () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await startKafka({ brokers: 3 });
  }, START_MS_MAX);
  afterAll(() => cluster?.close());

  test("go on with one dead, and take it in again", { timeout: 180_000 }, async () => {
    const kafka = new Kafka({ ...QUIET, brokers: cluster.brokers });
    const admin = kafka.admin();
    await admin.connect();
    await createTopic(admin, "copied");
    const [copied] = (await admin.fetchTopicMetadata({ topics: ["copied"] })).topics;
    expect(copied?.partitions[0]?.replicas).toHaveLength(3);
    const leader = (copied?.partitions[0]?.leader ?? 0) - 1;
    await cluster.kill(leader);
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    await eventually("two brokers to take a record", async () =>
      producer.send({ topic: "copied", acks: -1, messages: [{ value: "one" }] }).then(
        () => true,
        () => false,
      ),
    );
    const other = (leader + 1) % 3;
    await cluster.pause(other);
    await cluster.resume(other);
    await cluster.restart(leader);
    await eventually("all three in sync", async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: ["copied"] });
      return topics[0]?.partitions[0]?.isr.length === 3;
    });
    await producer.disconnect();
    await admin.disconnect();
  });
});

describe.skipIf(skip)("brokers of a process that is killed", () => {
  test("end with it, and leave no folder", { timeout: 180_000 }, async () => {
    const child = fork(fileURLToPath(new URL("../dist/test/abandoned.js", import.meta.url)));
    const ended = once(child, "exit").then(([code]) => Promise.reject(new Error(`it exited with ${String(code)}`)));
    // Later it is killed, as it should be.
    ended.catch(() => undefined);
    const [{ folder, pid }] = await Promise.race([
      once(child, "message") as Promise<[{ folder: string; pid: number }]>,
      ended,
    ]);
    expect(existsSync(folder)).toBe(true);
    child.kill("SIGKILL");
    await eventually("the broker to be gone", () => {
      try {
        process.kill(pid, 0);
        return false;
      } catch {
        return true;
      }
    });
    await eventually("its folder to be gone", () => !existsSync(folder));
  });
});
