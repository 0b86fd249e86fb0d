import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hash } from "@node-rs/argon2";
import type { GrantReply } from "@landfall/proto/api";
import { containerCheckDigit } from "@landfall/proto/identifiers";
import { createHq, type Hq } from "@landfall/hq/hq";
import type { HqSettings } from "@landfall/hq/settings";
import { tokenDigest } from "@landfall/streams/replication/gate";
import { streamName, topicName } from "@landfall/streams/model/names";
import type { TimestampMs } from "@landfall/streams/model/record";

export const SHIP = "9321483";
export const OTHER_SHIP = "9074729";
/** Nobody has them; as long as the others, so that answers can be compared byte by byte. */
export const NO_SHIP = "9176187";
export const DUCKS = containerNumber("DUCU", 1);
export const PEARS = containerNumber("POLU", 1);
export const NOBODYS = containerNumber("NONU", 1);

/** Streams of the world, each with who may read it by rules. The last is for everybody; a link is not somebody. */
export const STREAMS: Readonly<Record<string, readonly string[]>> = {
  "duckworks.containers": ["ops", "ducky"],
  "duckworks.settings": ["ops", "ducky"],
  "polarfoods.containers": ["ops"],
  "polarfoods.alerts": ["ops"],
  "polarfoods.settings": ["ops"],
  "bigblue.ships": ["ops"],
  "bigblue.metrics": ["ops"],
  "port.ausyd.events": ["ops", "sydney"],
  "public.notices": ["ops", "ducky", "sydney", "chef", "nobody", "anonymous"],
};
/** Of these `chef`, by a grant, and whoever holds the link see PEARS, from gate-in on. */
export const SHARED = ["polarfoods.containers", "polarfoods.alerts"];

export type Who = "ops" | "ducky" | "sydney" | "chef" | "link" | "nobody" | "anonymous";
export const EVERYBODY: readonly Who[] = ["ops", "ducky", "sydney", "chef", "link", "nobody", "anonymous"];

export const CONTAINERS: Readonly<Record<string, readonly Who[]>> = {
  [DUCKS]: ["ops", "ducky", "sydney"],
  [PEARS]: ["ops", "chef", "link"],
};
export const SHIPS: Readonly<Record<string, readonly Who[]>> = {
  [SHIP]: ["ops", "ducky", "sydney"],
  [OTHER_SHIP]: ["ops"],
};

/** How much of a stream somebody sees: worked out here, without asking what is tested. */
export function seen(who: Who, stream: string): "all" | "part" | "none" {
  if (STREAMS[stream]?.includes(who)) return "all";
  return SHARED.includes(stream) && (who === "chef" || who === "link") ? "part" : "none";
}

