import { createHash } from "node:crypto";
import type { DemoSecrets } from "./secrets.js";
import { ACCESS, DEMO_PASSWORD, topology, USERS, type Ports, type Site, type Topology } from "./topology.js";

/** What the demo is to be, fixed when its folder is made (size, seed) or at each start (pace, ports). */
export interface DemoShape {
  readonly ships: number;
  readonly containers: number;
  readonly seed: number;
  readonly speed: number;
  readonly waitSeconds: number;
  readonly ports: Ports;
  /** Where ports keep their log in Kafka: the name that this demo's topics begin with. */
  readonly kafka?: string;
}

/** How processes find each other: all on one machine, or each in a container with a name of its own. */
export interface Placement {
  /** Address on which everything listens. */
  readonly bind: string;
  /** Host under which the others reach a process. */
  host(service: string): string;
  /** What a person's browser and command line use for a site's HTTP. */
  publicUrl(site: string, port: number): string;
  /** Kafka's brokers behind a port, where there are any. @param port of the broker that the demo itself starts */
  brokers(site: string, port: number): readonly string[];
}

export const ONE_MACHINE: Placement = {
  bind: "127.0.0.1",
  host: () => "127.0.0.1",
  publicUrl: (_site, port) => `http://127.0.0.1:${port}`,
  brokers: (_site, port) => [`127.0.0.1:${port}`],
};

/** One process of the demo. */
export interface Service {
  /** Its site, or `simulator`. */
  readonly name: string;
  /** Subcommand of `landfall`. */
  readonly command: "shore" | "edge" | "hq" | "simulate";
  /** Content of its YAML file. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly http: number;
  /** Ports on which it listens and which option moves them. */
  readonly listens: readonly { readonly port: number; readonly what: string; readonly option: string }[];
}

export interface DemoPlan {
  readonly topology: Topology;
  readonly services: readonly Service[];
}

export const SIMULATOR = "simulator";
/** Folder of the demo's own authority for certificates, beside those of the sites. */
export const AUTHORITY = "authority";

/** Every process of the demo with its settings. Pure. */
export function planDemo(shape: DemoShape, secrets: DemoSecrets, placement: Placement): DemoPlan {
  const fleet = topology(shape.ships, shape.ports);
  const sites = fleet.sites.map(({ site, kind, name, owner, groups, imo, locode }) => ({
    site,
    kind,
    name,
    owner,
    groups,
    ...(imo !== undefined && { imo }),
    ...(locode !== undefined && { locode }),
  }));
  const services = fleet.sites.map((site, index): Service => {
    const settings = {
      ...nodeSettings(site, index, fleet, secrets, placement),
      ...(site.mqtt !== undefined && { mqtt: { host: placement.bind, port: site.mqtt, anonymous: true } }),
      ...(site.kind === "hq" && hqSettings(site, fleet, secrets, placement)),
      ...(site.kind === "port" && shape.kafka !== undefined && kafkaSettings(site, shape.kafka, fleet, placement)),
      sites,
      access: ACCESS,
    };
    return { name: site.site, command: commandOf(site), settings, http: site.http, listens: listensOf(site) };
  });
  return { topology: fleet, services: [...services, simulator(shape, fleet, secrets, placement)] };
}

function nodeSettings(
  site: Site,
  index: number,
  fleet: Topology,
  secrets: DemoSecrets,
  placement: Placement,
): Record<string, unknown> {
  const links = fleet.links
    .filter(({ from }) => from === site.site)
    .map((link) => ({
      id: link.id,
      to: link.to,
      class: link.class,
      address: `${placement.host(SIMULATOR)}:${link.proxy}`,
      ...(link.carries !== undefined && { carries: link.carries }),
      ...(link.budgetBytesPerDay !== undefined && { budget: { bytesPerDay: link.budgetBytesPerDay } }),
    }));
  const operator = { user: "ops", groups: ["bigblue-ops"], roles: ["admin"] };
  return {
    site: site.site,
    node: "a",
    // Relative to the settings file, so that the folder can be moved.
    data: `../${site.site}`,
    // Slot 0 is left to whoever is not of the demo.
    slot: index + 1,
    http: { host: placement.bind, port: site.http },
    replication: {
      ...(site.replication !== undefined && { listen: `${placement.bind}:${site.replication}` }),
      tls: {
        ca: `../${AUTHORITY}/ca.pem`,
        cert: `../${AUTHORITY}/${site.site}/cert.pem`,
        key: `../${AUTHORITY}/${site.site}/key.pem`,
        revoked: `../${AUTHORITY}/revoked.txt`,
      },
      wants: site.wants,
    },
    links,
    tokens: [{ tokenSha256: sha256(tokenOf(secrets.operators, site.site)), ...operator }],
    metricsSeconds: 5,
  };
}

