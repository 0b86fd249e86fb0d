import { hash } from "@node-rs/argon2";
import type { Shape } from "@landfall/proto/link-proxy/shaper";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "./free-ports.js";
import { Service } from "./service.js";
import { openSwitch, type LinkSwitch } from "./link-switch.js";

export const SHIP = "9321483";
export const PASSWORD = "landfall";
/** Operator's token at every node's own HTTP port. */
export const OPS_TOKEN = "ops-token-of-the-tests";

interface Site {
  site: string;
  kind: "ship" | "yard" | "port" | "hq";
  name: string;
  owner: string;
  groups: string[];
  imo?: string;
  locode?: string;
}

const SITES: Site[] = [
  {
    site: `ship-${SHIP}`,
    kind: "ship",
    name: "Big Blue Hyacinth",
    owner: "bigblue",
    groups: ["bigblue-sites"],
    imo: SHIP,
  },
  {
    site: "tokyo-yard",
    kind: "yard",
    name: "Tokyo yard",
    owner: "bigblue",
    groups: ["bigblue-sites"],
    locode: "JPTYO",
  },
  { site: "tokyo", kind: "port", name: "Port of Tokyo", owner: "bigblue", groups: ["bigblue-sites"], locode: "JPTYO" },
  {
    site: "singapore",
    kind: "port",
    name: "Port of Singapore",
    owner: "bigblue",
    groups: ["bigblue-sites"],
    locode: "SGSIN",
  },
  { site: "los-angeles", kind: "hq", name: "Big Blue", owner: "bigblue", groups: ["bigblue-sites"], locode: "USLAX" },
  { site: "duckworks", kind: "hq", name: "Duckworks", owner: "duckworks", groups: [], locode: "JPTYO" },
];

const CARRIERS = { replicate: "g:bigblue-sites", produce: "g:bigblue-sites" };
const OF_DUCKWORKS = {
  read: "g:bigblue-ops | g:duckworks",
  replicate: "g:bigblue-sites | u:site.duckworks",
  relay: "g:bigblue-sites",
};
const ACCESS = [
  { stream: "bigblue.*", read: "g:bigblue-ops", ...CARRIERS },
  { stream: "duckworks.settings", ...OF_DUCKWORKS, produce: "u:site.los-angeles" },
  { stream: "duckworks.metrics", ...OF_DUCKWORKS, produce: "u:site.duckworks" },
  { stream: "duckworks.exceptions", ...OF_DUCKWORKS, produce: "u:site.duckworks" },
  { stream: "duckworks.alerts", ...OF_DUCKWORKS, produce: "g:bigblue-sites | u:site.duckworks" },
  { stream: "duckworks.*", ...OF_DUCKWORKS, produce: "g:bigblue-sites" },
  { stream: "polarfoods.*", read: "g:bigblue-ops | g:polarfoods", ...CARRIERS },
  { stream: "port.jptyo.events", read: "g:bigblue-ops | g:port-jptyo", ...CARRIERS },
  { stream: "port.*", read: "g:bigblue-ops", ...CARRIERS },
];

export interface SmallFleet {
  readonly ship: Service;
  readonly yard: Service;
  readonly tokyo: Service;
  /** A second node of Tokyo, where its log is in Kafka. */
  readonly tokyoB: Service | undefined;
  readonly singapore: Service;
  readonly losAngeles: Service;
  readonly duckworks: Service;
  readonly all: readonly Service[];
  /** Switches of the ship's links: to be thrown by the test. */
  readonly portLink: LinkSwitch;
  /** The ship's to the second node of Tokyo. */
  readonly portLinkB: LinkSwitch | undefined;
  readonly satellite: LinkSwitch;
  /** Of every link, these two among them, by id. */
  readonly links: ReadonlyMap<string, LinkSwitch>;
  readonly mqttPort: number;
  readonly yardMqttPort: number;
  close(): Promise<void>;
}

/**
 * One ship, a yard, two ports and two headquarters as real processes; ports and Los Angeles in a full mesh (a
 * loop). The ship's link to Tokyo starts cut, its satellite link up.
 * @param portLine what the ship's link to Tokyo is like; by default as fast as it goes
 * @param kafka brokers of a Kafka in which the two ports keep their logs, and Tokyo has two nodes; by default they keep them in
 * their folders
 */
