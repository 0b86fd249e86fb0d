import { imoNumberError, locodeError } from "@landfall/proto/identifiers";
import { Type, type Static, type TObject } from "typebox";
import { parseExpression } from "../access/expression.js";
import { matchesPattern } from "../access/pattern.js";
import { ACTIONS } from "../access/policy.js";
import { isLandfallError } from "../model/errors.js";
import { checkCluster } from "./check-cluster.js";
import { checkKafka } from "./check-kafka.js";
import { loadSettings, type SettingsSource } from "./load.js";
import { URGENT_FIRST } from "../replication/urgency.js";
import type { BudgetSettings, NodeSettings } from "./node-settings.js";
import { showPath, type Path } from "./settings-schema.js";

const NAME = "^[a-z0-9][a-z0-9-]*$";
const nameOf = (what: string, options: { default?: string } = {}) =>
  Type.String({
    ...options,
    pattern: NAME,
    maxLength: 63,
    wanted: `the name of a ${what}: lower-case letters, digits and '-', e.g. ${what === "site" ? "tokyo" : "a"}`,
  });
const ADDRESS = Type.String({
  pattern: "^(\\[[0-9A-Fa-f:]+\\]|[A-Za-z0-9._-]+):[0-9]{1,5}$",
  wanted: "host:port, e.g. 127.0.0.1:9101",
});
/** More would not make a ship's data safer: an acknowledgement means two nodes, and one may be lost. */
const CLUSTER_NODES_MAX = 3;
/** A follower asks for each of them; more brings a site with a few nodes nothing. */
const KAFKA_PARTITIONS_MAX = 64;
const LOOPBACK = /^(127(\.[0-9]{1,3}){3}|localhost|\[::1\]):/;
const streamPattern = Type.String({
  pattern: "^[a-z0-9*][a-z0-9._*-]*$",
  maxLength: 249,
  wanted: 'a stream\'s name or a pattern, e.g. "*.alerts"',
});
const SECRET = Type.String({
  minLength: 8,
  maxLength: 512,
  isSecret: true,
  wanted: "a secret of at least 8 characters",
});
const SHA256 = (what: string) =>
  Type.String({ pattern: "^[0-9a-f]{64}$", wanted: `the SHA-256 of the ${what}: 64 hexadecimal digits` });
/** What 128 random bits take in base64url: a shorter token was thought up by somebody. */
const PLAIN_TOKEN_CHARS_MIN = 22;
/** A file or folder, relative to the settings file; see `loadSettings`. */
export const PathText = Type.String({ minLength: 1, isPath: true });
const words = () => Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { default: [] });

/** A TCP port; 0 takes a free one. */
export const PortNumber = Type.Integer({ minimum: 0, maximum: 65_535 });

export const LinkClassSchema = Type.Enum(["lan", "wan", "port", "satellite"]);

const BudgetSchema = Type.Object({
  bytesPerDay: Type.Integer({ minimum: 1_000_000 }),
  alertsPercent: Type.Number({ minimum: 0, maximum: 90, default: 20 }),
  shared: Type.Optional(nameOf("shared antenna")),
});

const KafkaSchema = Type.Object({
  brokers: Type.Array(ADDRESS, { minItems: 1, maxItems: 32 }),
  topicPrefix: Type.Optional(
    Type.String({
      pattern: "^[a-zA-Z0-9._-]{0,100}$",
      wanted: "what Kafka topics of this site begin with: letters, digits, '.', '_' and '-', at most 100",
    }),
  ),
  partitions: Type.Integer({ minimum: 1, maximum: KAFKA_PARTITIONS_MAX, default: 3 }),
  replication: Type.Optional(Type.Integer({ minimum: 1, maximum: 9 })),
  tls: Type.Optional(
    Type.Object({ ca: Type.Optional(PathText), cert: Type.Optional(PathText), key: Type.Optional(PathText) }),
  ),
  sasl: Type.Optional(
    Type.Object({
      mechanism: Type.Enum(["plain", "scram-sha-256", "scram-sha-512"]),
      username: Type.String({ minLength: 1, maxLength: 255 }),
      password: Type.Optional(Type.String({ minLength: 1, maxLength: 512, isSecret: true, wanted: "a password" })),
      passwordFile: Type.Optional(PathText),
    }),
  ),
});

const SiteEntrySchema = Type.Object({
  site: nameOf("site"),
  kind: Type.Enum(["ship", "yard", "port", "hq"]),
  name: Type.String({ minLength: 1, maxLength: 200 }),
  owner: Type.String({ pattern: "^[a-z0-9][a-z0-9_-]*$", maxLength: 100, wanted: "a company, e.g. bigblue" }),
  groups: words(),
  imo: Type.Optional(Type.String()),
  locode: Type.Optional(Type.String()),
  tokenSha256: Type.Optional(SHA256("site's token")),
});

/**
 * What every service's YAML file may say; services add their own keys with `Type.Object({ ...NodeSettingsSchema.properties, … })`.
 * Every required group may be left out when all its keys have defaults.
 */
