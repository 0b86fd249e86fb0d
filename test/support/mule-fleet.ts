import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "./free-ports.js";
import { openSwitch, type LinkSwitch } from "./link-switch.js";
import { Service } from "./service.js";
import { OPS_TOKEN } from "./small-fleet.js";

export const PORTS = ["tokyo", "sydney"] as const;
export type Port = (typeof PORTS)[number];
/** What readings of containers that nobody booked go to: written by the ports' yards and the ships. */
export const CARGO = "bigblue.unassigned";

/** So that a backlog takes ten seconds aboard in Tokyo, and some ashore in Sydney. */
const BERTHS = { tokyo: { latencyMs: 10, kbps: 300 }, sydney: { latencyMs: 10, kbps: 1_000 } };
const SHIPS = [
  { site: "mule", imo: "9321483", wants: ["*.settings", CARGO] },
  { site: "idler", imo: "9074729", wants: ["*.settings"] },
] as const;

export interface Ship {
  readonly service: Service;
  readonly mqttPort: number;
  /** Its links to both ports: cut at first. */
  readonly berths: Readonly<Record<Port, LinkSwitch>>;
}

export interface MuleFleet {
  readonly ports: Readonly<Record<Port, Service>>;
  /** Brokers of the ports' yards. */
  readonly yards: Readonly<Record<Port, number>>;
  /** Wants what others write into the containers' histories, and so takes it along. */
  readonly mule: Ship;
  /** Wants settings alone. */
  readonly idler: Ship;
  close(): Promise<void>;
}

/** Two ports, each with a yard, that nothing links but two ships, as real processes. */
export async function startMuleFleet(): Promise<MuleFleet> {
  const folder = mkdtempSync(join(tmpdir(), "landfall-mule-"));
  const free = await freePorts(12);
  const port = (): number => free.pop() as number;
  const names = [...PORTS, ...PORTS.map((name) => `${name}-yard`), ...SHIPS.map(({ site }) => site)];
  const sites = names.map((site) => ({
    site,
    ...kindOf(site),
    name: site,
    owner: "bigblue",
    groups: ["bigblue-sites"],
    tokenSha256: createHash("sha256").update(tokenOf(site)).digest("hex"),
  }));
  const access = [
    { stream: "bigblue.*", read: "g:ops", replicate: "g:bigblue-sites", produce: "g:bigblue-sites" },
    { stream: "port.*", read: "g:ops", replicate: "g:bigblue-sites", produce: "g:bigblue-sites" },
  ];
  const common = (site: string, wants: readonly string[], more: object = {}) => ({
    site,
    data: join(folder, site),
    http: { host: "127.0.0.1", port: port() },
    sites,
    access,
    tokens: [{ token: OPS_TOKEN, user: "ops", groups: ["ops"], roles: ["admin"] }],
    replication: { token: tokenOf(site), wants, ...more },
  });
  const link = (from: string, to: Port, cls: string, address: number) => ({
    id: `${from}~${to}`,
    to,
    class: cls,
    address: `127.0.0.1:${address}`,
  });
  const listen: Record<Port, number> = { tokyo: port(), sydney: port() };
  const switches: LinkSwitch[] = [];
  const edge = (site: string, wants: readonly string[], links: object[]) => {
    const mqttPort = port();
    const settings = { ...common(site, wants), links, mqtt: { port: mqttPort, anonymous: true } };
    return { service: new Service("edge", settings, folder), mqttPort };
  };
  const ports = eachPort((name) => {
    const listening = { listen: `127.0.0.1:${listen[name]}` };
    return new Service("shore", common(name, ["*"], listening), folder);
  });
  const yards = eachPort((name) =>
    edge(`${name}-yard`, ["*.settings"], [link(`${name}-yard`, name, "lan", listen[name])]),
  );
  const ships: Ship[] = [];
  for (const { site, wants } of SHIPS) {
    const berths = {
      tokyo: await openSwitch(listen.tokyo, false, BERTHS.tokyo),
      sydney: await openSwitch(listen.sydney, false, BERTHS.sydney),
    };
    switches.push(...Object.values(berths));
    ships.push({
      ...edge(
        site,
        wants,
        PORTS.map((name) => link(site, name, "port", berths[name].port)),
      ),
      berths,
    });
  }
  const [mule, idler] = ships as [Ship, Ship];
  const all = [ports, eachPort((name) => yards[name].service)].flatMap((each) => Object.values(each));
  const services = [...all, mule.service, idler.service];
  const close = async (): Promise<void> => {
    await Promise.all(services.map((service) => service.stop()));
    for (const line of switches) await line.close();
    if (process.env["LANDFALL_KEEP"] === undefined) rmSync(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all(services.map((service) => service.start(300_000)));
  } catch (error) {
    await close();
    throw error;
  }
  return { ports, yards: eachPort((name) => yards[name].mqttPort), mule, idler, close };
}

function eachPort<T>(make: (name: Port) => T): Record<Port, T> {
  return { tokyo: make("tokyo"), sydney: make("sydney") };
}

function kindOf(site: string): object {
  const ship = SHIPS.find((one) => one.site === site);
  if (ship !== undefined) return { kind: "ship", imo: ship.imo };
  return { kind: site.endsWith("-yard") ? "yard" : "port", locode: site.startsWith("tokyo") ? "JPTYO" : "AUSYD" };
}

function tokenOf(site: string): string {
  return `token-of-${site}`;
}
