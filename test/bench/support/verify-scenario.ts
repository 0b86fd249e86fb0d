import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { httpSite } from "@landfall/streams/commands/http-site";
import { streamName } from "@landfall/streams/model/names";
import type { NewRecord } from "@landfall/streams/model/record";
import { createNode } from "@landfall/streams/node/create-node";
import { tokenDigest } from "@landfall/streams/replication/gate";
import type { NodeSettings } from "@landfall/streams/settings/node-settings";
import { testProxy } from "@landfall/streams/testing/test-proxy";
import { until } from "@landfall/streams/testing/until";
import type { LandfallNode } from "@landfall/streams/node/node";
import { compareSites } from "@landfall/streams/verify/compare-sites";
import type { SiteComparison } from "@landfall/streams/verify/comparison";
import { freePorts } from "../../support/free-ports.js";

const STREAM = streamName("bigblue.containers");
const APPEND_RECORDS = 2_000;
const TOKEN = "token-of-the-bench";
const SITES = ["tokyo", "sydney"] as const;

/** A comparison, and what it cost. */
export interface Compared {
  readonly ms: number;
  /** Both ways to and from both sites, HTTP's own words included. */
  readonly wireBytes: number;
  readonly found: SiteComparison;
}

export interface ComparedPair {
  compare(deep: boolean): Promise<Compared>;
  /** The second site forgets the digests that it has made of runs from the first, and starts anew. */
  forget(): Promise<void>;
  close(): Promise<void>;
}

/** Two whole nodes, of which the second has taken in all records from the first as sealed runs. */
export async function comparedPair(folder: string, records: readonly NewRecord[]): Promise<ComparedPair> {
  const [listen = 0] = await freePorts(1);
  const tokyo = await start(folder, "tokyo", listen);
  for (let i = 0; i < records.length; i += APPEND_RECORDS) {
    await tokyo.store.append(STREAM, records.slice(i, i + APPEND_RECORDS));
  }
  let sydney = await start(folder, "sydney", listen);
  await until(() => Object.values(sydney.store.vector(STREAM)).reduce((sum, next) => sum + next, 0) >= records.length);
  return {
    async compare(deep) {
      const proxies = await Promise.all(
        [tokyo, sydney].map(({ http }) => testProxy(Number(new URL(http.listeningOrigin).port), 0)),
      );
      const [a, b] = proxies.map(({ port }, i) =>
        httpSite({ label: SITES[i] ?? "", url: `http://127.0.0.1:${port}`, token: TOKEN }),
      );
      if (a === undefined || b === undefined) throw new Error("no proxies");
      const includes = (stream: string): boolean => stream === STREAM;
      const started = performance.now();
      const found = await compareSites([a, b], { deep, includes, pause });
      const ms = performance.now() - started;
      const wireBytes = proxies.reduce((sum, { bytes }) => sum + bytes, 0);
      await Promise.all(proxies.map((proxy) => proxy.close()));
      return { ms, wireBytes, found };
    },
    async forget() {
      await sydney.close();
      rmSync(join(folder, "sydney", "digests.json"), { force: true });
      sydney = await start(folder, "sydney", listen);
    },
    async close() {
      await sydney.close();
      await tokyo.close();
    },
  };
}

/** @param port on which Tokyo listens for Sydney */
async function start(folder: string, site: (typeof SITES)[number], port: number): Promise<LandfallNode> {
  const isListening = site === "tokyo";
  const link = { id: "sydney~tokyo", to: "tokyo", class: "wan", address: `127.0.0.1:${port}`, carries: ["*"] } as const;
  const settings: NodeSettings = {
    site,
    node: "a",
    data: join(folder, site),
    http: { host: "127.0.0.1", port: 0 },
    replication: { ...(isListening && { listen: `127.0.0.1:${port}` }), token: `token of ${site}`, wants: ["*"] },
    links: isListening ? [] : [link],
    sites: SITES.map((name) => ({
      site: name,
      kind: "port",
      name,
      owner: "bigblue",
      groups: ["bigblue-sites"],
      tokenSha256: tokenDigest(`token of ${name}`),
    })),
    access: [{ stream: "bigblue.*", read: "g:bigblue-ops", replicate: "g:bigblue-sites" }],
    tokens: [{ token: TOKEN, user: "ops", groups: ["bigblue-ops"], roles: ["admin"] }],
    retention: [],
    diskPercentMax: 100,
    metricsSeconds: 3_600,
    logLevel: "silent",
  };
  const node = await createNode(settings);
  await node.start();
  return node;
}
