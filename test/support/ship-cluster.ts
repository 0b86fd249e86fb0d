import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "./free-ports.js";
import { openSwitch, type LinkSwitch } from "./link-switch.js";
import { Service } from "./service.js";
import { OPS_TOKEN, SHIP } from "./small-fleet.js";

const SITE = `ship-${SHIP}`;
const NODES = ["a", "b", "c"] as const;
export type NodeName = (typeof NODES)[number];

export interface ShipCluster {
  readonly nodes: Readonly<Record<NodeName, Service>>;
  readonly port: Service;
  /** Brokers, in the order of the nodes. */
  readonly mqttPorts: readonly number[];
  /** Of each node's link to the port: cut at first. */
  readonly ashore: Readonly<Record<NodeName, LinkSwitch>>;
  /** A node's disk is gone for good. It must not run. */
  loseDisk(node: NodeName): void;
  close(): Promise<void>;
}

/** A ship of three edges that acknowledge by quorum and each have a link of their own to the port, as real processes. */
export async function startShipCluster(): Promise<ShipCluster> {
  const folder = mkdtempSync(join(tmpdir(), "landfall-cluster-"));
  const [portHttp = 0, portListen = 0, ...free] = await freePorts(2 + 3 * NODES.length);
  const [http, mqtt, listen] = [free.slice(0, 3), free.slice(3, 6), free.slice(6, 9)];
  const digest = (site: string) => createHash("sha256").update(token(site)).digest("hex");
  const common = (site: string, node: string, at: number | undefined) => ({
    site,
    node,
    data: join(folder, `${site}.${node}`),
    http: { host: "127.0.0.1", port: at },
    sites: [
      { site: SITE, kind: "ship", name: "Big Blue Hyacinth", owner: "bigblue", groups: ["sites"], imo: SHIP },
      { site: "tokyo", kind: "port", name: "Port of Tokyo", owner: "bigblue", groups: ["sites"], locode: "JPTYO" },
    ].map((entry) => ({ ...entry, tokenSha256: digest(entry.site) })),
    access: [{ stream: "*", read: "g:ops", replicate: "g:sites" }],
    tokens: [{ token: OPS_TOKEN, user: "ops", groups: ["ops"], roles: ["admin"] }],
    metricsSeconds: 1,
  });
  const port = new Service(
    "shore",
    {
      ...common("tokyo", "a", portHttp),
      http: { port: portHttp },
      replication: { token: token("tokyo"), wants: ["*"], listen: `127.0.0.1:${portListen}` },
    },
    folder,
  );
  const ashore = Object.fromEntries(
    await Promise.all(NODES.map(async (node) => [node, await openSwitch(portListen, false)])),
  ) as Record<NodeName, LinkSwitch>;
  const edge = (node: NodeName, i: number) =>
    new Service(
      "edge",
      {
        ...common(SITE, node, http[i]),
        http: { port: http[i] as number },
        replication: { token: token(SITE), wants: ["*.settings"], listen: `127.0.0.1:${listen[i]}` },
        cluster: { nodes: [...NODES], ack: "quorum" },
        mqtt: { port: mqtt[i], anonymous: true },
        links: [
          { id: `${SITE}.${node}~tokyo`, to: "tokyo", class: "port", address: `127.0.0.1:${ashore[node].port}` },
          // Each dials those before it.
          ...NODES.slice(0, i).map((other, at) => ({
            id: `${SITE}.${node}~${SITE}.${other}`,
            to: SITE,
            node: other,
            class: "lan",
            address: `127.0.0.1:${listen[at]}`,
          })),
        ],
      },
      folder,
    );
  const nodes = { a: edge("a", 0), b: edge("b", 1), c: edge("c", 2) };
  const close = async () => {
    await Promise.all([port, ...Object.values(nodes)].map((service) => service.stop()));
    await Promise.all(Object.values(ashore).map((link) => link.close()));
    if (process.env["LANDFALL_KEEP"] === undefined) rmSync(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all([port, ...Object.values(nodes)].map((service) => service.start()));
  } catch (error) {
    await close();
    throw error;
  }
  const loseDisk = (node: NodeName) => rmSync(join(folder, `${SITE}.${node}`), { recursive: true });
  return { nodes, port, mqttPorts: mqtt, ashore, loseDisk, close };
}

function token(site: string): string {
  return `token-of-${site}`;
}