export const NodeSettingsSchema = Type.Object({
  site: nameOf("site"),
  node: nameOf("node", { default: "a" }),
  data: PathText,
  slot: Type.Optional(Type.Integer({ minimum: 0, maximum: 1023 })),
  log: Type.Optional(Type.Object({ kafka: Type.Optional(KafkaSchema) })),
  http: Type.Object({
    host: Type.String({ minLength: 1, default: "127.0.0.1" }),
    port: PortNumber,
    trustedProxies: Type.Optional(
      Type.Array(
        Type.String({
          pattern: "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$",
          wanted: "an address or a network, e.g. 10.0.0.0/8",
        }),
        { maxItems: 100 },
      ),
    ),
  }),
  replication: Type.Object({
    listen: Type.Optional(ADDRESS),
    tls: Type.Optional(Type.Object({ ca: PathText, cert: PathText, key: PathText, revoked: Type.Optional(PathText) })),
    token: Type.Optional(SECRET),
    wants: Type.Array(streamPattern, { default: [] }),
  }),
  links: Type.Array(
    Type.Object({
      id: Type.String({ minLength: 1, maxLength: 200 }),
      to: nameOf("site"),
      node: Type.Optional(nameOf("node")),
      class: LinkClassSchema,
      address: ADDRESS,
      carries: Type.Array(streamPattern, { default: ["*"] }),
      urgent: Type.Array(streamPattern, { default: [...URGENT_FIRST] }),
      budget: Type.Optional(BudgetSchema),
    }),
    { default: [] },
  ),
  cluster: Type.Optional(
    Type.Object({
      nodes: Type.Array(nameOf("node"), { minItems: 2, maxItems: CLUSTER_NODES_MAX }),
      ack: Type.Enum(["local", "quorum"], { default: "local" }),
    }),
  ),
  sites: Type.Array(SiteEntrySchema, { minItems: 1 }),
  access: Type.Array(
    Type.Object({
      stream: streamPattern,
      read: Type.Optional(Type.String({ minLength: 1 })),
      replicate: Type.Optional(Type.String({ minLength: 1 })),
      produce: Type.Optional(Type.String({ minLength: 1 })),
      relay: Type.Optional(Type.String({ minLength: 1 })),
      admin: Type.Optional(Type.String({ minLength: 1 })),
    }),
    { default: [] },
  ),
  retention: Type.Array(
    Type.Object({
      stream: streamPattern,
      minutes: Type.Optional(Type.Number({ minimum: 1 })),
      days: Type.Optional(Type.Number({ minimum: 0.01 })),
      megabytes: Type.Optional(Type.Number({ minimum: 1 })),
      compact: Type.Optional(Type.Boolean()),
    }),
    {
      default: [
        { stream: "*.latest", minutes: 10, compact: true },
        { stream: "*.metrics", days: 30 },
        { stream: "*.exceptions", days: 90 },
        { stream: "*.audit", days: 400 },
      ],
    },
  ),
  diskPercentMax: Type.Number({ minimum: 1, maximum: 100, default: 90 }),
  tokens: Type.Array(
    Type.Object({
      token: Type.Optional(SECRET),
      tokenSha256: Type.Optional(SHA256("token")),
      user: Type.String({ minLength: 1, maxLength: 255 }),
      groups: words(),
      roles: words(),
    }),
    { default: [] },
  ),
  metricsSeconds: Type.Number({ minimum: 0.1, maximum: 3600, default: 10 }),
  logLevel: Type.Enum(["debug", "info", "warn", "error", "silent"], { default: "info" }),
});

/** Where a node's settings come from. */
export type NodeSettingsSource = SettingsSource<Static<typeof NodeSettingsSchema>>;

/**
 * `loadSettings` for a service: the schema is `NodeSettingsSchema` or an extension of it, and what only fits
 * together as a whole (sites, links) is checked too.
 * @throws LandfallError INVALID_SETTINGS
 */
export function loadNodeSettings<S extends TObject>(
  schema: Static<S> extends NodeSettings ? S : never,
  source: SettingsSource<Static<S>>,
): Static<S> {
  return loadSettings<S>(schema, {
    ...source,
    check(settings, report) {
      checkNodeSettings(settings as unknown as NodeSettings, report);
      source.check?.(settings, report);
    },
  });
}

