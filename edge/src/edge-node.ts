import { join } from "node:path";
import { createNode, type NodeOptions } from "@landfall/streams/node/create-node";
import type { LandfallNode } from "@landfall/streams/node/node";
import { BookingFeed } from "./bookings/booking-feed.js";
import { BookingTable } from "./bookings/booking-table.js";
import { edgeCluster } from "./cluster/edge-cluster.js";
import { AppendBatcher } from "./ingest/append-batcher.js";
import { Deduplicator } from "./ingest/deduplicator.js";
import { Ingest } from "./ingest/ingest.js";
import { keyOfRecord } from "./ingest/topics.js";
import { LatestWriter } from "./latest/latest-writer.js";
import { MqttBroker } from "./mqtt/broker.js";
import { registerClusterMetrics, registerEdgeMetrics } from "./observe/edge-metrics.js";
import { Watch } from "./rules/watch.js";
import { onboardRules } from "./rules/onboard-rules.js";
import type { EdgeSettings } from "./settings.js";

/** A ship's or a yard's node: a node with an MQTT broker that stores what sensors publish. */
export interface EdgeNode {
  readonly node: LandfallNode;
  /** Port that MQTT listens on; undefined before `start`. */
  readonly mqttPort: number | undefined;
  /** Rebuilds what is known from the store, then listens: HTTP and replication first, sensors last. */
  start(): Promise<void>;
  /** Takes nothing new, finishes and acknowledges what is under way, closes everything. Idempotent. */
  close(): Promise<void>;
}

/** @throws LandfallError as `createNode`; `start` throws PORT_IN_USE */
export async function createEdgeNode(settings: EdgeSettings, options: NodeOptions = {}): Promise<EdgeNode> {
  return edgeNodeOn(await createNode(settings, options), settings);
}

/** Puts broker, ingest and rules on a node. */
export function edgeNodeOn(
  node: LandfallNode,
  settings: Pick<EdgeSettings, "mqtt" | "rules" | "latestSeconds">,
): EdgeNode {
  const { store, env, log, exceptions, self } = node;
  const bookings = new BookingTable();
  const carrierSites = new Set(node.settings.sites.filter(({ owner }) => owner === self.owner).map(({ site }) => site));
  const mayBook = (site: string) => carrierSites.has(site);
  const feed = new BookingFeed({ store, table: bookings, env, exceptions, mayBook });
  const cluster =
    node.settings.cluster &&
    edgeCluster(node, node.settings.cluster, {
      onRecord(stream, record) {
        deduplicator.note(keyOfRecord(stream, record.topic), record.timestamp);
        watch?.observeRecord(stream, record);
      },
      onDurable(stream, records) {
        for (const record of records) watch?.observeRecord(stream, record);
      },
    });
  const deduplicator = new Deduplicator(store, new AppendBatcher(cluster?.appender ?? store), cluster?.records);
  // A yard has no manifest of its own (LOAD and DISC are published on the ship), so nothing to watch by it.
  const watch =
    self.kind === "ship" && self.imo !== undefined
      ? new Watch({
          store,
          env,
          log,
          exceptions,
          site: self.site,
          owner: self.owner,
          imo: self.imo,
          bookings,
          rules: onboardRules(node, settings.rules),
          checkpointFile: join(node.settings.data, "edge", "rules.json"),
          ...(cluster && { cluster }),
        })
      : undefined;
  const { latestSeconds } = settings;
  const latest =
    latestSeconds === undefined
      ? undefined
      : new LatestWriter({ store, env, log, bookings, owner: self.owner, everySeconds: latestSeconds });
  const ingest = new Ingest({
    env,
    owner: self.owner,
    bookings,
    deduplicator,
    exceptions,
    tellsVia: cluster !== undefined && watch !== undefined,
    onStored: (reading, { client }) => {
      if (cluster?.tellsDurable !== true) watch?.observe(reading, client);
      latest?.observe(reading);
    },
    onOutcome: (outcome, refusal) => metrics.outcome(outcome, refusal),
  });
  const broker = new MqttBroker({
    settings: settings.mqtt,
    env,
    log,
    exceptions,
    publish: (publish) => ingest.publish(publish),
    onClient: (client, isConnected) => {
      if (isConnected) watch?.connected(client);
    },
  });
  const metrics = registerEdgeMetrics(node.registry, {
    clients: () => broker.clients,
    inflightBytes: () => broker.inflightBytes,
    lookups: () => deduplicator.lookups,
    bookedContainers: () => bookings.size,
    containersAboard: () => watch?.containersAboard ?? 0,
    openAlerts: () => watch?.openAlerts ?? 0,
  });
  if (cluster) registerClusterMetrics(node.registry, cluster);
  node.readiness.add("mqtt", () => (broker.port === undefined ? "not listening" : undefined));

  return {
    node,
    get mqttPort() {
      return broker.port;
    },
    async start() {
      await feed.start();
      if (cluster) {
        // What its sisters have is to be known here before the first sensor is.
        await node.start();
        await cluster.caughtUp();
        cluster.follow();
        await watch?.start();
      } else {
        await watch?.start();
        await node.start();
      }
      latest?.start();
      await broker.start();
    },
    async close() {
      await broker.close();
      await cluster?.close();
      await watch?.close();
      await latest?.close();
      await feed.close();
      await node.close();
    },
  };
}
