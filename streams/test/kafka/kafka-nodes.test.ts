import { forBrokers, skipWithoutKafka } from "@landfall/brokers/for-tests";
import { START_MS_MAX } from "@landfall/brokers/kafka";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemEnv } from "../../src/env.js";
import type { KafkaStore } from "../../src/kafka/kafka-store.js";
import { openKafkaStore } from "../../src/kafka/open-kafka-store.js";
import { LandfallError } from "../../src/model/errors.js";
import { streamName, topicName } from "../../src/model/names.js";
import type { TimestampMs } from "../../src/model/record.js";
import type { LinkSettings } from "../../src/settings/node-settings.js";
import type { LocalStore, SharedLog } from "../../src/store/store.js";
import { startTestNode, startTestNodeOn, testSite, type TestNode } from "../../testing/test-node.js";
import { testProxy, type TestProxy } from "../../testing/test-proxy.js";
import { closingAfterEach } from "../../testing/closing.js";
import { insteadOf } from "../../testing/instead-of.js";
import { until } from "../../testing/until.js";

const STREAMS = ["bigblue.containers", "bigblue.ships", "duckworks.containers", "duckworks.alerts"].map((name) =>
  streamName(name),
);
const TOPIC = topicName("CSQU3054383");
const SHIPS = ["ship-1", "ship-2", "ship-3", "ship-4"];
const SITES = [...SHIPS, "tokyo"].map((site) => testSite(site));
const KEYS = SHIPS.length * STREAMS.length;
const RECORDS = 500;

const skip = await skipWithoutKafka({ control: false });

