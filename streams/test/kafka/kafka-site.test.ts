import { createTopic } from "@landfall/brokers/create-topic";
import { skipWithoutKafka } from "@landfall/brokers/for-tests";
import { START_MS_MAX, startKafka, type KafkaCluster } from "@landfall/brokers/kafka";
import { ConfigResourceTypes, Kafka, Partitioners, logLevel, type Admin } from "kafkajs";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TravellingRetention } from "@landfall/proto/api";
import { systemEnv, type Env } from "../../src/env.js";
import { openKafkaStore } from "../../src/kafka/open-kafka-store.js";
import type { LandfallError } from "../../src/model/errors.js";
import { streamName } from "../../src/model/names.js";
import { rulesTopic, writeRules } from "../../src/settings/fleet/document.js";
import type { KafkaSettings } from "../../src/settings/node-settings.js";
import type { LocalStore, Retention } from "../../src/store/store.js";
import { KAFKA_STREAM, KafkaWriting, heldIn, holdsAll, record } from "../../testing/kafka-writing.js";
import { closingAfterEach } from "../../testing/closing.js";
import { until } from "../../testing/until.js";
import { startTestNode } from "../support/test-node.js";

const HOUR_MS = 3_600_000;
/** For which the time within which a start gives up is over after a moment. */
const IMPATIENT: Env = { ...systemEnv, monotonic: () => systemEnv.monotonic() * 100 };
const EXAMPLE = fileURLToPath(new URL("../../../docs/examples/kafka-consumer.mjs", import.meta.url));
const skip = await skipWithoutKafka();

