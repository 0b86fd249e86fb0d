import { hash } from "@node-rs/argon2";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { containerCheckDigit, imoCheckDigit, PLACES } from "@landfall/proto/identifiers";
import { streamName, topicName } from "@landfall/streams/model/names";
import type { NewRecord, TimestampMs } from "@landfall/streams/model/record";
import { createNode } from "@landfall/streams/node/create-node";
import type { LandfallNode } from "@landfall/streams/node/node";
import type { NodeSettings } from "@landfall/streams/settings/node-settings";
import { seededRandom } from "@landfall/streams/testing/seeded-random";
import { freePorts } from "../../support/free-ports.js";
import { Service } from "../../support/service.js";

const CONTAINERS = streamName("bigblue.containers");
const SHIPS = streamName("bigblue.ships");
const APPEND_RECORDS = 2_000;
const SHIPS_COUNT = 300;
/** Of all containers, aboard ships; the others stand in terminals, and every tenth of those on the roads around them. */
const ABOARD_SHARE = 0.6;
const TERMINAL_DEG = 0.02;
const ROADS_DEG = 6;
const STEP_MS = 15 * 60_000;
const FEED_EVERY_MS = 100;
export const USER = "ops";
export const PASSWORD = "landfall";

/** A container whose history is long, and what it was at its warmest, once. */
export const LONG = containerNumber(0);
export const PEAK_C = 41.5;

export interface MapWorldSizes {
  readonly containers: number;
  /** Readings of `LONG`. */
  readonly history: number;
  readonly seed: number;
}

/** A headquarters as a process of its own, with a fleet in its store; and a port that sends it news. */
export interface MapWorld {
  readonly hq: Service;
  /** Sends the newest states of so many containers a second until it is stopped. @returns how to stop */
  feed(perSecond: number): () => Promise<number>;
  close(): Promise<void>;
}

/** Fills a store, then starts the headquarters on it. */
export async function startMapWorld(folder: string, sizes: MapWorldSizes): Promise<MapWorld> {
  const [http = 0, listen = 0] = await freePorts(2);
  const la = nodeSettings(folder, "los-angeles", http, listen);
  const node = await createNode(la);
  for (const { stream, records } of fleetRecords(sizes)) await node.store.append(stream, records);
  await node.close();
  const passwordHash = await hash(PASSWORD, { memoryCost: 1024, timeCost: 2, parallelism: 1 });
  const users = [{ name: USER, passwordHash, groups: ["bigblue-ops"], roles: [] }];
  const limits = { requestsPerMinutePerAddress: 10_000_000, requestsPerMinute: 10_000_000 };
  const hq = new Service("hq", { ...la, users, limits }, folder);
  await hq.start(600_000);
  const port = await createNode(nodeSettings(folder, "tokyo", 0, listen));
  await port.start();
  return {
    hq,
    feed: (perSecond) => feed(port, sizes, perSecond),
    async close() {
      await port.close();
      await hq.stop();
    },
  };
}

/** @param listen port on which Los Angeles listens for Tokyo */
function nodeSettings(folder: string, site: "los-angeles" | "tokyo", http: number, listen: number) {
  const isHq = site === "los-angeles";
  const link = { id: "tokyo~los-angeles", to: "los-angeles", class: "wan", address: `127.0.0.1:${listen}` } as const;
  const token = (name: string): string => `token of ${name}`;
  return {
    site,
    node: "a",
    data: join(folder, site),
    http: { host: "127.0.0.1", port: http },
    replication: {
      ...(isHq && { listen: `127.0.0.1:${listen}` }),
      token: token(site),
      wants: isHq ? ["*"] : ["*.settings"],
    },
    links: isHq ? [] : [{ ...link, carries: ["*"] }],
    sites: (["los-angeles", "tokyo"] as const).map((name) => ({
      site: name,
      kind: name === "tokyo" ? ("port" as const) : ("hq" as const),
      name,
      owner: "bigblue",
      locode: name === "tokyo" ? "JPTYO" : "USLAX",
      groups: ["bigblue-sites"],
      tokenSha256: createHash("sha256").update(token(name)).digest("hex"),
    })),
    access: [{ stream: "bigblue.*", read: "g:bigblue-ops", replicate: "g:bigblue-sites", produce: "g:bigblue-sites" }],
    tokens: [],
    retention: [],
    diskPercentMax: 100,
    metricsSeconds: 5,
    logLevel: "warn",
  } satisfies NodeSettings;
}

interface Chunk {
  readonly stream: typeof CONTAINERS;
  readonly records: NewRecord[];
}

