import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { startTestNode, testSite, type TestNode } from "@landfall/streams/testing/test-node";
import { testProxy } from "@landfall/streams/testing/test-proxy";
import { until } from "@landfall/streams/testing/until";
import { held } from "./replication-backlog.js";
import { CONTAINERS, telemetry } from "./replication-load.js";
import type { Figures } from "./replication-scenarios.js";

/** Before anything is measured: both sides know all that there is, and nothing else is to be said. */
const SETTLE_RECORDS = 5;
const HOPS = ["tokyo", "singapore", "sydney", "los-angeles"];

/** One record a second from one port to another: all bytes on the wire, both ways, pings and credit included. */
export async function liveBytes(folder: string, seconds: number): Promise<Figures> {
  const sites = HOPS.map((name) => testSite(name));
  const to = await startTestNode({ site: "tokyo", folder: join(folder, "tokyo"), sites });
  const proxy = await testProxy(to.replicator.port ?? 0, 1);
  const address = `127.0.0.1:${proxy.port}`;
  const links = [{ id: "singapore~tokyo", to: "tokyo", class: "wan" as const, address, carries: ["*"] }];
  const from = await startTestNode({ site: "singapore", folder: join(folder, "singapore"), sites, links });
  try {
    // Each of another container, as in a fleet of thousands.
    const records = [...telemetry(1_000, 1)].flat().slice(0, SETTLE_RECORDS + seconds);
    let before = 0;
    let valueBytes = 0;
    for (const [i, record] of records.entries()) {
      if (i === SETTLE_RECORDS) before = proxy.bytes;
      if (i >= SETTLE_RECORDS) valueBytes += record.value.byteLength;
      const next = pause(1_000);
      await from.store.append(CONTAINERS, [record]);
      await next;
    }
    await until(() => held(to) === records.length);
    return { bytes: Math.round((proxy.bytes - before) / seconds), value: Math.round(valueBytes / seconds) };
  } finally {
    await from.close();
    await to.close();
    await proxy.close();
  }
}

/** From one end of a line of four ports to the other, durable at each, one record at a time: ms, from append to there. */
export async function hops(folder: string, count: number): Promise<Figures> {
  const sites = HOPS.map((name) => testSite(name));
  const nodes: TestNode[] = [];
  try {
    for (const site of HOPS) {
      const before = nodes.at(-1);
      const to = before?.site ?? "";
      const address = `127.0.0.1:${before?.replicator.port}`;
      const links =
        before === undefined ? [] : [{ id: `${site}~${to}`, to, class: "wan" as const, address, carries: ["*"] }];
      nodes.push(await startTestNode({ site, folder: join(folder, site), sites, links }));
    }
    const [first, last] = [nodes[0] as TestNode, nodes.at(-1) as TestNode];
    let came: (() => void) | undefined;
    last.store.onCommit(() => came?.());
    const took: number[] = [];
    const records = [...telemetry(50, Math.ceil((count + SETTLE_RECORDS) / 50))].flat();
    for (const [i, record] of records.slice(0, count + SETTLE_RECORDS).entries()) {
      const there = new Promise<void>((resolve) => {
        came = resolve;
      });
      const started = performance.now();
      await first.store.append(CONTAINERS, [record]);
      await there;
      // The first have found their way over three links that were just opened.
      if (i >= SETTLE_RECORDS) took.push(performance.now() - started);
      await pause(10);
    }
    took.sort((a, b) => a - b);
    const at = (share: number): number =>
      Math.round((took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? 0) * 10) / 10;
    return { p50: at(0.5), p99: at(0.99) };
  } finally {
    for (const node of nodes.reverse()) await node.close();
  }
}