export interface World {
  readonly hq: Hq;
  readonly url: string;
  /** Header of a person; none for who has not said who they are. */
  headers(who: Who): Record<string, string>;
  put(stream: string, topic: string, time: string, value: object): Promise<void>;
  /** Closes the headquarters and opens it again on its folder, at another address. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

/** A moment in January 2026. */
export function at(day: number, hour = 0): string {
  return new Date(Date.UTC(2026, 0, day, hour)).toISOString();
}

/**
 * A headquarters with two customers' containers, two ships and a port: ducks loaded in Tokyo and discharged in Sydney; pears that came
 * in by a gate and had a reading before, of another voyage.
 */
export async function startWorld(over: Partial<HqSettings> = {}): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "landfall-access-"));
  const passwordHash = await hash(PASSWORD, { memoryCost: 1024, timeCost: 2, parallelism: 1 });
  const open = async (): Promise<Hq> => {
    const opened = await createHq({ ...settings(join(folder, "data"), passwordHash), ...over }, { liveTickMs: 10 });
    await opened.start();
    await opened.sync.whenRebuilt;
    return opened;
  };
  let hq = await open();
  const put: World["put"] = async (stream, topic, time, value) => {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    const record = { topic: topicName(topic), timestamp: Date.parse(time) as TimestampMs, value: bytes };
    await hq.node.store.append(streamName(stream), [record]);
    await hq.sync.catchUp(streamName(stream));
  };
  await fill(put);
  const grant = async (subject: string): Promise<GrantReply> => {
    const response = await fetch(`${hq.node.http.listeningOrigin}/api/grants`, {
      method: "POST",
      headers: { authorization: "Bearer token-of-ops", "content-type": "application/json" },
      body: JSON.stringify({
        owner: "polarfoods",
        subject,
        topics: [PEARS],
        voyage: true,
        validUntil: new Date(Date.now() + 86_400_000).toISOString(),
      }),
    });
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()) as GrantReply;
  };
  await grant("u:chef");
  const { token = "" } = await grant("link");
  return {
    get hq() {
      return hq;
    },
    get url() {
      return hq.node.http.listeningOrigin;
    },
    headers: (who): Record<string, string> =>
      who === "anonymous" ? {} : { authorization: `Bearer ${who === "link" ? token : `token-of-${who}`}` },
    put,
    async reopen() {
      await hq.close();
      hq = await open();
    },
    async close() {
      await hq.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function fill(put: World["put"]): Promise<void> {
  const event = (type: string, time: string, location: string, more: object = {}) => ({
    type,
    time,
    location,
    ...more,
  });
  const booking = (container: string, owner: string, from: string) =>
    put(`${owner}.settings`, `booking.${container}.${Date.parse(from)}`, from, {
      kind: "booking",
      container,
      owner,
      from,
    });
  await booking(DUCKS, "duckworks", at(1));
  await booking(PEARS, "polarfoods", at(1));
  await put("bigblue.ships", `${SHIP}.position`, at(2), { latitude: 35, longitude: 140 });
  await put("bigblue.ships", `${OTHER_SHIP}.position`, at(2), { latitude: 10, longitude: -150 });
  await put("duckworks.containers", DUCKS, at(2), event("LOAD", at(2), "JPTYO", { vessel: SHIP, voyage: "V1" }));
  await put("duckworks.containers", DUCKS, at(3), { temperatureC: 4, latitude: 30, longitude: 141 });
  await put("bigblue.ships", `${SHIP}.position`, at(3), { latitude: 30, longitude: 141 });
  await put("port.ausyd.events", SHIP, at(19), event("ARRI", at(19), "AUSYD"));
  await put("port.ausyd.events", DUCKS, at(20), event("DISC", at(20), "AUSYD", { vessel: SHIP }));
  await put("polarfoods.containers", PEARS, at(5), { temperatureC: 17, latitude: 5, longitude: 5 });
  await put("polarfoods.alerts", PEARS, at(5), alert("before", at(5)));
  await put("polarfoods.containers", PEARS, at(10), event("GTIN", at(10), "SGSIN"));
  await put("polarfoods.containers", PEARS, at(11), { temperatureC: 3, latitude: 1, longitude: 104 });
  await put("polarfoods.alerts", PEARS, at(12), alert("within", at(12)));
  await put("bigblue.metrics", "los-angeles.a", at(12), { kind: "status" });
  await put("public.notices", "notice", at(12), { text: "Fog in the bay" });
}

export function alert(id: string, time: string): object {
  return {
    id,
    type: "OUT_OF_RANGE",
    severity: "warning",
    state: "raised",
    container: PEARS,
    time,
    message: "Too warm",
  };
}

function containerNumber(prefix: string, serial: number): string {
  const body = `${prefix}${String(serial).padStart(6, "0")}`;
  return `${body}${containerCheckDigit(body)}`;
}

export const siteToken = (name: string): string => `secret of ${name}`;

export const SITES: HqSettings["sites"] = [
  site("los-angeles", "hq", "bigblue", { locode: "USLAX" }),
  site("duckworks", "hq", "duckworks", { locode: "JPTYO" }),
  site(`ship-${SHIP}`, "ship", "bigblue", { imo: SHIP, name: "Big Blue Hyacinth" }),
];

/** The demo's rules: sites hold what is theirs to hold, people see what is theirs to see. */
export const ACCESS: HqSettings["access"] = [
  { stream: "bigblue.*", read: "g:bigblue-ops", replicate: "g:bigblue-sites" },
  { stream: "duckworks.*", read: "g:bigblue-ops | g:duckworks", replicate: "g:bigblue-sites | u:site.duckworks" },
  { stream: "polarfoods.*", read: "g:bigblue-ops | g:polarfoods", replicate: "g:bigblue-sites" },
  { stream: "port.ausyd.events", read: "g:bigblue-ops | g:port-ausyd", replicate: "g:bigblue-sites" },
  { stream: "public.notices", read: "p", replicate: "g:bigblue-sites" },
  { stream: "public.*", read: "g:bigblue-ops", replicate: "g:bigblue-sites" },
];

function site(name: string, kind: "ship" | "hq", owner: string, more: object): HqSettings["sites"][number] {
  const groups = owner === "bigblue" ? ["bigblue-sites"] : [];
  return { site: name, kind, name, owner, groups, tokenSha256: tokenDigest(siteToken(name)), ...more };
}

/** Of `ops`, who signs in in a browser. */
export const PASSWORD = "seven ducks on a pond";

/** Those who can be looked as; the others are programs alone. */
function person(name: string, groups: string[], roles: string[] = []): HqSettings["users"][number] {
  return { name, displayName: name, groups, roles } as HqSettings["users"][number];
}

function settings(data: string, passwordHash: string): HqSettings {
  const token = (user: string, groups: string[], roles: string[] = []) => ({
    token: `token-of-${user}`,
    user,
    groups,
    roles,
  });
  return {
    site: "los-angeles",
    node: "a",
    data,
    // Tests say from where they ask.
    http: { host: "127.0.0.1", port: 0, trustedProxies: ["127.0.0.1"] },
    replication: { token: siteToken("los-angeles"), wants: ["*"] },
    links: [],
    sites: SITES,
    access: ACCESS,
    tokens: [
      token("ops", ["bigblue-ops"], ["admin"]),
      token("ducky", ["duckworks"]),
      token("sydney", ["port-ausyd"]),
      token("chef", []),
      token("nobody", []),
      // May say who comes in, and sees what Sydney's port authority does.
      token("warden", ["port-ausyd"], ["admin"]),
    ],
    retention: [],
    diskPercentMax: 100,
    metricsSeconds: 3_600,
    logLevel: "silent",
    users: [
      { ...person("ops", ["bigblue-ops"], ["admin"]), passwordHash },
      person("ducky", ["duckworks"]),
      person("sydney", ["port-ausyd"]),
      person("chef", []),
      person("nobody", []),
    ],
    web: fileURLToPath(new URL("../../../web/dist", import.meta.url)),
    sessionHours: 1,
    sessionIdleHours: 1,
    limits: {
      signInsPerMinute: 10_000,
      requestsPerMinutePerAddress: 1_000_000,
      requestsPerMinute: 1_000_000,
      exportsPerMinute: 1_000_000,
    },
  };
}