export async function startSmallFleet(
  portLine: Partial<Shape> = {},
  kafka: readonly string[] = [],
): Promise<SmallFleet> {
  const folder = mkdtempSync(join(tmpdir(), "landfall-system-"));
  const ports = await freePorts(16);
  const port = () => ports.pop() as number;
  const listen = { tokyo: port(), singapore: port(), losAngeles: port() };
  const portLink = await openSwitch(listen.tokyo, false, portLine);
  const isOnKafka = kafka.length > 0;
  const listenB = isOnKafka ? port() : 0;
  const portLinkB = isOnKafka ? await openSwitch(listenB, false, portLine) : undefined;
  const satellite = await openSwitch(listen.losAngeles, true);
  const shipSite = `ship-${SHIP}`;
  const links = new Map([
    [`${shipSite}~tokyo`, portLink],
    [`${shipSite}~los-angeles`, satellite],
  ]);
  if (portLinkB !== undefined) links.set(`${shipSite}~tokyo.b`, portLinkB);
  const mqttPort = port();
  const yardMqttPort = port();
  const passwordHash = await hash(PASSWORD, { memoryCost: 1024, timeCost: 2, parallelism: 1 });
  const sites = SITES.map((site) => ({
    ...site,
    tokenSha256: createHash("sha256").update(token(site.site)).digest("hex"),
  }));

  const common = (site: string, wants: string[], node = "a") => ({
    site,
    node,
    data: join(folder, node === "a" ? site : `${site}.${node}`),
    http: { host: "127.0.0.1", port: port() },
    sites,
    access: ACCESS,
    tokens: [{ token: OPS_TOKEN, user: "ops", groups: ["bigblue-ops", "duckworks"], roles: ["admin"] }],
    metricsSeconds: 1,
    replication: { token: token(site), wants },
    links: [] as Record<string, unknown>[],
  });
  const link = async (from: string, to: string, cls: string, target: number, carries?: string[]) => {
    const id = `${from}~${to}`;
    const line = links.get(id) ?? (await openSwitch(target, true));
    links.set(id, line);
    return {
      id,
      to,
      class: cls,
      address: `127.0.0.1:${line.port}`,
      ...(carries === undefined ? {} : { carries }),
    };
  };
  const listening = (settings: ReturnType<typeof common>, at: number) => ({
    ...settings,
    replication: { ...settings.replication, listen: `127.0.0.1:${at}` },
  });

  const tokyoSettings = listening(common("tokyo", ["*"]), listen.tokyo);
  tokyoSettings.links.push(
    await link("tokyo", "singapore", "wan", listen.singapore),
    await link("tokyo", "los-angeles", "wan", listen.losAngeles),
  );
  const singaporeSettings = listening(common("singapore", ["*"]), listen.singapore);
  singaporeSettings.links.push(await link("singapore", "los-angeles", "wan", listen.losAngeles));
  const laSettings = listening(common("los-angeles", ["*"]), listen.losAngeles);
  const duckSettings = common("duckworks", ["duckworks.*"]);
  duckSettings.links.push(await link("duckworks", "tokyo", "wan", listen.tokyo));
  const shipSettings = common(shipSite, ["*.settings"]);
  shipSettings.links.push(
    await link(shipSite, "tokyo", "port", listen.tokyo),
    await link(shipSite, "los-angeles", "satellite", listen.losAngeles, ["*.alerts", "*.ships"]),
  );
  const tokyoBSettings = isOnKafka ? listening(common("tokyo", ["*"], "b"), listenB) : undefined;
  if (tokyoBSettings !== undefined) {
    for (const [to, at] of Object.entries({ singapore: listen.singapore, "los-angeles": listen.losAngeles }))
      tokyoBSettings.links.push({ ...(await link("tokyo.b", to, "wan", at)), to });
    shipSettings.links.push({ ...(await link(shipSite, "tokyo.b", "port", listenB)), to: "tokyo", node: "b" });
  }
  const yardSettings = common("tokyo-yard", ["*.settings"]);
  yardSettings.links.push(await link("tokyo-yard", "tokyo", "lan", listen.tokyo));
  const user = (name: string, groups: string[], roles: string[]) => ({
    name,
    displayName: name,
    passwordHash,
    groups,
    roles,
  });

  const log = isOnKafka ? { log: { kafka: { brokers: kafka } } } : {};
  const tokyo = new Service("shore", { ...tokyoSettings, ...log }, folder);
  const singapore = new Service("shore", { ...singaporeSettings, ...log }, folder);
  const losAngeles = new Service(
    "hq",
    {
      ...laSettings,
      users: [
        user("ops", ["bigblue-ops"], ["admin"]),
        user("ducky", ["duckworks"], []),
        user("tokyo", ["port-jptyo"], []),
      ],
    },
    folder,
  );
  const duckworks = new Service(
    "hq",
    { ...duckSettings, users: [user("ducky", ["duckworks"], ["admin"]), user("guest", [], [])] },
    folder,
  );
  const ship = new Service("edge", { ...shipSettings, mqtt: { port: mqttPort, anonymous: true } }, folder);
  const yard = new Service("edge", { ...yardSettings, mqtt: { port: yardMqttPort, anonymous: true } }, folder);
  const tokyoB = tokyoBSettings && new Service("shore", { ...tokyoBSettings, ...log }, folder);
  const all = [...(tokyoB === undefined ? [] : [tokyoB]), tokyo, singapore, losAngeles, duckworks, ship, yard];
  const close = async () => {
    await Promise.all(all.map((service) => service.stop()));
    for (const line of links.values()) await line.close();
    if (process.env["LANDFALL_KEEP"] === undefined) rmSync(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all(all.map((service) => service.start()));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ship,
    yard,
    tokyo,
    tokyoB,
    singapore,
    losAngeles,
    duckworks,
    all,
    portLink,
    portLinkB,
    satellite,
    links,
    mqttPort,
    yardMqttPort,
    close,
  };
}

function token(site: string): string {
  return `token-of-${site}`;
}
