/**
 * Real Kafka brokers, for tests, demo and benchmarks; nothing here is an imitation. Where they come from: `KAFKA_BROKERS` if it is
 * set, else Docker (image apache/kafka) if an engine answers, else Java 17 with Maven (test/kafka/pom.xml; fetched once,
 * kept in the user's cache). A test uses them so:
 *
 * ```ts
 * import { startKafka, type KafkaCluster } from "@landfall/brokers/kafka";
 * import { skipWithoutKafka } from "@landfall/brokers/for-tests";
 * import { KAFKA_VERSIONS } from "@landfall/brokers/versions";
 *
 * const skip = await skipWithoutKafka();       // says so; a failure where LANDFALL_REQUIRE names kafka
 * describe.skipIf(skip).each(KAFKA_VERSIONS)("on Kafka %s", (version) => {
 *   let kafka: KafkaCluster;
 *   beforeAll(async () => void (kafka = await startKafka({ version, brokers: 3 })), START_MS_MAX);
 *   afterAll(() => kafka.close());
 *   test("…", () => connect(kafka.brokers));    // kill(i), pause(i), resume(i), stop(i), restart(i), start()
 * });
 * ```
 *
 * What needs no control of the brokers asks `forBrokers(version)` (for-tests) instead, which takes those of `KAFKA_BROKERS` too.
 *
 * A start costs about 4 s of a core for one broker (1 s to format, 3 s to start) and 340 MB, three times that for
 * three. Clusters are independent: two at once do not meet. They end with the process that started them, however that ends.
 */
import { mkdirSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { choosePorts, KafkaCluster, temporaryFolder, type ClusterPlan } from "./cluster.js";
import { DockerRunner } from "./docker.js";
import { BrokersError } from "./errors.js";
import { JavaRunner } from "./java.js";
import type { KafkaUser, ListenerWish } from "./properties.js";
import { lostItsPort } from "./ready.js";
import type { Runner, RunnerOptions } from "./runner.js";
import { KAFKA_DEFAULT } from "./versions.js";
import { requireKafka, type KafkaWay } from "./ways.js";

export { KafkaCluster } from "./cluster.js";
export type { KafkaUser, ListenerWish } from "./properties.js";

/** For the hook that starts brokers: a first download, and a machine busy with other tests. */
export const START_MS_MAX = 10 * 60_000;
/** How often ports that others took meanwhile are chosen anew. */
const PORT_TRIES_MAX = 4;
/** A small heap and the quick compiler: right for tests, not for measurements. */
const JVM_SMALL = ["-Xmx256m", "-XX:TieredStopAtLevel=1"];

export interface KafkaWishes {
  /** By default the newest that is supported. */
  readonly version?: string;
  /** 1 (by default) or 3; with three, topics have three copies of which two must be written. */
  readonly brokers?: number;
  /** Listeners by name, beside PLAINTEXT: `{ SECURE: { protocol: "SASL_SSL" } }`. */
  readonly listeners?: Readonly<Record<string, ListenerWish>>;
  /** Who may sign in over SASL; by default `landfall` with the password `landfall`. */
  readonly users?: readonly KafkaUser[];
  /** Further lines of `server.properties`; they win over ours. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Options of the Java machine instead of a heap of 256 MB and the quick compiler. */
  readonly jvm?: readonly string[];
  /** Where the brokers keep their data for the next start; absent: under the system's folder for temporary files, removed at the end. */
  readonly folder?: string;
  /** Ports of the listener PLAINTEXT, one for each broker; absent: chosen freely. */
  readonly ports?: readonly number[];
}

/**
 * Starts brokers of our own and waits until they answer.
 * @throws BrokersError NO_WAY, NOT_OURS where `KAFKA_BROKERS` is set, UNAVAILABLE with what Kafka said
 */
export async function startKafka(wishes: KafkaWishes = {}): Promise<KafkaCluster> {
  const { version = KAFKA_DEFAULT, brokers = 1, listeners = {}, ports } = wishes;
  const way = await requireKafka(version);
  if (way.kind === "given") {
    throw new BrokersError("NOT_OURS", "KAFKA_BROKERS is set: nobody here starts or stops those brokers");
  }
  const folder = wishes.folder === undefined ? temporaryFolder() : resolve(wishes.folder);
  mkdirSync(folder, { recursive: true });
  const plan: ClusterPlan = {
    version,
    brokers,
    listeners: { PLAINTEXT: { protocol: "PLAINTEXT" }, ...listeners },
    users: wishes.users ?? [{ name: "landfall", password: "landfall" }],
    settings: wishes.settings ?? {},
    folder,
    temporary: wishes.folder === undefined,
    ...(ports !== undefined && { plainPorts: ports }),
  };
  for (let tries = 1; ; tries++) {
    const cluster = await laid(plan, way, wishes.jvm ?? JVM_SMALL);
    try {
      await cluster.start();
      return cluster;
    } catch (error) {
      const isTaken = Array.from({ length: brokers }, (_, index) => index).some((index) => lostItsPort(cluster, index));
      await cluster.close();
      if (!isTaken || tries === PORT_TRIES_MAX) throw error;
      for (let node = 1; node <= brokers; node++) rmSync(`${folder}/node-${node}.log`, { force: true });
    }
  }
}

async function laid(
  plan: ClusterPlan,
  way: Exclude<KafkaWay, { kind: "given" }>,
  jvm: readonly string[],
): Promise<KafkaCluster> {
  const ports = await choosePorts(plan);
  const options: RunnerOptions = {
    version: plan.version,
    brokers: plan.brokers,
    folder: plan.folder,
    jvm,
    temporary: plan.temporary,
    published: (index) => Object.keys(plan.listeners).map((name) => ports[index]?.[name] ?? 0),
  };
  const runner: Runner = way.kind === "docker" ? new DockerRunner(options) : new JavaRunner(way.java, options);
  await runner.prepare();
  return KafkaCluster.lay(plan, runner, ports);
}