/** Reports what does not fit together: unknown sites, names used twice, numbers with a wrong check digit. */
export function checkNodeSettings(settings: NodeSettings, report: (path: Path, message: string) => void): void {
  const sites = new Set<string>();
  settings.sites.forEach((entry, i) => {
    if (sites.has(entry.site)) report(["sites", i, "site"], `sites[${i}].site ${entry.site} is there twice`);
    sites.add(entry.site);
    const imo = entry.imo === undefined ? undefined : imoNumberError(entry.imo);
    if (imo) report(["sites", i, "imo"], `sites[${i}].imo: ${imo}`);
    if (entry.kind === "ship" && entry.imo === undefined) {
      report(["sites", i], `sites[${i}].imo is missing, want the IMO number of the ship ${entry.site}`);
    }
    const locode = entry.locode === undefined ? undefined : locodeError(entry.locode);
    if (locode) report(["sites", i, "locode"], `sites[${i}].locode: ${locode}`);
  });
  if (!sites.has(settings.site)) {
    report(["site"], `site is ${settings.site}, want one of those listed under sites: ${[...sites].join(", ")}`);
  }
  settings.access.forEach((rule, i) => {
    for (const action of ACTIONS) {
      const wrong = expressionError(rule[action]);
      if (wrong !== undefined) report(["access", i, action], `access[${i}].${action}: ${wrong}`);
    }
  });
  settings.retention.forEach(({ minutes, days, megabytes, compact }, i) => {
    if (minutes !== undefined && days !== undefined) {
      report(["retention", i, "days"], `retention[${i}] has minutes and days, want one of them`);
    } else if (minutes === undefined && days === undefined && megabytes === undefined && compact === undefined) {
      report(["retention", i], `retention[${i}] sets no limit, want minutes, days, megabytes or compact`);
    }
  });
  checkTokens(settings, report);
  checkIdentity(settings, report);
  checkBudgets(settings, report);
  const links = new Set<string>();
  settings.links.forEach((link, i) => {
    if (links.has(link.id)) report(["links", i, "id"], `links[${i}].id ${link.id} is there twice`);
    links.add(link.id);
    if (!sites.has(link.to)) {
      report(["links", i, "to"], `links[${i}].to is ${link.to}, want one of those listed under sites`);
    }
  });
  checkCluster(settings, report);
  checkKafka(settings, report);
}

/** Links over one antenna have one budget; and over a satellite goes only what is named, the audit by its own name. */
function checkBudgets({ links, sites }: NodeSettings, report: (path: Path, message: string) => void): void {
  const shared = new Map<string, BudgetSettings>();
  const owners = [...new Set(sites.map(({ owner }) => owner))];
  links.forEach(({ class: linkClass, carries, budget }, i) => {
    if (linkClass === "satellite" && carries.includes("*")) {
      const wanted = 'want the streams that may cross a satellite, e.g. ["*.alerts", "*.latest"]';
      report(["links", i, "carries"], `links[${i}].carries is everything, ${wanted}`);
    }
    const taking = carries.find(
      (pattern) => !pattern.endsWith("audit") && owners.some((owner) => matchesPattern(pattern, `${owner}.audit`)),
    );
    if (linkClass === "satellite" && taking !== undefined && taking !== "*") {
      const wanted = `want streams by their names, and "*.audit" among them where it is to cross`;
      report(["links", i, "carries"], `links[${i}].carries has ${taking}, which takes the audit along, ${wanted}`);
    }
    if (budget?.shared === undefined) return;
    const first = shared.get(budget.shared) ?? budget;
    shared.set(budget.shared, first);
    if (first.bytesPerDay === budget.bytesPerDay && first.alertsPercent === budget.alertsPercent) return;
    report(["links", i, "budget"], `links[${i}].budget differs from that of other links that share ${budget.shared}`);
  });
}

/** The hash of a token needs no salt and no slow function where nobody can guess the token: then it has to be a random one. */
function checkTokens({ tokens }: NodeSettings, report: (path: Path, message: string) => void): void {
  tokens.forEach(({ token, tokenSha256 }, i) => {
    const make = '"npx landfall token make" makes one, and its hash for tokenSha256';
    if ((token === undefined) === (tokenSha256 === undefined)) {
      report(["tokens", i], `tokens[${i}] has ${token === undefined ? "no token" : "two"}, want tokenSha256: ${make}`);
    } else if (token !== undefined && token.length < PLAIN_TOKEN_CHARS_MIN) {
      const why = `is in plain text and has ${token.length} characters, so that it can be guessed`;
      report(
        ["tokens", i, "token"],
        `tokens[${i}].token ${why}: want a random one of ${PLAIN_TOKEN_CHARS_MIN} or more. ${make}`,
      );
    }
  });
}

/** A token is sent as it stands: it may prove a site over loopback, over a network only a certificate does. */
function checkIdentity({ replication, links }: NodeSettings, report: (path: Path, message: string) => void): void {
  const { listen, tls, token } = replication;
  if (tls !== undefined && token !== undefined) {
    report(["replication", "token"], "replication.token stands beside replication.tls, want one of them");
  }
  if (tls !== undefined) return;
  const addresses: (readonly [Path, string])[] = links.map(({ address }, i) => [["links", i, "address"], address]);
  if (listen !== undefined) addresses.push([["replication", "listen"], listen]);
  if (addresses.length > 0 && token === undefined) {
    report(["replication", "tls"], "replication.tls is missing, want ca, cert and key to talk to other sites");
  }
  for (const [path, address] of addresses) {
    if (LOOPBACK.test(address)) continue;
    const why = "which only mutual TLS protects: want replication.tls, or a loopback address with replication.token";
    report(path, `${showPath(path)} is ${address}, ${why}`);
  }
}

function expressionError(text: string | undefined): string | undefined {
  try {
    if (text !== undefined) parseExpression(text);
    return undefined;
  } catch (error) {
    if (!isLandfallError(error)) throw error;
    return error.message;
  }
}
