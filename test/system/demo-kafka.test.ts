import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skipWithoutKafka } from "@landfall/brokers/for-tests";
import { Kafka, logLevel } from "kafkajs";
import type { StreamsReply, TopicsReply } from "@landfall/proto/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Demo, isAlive, portBaseOf } from "../support/demo.js";
import { eventually } from "../support/eventually.js";

const skip = await skipWithoutKafka();
const START_MS = 300_000;

describe.skipIf(skip)("the demo with its ports on Kafka: npm start -- --kafka", () => {
  const folder = mkdtempSync(join(tmpdir(), "landfall-demo-kafka-"));
  const portBase = portBaseOf(2);
  const broker = `127.0.0.1:${portBase + 9092}`;
  const args = ["--kafka", "--no-wait", "--speed", "2000", "--containers", "60", "--ships", "3"];
  const demo = new Demo(folder, portBase + 8080, portBase, args);

  beforeAll(() => demo.start(), START_MS);
  afterAll(async () => {
    await demo.interrupt();
    rmSync(folder, { recursive: true, force: true });
  });

  const prefix = () => (JSON.parse(readFileSync(join(folder, "demo.json"), "utf8")) as { kafka: string }).kafka;

  /** Records in the topics of a site, by what Kafka itself says. */
  async function countedBy(site: string): Promise<number> {
    const admin = new Kafka({ clientId: "test", brokers: [broker], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    try {
      const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(`${prefix()}.${site}.`));
      const offsets = await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic)));
      return offsets.flat().reduce((sum, { high }) => sum + Number(high), 0);
    } finally {
      await admin.disconnect();
    }
  }

  /** The same, once Kafka says so: it does not while a topic is being made. */
  const inKafka = (site: string): Promise<number> =>
    eventually(`what Kafka has of ${site}`, () => countedBy(site).catch(() => undefined), 150_000);

  /** Containers that a site knows. */
  async function containers(site: string): Promise<number> {
    const { url, token } = demo.token(site);
    const get = async <T>(path: string): Promise<T> =>
      (await (await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } })).json()) as T;
    const { streams } = await get<StreamsReply>("/api/streams");
    const owned = streams.filter(({ name }) => name.endsWith(".containers"));
    const topics = await Promise.all(
      owned.map(({ name }) => get<TopicsReply>(`/api/streams/${name}/topics?limit=1000`)),
    );
    return topics.reduce((sum, reply) => sum + reply.topics.length, 0);
  }

  /** Process of the demo's broker, by the folder in its command; not that of its keeper, which says the same. Undefined in Docker. */
  const brokerPid = (): number | undefined =>
    demo.processes().find(({ args }) => /^\S*java /.test(args) && args.includes("kafka.Kafka") && args.includes(folder))
      ?.pid;

  it("says where Kafka is, and what ships bring ashore is in Kafka and in Los Angeles", async () => {
    expect(demo.output).toContain(broker);
    await eventually(
      "a backlog in Kafka, Tokyo's, Singapore's or Sydney's",
      async () => {
        const counts = await Promise.all(["tokyo", "singapore", "sydney"].map(inKafka));
        return counts.every((count) => count > 0) && counts.some((count) => count > 500);
      },
      150_000,
    );
    await eventually("containers in Los Angeles", async () => (await containers("los-angeles")) >= 20, 150_000);
  });

  it("kill -9 of the broker: it comes back, and the ports go on", async () => {
    const before = brokerPid();
    if (before === undefined) return;
    const records = await inKafka("tokyo");
    process.kill(before, "SIGKILL");
    await eventually("another broker", () => {
      const now = brokerPid();
      return now !== undefined && now !== before;
    });
    await eventually(
      "more records in Tokyo's topics",
      async () => {
        const now = await inKafka("tokyo");
        return now > records;
      },
      150_000,
    );
  });

  it("stops everything with Ctrl-C, and the next start goes on from Kafka", { timeout: START_MS * 2 }, async () => {
    const pids = demo.children().map(({ pid }) => pid);
    const last = brokerPid();
    const known = await containers("tokyo");
    expect(await demo.interrupt()).toBe(0);
    const all = [...pids, ...(last === undefined ? [] : [last])];
    await eventually("the end of all its processes", () => !all.some(isAlive));
    expect(existsSync(join(folder, "kafka", "cluster-id"))).toBe(true);
    await demo.start();
    expect(await containers("tokyo")).toBeGreaterThanOrEqual(known);
  });
});
