import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import type {
  ClusterFeature,
  ContainerFeature,
  ContainersReply,
  ContainerState,
  LiveEvent,
  MapTiles,
  SessionReply,
  SiteHealthReply,
} from "@landfall/proto/api";
import { acknowledge, changeRules, readMore, type FakeRules } from "./fake-desk.js";
import type { FakeWorld } from "./fake-world.js";

/** A person of the fake headquarters: what of the world they may see. */
interface User {
  readonly reply: Omit<SessionReply, "expires">;
  readonly sees: (container: ContainerState) => boolean;
  readonly everything: boolean;
}

const PASSWORD = "landfall";
const EXPIRES = "2027-01-01T00:00:00Z";

function user(
  name: string,
  displayName: string,
  group: string,
  more: Partial<User["reply"]>,
  sees: User["sees"],
): User {
  const base = { site: "los-angeles", owner: "bigblue", roles: [], mayControl: false };
  return {
    reply: { user: name, displayName, groups: [group], ...base, ...more },
    sees,
    everything: more.mayControl === true,
  };
}

const USERS: readonly User[] = [
  user(
    "ops",
    "Big Blue operations",
    "bigblue-ops",
    { roles: ["admin"], mayControl: true, mayShare: true, mayRule: true },
    () => true,
  ),
  user("ducky", "Duckworks", "duckworks", {}, ({ owner }) => owner === "duckworks"),
  user("sydney", "Sydney port authority", "port-ausyd", {}, ({ location }) => location === "AUSYD"),
];

export interface FakeServer {
  readonly url: string;
  /** Every request so far, `METHOD path`. */
  readonly requests: string[];
  /** What commands were sent: method, path and body. */
  readonly commands: { readonly path: string; readonly body: unknown }[];
  /** Sends an event to everybody who is connected to the live feed. */
  push(event: LiveEvent): void;
  /** Number of open live feeds. */
  liveCount(): number;
  /** Ends the open feeds; with `down` new ones, and all else, are refused until it is called again. */
  cutLive(down: boolean): void;
  /** Answers the next requests under this path with that status instead. */
  fail(pathPrefix: string, status: number | undefined): void;
  close(): Promise<void>;
}

