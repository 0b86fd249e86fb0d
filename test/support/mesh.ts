import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "@landfall/streams/testing/seeded-random";
import { freePorts } from "./free-ports.js";
import { openSwitch, type LinkSwitch } from "./link-switch.js";
import { Service } from "./service.js";
import { OPS_TOKEN } from "./small-fleet.js";

const NAMES = ["north", "east", "south", "west"] as const;

export interface MeshSite {
  readonly service: Service;
  readonly mqttPort: number;
}

export interface MeshLink {
  readonly id: string;
  readonly ends: readonly [MeshSite, MeshSite];
  readonly switch: LinkSwitch;
}

/** Four sites as real processes, each with a broker, each linked with every other (loops), over lines that lose packets. */
export interface Mesh {
  readonly sites: readonly MeshSite[];
  readonly links: readonly MeshLink[];
  /** Kept with the logs where `LANDFALL_KEEP` is set. */
  readonly folder: string;
  close(): Promise<void>;
}

/** The same lines for the same seed: 5 to 40 ms, 20 Mbit/s, 1 % of the packets lost, up to 20 ms of jitter. */
export async function startMesh(seed: number): Promise<Mesh> {
  const random = seededRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), "landfall-mesh-"));
  const ports = await freePorts(3 * NAMES.length);
  const port = (): number => ports.pop() as number;
  const replication = NAMES.map(() => port());
  const fleet = NAMES.map((site) => ({
    site,
    kind: "yard",
    name: site,
    owner: "bigblue",
    groups: ["bigblue-sites"],
    tokenSha256: createHash("sha256").update(tokenOf(site)).digest("hex"),
  }));
  const links: { id: string; from: number; to: number; line: LinkSwitch }[] = [];
  for (const [from, name] of NAMES.entries()) {
    for (let to = from + 1; to < NAMES.length; to++) {
      const latencyMs = 5 + Math.floor(35 * random());
      const shape = { latencyMs, kbps: 20_000, lossPct: 1, jitterMs: 20 };
      const line = await openSwitch(replication[to] as number, true, shape, Math.floor(2 ** 31 * random()));
      links.push({ id: `${name}~${NAMES[to]}`, from, to, line });
    }
  }
  const sites = NAMES.map((site, i): MeshSite => {
    const mqttPort = port();
    const settings = {
      site,
      node: "a",
      data: join(folder, site),
      slot: i + 1,
      http: { host: "127.0.0.1", port: port() },
      mqtt: { port: mqttPort, anonymous: true },
      sites: fleet,
      access: [{ stream: "bigblue.*", read: "g:bigblue-ops", replicate: "g:bigblue-sites" }],
      tokens: [{ token: OPS_TOKEN, user: "ops", groups: ["bigblue-ops"], roles: ["admin"] }],
      metricsSeconds: 5,
      replication: { token: tokenOf(site), wants: ["*"], listen: `127.0.0.1:${replication[i]}` },
      links: links
        .filter(({ from }) => from === i)
        .map(({ id, to, line }) => ({ id, to: NAMES[to], class: "wan", address: `127.0.0.1:${line.port}` })),
    };
    return { service: new Service("edge", settings, folder), mqttPort };
  });
  const close = async (): Promise<void> => {
    await Promise.all(sites.map(({ service }) => service.stop()));
    for (const { line } of links) await line.close();
    if (process.env["LANDFALL_KEEP"] === undefined) rmSync(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all(sites.map(({ service }) => service.start(300_000)));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    sites,
    links: links.map(({ id, from, to, line }) => ({
      id,
      ends: [sites[from] as MeshSite, sites[to] as MeshSite],
      switch: line,
    })),
    folder,
    close,
  };
}

function tokenOf(site: string): string {
  return `token-of-${site}`;
}
