import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startKafka, type KafkaCluster } from "@landfall/brokers/kafka";
import { MirrorMaker } from "@landfall/brokers/mirror-maker";
import { freePorts as lowPorts } from "@landfall/brokers/ports";
import type { StreamsReply } from "@landfall/proto/api";
import { LinkProxy } from "@landfall/proto/link-proxy/link-proxy";
import { topicName } from "@landfall/streams/model/names";
import type { TimestampMs } from "@landfall/streams/model/record";
import { seededRandom } from "@landfall/streams/testing/seeded-random";
import { simulateTelemetry } from "@landfall/streams/testing/telemetry";
import { Kafka, logLevel } from "kafkajs";
import { askJson } from "../../support/client.js";
import { eventually } from "../../support/eventually.js";
import { freePorts } from "../../support/free-ports.js";
import { openSwitch } from "../../support/link-switch.js";
import { Service } from "../../support/service.js";
import { JVM, openSite, PARTITIONS, STREAM, type Figures } from "./kafka-site.js";
import { BATCH } from "./workload.js";

const ALL_MS_MAX = 300_000;
const PORTS = ["port-a", "port-b"] as const;
const TOKEN = "token-of-the-benchmark";
/** A node of a site on Kafka that begins listens to the others for 1.5 s before it asks for anything: no port begins when a link comes up. */
const LISTENING_MS = 3_000;

/** The simulator's telemetry at port A; then to port B, by Landfall over its link and by MirrorMaker over another one. */
export async function ports(folder: string, records: number): Promise<Figures> {
  const [proxied] = await lowPorts(1);
  const a = await startKafka({ jvm: JVM });
  const b = await startKafka({
    jvm: JVM,
    listeners: { REMOTE: { protocol: "PLAINTEXT", advertisedPorts: [proxied ?? 0] } },
  });
  try {
    const held = await fillPort(join(folder, "port-a"), a.brokers, records);
    const landfall = await overLandfall(folder, a, b, held);
    const mirror = await overMirrorMaker(folder, a, b, held);
    return { ...landfall, ...mirror, percent: Math.round((100 * landfall.rate) / mirror.mirrorRate) };
  } finally {
    await a.close();
    await b.close();
  }
}

async function fillPort(folder: string, brokers: readonly string[], records: number): Promise<number> {
  const containers = 1_000;
  const reports = Math.ceil(records / containers);
  const telemetry = simulateTelemetry({ containers, reports, seed: 20_261_128, ownTimes: true });
  const store = await openSite(folder, brokers, PORTS[0]);
  for (let from = 0; from < telemetry.length; from += BATCH) {
    const batch = telemetry.slice(from, from + BATCH).map(({ container, timestamp, value }) => ({
      topic: topicName(container),
      timestamp: timestamp as TimestampMs,
      value: Buffer.from(value),
    }));
    await store.append(STREAM, batch);
  }
  await store.close();
  return telemetry.length;
}

/** Both ports as processes of their own. Counted as MirrorMaker is; `wholeRate` from the moment at which they have found each other. */
async function overLandfall(
  folder: string,
  a: KafkaCluster,
  b: KafkaCluster,
  records: number,
): Promise<{ readonly rate: number; readonly wholeRate: number; readonly bytes: number }> {
  const [listen = 0, httpA = 0, httpB = 0] = await freePorts(3);
  const link = await openSwitch(listen, false);
  const settings = (site: (typeof PORTS)[number], http: number, kafka: KafkaCluster) => ({
    site,
    node: "a",
    data: join(folder, site),
    http: { host: "127.0.0.1", port: http },
    sites: PORTS.map((name) => ({
      site: name,
      kind: "port",
      name,
      owner: "bigblue",
      groups: ["sites"],
      tokenSha256: createHash("sha256").update(`token-of-${name}`).digest("hex"),
    })),
    access: [{ stream: "bigblue.*", read: "g:ops", replicate: "g:sites", produce: "g:sites" }],
    tokens: [{ token: TOKEN, user: "ops", groups: ["ops"], roles: ["admin"] }],
    log: { kafka: { brokers: kafka.brokers, topicPrefix: `${site}.`, partitions: PARTITIONS } },
  });
  const address = `127.0.0.1:${link.port}`;
  const portA = new Service(
    "shore",
    {
      ...settings("port-a", httpA, a),
      replication: { token: "token-of-port-a", wants: ["*"], listen: `127.0.0.1:${listen}` },
    },
    folder,
  );
  const portB = new Service(
    "shore",
    {
      ...settings("port-b", httpB, b),
      replication: { token: "token-of-port-b", wants: ["*"] },
      links: [{ id: "port-b~port-a", to: "port-a", class: "wan", address }],
    },
    folder,
  );
  try {
    await Promise.all([portA.start(), portB.start()]);
    await sleep(LISTENING_MS);
    const before = link.bytes;
    link.restore();
    await eventually("a word over the link", async () => link.bytes > before, ALL_MS_MAX);
    const begun = performance.now();
    const held = async (): Promise<number> => {
      const { streams } = await askJson<StreamsReply>(portB, "/api/streams", TOKEN);
      return streams.find(({ name }) => name === STREAM)?.records ?? 0;
    };
    const first = await eventually("the first of it at port B", async () => (await held()) || undefined, ALL_MS_MAX);
    const start = performance.now();
    await eventually("all of it at port B", async () => (await held()) >= records, ALL_MS_MAX);
    const end = performance.now();
    const perSecond = (count: number, since: number): number => Math.round((1_000 * count) / (end - since));
    const bytes = Math.round(((link.bytes - before) / records) * 10) / 10;
    return { rate: perSecond(records - first, start), wholeRate: perSecond(records, begun), bytes };
  } finally {
    await Promise.all([portA.stop(), portB.stop()]);
    await link.close();
  }
}

