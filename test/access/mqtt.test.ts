import { hash } from "@node-rs/argon2";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { READING_TOPICS } from "@landfall/edge/ingest/topics";
import { DeviceRules, type TopicKind } from "@landfall/edge/mqtt/topic-rules";
import type { StreamsReply } from "@landfall/proto/api";
import { askJson } from "../support/client.js";
import { eventually } from "../support/eventually.js";
import { freePorts } from "../support/free-ports.js";
import { containerNumber, reading } from "../support/sensor.js";
import { Service } from "../support/service.js";
import { OPS_TOKEN } from "../support/small-fleet.js";

const SHIP = "9321483";
const OTHER_SHIP = "9700043";
const [OWN, FOREIGN, NOBODYS] = [containerNumber(301), containerNumber(302), containerNumber(303)];
const FIRST_MS = Date.parse("2026-03-01T00:00:00.000Z");

/** `reefer` reports for one container, `other` for another, `gateway` for the ship and whatever is on board. */
const SIGNED_IN = ["reefer", "other", "gateway", "operations"] as const;
type Who = (typeof SIGNED_IN)[number];
/** They do not get in at all. */
const STRANGERS: Readonly<Record<string, IClientOptions>> = {
  "somebody without a name": { clientId: "stranger" },
  "a name that is not known": { clientId: "nobody", username: "nobody", password: "secret of nobody" },
  "a wrong password": { clientId: "reefer", username: "reefer", password: "guessed" },
  "another's password": { clientId: "reefer", username: "reefer", password: "secret of gateway" },
  "a device that was given up": { clientId: "former", username: "former", password: "secret of former" },
  "another's client id": { clientId: "reefer", username: "gateway", password: "secret of gateway" },
};

interface Topic {
  readonly topic: string;
  readonly publish: readonly Who[];
  readonly subscribe: readonly Who[];
  /** The same about something that is not there: who is denied must not be able to tell. */
  readonly absent: string;
}

const container = (id: string, own: readonly Who[]): Topic[] => [
  { topic: `containers/${id}/telemetry`, publish: own, subscribe: [], absent: `containers/${NOBODYS}/telemetry` },
  { topic: `containers/${id}/events`, publish: own, subscribe: [], absent: `containers/${NOBODYS}/events` },
  {
    topic: `containers/${id}/commands`,
    publish: ["operations"],
    subscribe: [...own, "operations"],
    absent: `containers/${NOBODYS}/commands`,
  },
];
const ship = (id: string, own: readonly Who[]): Topic[] => [
  { topic: `ships/${id}/position`, publish: own, subscribe: [], absent: `ships/${OTHER_SHIP}/position` },
  { topic: `ships/${id}/environment`, publish: own, subscribe: [], absent: `ships/${OTHER_SHIP}/environment` },
  { topic: `ships/${id}/events`, publish: own, subscribe: [], absent: `ships/${OTHER_SHIP}/events` },
  {
    topic: `ships/${id}/commands`,
    publish: ["operations"],
    subscribe: [...own, "operations"],
    absent: `ships/${OTHER_SHIP}/commands`,
  },
];
const reserved = (topic: string, subscribe: readonly Who[] = []): Topic => ({
  topic,
  publish: [],
  subscribe,
  absent: "$SYS/nothing",
});
const TOPICS: readonly Topic[] = [
  ...container(OWN, ["reefer", "gateway"]),
  ...container(FOREIGN, ["other", "gateway"]),
  ...ship(SHIP, ["gateway"]),
  reserved("$SYS/broker/clients", ["operations"]),
  reserved("$share/all/containers/x/commands"),
];
/** Shapes of topics, by what becomes of a message there: a kind that is new is decided on here. */
const SHAPES: Readonly<Record<TopicKind, readonly string[]>> = {
  reading: READING_TOPICS,
  command: ["containers/<container>/commands", "ships/<imo>/commands"],
  reserved: ["$SYS/broker/clients", "$share/all/containers/x/commands"],
  // Of a general-purpose broker's rules: an edge passes on nothing that it does not store.
  forwarded: [],
};
/** A retained command that everybody in operations is sent, and after it what else they are sent is there. */
const MARK = `containers/${NOBODYS}/commands`;
/** Filters that name more than one thing. */
const FILTERS: Readonly<Record<string, readonly Who[]>> = {
  "#": [],
  "+/+/+": [],
  "containers/#": [],
  "containers/+/telemetry": [],
  "containers/+/commands": ["gateway", "operations"],
  "ships/+/commands": ["operations"],
  "$SYS/#": ["operations"],
};

