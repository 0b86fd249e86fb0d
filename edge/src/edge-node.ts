import { join } from "node:path";
import { AuditTrail } from "@landfall/streams/audit/audit-trail";
import { createNode, type NodeOptions } from "@landfall/streams/node/create-node";
import type { LandfallNode } from "@landfall/streams/node/node";
import { BookingFeed } from "./bookings/booking-feed.js";
import { BookingTable } from "./bookings/booking-table.js";
import { edgeCluster } from "./cluster/edge-cluster.js";
import { CommandLog } from "./commands/command-log.js";
import { followDevices } from "./devices/devices-file.js";
import { AppendBatcher } from "./ingest/append-batcher.js";
import { Deduplicator } from "./ingest/deduplicator.js";
import { Ingest } from "./ingest/ingest.js";
import { keyOfRecord } from "./ingest/topics.js";
import { LatestWriter } from "./latest/latest-writer.js";
import { MqttBroker } from "./mqtt/broker.js";
import { SensorAudit } from "./mqtt/sensor-audit.js";
import { SENSOR_AUDIT_FOLD_MS } from "./limits.js";
import { registerClusterMetrics, registerEdgeMetrics } from "./observe/edge-metrics.js";
import { Watch } from "./rules/watch.js";
import { onboardRules } from "./rules/onboard-rules.js";
import type { EdgeSettings } from "./settings.js";

/** A ship's or a yard's node: a node with an MQTT broker that stores what sensors publish. */
export interface EdgeNode {
  readonly node: LandfallNode;
  /** Port that MQTT listens on; undefined before `start`. */
  readonly mqttPort: number | undefined;
  /** The same of MQTT over TLS, where settings have it. */
  readonly mqttTlsPort: number | undefined;
  readonly failed: LandfallNode["failed"];
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
  const batcher = new AppendBatcher(cluster?.appender ?? store);
  const deduplicator = new Deduplicator(store, batcher, cluster?.records);
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
  const devicesTrouble = (message: string) =>
    exceptions.report({ code: "INVALID_SETTINGS", source: "mqtt.devices", message });
  const commands = new CommandLog({
    owner: self.owner,
    store,
    batcher,
    env,
    exceptions,
    onCommand: (command, isOld) => broker.deliver(command, isOld),
  });
  // Sensors come and go by the thousand: what they repeat is told less often than what people do.
  const trail = new AuditTrail({
    store,
    env,
    owner: self.owner,
    site: self.site,
    node: node.settings.node,
    foldMs: SENSOR_AUDIT_FOLD_MS,
    onLost: (count, error) => log.error({ err: error, count }, "records of the audit are lost"),
  });
  const broker = new MqttBroker({
    settings: settings.mqtt,
    env,
    log,
    exceptions,
    ...(settings.mqtt.devices !== undefined && { devices: followDevices(settings.mqtt.devices, env, devicesTrouble) }),
    publish: (publish) => ingest.publish(publish),
    commands,
    audit: new SensorAudit({ trail, owner: self.owner }),
    onRefused: (code) => metrics.outcome("refused", code),
    onClient: (client, isConnected) => {
      if (isConnected) watch?.connected(client);
    },
  });
  const metrics = registerEdgeMetrics(node.registry, {
    clients: () => broker.clients,
    waiting: () => broker.waiting,
    sessions: () => broker.sessions,
    inflightBytes: () => broker.inflightBytes,
    lookups: () => deduplicator.lookups,
    bookedContainers: () => bookings.size,
    containersAboard: () => watch?.containersAboard ?? 0,
    openAlerts: () => watch?.openAlerts ?? 0,
  });
  if (cluster) registerClusterMetrics(node.registry, cluster);
  node.readiness.add("mqtt", () => (broker.isListening ? undefined : "not listening"));

  return {
    node,
    failed: node.failed,
    get mqttPort() {
      return broker.port;
    },
    get mqttTlsPort() {
      return broker.tlsPort;
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
      await commands.start();
      await broker.start();
    },
    async close() {
      await broker.close();
      await trail.close();
      await commands.close();
      await cluster?.close();
      await watch?.close();
      await latest?.close();
      await feed.close();
      await node.close();
    },
  };
}