describe.skipIf(skip)("a site on Kafka", () => {
  let kafka: KafkaCluster;
  const closing = closingAfterEach();
  let sites = 0;

  beforeAll(async () => {
    kafka = await startKafka({
      listeners: { SECURE: { protocol: "SASL_SSL" }, MUTUAL: { protocol: "SSL" } },
      settings: { "listener.name.mutual.ssl.client.auth": "required" },
    });
  }, START_MS_MAX);
  afterAll(() => kafka?.close());

  const newPrefix = () => `site-${++sites}.`;

  interface Opening {
    readonly node?: string;
    readonly folder?: string;
    readonly topicPrefix: string;
    readonly kafka?: Partial<KafkaSettings>;
    /** Of every stream; it may change. */
    readonly retention?: () => Retention;
    readonly isRetentionKnown?: () => boolean;
    readonly timers?: Env;
  }

  interface Opened {
    readonly store: LocalStore & { readonly warning: string | undefined };
    readonly refused: string[];
    readonly fatal: LandfallError[];
  }

  async function open({ node = "a", folder, topicPrefix, kafka: over, ...more }: Opening): Promise<Opened> {
    const [refused, fatal]: [string[], LandfallError[]] = [[], []];
    const store = await openKafkaStore({
      folder: folder ?? (await closing.folder("kafka")),
      site: "tokyo",
      node,
      env: systemEnv,
      kafka: { brokers: kafka.brokers, topicPrefix, partitions: 2, ...over },
      ...more,
      onRefused: (code, message) => refused.push(`${code} ${message}`),
      onFatal: (error) => fatal.push(error),
    });
    closing.push(() => store.close());
    return { store, refused, fatal };
  }

  async function write(store: LocalStore, appends: number): Promise<KafkaWriting> {
    const writing = new KafkaWriting(store);
    writing.begin();
    await until(() => writing.acknowledged.size >= appends * 25);
    await writing.end();
    return writing;
  }

  async function connected(): Promise<Admin> {
    const admin = operator().admin();
    await admin.connect();
    closing.push(() => admin.disconnect());
    return admin;
  }

  async function settingsOf(admin: Admin, topic: string): Promise<Record<string, string>> {
    const resource = { type: ConfigResourceTypes.TOPIC, name: topic };
    const { resources } = await admin.describeConfigs({ resources: [resource], includeSynonyms: false });
    return Object.fromEntries(resources[0]?.configEntries.map((one) => [one.configName, one.configValue]) ?? []);
  }

  const operator = () => new Kafka({ clientId: "operator", brokers: kafka.brokers, logLevel: logLevel.NOTHING });

  it("S1, S2: a restart neither misses nor repeats, and goes on with the numbers", async () => {
    const [topicPrefix, folder] = [newPrefix(), await closing.folder("kafka")];
    const { store } = await open({ topicPrefix, folder });
    const first = await write(store, 40);
    await store.close();
    const again = await open({ topicPrefix, folder });
    await holdsAll(again.store, first);
    const { origin } = store;
    expect(again.store.origin).toBe(origin);
    const [next] = await again.store.append(KAFKA_STREAM, [record(1_000_000)]);
    expect(next?.seq).toBe(first.acknowledged.size);
  });

  it("S1: a node that lost its folder has all of it again, from Kafka", async () => {
    const topicPrefix = newPrefix();
    const { store } = await open({ topicPrefix });
    const written = await write(store, 40);
    await store.close();
    const { store: rebuilt } = await open({ topicPrefix });
    expect(rebuilt.origin).not.toBe(store.origin);
    await holdsAll(rebuilt, written);
    // With numbers of its own from now on.
    const [own] = await rebuilt.append(KAFKA_STREAM, [record(1_000_000)]);
    expect(own?.seq).toBe(0);
  });

  it("each node of the site takes records, and has those of the other", async () => {
    const topicPrefix = newPrefix();
    const a = await open({ topicPrefix, node: "a" });
    const b = await open({ topicPrefix, node: "b" });
    const [one, other] = await Promise.all([write(a.store, 20), write(b.store, 20)]);
    for (const { store } of [a, b]) {
      await until(() => {
        const held = Object.values(store.vector(KAFKA_STREAM)).reduce((sum, next) => sum + next, 0);
        return held === one.acknowledged.size + other.acknowledged.size;
      });
    }
    expect(a.store.vector(KAFKA_STREAM)).toEqual(b.store.vector(KAFKA_STREAM));
    const names = [...one.acknowledged.values(), ...other.acknowledged.values()].sort();
    for (const { store } of [a, b]) expect([...(await heldIn(store)).values()].flat().sort()).toEqual(names);
    expect([...a.refused, ...b.refused]).toEqual([]);
  });

  it("of two processes with one name, the later one writes, and the earlier one says that it is fenced", async () => {
    const topicPrefix = newPrefix();
    const early = await open({ topicPrefix });
    const written = await write(early.store, 10);
    const late = await open({ topicPrefix });
    await late.store.append(KAFKA_STREAM, [record(1_000_000)]);
    await expect(early.store.append(KAFKA_STREAM, [record(2_000_000)])).rejects.toMatchObject({ code: "FENCED" });
    expect(early.fatal.map(({ code }) => code)).toEqual(["FENCED"]);
    expect(early.fatal[0]?.message).toMatch(/tokyo\.a/);
    expect([...(await heldIn(late.store)).keys()]).not.toContain(2_000_000);
    await holdsAll(late.store, written);
  });

  it("S2: what a broker refuses for good takes no number, and what it had taken before keeps its own", async () => {
    const topicPrefix = newPrefix();
    const { store } = await open({ topicPrefix });
    await store.append(KAFKA_STREAM, [record(0)]);
    const admin = operator().admin();
    await admin.connect();
    const configEntries = [{ name: "max.message.bytes", value: "3000" }];
    const resource = { type: ConfigResourceTypes.TOPIC, name: topicPrefix + KAFKA_STREAM, configEntries };
    await admin.alterConfigs({ validateOnly: false, resources: [resource] });
    const large = { ...record(1), value: new Uint8Array(100_000) };
    const refused = async () =>
      store.append(KAFKA_STREAM, [large]).then(
        () => false,
        (error: LandfallError) => error.code === "INVALID_SETTINGS",
      );
    let seqs = 1;
    // Until the broker has heard of it.
    while (!(await refused())) seqs++;
    for (let i = 0; i < 20; i++) {
      const small = store.append(KAFKA_STREAM, [record(10 + i)]);
      // In the turn behind, so that it is in a batch of its own or not.
      const outcomes = await Promise.allSettled([small, store.append(KAFKA_STREAM, [large])]);
      expect(outcomes[1]?.status).toBe("rejected");
      if (outcomes[0]?.status === "fulfilled") expect(outcomes[0].value[0]?.seq).toBe(seqs++);
    }
    expect((await store.append(KAFKA_STREAM, [record(99)]))[0]?.seq).toBe(seqs++);
    await admin.disconnect();
    const other = await open({ topicPrefix, node: "b" });
    expect(other.store.vector(KAFKA_STREAM)).toEqual({ [store.origin]: seqs });
    expect(other.store.gaps(KAFKA_STREAM)).toEqual([]);
    expect(other.refused).toEqual([]);
  });

  it("R6: what Kafka expired before a node read it is a gap that says so", async () => {
    const topicPrefix = newPrefix();
    const { store } = await open({ topicPrefix });
    const written = await write(store, 20);
    const admin = operator().admin();
    await admin.connect();
    const topic = `${topicPrefix}${KAFKA_STREAM}`;
    const ends = await admin.fetchTopicOffsets(topic);
    const [{ partition, high } = { partition: 0, high: "0" }] = ends.filter(({ high }) => Number(high) > 10);
    // What expiry does, without waiting for Kafka's cleaner.
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(Number(high) - 10) }] });
    await admin.disconnect();
    await store.append(KAFKA_STREAM, [record(1_000_000)]);
    const { store: late } = await open({ topicPrefix, node: "b" });
    await until(() => (late.vector(KAFKA_STREAM)[store.origin] ?? 0) === written.acknowledged.size + 1);
    expect(late.gaps(KAFKA_STREAM)).toMatchObject([{ origin: store.origin, from: 0, reason: "expired" }]);
    const held = (await heldIn(late)).size;
    const gap = late.gaps(KAFKA_STREAM)[0];
    expect(held).toBe(written.acknowledged.size + 1 - Number(gap?.to));
    // Who had read it keeps it.
    expect(store.gaps(KAFKA_STREAM)).toEqual([]);
  });

  it("S5: a topic is kept as long as its stream, and what an operator has set of it stays", async () => {
    const topicPrefix = newPrefix();
    const topic = `${topicPrefix}${KAFKA_STREAM}`;
    const hour = await open({ topicPrefix, retention: () => ({ ageMs: HOUR_MS }) });
    await hour.store.append(KAFKA_STREAM, [record(1)]);
    const admin = await connected();
    expect(await settingsOf(admin, topic)).toMatchObject({ "retention.ms": "3600000", "cleanup.policy": "delete" });
    const own = await settingsOf(admin, topic);
    const configEntries = [
      ...["retention.ms", "max.message.bytes", "message.timestamp.type"].map((name) => ({
        name,
        value: own[name] ?? "",
      })),
      { name: "segment.bytes", value: "1234567" },
    ];
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }];
    await admin.alterConfigs({ validateOnly: false, resources });
    await hour.store.close();
    await open({ topicPrefix, node: "b", retention: () => ({ ageMs: 2 * HOUR_MS, bytes: 10_000_000 }) });
    await until(async () => (await settingsOf(admin, topic))["retention.ms"] === "7200000");
    expect(await settingsOf(admin, topic)).toMatchObject({ "retention.bytes": "5000000", "segment.bytes": "1234567" });
  });

  it("S5: no topic is cut shorter before all rules are known; then, and whenever they change, it follows them", async () => {
    const topicPrefix = newPrefix();
    const before = await open({ topicPrefix, retention: () => ({ ageMs: 5 * HOUR_MS }) });
    await before.store.append(KAFKA_STREAM, [record(1)]);
    await before.store.close();
    let hours = 1;
    let isKnown = false;
    let looks = 0;
    const isRetentionKnown = (): boolean => {
      looks++;
      return isKnown;
    };
    const { store } = await open({ topicPrefix, retention: () => ({ ageMs: hours * HOUR_MS }), isRetentionKnown });
    const later = streamName("bigblue.ships");
    await store.append(later, [record(2)]);
    const admin = await connected();
    const hoursOf = async (stream: string): Promise<number> =>
      Number((await settingsOf(admin, topicPrefix + stream))["retention.ms"]) / HOUR_MS;
    // Both were looked at, and once more.
    const made = looks;
    await until(() => looks >= made + 4);
    expect([await hoursOf(KAFKA_STREAM), (await hoursOf(later)) < 0]).toEqual([5, true]);
    isKnown = true;
    for (const now of [1, 3]) {
      hours = now;
      for (const stream of [KAFKA_STREAM, later]) await until(async () => (await hoursOf(stream)) === now);
    }
  });

  it("S5: a rule that travels changes the topic, and stands before what the node itself was told when it starts again", async () => {
    const topicPrefix = newPrefix();
    const data = await closing.folder("kafka");
    const settings = {
      data,
      access: [{ stream: "bigblue.*", produce: "g:bigblue-sites" }],
      retention: [{ stream: "bigblue.*", days: 1 }],
      log: { kafka: { brokers: kafka.brokers, topicPrefix, partitions: 1 } },
    };
    const node = await startTestNode(settings);
    await node.put("bigblue.containers", "CSQU3054383", "{}");
    const admin = await connected();
    const daysOf = async (): Promise<number> =>
      Number((await settingsOf(admin, `${topicPrefix}bigblue.containers`))["retention.ms"]) / (24 * HOUR_MS);
    await until(async () => (await daysOf()) === 1);
    const rules: TravellingRetention[] = [{ stream: "bigblue.containers", days: 30 }];
    const document = writeRules({ kind: "rules", version: 1, key: "retention", rules });
    await node.put("bigblue.settings", rulesTopic("retention"), document);
    await until(async () => (await daysOf()) === 30);
    await node.close();
    const again = await startTestNode(settings);
    expect(await daysOf()).toBe(30);
    await again.put("bigblue.containers", "CSQU3054383", "{}");
    expect(await daysOf()).toBe(30);
    await again.close();
  });

  it("a plain consumer reads it with no more than docs/kafka.md says", async () => {
    const topicPrefix = newPrefix();
    const { store } = await open({ topicPrefix });
    const value = Buffer.from([0, 255, 123]);
    const given = await store.append(KAFKA_STREAM, [
      record(7),
      { ...record(8), value, headers: { booking: "Ä7", "content-type": "application/octet-stream" } },
    ]);
    const topic = `${topicPrefix}${KAFKA_STREAM}`;
    const consumer = spawn(process.execPath, [EXAMPLE, kafka.brokers.join(), topic], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(consumer, "exit");
    const lines: unknown[] = [];
    createInterface({ input: consumer.stdout }).on("line", (line) => lines.push(JSON.parse(line)));
    await until(() => lines.length === 2 || consumer.exitCode !== null);
    consumer.kill("SIGINT");
    await ended;
    const { origin } = store;
    expect(lines).toMatchObject([
      {
        topic: record(7).topic,
        origin,
        seq: 0,
        offset: given[0]?.offset,
        timestamp: record(7).timestamp,
        headers: {},
        value: '{"n":7}',
      },
      {
        topic: record(8).topic,
        origin,
        seq: 1,
        offset: given[1]?.offset,
        received: given[1]?.received,
        headers: { booking: "Ä7" },
      },
    ]);
  });

  it("warns that one broker is not safe against a power cut", async () => {
    const { store } = await open({ topicPrefix: newPrefix() });
    expect(store.warning).toMatch(/one broker.*power cut/);
  });

  describe("bad input at the start", () => {
    const refusal = (opening: Opening) =>
      open(opening).then(
        () => undefined,
        (error: LandfallError) => error,
      );

    it("dead entries in the list of brokers are passed over", async () => {
      const { store } = await open({ topicPrefix: newPrefix(), kafka: { brokers: ["127.0.0.1:1", ...kafka.brokers] } });
      expect(await store.append(KAFKA_STREAM, [record(1)])).toHaveLength(1);
    });

    it("no broker that answers: UNAVAILABLE, and which ones were tried", async () => {
      const brokers = ["127.0.0.1:1", "127.0.0.1:2"];
      const error = await refusal({ topicPrefix: newPrefix(), kafka: { brokers }, timers: IMPATIENT });
      expect(error).toMatchObject({ code: "UNAVAILABLE" });
      expect(error?.message).toMatch(/127\.0\.0\.1:1.*127\.0\.0\.1:2/s);
      expect(error?.message).toMatch(/log\.kafka\.brokers/);
    });

    describe("brokers that ask who it is", () => {
      const files = async (): Promise<Record<"ca" | "cert" | "key" | "password", string>> => {
        const folder = await closing.folder("kafka");
        const { ca = "", client } = kafka.certificates ?? {};
        const texts = {
          ca,
          cert: client?.cert ?? "",
          key: client?.key ?? "",
          password: `${kafka.users[0]?.password}\n`,
        };
        const written = Object.entries(texts).map(async ([name, text]) => {
          await writeFile(join(folder, name), text);
          return [name, join(folder, name)] as const;
        });
        return Object.fromEntries(await Promise.all(written)) as Awaited<ReturnType<typeof files>>;
      };
      const username = (): string => kafka.users[0]?.name ?? "";

      const WAYS = (["plain", "scram-sha-256", "scram-sha-512"] as const).flatMap((mechanism) =>
        (["password", "passwordFile"] as const).map((how) => [mechanism, how] as const),
      );
      it.each(WAYS)("SASL %s over TLS signs in with a %s", async (mechanism, how) => {
        const { ca, password } = await files();
        const given = how === "password" ? { password: kafka.users[0]?.password ?? "" } : { passwordFile: password };
        const sasl = { mechanism, username: username(), ...given };
        const secure = { brokers: kafka.addresses("SECURE"), tls: { ca }, sasl };
        const { store } = await open({ topicPrefix: newPrefix(), kafka: secure });
        expect(await store.append(KAFKA_STREAM, [record(1)])).toHaveLength(1);
      });

      it.each(["plain", "scram-sha-256", "scram-sha-512"] as const)(
        "SASL %s with a wrong password: UNAUTHENTICATED, which broker said so, and what to look at",
        async (mechanism) => {
          const { ca } = await files();
          const sasl = { mechanism, username: username(), password: "guessed" };
          const secure = { brokers: kafka.addresses("SECURE"), tls: { ca }, sasl };
          const error = await refusal({ topicPrefix: newPrefix(), kafka: secure });
          expect(error).toMatchObject({ code: "UNAUTHENTICATED" });
          expect(error?.message).toMatch(/127\.0\.0\.1:\d+.*log\.kafka\.sasl/s);
        },
      );

      it("a certificate of its own signs in; without one no broker answers, and it says what to look at", async () => {
        const { ca, cert, key } = await files();
        const brokers = kafka.addresses("MUTUAL");
        const { store } = await open({ topicPrefix: newPrefix(), kafka: { brokers, tls: { ca, cert, key } } });
        expect(await store.append(KAFKA_STREAM, [record(1)])).toHaveLength(1);
        const error = await refusal({ topicPrefix: newPrefix(), kafka: { brokers, tls: { ca } }, timers: IMPATIENT });
        expect(error).toMatchObject({ code: "UNAVAILABLE" });
        expect(error?.message).toMatch(/127\.0\.0\.1:\d+.*log\.kafka\.tls/s);
      });
    });

    it("a topic with other partitions: INVALID_SETTINGS, where, how many there are, and what to do", async () => {
      const topicPrefix = newPrefix();
      const { store } = await open({ topicPrefix });
      await store.append(KAFKA_STREAM, [record(1)]);
      const error = await refusal({ topicPrefix, node: "b", kafka: { partitions: 5 } });
      expect(error).toMatchObject({ code: "INVALID_SETTINGS" });
      expect(error?.message).toContain(kafka.brokers[0]);
      expect(error?.message).toMatch(/has 2 partitions.*set log\.kafka\.partitions to 2/s);
    });

    it("a topic with foreign records: UNSUPPORTED_FORMAT, where, and what to do; one among ours is passed over, and told", async () => {
      const producer = operator().producer({ createPartitioner: Partitioners.DefaultPartitioner });
      const admin = operator().admin();
      await Promise.all([producer.connect(), admin.connect()]);
      closing.push(
        () => producer.disconnect(),
        () => admin.disconnect(),
      );
      const foreign = newPrefix();
      await createTopic(admin, `${foreign}orders`, 2);
      await producer.send({ topic: `${foreign}orders`, messages: [{ partition: 0, key: "1", value: "an order" }] });
      const error = await refusal({ topicPrefix: foreign });
      expect(error).toMatchObject({ code: "UNSUPPORTED_FORMAT" });
      expect(error?.message).toMatch(new RegExp(`${foreign}orders at ${kafka.brokers[0]} .*topicPrefix`, "s"));

      const topicPrefix = newPrefix();
      const { store, refused } = await open({ topicPrefix });
      await store.append(KAFKA_STREAM, [record(1)]);
      const stray = [0, 1].map((partition) => ({ partition, key: "x", value: "stray" }));
      await producer.send({ topic: `${topicPrefix}${KAFKA_STREAM}`, messages: stray });
      await until(() => refused.length === 2);
      expect(refused[0]).toMatch(/FOREIGN_RECORD.*offset \d+/);
      await store.append(KAFKA_STREAM, [record(2)]);
      expect(new Set((await heldIn(store)).keys())).toEqual(new Set([1, 2]));
    });
  });
});
