import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { systemEnv } from "@landfall/streams/env";
import { createGrpcTransport } from "@landfall/streams/replication/grpc-transport";
import { seededRandom } from "@landfall/streams/testing/seeded-random";
import { SimulatedLife } from "@landfall/streams/testing/simulated-trouble";
import { startTestNode, testSite, type TestNode } from "@landfall/streams/testing/test-node";
import { testProxy, type TestProxy } from "@landfall/streams/testing/test-proxy";
import { until } from "@landfall/streams/testing/until";
import { held } from "./replication-backlog.js";
import { Counts } from "./replication-counts.js";
import { CONTAINERS, telemetry } from "./replication-load.js";
import type { Figures } from "./replication-scenarios.js";

const SITES = ["tokyo", "singapore", "sydney", "los-angeles", "rotterdam"];
const SEED = 20_261_121;
const WRITE_RECORDS = 20;
const WRITE_MS = 50;
const CUT_MS_MAX = 200;
const CUTS_KBPS = 20_000;
const CUT_AFTER_MS_MAX = 500;
const LIVES = 40;

/**
 * A full mesh of five sites, all writing, each pair with two links. The better one is cut by chance and comes back: then
 * its histories come over the other one, or another site, and back again.
 */
export async function mesh(folder: string, changes: number): Promise<Figures> {
  const random = seededRandom(SEED);
  const sites = SITES.map((name) => testSite(name));
  const counts = SITES.map(() => new Counts());
  const nodes: TestNode[] = [];
  const proxies: TestProxy[] = [];
  try {
    for (const [i, site] of SITES.entries()) {
      const better = await Promise.all(nodes.map(({ replicator }) => testProxy(replicator.port ?? 0, 1)));
      proxies.push(...better);
      const links = nodes.flatMap((to, at) => [
        linkTo(site, to.site, "wan", to.replicator.port ?? 0),
        linkTo(site, to.site, "lan", better[at]?.port ?? 0),
      ]);
      const transport = counts[i]?.over(createGrpcTransport({ env: systemEnv }));
      nodes.push(
        await startTestNode({ site, folder: join(folder, site), sites, links, ...(transport && { transport }) }),
      );
    }
    const enough = new AbortController();
    let written = 0;
    const writing = nodes.map(async ({ store }, i) => {
      while (!enough.signal.aborted) {
        for (const some of telemetry(WRITE_RECORDS * (i + 1), 1)) {
          await store.append(CONTAINERS, some.slice(0, WRITE_RECORDS));
          written += WRITE_RECORDS;
        }
        await pause(WRITE_MS);
      }
    });
    const changed = (): number => counts.reduce((sum, one) => sum + one.changes, 0);
    while (changed() < changes) {
      await pause(random() * CUT_MS_MAX);
      proxies[Math.floor(random() * proxies.length)]?.cut();
    }
    enough.abort();
    await Promise.all(writing);
    await until(() => nodes.every((node) => held(node) === written));
    const sum = (pick: (one: Counts) => number): number => counts.reduce((total, one) => total + pick(one), 0);
    const arrived = sum((one) => one.arrived);
    const expected = written * (SITES.length - 1);
    if (arrived - sum((one) => one.twice) !== expected) throw new Error(`${arrived} records came, of ${expected}`);
    return {
      seed: SEED,
      changes: changed(),
      records: written,
      twice: sum((one) => one.twice),
      sentAgain: sum((one) => one.recordsSent) - expected,
    };
  } finally {
    for (const node of nodes.reverse()) await node.close();
    for (const proxy of proxies) await proxy.close();
  }
}

/** A ship's backlog over a link that is cut again and again. What was on its way is sent again, and nothing else. */
export async function cuts(folder: string, count: number): Promise<Figures> {
  const random = seededRandom(SEED);
  const sites = [testSite("tokyo"), testSite("ship")];
  const [here, there] = [new Counts(), new Counts()];
  let made = 0;
  while (made < count) {
    const tokyo = mkdtempSync(join(folder, "tokyo-"));
    here.forget();
    const gRpc = createGrpcTransport({ env: systemEnv });
    const port = await startTestNode({ site: "tokyo", folder: tokyo, sites, transport: here.over(gRpc) });
    const proxy = await testProxy(port.replicator.port ?? 0, 5, CUTS_KBPS);
    const ship = await startTestNode({
      site: "ship",
      folder: join(folder, "ship"),
      sites,
      wants: ["*.settings"],
      links: [linkTo("ship", "tokyo", "wan", proxy.port)],
      transport: there.over(gRpc),
    });
    const isDone = (): boolean => held(port) >= held(ship);
    while (!isDone() && made < count) {
      const before = here.connections.at(-1);
      await until(() => isDone() || (before?.arrived ?? 0) > 0 || here.connections.at(-1) !== before);
      await pause(random() * CUT_AFTER_MS_MAX);
      proxy.cut();
      made++;
      await until(() => port.replicator.links().every(({ state }) => state === "down"));
    }
    await ship.close();
    await port.close();
    await proxy.close();
    rmSync(tokyo, { recursive: true });
  }
  // Each connection was opened at one end and accepted at the other, one after the other.
  const lost = there.connections.map(({ sent }, i) => sent - (here.connections[i]?.arrived ?? 0));
  return {
    seed: SEED,
    cuts: made,
    records: here.arrived,
    twice: here.twice,
    lost: Math.max(...lost),
    window: there.windowBytes,
    percent: Math.round((Math.max(...lost) / there.windowBytes) * 1_000) / 10,
  };
}

/** The same rules in the simulation, with whole sites that crash besides. */
export function simulated(): Figures {
  let [delivered, duplicates] = [0, 0];
  for (let seed = SEED; seed < SEED + LIVES; seed++) {
    const troubles = { sites: 13, writeMs: 20_000, everyMs: 30, troubleMs: 400, links: true, crashes: true };
    const life = new SimulatedLife(seededRandom(seed), { ...troubles, sealing: seed % 2 === 0 });
    if (!life.live()) throw new Error(`seed ${seed}: it did not converge`);
    delivered += life.fleet.delivered;
    duplicates += life.fleet.duplicates;
  }
  return { seed: SEED, lives: LIVES, delivered, twice: duplicates };
}

function linkTo(from: string, to: string, linkClass: "lan" | "wan", port: number) {
  return { id: `${from}~${to}-${linkClass}`, to, class: linkClass, address: `127.0.0.1:${port}`, carries: ["*"] };
}