/**
 * Beside port A, writing to port B: so that what crosses is compressed by its producer, with zstd. Counted is what comes after the
 * first records have, since it takes long to start.
 */
async function overMirrorMaker(
  folder: string,
  a: KafkaCluster,
  b: KafkaCluster,
  records: number,
): Promise<{ readonly mirrorRate: number; readonly mirrorBytes: number }> {
  const home = join(folder, "mirror");
  mkdirSync(home);
  const [listener = ""] = b.bound("REMOTE");
  const link = new LinkProxy({
    listen: { host: "127.0.0.1", port: portOf(b.addresses("REMOTE")[0]) },
    target: { host: "127.0.0.1", port: portOf(listener) },
    shape: { latencyMs: 0, kbps: 0, lossPct: 0 },
    random: seededRandom(1),
    // Each of its workers, tasks and clients has some.
    connectionsMax: 1_000,
  });
  await link.listen();
  link.setState("up");
  const one = Object.fromEntries(
    ["replication", "checkpoints.topic.replication", "heartbeats.topic.replication", "offset-syncs.topic.replication"]
      .concat(["offset.storage.replication", "status.storage.replication", "config.storage.replication"])
      .map((name) => [`${name}.factor`, "1"]),
  );
  const mirror = await MirrorMaker.start(
    {
      clusters: "A, B",
      "A.bootstrap.servers": a.brokers.join(),
      "B.bootstrap.servers": b.addresses("REMOTE").join(),
      "A->B.enabled": "true",
      "B->A.enabled": "false",
      "A->B.topics": `port-a.${STREAM}`,
      "tasks.max": "2",
      "emit.heartbeats.enabled": "false",
      "emit.checkpoints.enabled": "false",
      "A.consumer.max.poll.records": "10000",
      "A.consumer.fetch.min.bytes": "524288",
      "A.consumer.auto.offset.reset": "earliest",
      "B.producer.compression.type": "zstd",
      "B.producer.batch.size": "1048576",
      "B.producer.linger.ms": "50",
      "B.producer.buffer.memory": "134217728",
      ...one,
    },
    home,
  );
  const kafka = new Kafka({ clientId: "count", brokers: b.brokers, logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const arrived = async (): Promise<number> => {
    if (!mirror.isRunning) throw new Error(`MirrorMaker has ended; see ${home}`);
    const offsets = await admin.fetchTopicOffsets(`A.port-a.${STREAM}`).catch(() => []);
    return offsets.reduce((sum, { high }) => sum + Number(high), 0);
  };
  try {
    const first = await eventually("the first of it at port B", async () => (await arrived()) || undefined, ALL_MS_MAX);
    const [start, before] = [performance.now(), link.bytes];
    const last = await eventually(
      "all of it at port B",
      async () => {
        const now = await arrived();
        return now >= records ? now : undefined;
      },
      ALL_MS_MAX,
    );
    const seconds = (performance.now() - start) / 1_000;
    const moved = last - first;
    return {
      mirrorRate: Math.round(moved / seconds),
      mirrorBytes: Math.round(((link.bytes - before) / moved) * 10) / 10,
    };
  } finally {
    await admin.disconnect();
    await mirror.close();
    await link.close();
  }
}

function portOf(address = ""): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}