/** Serves a built map and a fake world over the real contract, with the headers of a strict headquarters. */
export async function startFakeServer(
  webRoot: string,
  world: FakeWorld,
  port = 0,
  tiles?: MapTiles,
): Promise<FakeServer> {
  const requests: string[] = [];
  const commands: FakeServer["commands"] = [];
  const failing = new Map<string, number>();
  const feeds = new Set<ServerResponse>();
  const rules: FakeRules = {};
  let down = false;
  let eventId = 0;

  const toSse = (event: LiveEvent): string =>
    `event: ${event.type}\nid: ${++eventId}\ndata: ${JSON.stringify(event.data)}\n\n`;

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://fake");
    requests.push(`${request.method} ${url.pathname}`);
    if (!url.pathname.startsWith("/api/")) {
      await sendFile(webRoot, url.pathname, response, tiles);
      return;
    }
    const failure = [...failing].find(([prefix]) => url.pathname.startsWith(prefix));
    if (down || failure) {
      problem(response, failure?.[1] ?? 503, "UNAVAILABLE", "The fake headquarters was told to fail.");
      return;
    }
    const body = await readBody(request);
    const who = USERS.find(({ reply }) => request.headers.cookie?.includes(`landfall=${reply.user}`));
    if (url.pathname === "/api/session") {
      session(request, response, body, who, tiles);
    } else if (!who) {
      problem(response, 401, "UNAUTHENTICATED", "Sign in first.");
    } else if (url.pathname === "/api/live") {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      response.write(": hello\n\n");
      feeds.add(response);
      response.on("close", () => feeds.delete(response));
    } else if (request.method !== "GET" && url.pathname.startsWith("/api/alerts/")) {
      const said = acknowledge(world, url.pathname.split("/")[3] ?? "", who.reply.user, body);
      if (said === undefined) problem(response, 404, "NOT_FOUND", "there is no such alert here");
      else json(response, 200, said);
    } else if (request.method !== "GET" && url.pathname === "/api/rules" && who.reply.mayRule === true) {
      const changed = changeRules(rules, request.method === "DELETE" ? undefined : body, who.reply.user);
      if (changed === undefined) problem(response, 409, "CONFLICT", "another is in force by now");
      else json(response, 200, changed);
    } else if (request.method !== "GET") {
      if (!who.reply.mayControl) {
        problem(response, 404, "NOT_FOUND", "There is no such thing.");
        return;
      }
      commands.push({ path: `${request.method} ${url.pathname}`, body });
      json(response, 200, {});
    } else {
      const answer = readMore(url, who.reply, world, rules) ?? read(url, who, world);
      if (answer === undefined) problem(response, 404, "NOT_FOUND", "There is no such thing, or you may not see it.");
      else json(response, 200, answer);
    }
  };

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    commands,
    push: (event) => {
      const text = toSse(event);
      for (const feed of feeds) feed.write(text);
    },
    liveCount: () => feeds.size,
    cutLive: (stay) => {
      down = stay;
      for (const feed of feeds) feed.destroy();
    },
    fail: (prefix, status) => {
      if (status === undefined) failing.delete(prefix);
      else failing.set(prefix, status);
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function session(
  request: IncomingMessage,
  response: ServerResponse,
  body: unknown,
  who: User | undefined,
  tiles: MapTiles | undefined,
): void {
  const rest = { expires: EXPIRES, ...(tiles && { tiles }) };
  if (request.headers.authorization !== undefined) {
    problem(response, 401, "UNAUTHENTICATED", "this link was taken back: ask whoever sent it to you for a new one");
  } else if (request.method === "POST") {
    const { username, password } = body as { username?: string; password?: string };
    const found = USERS.find(({ reply }) => reply.user === username && password === PASSWORD);
    if (!found) {
      problem(response, 401, "UNAUTHENTICATED", "Wrong name or password.");
      return;
    }
    response.setHeader("set-cookie", `landfall=${found.reply.user}; HttpOnly; Path=/; SameSite=Strict`);
    json(response, 200, { ...found.reply, ...rest, token: "t" });
  } else if (request.method === "DELETE") {
    response.setHeader("set-cookie", "landfall=; Max-Age=0; Path=/");
    response.writeHead(204).end();
  } else if (who) {
    json(response, 200, { ...who.reply, ...rest });
  } else {
    problem(response, 401, "UNAUTHENTICATED", "Nobody is signed in.", {
      demo: {
        password: PASSWORD,
        users: [
          { username: "ops", sees: "everything, and may steer the voyage" },
          { username: "ducky", sees: "only the ducks, wherever they are" },
          { username: "sydney", sees: "what happens in the port of Sydney" },
        ],
      },
    });
  }
}

function read(url: URL, who: User, world: FakeWorld): unknown {
  const visible = world.containers.filter((container) => who.sees(container));
  const ships = world.ships.filter(({ imo }) => who.everything || visible.some(({ vessel }) => vessel === imo));
  const [, , kind, id, part] = url.pathname.split("/");
  switch (kind) {
    case "containers":
      if (id === undefined) return search(url.searchParams, visible);
      if (!visible.some(({ container }) => container === id)) return undefined;
      return part === "history" ? world.containerHistory(id) : visible.find(({ container }) => container === id);
    case "ships":
      if (id === undefined)
        return {
          ships: ships.map((ship) => ({
            ...ship,
            containersAboard: visible.filter(({ vessel }) => vessel === ship.imo).length,
          })),
        };
      if (!ships.some(({ imo }) => imo === id)) return undefined;
      return part === "history" ? world.shipHistory(id) : ships.find(({ imo }) => imo === id);
    case "alerts":
      if (id !== undefined) return undefined;
      return { alerts: world.alerts.filter(({ container }) => visible.some((one) => one.container === container)) };
    case "sites":
      if (id !== undefined) return who.everything ? health(id) : undefined;
      return who.everything ? { sites: world.sites, links: world.links } : { sites: [], links: [] };
    case "simulation":
      return who.everything ? world.simulation : { ...world.simulation, ships: [], links: [], story: [] };
    default:
      return undefined;
  }
}

/** An hour in which little happens but for one peak, and one exception. */
function health(site: string): SiteHealthReply {
  const time = (i: number): string => new Date(Date.UTC(2026, 10, 9, 12) + i * 60_000).toISOString();
  const points = Array.from({ length: 60 }, (_, i) => ({
    time: time(i),
    waitingRecords: i === 30 ? 4321 : 12,
    bytesPerSecond: 1000 + 10 * i,
    recordsPerSecond: 5,
    bytesOnDisk: 2_000_000 + i,
    rssBytes: 90_000_000,
  }));
  const message = "the disk is nearly full";
  const exceptions = [0, 1].map((i) => ({
    node: "a",
    code: "DISK_FULL",
    source: "store",
    message,
    time: time(20 + i),
  }));
  return { site, nodes: [{ node: "a", points }], exceptions };
}

/** The last zoom of the contract: what is in one place falls apart nowhere. */
const LAST_ZOOM = 23;

/** Clusters by a plain grid: good enough to draw. */
function search(query: URLSearchParams, visible: readonly ContainerState[]): ContainersReply {
  const zoom = query.get("zoom");
  const q = query.get("q");
  const vessel = query.get("vessel");
  const statuses = query.get("status")?.split(",");
  const bbox = query.get("bbox")?.split(",").map(Number);
  const matching = visible.filter(
    (one) =>
      (bbox === undefined || isWithin(bbox, one)) &&
      (q === null || one.container.includes(q)) &&
      (vessel === null || one.vessel === vessel) &&
      (statuses === undefined || statuses.includes(one.status)),
  );
  const base = { type: "FeatureCollection" as const, matched: matching.length, total: visible.length };
  if (zoom === null) {
    const limit = Number(query.get("limit") ?? 100);
    const after = query.get("after") ?? "";
    const sorted = matching
      .toSorted((a, b) => a.container.localeCompare(b.container))
      .filter((one) => one.container > after);
    const page = sorted.slice(0, limit);
    const last = page.at(-1);
    return { ...base, features: page.map(single), ...(sorted.length > limit && last ? { next: last.container } : {}) };
  }
  const groups = new Map<string, ContainerState[]>();
  for (const one of matching) {
    const key = cellOf(one, Number(zoom));
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return {
    ...base,
    features: [...groups.values()].map((group) =>
      group.length === 1 && group[0] ? single(group[0]) : cluster(group, Number(zoom)),
    ),
  };
}

/** `bbox` is west, south, east, north; west lies east of east where it crosses 180°. */
function isWithin(bbox: readonly number[], { longitude, latitude }: ContainerState): boolean {
  const [west = -180, south = -90, east = 180, north = 90] = bbox;
  if (longitude === undefined || latitude === undefined || latitude < south || latitude > north) return false;
  return west <= east ? longitude >= west && longitude <= east : longitude >= west || longitude <= east;
}

function cellOf({ longitude = 0, latitude = 0 }: ContainerState, zoom: number): string {
  const cell = 40 / 2 ** zoom;
  return `${Math.round(longitude / cell)} ${Math.round(latitude / cell)}`;
}

function single(state: ContainerState): ContainerFeature {
  const { longitude, latitude } = state;
  return {
    type: "Feature",
    id: state.container,
    geometry:
      longitude === undefined || latitude === undefined ? null : { type: "Point", coordinates: [longitude, latitude] },
    properties: { ...state, kind: "container" },
  };
}

function cluster(group: readonly ContainerState[], zoom: number): ClusterFeature {
  const statuses: Record<string, number> = {};
  for (const { status } of group) statuses[status] = (statuses[status] ?? 0) + 1;
  const [first] = group;
  const vessel = group.every((one) => one.vessel === first?.vessel) ? first?.vessel : undefined;
  const location = group.every((one) => one.location === first?.location) ? first?.location : undefined;
  return {
    type: "Feature",
    id: `c${first?.container}`,
    geometry: { type: "Point", coordinates: [first?.longitude ?? 0, first?.latitude ?? 0] },
    properties: {
      kind: "cluster",
      count: group.length,
      statuses,
      expansionZoom: expansionZoom(group, zoom),
      ...(vessel === undefined ? {} : { vessel }),
      ...(location === undefined ? {} : { location }),
    },
  };
}

/** The first zoom beyond this one at which they lie in more than one cell. */
function expansionZoom(group: readonly ContainerState[], zoom: number): number {
  for (let next = zoom + 1; next < LAST_ZOOM; next++) {
    if (new Set(group.map((one) => cellOf(one, next))).size > 1) return next;
  }
  return LAST_ZOOM;
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
};

async function sendFile(root: string, path: string, response: ServerResponse, tiles?: MapTiles): Promise<void> {
  const images = tiles ? `; img-src 'self' data: ${new URL(tiles.url).origin}` : "";
  const file = extname(path) === "" ? "index.html" : normalize(path).replace(/^[/\\]+/, "");
  try {
    const bytes = await readFile(join(root, file));
    response
      .writeHead(200, {
        "content-type": TYPES[extname(file)] ?? "application/octet-stream",
        "content-security-policy": `default-src 'self'${images}`,
      })
      .end(bytes);
  } catch {
    response.writeHead(404).end("not found");
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text === "" ? undefined : (JSON.parse(text) as unknown);
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function problem(response: ServerResponse, status: number, code: string, detail: string, more: object = {}): void {
  response
    .writeHead(status, { "content-type": "application/problem+json" })
    .end(JSON.stringify({ type: "about:blank", title: code, status, code, detail, ...more }));
}