/** The port's log is in Kafka; its data folder holds what it reads from there. */
function kafkaSettings(site: Site, name: string, fleet: Topology, placement: Placement): Record<string, unknown> {
  const brokers = placement.brokers(site.site, fleet.kafka);
  return { log: { kafka: { brokers, topicPrefix: `${name}.${site.site}.` } } };
}

function hqSettings(site: Site, fleet: Topology, secrets: DemoSecrets, placement: Placement): Record<string, unknown> {
  const users = site.site === "duckworks" ? USERS.duckworks : USERS["los-angeles"];
  return {
    users: users.map(({ name, displayName, groups, roles }) => ({
      name,
      displayName,
      passwordHash: tokenOf(secrets.passwordHashes, `${site.site}/${name}`),
      groups,
      roles,
    })),
    demo: { password: DEMO_PASSWORD, users: users.map(({ name, sees }) => ({ username: name, sees })) },
    // Only the carrier steers the ships.
    ...(site.owner === "bigblue" && { simulation: { url: `http://${placement.host(SIMULATOR)}:${fleet.control}` } }),
  };
}

function simulator(shape: DemoShape, fleet: Topology, secrets: DemoSecrets, placement: Placement): Service {
  const losAngeles = fleet.sites.find(({ site }) => site === "los-angeles");
  const settings = {
    data: `../${SIMULATOR}`,
    seed: shape.seed,
    speed: shape.speed,
    ships: shape.ships,
    containers: shape.containers,
    waitSeconds: shape.waitSeconds,
    control: { host: placement.bind, port: fleet.control },
    brokers: fleet.sites.flatMap(({ site, mqtt, http }) =>
      mqtt === undefined
        ? []
        : [
            {
              site,
              mqtt: `mqtt://${placement.host(site)}:${mqtt}`,
              http: `http://${placement.host(site)}:${http}`,
              token: tokenOf(secrets.operators, site),
            },
          ],
    ),
    headquarters: {
      url: `http://${placement.host("los-angeles")}:${losAngeles?.http ?? 8080}`,
      username: "ops",
      password: DEMO_PASSWORD,
    },
    links: fleet.links.map(({ id, from, to, class: linkClass, proxy, latencyMs, kbps, reach }) => ({
      id,
      from,
      to,
      class: linkClass,
      listen: `${placement.bind}:${proxy}`,
      target: `${placement.host(to)}:${fleet.sites.find(({ site }) => site === to)?.replication ?? 0}`,
      latencyMs,
      kbps,
      ...(reach !== undefined && { reach }),
    })),
  };
  const base = "--port-base";
  return {
    name: SIMULATOR,
    command: "simulate",
    settings,
    http: fleet.control,
    listens: [
      { port: fleet.control, what: "the simulator's controls", option: base },
      ...fleet.links.map(({ id, proxy }) => ({ port: proxy, what: `the link ${id}`, option: base })),
    ],
  };
}

function listensOf(site: Site): Service["listens"] {
  const base = "--port-base";
  const httpOption = site.site === "los-angeles" ? "--port" : base;
  return [
    { port: site.http, what: `HTTP of ${site.site}`, option: httpOption },
    ...(site.replication === undefined
      ? []
      : [{ port: site.replication, what: `replication of ${site.site}`, option: base }]),
    ...(site.mqtt === undefined ? [] : [{ port: site.mqtt, what: `MQTT of ${site.site}`, option: base }]),
  ];
}

function commandOf(site: Site): Service["command"] {
  if (site.kind === "port") return "shore";
  return site.kind === "hq" ? "hq" : "edge";
}

/** The token itself is in access.json, for the command line alone. */
function sha256(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

function tokenOf(tokens: Readonly<Record<string, string>>, name: string): string {
  const token = tokens[name];
  if (token === undefined) throw new Error(`the demo's folder has no secret for ${name}`);
  return token;
}

/** Arguments of a service's process; the same on one machine and in a container. */
export function serviceArguments(service: Pick<Service, "name" | "command">, settingsFolder: string): string[] {
  return ["bin/landfall.mjs", service.command, "--config", `${settingsFolder}/${service.name}.yaml`];
}
