import { hash } from "@node-rs/argon2";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { HqSettings } from "../../src/settings.js";

export const PASSWORD = "landfall";
export const SHIP = "9321483";
export const OPS_TOKEN = "a-program-of-operations";

/** The demo's rules. */
export const ACCESS: HqSettings["access"] = [
  { stream: "bigblue.*", read: "g:bigblue-ops", replicate: "g:bigblue-sites" },
  { stream: "duckworks.*", read: "g:bigblue-ops | g:duckworks", replicate: "g:bigblue-sites | u:site.duckworks" },
  { stream: "polarfoods.*", read: "g:bigblue-ops | g:polarfoods", replicate: "g:bigblue-sites" },
  { stream: "port.ausyd.events", read: "g:bigblue-ops | g:port-ausyd", replicate: "g:bigblue-sites" },
  { stream: "port.*", read: "g:bigblue-ops", replicate: "g:bigblue-sites" },
];

const site = (name: string, kind: "ship" | "yard" | "port" | "hq", owner: string, rest: object = {}) => ({
  site: name,
  kind,
  name: `The ${name}`,
  owner,
  groups: owner === "bigblue" ? ["bigblue-sites"] : [],
  tokenSha256: createHash("sha256").update(`token of ${name}`).digest("hex"),
  ...rest,
});

export const SITES: HqSettings["sites"] = [
  site("los-angeles", "hq", "bigblue", { locode: "USLAX" }),
  site("duckworks", "hq", "duckworks", { locode: "JPTYO" }),
  site("tokyo", "port", "bigblue", { locode: "JPTYO" }),
  site("sydney", "port", "bigblue", { locode: "AUSYD" }),
  site(`ship-${SHIP}`, "ship", "bigblue", { imo: SHIP, name: "Big Blue Hyacinth" }),
];

/** Tests ask in a hurry, all from one address. */
export const PLENTY: HqSettings["limits"] = {
  signInsPerMinute: 10_000,
  requestsPerMinutePerAddress: 1_000_000,
  requestsPerMinute: 1_000_000,
  exportsPerMinute: 10_000,
};

let passwordHash: Promise<string> | undefined;

/** Settings of a headquarters in `data`; cheap password hashes, a port of the system's choice. */
export async function hqSettings(data: string, overrides: Partial<HqSettings> = {}): Promise<HqSettings> {
  passwordHash ??= hash(PASSWORD, { memoryCost: 64, timeCost: 1, parallelism: 1 });
  const user = async (name: string, groups: string[], roles: string[] = []) => ({
    name,
    displayName: name.toUpperCase(),
    passwordHash: (await passwordHash) ?? "",
    groups,
    roles,
  });
  return {
    site: "los-angeles",
    node: "a",
    data,
    http: { host: "127.0.0.1", port: 0 },
    replication: { token: "token of los-angeles", wants: ["*"] },
    links: [],
    sites: SITES,
    access: ACCESS,
    tokens: [{ token: OPS_TOKEN, user: "program", groups: ["bigblue-ops"], roles: [] }],
    retention: [],
    diskPercentMax: 100,
    metricsSeconds: 60,
    logLevel: "silent",
    users: [
      await user("ops", ["bigblue-ops"], ["admin"]),
      await user("ducky", ["duckworks"]),
      await user("sydney", ["port-ausyd"]),
    ],
    web: fileURLToPath(new URL("../fixtures/web", import.meta.url)),
    sessionHours: 1,
    sessionIdleHours: 1,
    limits: { ...PLENTY },
    ...overrides,
  };
}
