import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExceptionValue } from "@landfall/proto/api";
import { createNode, type NodeOptions } from "@landfall/streams/node/create-node";
import type { StoredRecord } from "@landfall/streams/model/record";
import { streamName } from "@landfall/streams/model/names";
import { tokenDigest } from "@landfall/streams/replication/gate";
import { loadNodeSettings } from "@landfall/streams/settings/node-settings-schema";
import type { StreamStore } from "@landfall/streams/store/store";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import { edgeNodeOn, type EdgeNode } from "../../src/edge-node.js";
import { checkEdgeSettings, EdgeSettingsSchema, type EdgeSettings } from "../../src/settings.js";

export const SHIP = "9321483";
const TOKEN = "a secret of this ship";
export const BOX = "CSQU3054383";

/** Settings of a ship whose ports are the system's choice. */
export function shipSettings(
  data: string,
  more: { mqtt?: object; rules?: object; yard?: boolean; latestSeconds?: number; cluster?: TestCluster } = {},
): EdgeSettings {
  const site = more.yard ? "tokyo-yard" : `ship-${SHIP}`;
  const { cluster } = more;
  return loadNodeSettings(EdgeSettingsSchema, {
    check: checkEdgeSettings,
    overrides: {
      site,
      data,
      http: { port: 0 },
      replication: {
        token: TOKEN,
        wants: ["*.settings"],
        ...(cluster && { listen: `127.0.0.1:${cluster.ports[cluster.node]}` }),
      },
      ...(cluster && clusterSettings(site, cluster)),
      sites: [
        {
          site: `ship-${SHIP}`,
          kind: "ship",
          name: "Big Blue Hyacinth",
          owner: "bigblue",
          groups: [],
          imo: SHIP,
          tokenSha256: tokenDigest(TOKEN),
        },
        { site: "tokyo-yard", kind: "yard", name: "Tokyo, yard", owner: "bigblue", groups: [], locode: "JPTYO" },
      ],
      access: [{ stream: "bigblue.*", replicate: "u:site.tokyo-yard" }],
      logLevel: "silent",
      mqtt: { port: 0, anonymous: true, ...more.mqtt },
      ...(more.rules && { rules: more.rules }),
      ...(more.latestSeconds && { latestSeconds: more.latestSeconds }),
    },
  });
}

/** Nodes of the ship by name, with the ports on which they accept each other; each dials those before it. */
export interface TestCluster {
  readonly node: string;
  readonly ports: Readonly<Record<string, number>>;
}

function clusterSettings(site: string, { node, ports }: TestCluster) {
  const nodes = Object.keys(ports);
  const links = nodes.slice(0, nodes.indexOf(node)).map((other) => ({
    id: `${site}.${node}~${site}.${other}`,
    to: site,
    node: other,
    class: "lan" as const,
    address: `127.0.0.1:${ports[other]}`,
    carries: ["*"],
    urgent: ["*.alerts"],
  }));
  return { node, links, cluster: { nodes, ack: "quorum" as const } };
}

export interface TestEdge extends EdgeNode {
  readonly port: number;
  readonly folder: string;
  client(options?: IClientOptions): Promise<MqttClient>;
  records(stream: string): Promise<StoredRecord[]>;
  texts(stream: string): Promise<string[]>;
  exceptions(): Promise<ExceptionValue[]>;
}

export interface TestEdgeOptions extends NodeOptions {
  readonly folder?: string;
  readonly mqtt?: object;
  readonly rules?: object;
  readonly yard?: boolean;
  readonly latestSeconds?: number;
  readonly cluster?: TestCluster;
  /** Puts something between the edge and its store. */
  readonly wrapStore?: (store: StreamStore) => StreamStore;
}

/** Folders and edges of one test file, closed and removed by `dispose`. */
export class Harness {
  readonly #edges: TestEdge[] = [];
  readonly #clients: MqttClient[] = [];
  readonly #folders: string[] = [];

  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), "landfall-edge-"));
    this.#folders.push(folder);
    return folder;
  }

  async start(options: TestEdgeOptions = {}): Promise<TestEdge> {
    const {
      folder = this.folder(),
      wrapStore = (store) => store,
      mqtt,
      rules,
      yard,
      latestSeconds,
      cluster,
      ...nodeOptions
    } = options;
    const settings = shipSettings(folder, {
      ...(mqtt && { mqtt }),
      ...(rules && { rules }),
      ...(yard && { yard }),
      ...(latestSeconds && { latestSeconds }),
      ...(cluster && { cluster }),
    });
    const node = await createNode(settings, nodeOptions);
    const edge = edgeNodeOn({ ...node, store: wrapStore(node.store) }, settings);
    try {
      await edge.start();
    } catch (error) {
      await edge.close();
      throw error;
    }
    const records = (stream: string) => readAll(node.store, stream);
    const test: TestEdge = {
      failed: new Promise<never>(() => undefined),
      node: edge.node,
      start: () => edge.start(),
      close: () => edge.close(),
      get mqttPort() {
        return edge.mqttPort;
      },
      get mqttTlsPort() {
        return edge.mqttTlsPort;
      },
      port: edge.mqttPort as number,
      folder,
      client: (options) => this.connect(edge.mqttPort, options),
      records,
      texts: async (stream) => (await records(stream)).map(({ value }) => Buffer.from(value).toString()),
      exceptions: async () =>
        (await records("bigblue.exceptions")).map(
          ({ value }) => JSON.parse(Buffer.from(value).toString()) as ExceptionValue,
        ),
    };
    this.#edges.push(test);
    return test;
  }

  async dispose(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.end(true);
    await Promise.all(this.#edges.splice(0).map((edge) => edge.close()));
    for (const folder of this.#folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  }

  /** A client that is gone when the test is. */
  async connect(port: number | undefined, options: IClientOptions = {}): Promise<MqttClient> {
    const client = await connect(port as number, options);
    this.#clients.push(client);
    return client;
  }
}

/** A client as any stranger has it; a refused connection rejects. */
export async function connect(
  port: number,
  options: IClientOptions = {},
  /** Called before anything can come. */
  prepare: (client: MqttClient) => void = () => undefined,
): Promise<MqttClient> {
  const client = mqtt.connect({ host: "127.0.0.1", port, protocolVersion: 4, reconnectPeriod: 0, ...options });
  prepare(client);
  return new Promise((resolve, reject) => {
    client.once("connect", () => {
      client.off("close", gone);
      client.on("error", () => undefined);
      resolve(client);
    });
    let cause: Error | undefined;
    const gone = () => reject(cause ?? new Error("the broker closed the connection"));
    client.on("error", (error) => {
      cause = error;
    });
    client.once("close", gone);
  });
}

export async function readAll(store: StreamStore, stream: string): Promise<StoredRecord[]> {
  const all: StoredRecord[] = [];
  let page = await store.readStream(streamName(stream), undefined, 1_000);
  while (page.records.length > 0) {
    all.push(...page.records);
    page = await store.readStream(streamName(stream), page.cursor, 1_000);
  }
  return all;
}

/** Resolves when the connection is gone. */
export function closed(client: MqttClient): Promise<void> {
  return new Promise((resolve) => {
    if (client.disconnecting || !client.connected) resolve();
    else client.once("close", () => resolve());
  });
}