/** Ships with positions, containers with one reading each (and what they were loaded on), and one long history. */
function* fleetRecords({ containers, history, seed }: MapWorldSizes): Generator<Chunk> {
  const now = Date.now() - 60_000;
  const fleet = new Fleet(seed);
  yield {
    stream: SHIPS,
    records: fleet.ships.map(({ imo, latitude, longitude }, i) =>
      toRecord(`${imo}.position`, now, { latitude, longitude, speedKn: 18, courseDeg: (i * 37) % 360 }),
    ),
  };
  let records: NewRecord[] = [];
  for (let i = 0; i < history; i++) {
    const at = now - (history - i) * STEP_MS;
    const temperatureC = i === Math.floor(history / 3) ? PEAK_C : round(4 + 2 * Math.sin(i / 50) + fleet.random(), 2);
    const [latitude, longitude] = [round(30 * Math.sin(i / 700), 4), round(((i / 40 + 180) % 360) - 180, 4)];
    records.push(
      toRecord(LONG, at, { latitude, longitude, temperatureC, setpointC: 4, powered: true, humidityPct: 60 }),
    );
    if (records.length >= APPEND_RECORDS) {
      yield { stream: CONTAINERS, records };
      records = [];
    }
  }
  for (let i = 1; i < containers; i++) {
    const { imo, reading } = fleet.container(i);
    const topic = containerNumber(i);
    if (imo !== undefined) {
      const time = new Date(now - 86_400_000).toISOString();
      records.push({
        ...toRecord(topic, now - 86_400_000, { type: "LOAD", time, location: "JPTYO", vessel: imo, voyage: "V1" }),
        headers: { kind: "event" },
      });
    }
    records.push(toRecord(topic, now, reading));
    if (records.length >= APPEND_RECORDS) {
      yield { stream: CONTAINERS, records };
      records = [];
    }
  }
  yield { stream: CONTAINERS, records };
}

/** Where things are; the same for the same seed. */
class Fleet {
  readonly random: () => number;
  readonly ships: readonly { readonly imo: string; readonly latitude: number; readonly longitude: number }[];

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.ships = Array.from({ length: SHIPS_COUNT }, (_, i) => {
      const body = String(920_000 + i);
      return {
        imo: `${body}${imoCheckDigit(body)}`,
        latitude: round(-50 + 100 * this.random(), 4),
        longitude: round(-180 + 360 * this.random(), 4),
      };
    });
  }

  container(i: number): { readonly imo?: string; readonly reading: object } {
    const { random, ships } = this;
    const temperatureC = round(4 + 20 * (random() < 0.05 ? 1 : 0) + random(), 2);
    const rest = { temperatureC, setpointC: 4, powered: random() > 0.02, doorOpen: random() < 0.01 };
    if (random() < ABOARD_SHARE) {
      const ship = ships[i % ships.length] as (typeof ships)[number];
      return { imo: ship.imo, reading: { ...around(ship, 0.001, random), ...rest } };
    }
    const place = PLACES[i % PLACES.length] as (typeof PLACES)[number];
    return { reading: { ...around(place, random() < 0.1 ? ROADS_DEG : TERMINAL_DEG, random), ...rest } };
  }
}

/** @returns how to stop; then, how many were sent */
function feed(port: LandfallNode, { containers, seed }: MapWorldSizes, perSecond: number): () => Promise<number> {
  const fleet = new Fleet(seed + 1);
  const begun = performance.now();
  let next = 1;
  let sent = 0;
  let sending: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - begun) / 1000) * perSecond) - sent;
    const now = Date.now();
    const records = Array.from({ length: due }, () => {
      const i = next;
      next = next + 1 >= containers ? 1 : next + 1;
      return toRecord(containerNumber(i), now, fleet.container(i).reading);
    });
    sent += due;
    sending = sending.then(() => (records.length === 0 ? undefined : port.store.append(CONTAINERS, records)));
  }, FEED_EVERY_MS);
  return async () => {
    clearInterval(timer);
    await sending;
    return sent;
  };
}

export function containerNumber(i: number): string {
  const prefix = ["CSQU", "MSKU", "TGHU"][Math.floor(i / 1_000_000) % 3] ?? "CSQU";
  const body = `${prefix}${String(i % 1_000_000).padStart(6, "0")}`;
  return `${body}${containerCheckDigit(body)}`;
}

function toRecord(topic: string, time: number, value: object): NewRecord {
  return { topic: topicName(topic), timestamp: time as TimestampMs, value: Buffer.from(JSON.stringify(value)) };
}

function around(place: { latitude: number; longitude: number }, deg: number, random: () => number): object {
  const longitude = place.longitude + deg * (random() - 0.5);
  return {
    latitude: round(Math.max(-85, Math.min(85, place.latitude + deg * (random() - 0.5))), 5),
    longitude: round(longitude > 180 ? longitude - 360 : longitude < -180 ? longitude + 360 : longitude, 5),
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