describe("who may say and hear what over MQTT: every device, every topic", () => {
  const folder = mkdtempSync(join(tmpdir(), "landfall-access-mqtt-"));
  const clients = new Map<Who, MqttClient>();
  let edge: Service;
  let url = "";
  let written = 0;

  beforeAll(async () => {
    const [http = 0, port = 0] = await freePorts(2);
    url = `mqtt://127.0.0.1:${port}`;
    const entry = async (name: string, more: object) => ({
      name,
      passwordHash: await hash(`secret of ${name}`, { memoryCost: 1024, timeCost: 1, parallelism: 1 }),
      ...more,
    });
    const devices = [
      await entry("reefer", { containers: [OWN] }),
      await entry("other", { containers: [FOREIGN] }),
      await entry("gateway", { containers: ["*"], ships: [SHIP] }),
      await entry("operations", { role: "operations" }),
    ];
    const file = join(folder, "devices.yaml");
    // JSON is YAML.
    writeFileSync(file, JSON.stringify({ devices }));
    edge = new Service(
      "edge",
      {
        site: `ship-${SHIP}`,
        data: join(folder, "data"),
        http: { port: http },
        sites: [{ site: `ship-${SHIP}`, kind: "ship", name: "Hyacinth", owner: "bigblue", groups: [], imo: SHIP }],
        access: [{ stream: "*", read: "g:ops" }],
        tokens: [{ token: OPS_TOKEN, user: "ops", groups: ["ops"], roles: ["admin"] }],
        mqtt: { host: "127.0.0.1", port, devices: file },
      },
      folder,
    );
    await edge.start();
    for (const who of SIGNED_IN) clients.set(who, await connect(who));
    await clients.get("operations")?.publishAsync(MARK, "mark", { qos: 1, retain: true });
  });
  afterAll(async () => {
    for (const client of clients.values()) await client.endAsync(true);
    await edge?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const credentials = (who: Who): IClientOptions => ({ clientId: who, username: who, password: `secret of ${who}` });

  async function connect(who: Who, more: IClientOptions = {}): Promise<MqttClient> {
    return mqtt.connectAsync(url, { protocolVersion: 4, reconnectPeriod: 0, ...credentials(who), ...more });
  }

  /** Undefined when they got in, which is ended at once. */
  async function refusal(options: IClientOptions): Promise<string | undefined> {
    try {
      const client = await mqtt.connectAsync(url, { protocolVersion: 4, reconnectPeriod: 0, ...options });
      await client.endAsync(true);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** Of all streams but those in which the node tells of itself. */
  async function stored(): Promise<number> {
    const { streams } = await askJson<StreamsReply>(edge, "/api/streams", OPS_TOKEN);
    return streams
      .filter(({ name }) => !/\.(metrics|exceptions|audit)$/.test(name))
      .reduce((sum, { records }) => sum + (records ?? 0), 0);
  }

  function payload(topic: string): string {
    const time = FIRST_MS + written++ * 1_000;
    if (topic.endsWith("/events")) {
      return JSON.stringify({ type: topic.startsWith("ships/") ? "ARRI" : "GTIN", time, location: "SGSIN" });
    }
    if (topic.endsWith("/position")) return JSON.stringify({ time, latitude: 1, longitude: 2 });
    return reading({ time });
  }

  /** As whoever publishes sees it. */
  async function publish(who: Who, topic: string, message = payload(topic), retain = false): Promise<string> {
    const client = clients.get(who) as MqttClient;
    return client.publishAsync(topic, message, { qos: 1, retain }).then(
      () => "acknowledged",
      (error: Error) => error.message,
    );
  }

  /** What somebody in operations is sent who begins to listen now. */
  async function heardLate(filter: string): Promise<string[]> {
    const client = await connect("operations", { clientId: "operations:late" });
    const heard: string[] = [];
    const marked = new Promise<void>((resolve) => {
      client.on("message", (topic, message) => {
        if (topic === MARK) resolve();
        else heard.push(message.toString());
      });
    });
    await client.subscribeAsync(filter, { qos: 1 });
    await client.subscribeAsync(MARK, { qos: 1 });
    await marked;
    await client.endAsync();
    return heard;
  }

  /** What the SUBACK grants; 128 is a refusal. */
  async function subscribe(who: Who, filter: string): Promise<number> {
    const client = clients.get(who) as MqttClient;
    const granted = await new Promise<number>((resolve) => {
      client.subscribe(filter, { qos: 1 }, (_error, _grants, suback) => {
        resolve(Number((suback?.granted as number[] | undefined)?.[0]));
      });
    });
    if (granted < 128) await client.unsubscribeAsync(filter);
    return granted;
  }

  const cells = TOPICS.flatMap((topic) => SIGNED_IN.map((who) => ({ ...topic, who })));
  // An event is told to its owner and to the port.
  const copiesOf = (topic: string): number => (topic.endsWith("/events") ? 2 : 1);

  it("A1, A2: each kind of topic that an edge knows is decided on", () => {
    const shapeOf = (topic: string): string =>
      topic.replace(/^containers\/[^/]+/, "containers/<container>").replace(/^ships\/[^/]+/, "ships/<imo>");
    const rules = new DeviceRules(() => {
      throw new Error("what a topic is depends on no device");
    });
    const found: Record<TopicKind, string[]> = { reading: [], command: [], reserved: [], forwarded: [] };
    for (const { topic } of TOPICS) found[rules.kindOf(topic)].push(shapeOf(topic));
    for (const kind of Object.keys(SHAPES) as TopicKind[]) {
      expect([...new Set(found[kind])].toSorted(), kind).toEqual(SHAPES[kind].toSorted());
    }
  });

  it.each(cells)("A1, A2, A3: $who publishes to $topic", async ({ who, topic, absent, publish: may }) => {
    const before = await stored();
    const answer = await publish(who, topic);
    expect((await stored()) - before).toBe(may.includes(who) ? copiesOf(topic) : 0);
    if (!may.includes(who) && !topic.startsWith("$")) expect(answer).toBe(await publish(who, absent));
    if (may.includes(who)) expect(answer).toBe("acknowledged");
  });

  it.each(cells)("A1, A2, A3: $who subscribes to $topic", async ({ who, topic, subscribe: may }) => {
    expect(await subscribe(who, topic)).toBe(may.includes(who) ? 1 : 128);
  });

  it.each(Object.entries(FILTERS).flatMap(([filter, may]) => SIGNED_IN.map((who) => ({ filter, may, who }))))(
    "A1, A2: $who subscribes to $filter",
    async ({ filter, may, who }) => {
      expect(await subscribe(who, filter)).toBe(may.includes(who) ? 1 : 128);
    },
  );

  it.each(cells)("A1, A2, A3: $who leaves a will on $topic", async ({ who, topic, absent, publish: may }) => {
    const with_ = (on: string): IClientOptions => ({
      ...credentials(who),
      clientId: `${who}:will`,
      will: { topic: on, payload: Buffer.from(payload(on)), qos: 1, retain: false },
    });
    const answer = await refusal(with_(topic));
    if (may.includes(who)) expect(answer).toBeUndefined();
    else {
      expect(answer).toMatch(/not authorized/i);
      // The gateway speaks for any container, and for no other ship.
      if (who !== "gateway" || absent.startsWith("ships")) expect(answer).toBe(await refusal(with_(absent)));
    }
  });

  it.each(cells)("A1, A2, A3: $who leaves a retained message on $topic", async (cell) => {
    const { who, topic, absent, publish: may, subscribe } = cell;
    const message = payload(topic);
    const before = await stored();
    const answer = await publish(who, topic, message, true);
    expect((await stored()) - before).toBe(may.includes(who) ? copiesOf(topic) : 0);
    if (!may.includes(who) && !topic.startsWith("$")) {
      expect(answer).toBe(await publish(who, absent, payload(absent), true));
    }
    // Readings are heard by nobody.
    if (!subscribe.includes("operations")) return;
    if (may.includes(who)) await eventually("it is heard", async () => (await heardLate(topic)).includes(message));
    else expect(await heardLate(topic)).not.toContain(message);
  });

  it.each(Object.entries(STRANGERS))("A1: %s does not get in", async (_, options) => {
    expect(await refusal(options)).toBeDefined();
  });

  it("A3: an unknown name, a wrong password and one that was given up are one answer", async () => {
    const answers = ["a name that is not known", "a wrong password", "a device that was given up"].map((who) =>
      refusal(STRANGERS[who] as IClientOptions),
    );
    expect(new Set(await Promise.all(answers)).size).toBe(1);
  });
});
