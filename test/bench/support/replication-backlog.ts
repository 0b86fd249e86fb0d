import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { topicName } from "@landfall/streams/model/names";
import type { TimestampMs } from "@landfall/streams/model/record";
import type { LinkClass } from "@landfall/proto/api";
import { startTestNode, testSite, type TestNode } from "@landfall/streams/testing/test-node";
import { testProxy, type TestProxy } from "@landfall/streams/testing/test-proxy";
import { until } from "@landfall/streams/testing/until";
import { ALERTS, CONTAINERS } from "./replication-load.js";
import type { Figures } from "./replication-scenarios.js";

const SITES = [testSite("tokyo"), testSite("ship")];

export interface Wire {
  readonly linkClass: LinkClass;
  readonly oneWayMs: number;
  /** 0: as fast as it goes. */
  readonly kbps: number;
}

/** What a node holds of a stream, of all origins. */
export function held(node: TestNode, stream = CONTAINERS): number {
  return Object.values(node.store.vector(stream)).reduce((sum, next) => sum + next, 0);
}

/** With a new folder. */
async function startPort(folder: string): Promise<TestNode & { readonly folder: string }> {
  const own = mkdtempSync(join(folder, "tokyo-"));
  const node = await startTestNode({ site: "tokyo", folder: own, sites: SITES });
  return { ...node, folder: own };
}

/** The ship whose folder was filled before, with one link to the port. */
function startShip(folder: string, linkClass: LinkClass, port: number): Promise<TestNode> {
  const link = { id: "ship~tokyo", to: "tokyo", class: linkClass, address: `127.0.0.1:${port}`, carries: ["*"] };
  return startTestNode({
    site: "ship",
    folder: join(folder, "ship"),
    sites: SITES,
    wants: ["*.settings"],
    links: [link],
  });
}

/** The ship's backlog into a new port, every record durable there: records a second, and bytes of each on the wire. */
export async function unload(folder: string, { linkClass, oneWayMs, kbps }: Wire): Promise<Figures> {
  return withShip(folder, { linkClass, oneWayMs, kbps }, async ({ port, ship, proxy }) => {
    const records = held(ship);
    // From the moment at which both sides have said hello: dialling takes as long whatever there is to send.
    await until(() => port.replicator.links().some(({ state }) => state === "up"));
    const started = performance.now();
    await until(() => held(port) >= records);
    const seconds = (performance.now() - started) / 1_000;
    return {
      records,
      rate: Math.round(records / seconds),
      seconds: Math.round(seconds * 100) / 100,
      bytes: Math.round((proxy.bytes / records) * 10) / 10,
    };
  });
}

/** Alerts that are written on board while the backlog goes over a slow link: the slowest of them. */
export async function alerts(folder: string, wire: Wire, count: number): Promise<Figures> {
  return withShip(folder, wire, async ({ port, ship, proxy }) => {
    const waiting: number[] = [];
    let came: (() => void) | undefined;
    port.store.onCommit((committed) => committed.some(({ stream }) => stream === ALERTS) && came?.());
    let arrived = proxy.bytesToListener;
    for (let i = 0; i < count; i++) {
      // The backlog flows, and has filled what the link may hold.
      arrived += (wire.kbps / 8) * 1_000;
      await until(() => proxy.bytesToListener >= arrived);
      const started = performance.now();
      const there = new Promise<void>((resolve) => {
        came = resolve;
      });
      const value = Buffer.from('{"rule":"lost-container","container":"MSKU1000007"}');
      await ship.store.append(ALERTS, [
        { topic: topicName("MSKU1000007"), timestamp: Math.floor(Date.now()) as TimestampMs, value },
      ]);
      await there;
      waiting.push(performance.now() - started);
      arrived = proxy.bytesToListener;
    }
    const records = held(ship);
    if (held(port) >= records) throw new Error("the backlog was over before the alerts were");
    return { records, first: Math.round(waiting[0] as number), slowest: Math.round(Math.max(...waiting)) };
  });
}

/** Resident memory of a process that is nothing but a port, at its highest, while it takes a backlog in. */
export async function memory(folder: string, self: string): Promise<Figures> {
  const port = await startPort(folder);
  const args = [self, "--scenario", "ship", "--folder", folder, "--port", String(port.replicator.port)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const before = Math.round(process.resourceUsage().maxRSS / 1_024);
  try {
    const records = await new Promise<number>((resolve, reject) => {
      child.stdout.once("data", (said: Buffer) => resolve(Number(said.toString())));
      child.once("exit", () => reject(new Error("the ship has ended")));
    });
    const started = performance.now();
    await until(() => held(port) >= records);
    const seconds = (performance.now() - started) / 1_000;
    return { records, before, seconds, rss: Math.round(process.resourceUsage().maxRSS / 1_024) };
  } finally {
    const ended = new Promise((resolve) => void child.once("exit", resolve));
    if (child.kill()) await ended;
    await port.close();
    rmSync(port.folder, { recursive: true, force: true });
  }
}

/** The ship of `memory`, in its own process: says how many records it holds, and sends them until it is killed. */
export async function serveShip(folder: string, port: number): Promise<never> {
  const ship = await startShip(folder, "wan", port);
  process.stdout.write(`${held(ship)}\n`);
  return new Promise(() => undefined);
}

/** What the shaped link itself lets through: plain TCP through the same proxy, for some seconds. */
export async function rawLink({ oneWayMs, kbps }: Wire): Promise<Figures> {
  const bytes = (kbps / 8) * 3_000;
  const sink = net.createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => void sink.listen(0, "127.0.0.1", resolve));
  const proxy = await testProxy((sink.address() as net.AddressInfo).port, oneWayMs, kbps);
  const socket = net.connect(proxy.port, "127.0.0.1");
  socket.write(Buffer.alloc(bytes));
  await until(() => proxy.bytesToListener > 0);
  const [from, started] = [proxy.bytesToListener, performance.now()];
  await until(() => proxy.bytesToListener >= bytes);
  const mbps = ((bytes - from) * 8) / (performance.now() - started) / 1_000;
  socket.destroy();
  await proxy.close();
  sink.close();
  return { mbps: Math.round(mbps * 100) / 100 };
}

interface Pair {
  readonly port: TestNode;
  readonly ship: TestNode;
  readonly proxy: TestProxy;
}

async function withShip(folder: string, wire: Wire, measure: (pair: Pair) => Promise<Figures>): Promise<Figures> {
  const port = await startPort(folder);
  const proxy = await testProxy(port.replicator.port ?? 0, wire.oneWayMs, wire.kbps);
  try {
    const ship = await startShip(folder, wire.linkClass, proxy.port);
    try {
      return await measure({ port, ship, proxy });
    } finally {
      await ship.close();
    }
  } finally {
    await port.close();
    await proxy.close();
    rmSync(port.folder, { recursive: true, force: true });
  }
}