describe.skipIf(skip)("several nodes of a site on Kafka, and the ships that call there", () => {
  let kafka: Awaited<ReturnType<typeof forBrokers>>;
  const closing = closingAfterEach();
  let prefixes = 0;
  let topicPrefix = "";
  let ships: TestNode[] = [];

  beforeAll(async () => void (kafka = await forBrokers()), START_MS_MAX);
  afterAll(() => kafka?.close());

  async function sail(): Promise<void> {
    topicPrefix = `nodes-${process.pid}-${++prefixes}.`;
    ships = await Promise.all(
      SHIPS.map(async (site) => startTestNode({ site, folder: await closing.folder(site), sites: SITES, wants: [] })),
    );
    for (const ship of ships) closing.push(() => ship.close());
  }

  /** A node of Tokyo, with a line of its own to each ship. */
  async function tokyo(
    node: string,
    watched = (store: KafkaStore): LocalStore => store,
  ): Promise<{ readonly node: TestNode<LocalStore>; readonly lines: TestProxy[] }> {
    const folder = await closing.folder(`tokyo-${node}`);
    const lines = await Promise.all(ships.map((ship) => testProxy(ship.replicator.port as number, 1)));
    for (const line of lines) closing.push(() => line.close());
    const links = ships.map(({ site }, i): LinkSettings => ({
      id: `tokyo.${node}~${site}`,
      to: site,
      class: "port",
      address: `127.0.0.1:${lines[i]?.port}`,
      carries: ["*"],
    }));
    const settings = { brokers: kafka.brokers, topicPrefix, partitions: 2 };
    const open = (): Promise<KafkaStore> =>
      openKafkaStore({ folder, site: "tokyo", node, env: systemEnv, kafka: settings });
    const started = await startTestNodeOn(open, { site: "tokyo", node, folder, sites: SITES, links, watched });
    closing.push(() => started.close());
    return { node: started, lines };
  }

  async function write(count = RECORDS): Promise<void> {
    for (const stream of STREAMS) {
      for (const { store } of ships) {
        const records = Array.from({ length: count }, (_, i) => ({
          topic: TOPIC,
          timestamp: (1_770_000_000_000 + i) as TimestampMs,
          value: Buffer.from(`{"n":${i}}`),
        }));
        await store.append(stream, records);
      }
    }
  }

  const held = ({ store }: TestNode<LocalStore>): number =>
    STREAMS.flatMap((stream) => Object.values(store.vector(stream))).reduce((sum, next) => sum + next, 0);
  const holds = async (nodes: readonly TestNode<LocalStore>[], count: number): Promise<void> =>
    until(() => nodes.every((node) => held(node) >= count));

  /** Records that came to a node from other sites. */
  async function crossed({ registry }: TestNode<LocalStore>): Promise<number> {
    const counter = registry.getSingleMetric("landfall_replication_received_records_total");
    return (await counter?.get())?.values[0]?.value ?? 0;
  }

  it(
    "R3: share out what they ask for; each record crosses once, and is at every node",
    { timeout: 120_000 },
    async () => {
      await sail();
      const [a, b, c] = await Promise.all([tokyo("a"), tokyo("b"), tokyo("c")]);
      const nodes = [a, b, c].map(({ node }) => node);
      let shares: number[] = [];
      let rounds = 0;
      // The first to be there may have all of a small backlog before the others have said what they could do.
      while (shares.filter((share) => share > 0).length < 2) {
        await write();
        await holds(nodes, ++rounds * KEYS * RECORDS);
        shares = await Promise.all(nodes.map(crossed));
      }
      expect(shares.reduce((sum, share) => sum + share, 0)).toBe(rounds * KEYS * RECORDS);
      for (const node of nodes) expect([held(node), node.reported]).toEqual([rounds * KEYS * RECORDS, []]);
      const sisters = () => a.node.replicator.shared()?.nodes ?? [];
      await until(() => sisters().length === 2);
      expect(sisters()).toEqual(["tokyo.b", "tokyo.c"]);
      await until(() => nodes.reduce((sum, { replicator }) => sum + (replicator.shared()?.asksFor ?? 0), 0) === KEYS);
    },
  );

  it("R1: a log that could not be read to its end is read again, before anything is asked for", async () => {
    await sail();
    await write();
    let refused = 0;
    const a = await tokyo("a", (store) => {
      const { shared } = store;
      const settled: SharedLog["settled"] = (...asked) => {
        if (refused === KEYS) return shared.settled(...asked);
        refused++;
        return Promise.reject(new LandfallError("UNAVAILABLE", "the disk does not answer"));
      };
      return insteadOf(store, { shared: { ...shared, settled } });
    });
    await holds([a.node], KEYS * RECORDS);
    expect([refused, await crossed(a.node)]).toEqual([KEYS, KEYS * RECORDS]);
  });

  it("R3: a node that joins takes its share, and one that leaves hands it over", { timeout: 120_000 }, async () => {
    await sail();
    const a = (await tokyo("a")).node;
    await write();
    await holds([a], KEYS * RECORDS);
    const b = (await tokyo("b")).node;
    let rounds = 1;
    // Until it has been seen to ask for some of it.
    while ((await crossed(b)) === 0) {
      await write();
      await holds([a, b], ++rounds * KEYS * RECORDS);
    }
    expect((await crossed(a)) + (await crossed(b))).toBe(rounds * KEYS * RECORDS);
    const before = await crossed(b);
    await a.close();
    await write();
    await holds([b], (rounds + 1) * KEYS * RECORDS);
    expect(await crossed(b)).toBe(before + KEYS * RECORDS);
  });

  it(
    "R1, R3: where a node's lines are cut, another asks; nothing is asked for twice",
    { timeout: 120_000 },
    async () => {
      await sail();
      const [a, b] = await Promise.all([tokyo("a"), tokyo("b")]);
      const nodes = [a.node, b.node];
      await write();
      await holds(nodes, KEYS * RECORDS);
      for (const line of a.lines) await line.close();
      await until(() => a.node.replicator.links().every(({ state }) => state !== "up"));
      const before = await crossed(a.node);
      await write();
      await holds(nodes, 2 * KEYS * RECORDS);
      expect(await crossed(a.node)).toBe(before);
      expect((await crossed(a.node)) + (await crossed(b.node))).toBe(2 * KEYS * RECORDS);
    },
  );
});
