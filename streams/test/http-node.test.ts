import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { StatusReply } from "@landfall/proto/api";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { ANONYMOUS } from "../src/access/policy.js";
import { compareHoldings } from "../src/http/routes/status.js";
import { streamName, type StreamName } from "../src/model/names.js";
import { createNode } from "../src/node/create-node.js";
import { startTestNode, testSettings, TOKENS } from "./support/test-node.js";

describe("health", () => {
  test("alive, and ready once started", async () => {
    const node = await createNode(testSettings());
    onTestFinished(() => node.close());
    const ready = async () => {
      const reply = await node.http.inject("/readyz");
      return [reply.statusCode, reply.json()];
    };
    expect((await node.http.inject("/healthz")).statusCode).toBe(200);
    expect(await ready()).toEqual([503, { ready: false, reasons: [{ name: "node", reason: "starting" }] }]);
    await node.start();
    expect(await ready()).toEqual([200, { ready: true, reasons: [] }]);
    let reason: string | undefined = "no broker";
    node.readiness.add("mqtt", () => reason);
    expect(await ready()).toEqual([503, { ready: false, reasons: [{ name: "mqtt", reason: "no broker" }] }]);
    reason = undefined;
    expect((await ready())[0]).toBe(200);
  });

  test("metrics for Prometheus", async () => {
    const node = await startTestNode();
    await node.put("public.x", "t", "1");
    const metrics = async () => (await node.ask("/metrics", { as: "ops" })).text();
    const reply = await node.ask("/metrics", { as: "ops" });
    expect(reply.headers.get("content-type")).toMatch(/^text\/plain/);
    // What one person may read must not come out of a cache for another.
    expect(reply.headers.get("cache-control")).toBe("no-store");
    const text = await reply.text();
    const labels = 'site="tokyo",node="a"';
    // One status record and one of ours.
    expect(text).toContain(`landfall_store_appended_records_total{${labels}} 2\n`);
    expect(text).toContain(`landfall_ready{${labels}} 1\n`);
    expect(text).toMatch(/^process_cpu_seconds_total/m);
    await node.ask("/api/streams/some.stream/topics");
    await node.ask("/api/nothing");
    const http = await metrics();
    const count = "landfall_http_request_duration_seconds_count";
    expect(http).toContain(`${count}{${labels},method="GET",route="/api/streams/:stream/topics",status="404"} 1\n`);
    expect(http).toContain(`${count}{${labels},method="GET",route="none",status="404"} 1\n`);
    // Asked again, counters do not count double. What was added is the audit's.
    const before = node.store.stats().recordsAppended;
    const [, appended] = /^landfall_store_appended_records_total\{.*\} (\d+)$/m.exec(await metrics()) ?? [];
    expect(Number(appended)).toBeGreaterThanOrEqual(before);
    expect(Number(appended)).toBeLessThanOrEqual(node.store.stats().recordsAppended);
  });

  test("A2, A3: metrics are for who may read the site's own; to others there is no such route", async () => {
    const node = await startTestNode();
    for (const who of [{ as: "ducky" }, { as: "admin" }, {}] as const) {
      const refused = await node.ask("/metrics", who);
      const absent = await node.ask("/metricz", who);
      expect(refused.status).toBe(404);
      expect(await refused.text()).toBe((await absent.text()).replace("metricz", "metrics"));
      const headers = ({ headers: all }: Response) =>
        [...all].filter(([name]) => !/^(date|content-length)$/.test(name));
      expect(headers(refused)).toEqual(headers(absent));
    }
    const wrong = await fetch(`${node.url}/metrics`, { headers: { authorization: "Bearer of-nobody" } });
    expect(wrong.status).toBe(401);
  });

  test("A2: a rule opens metrics to a scraper alone, or to everybody", async () => {
    const scraper = { user: "prometheus", groups: [], roles: [], token: "scraper-token-1" };
    const alone = await startTestNode({
      access: [
        { stream: "bigblue.metrics", read: "u:prometheus" },
        { stream: "bigblue.*", read: "g:bigblue-ops" },
      ],
      tokens: [scraper],
    });
    const ask = (path: string) =>
      fetch(alone.url + path, { headers: { authorization: `Bearer ${scraper.token}` } }).then(({ status }) => status);
    expect(await ask("/metrics")).toBe(200);
    expect(await ask("/api/streams/bigblue.exceptions/topics")).toBe(404);
    const open = await startTestNode({ access: [{ stream: "*.metrics", read: "p" }] });
    expect((await open.ask("/metrics")).status).toBe(200);
  });

  test("A3: why the store fails is said to everybody without a file, a broker or a stream", async () => {
    const node = await startTestNode();
    const failed = "DISK_FULL: no space left for /data/duckworks/journal-7.log (ENOSPC)";
    const stats = node.store.stats();
    vi.spyOn(node.store, "stats").mockReturnValue({ ...stats, failed });
    const ready = await node.ask("/readyz");
    expect(await ready.json()).toEqual({ ready: false, reasons: [{ name: "store", reason: "DISK_FULL" }] });
    const status = (await (await node.ask("/api/status", { as: "ops" })).json()) as StatusReply;
    expect(status.store.failed).toBe(failed);
  });
});

describe("GET /api/status", () => {
  // Each asks a node of its own: a second after somebody has asked, the audit appends a record of it.
  test.each(["ops", "admin"] as const)("for administrators and operations: %s", async (as) => {
    const node = await startTestNode();
    await node.put("public.x", "t", "1");
    const status = (await (await node.ask("/api/status", { as })).json()) as StatusReply;
    expect(status).toMatchObject({ kind: "status", site: "tokyo", node: "a", owner: "bigblue", notReady: [] });
    // The node's own status record, and ours after it.
    expect(status.store).toMatchObject({ recordsAppended: 2, streams: 2, topics: 2 });
    expect(status.links).toEqual([]);
  });

  test("A3: to others it does not exist; a stranger is asked who he is", async () => {
    const node = await startTestNode();
    const forbidden = await node.ask("/api/status", { as: "ducky" });
    const absent = await node.ask("/api/statusx", { as: "ducky" });
    expect(forbidden.status).toBe(404);
    expect(await forbidden.text()).toBe((await absent.text()).replace("statusx", "status"));
    expect((await node.ask("/api/status")).status).toBe(401);
  });

  test("what a peer lacks and what it is ahead", () => {
    const stream = streamName("bigblue.x");
    const ours: Record<string, number> = { "tokyo.a~1": 10, "sydney.a~1": 3 };
    const theirs = { "tokyo.a~1": 7, "sydney.a~1": 5, "singapore.a~1": 4 } as never;
    const holdings = new Map<StreamName, never>([[stream, theirs]]);
    expect(compareHoldings({ holdings }, () => ours)).toEqual({ lacks: 3, ahead: 6 });
  });
});

describe("principals", () => {
  test("a service's own resolver is asked first, the tokens of the settings after it", async () => {
    const node = await startTestNode();
    node.principals.add(async ({ headers }) =>
      headers["x-session"] === "s1" ? { user: "ducky", groups: [], roles: [] } : undefined,
    );
    expect((await node.principals.resolve({ headers: { "x-session": "s1" } })).user).toBe("ducky");
    expect((await node.principals.resolve({ headers: { authorization: `bearer ${TOKENS.ops}` } })).user).toBe("ops");
    expect(await node.principals.resolve({ headers: {} })).toBe(ANONYMOUS);
  });
});

describe("the API describes itself", () => {
  test("OpenAPI 3.1 of every route, a service's own included", async () => {
    const node = await createNode(testSettings());
    onTestFinished(() => node.close());
    node.http.get("/api/own", { config: { audit: "nothing" }, schema: { summary: "A service's own" } }, () => ({}));
    await node.start();
    const document = (await (await fetch(`${node.http.listeningOrigin}/api/openapi.json`)).json()) as {
      openapi: string;
      info: { title: string; version: string };
      paths: Record<string, Record<string, { responses: Record<string, { content?: object }>; summary: string }>>;
    };
    expect(document.openapi).toBe("3.1.0");
    const { version } = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")) as {
      version: string;
    };
    expect(document.info).toMatchObject({ title: "Landfall, Port of Tokyo", version });
    expect(Object.keys(document.paths).toSorted()).toEqual([
      "/api/digests",
      "/api/holdings",
      "/api/own",
      "/api/repair",
      "/api/rules",
      "/api/status",
      "/api/streams",
      "/api/streams/{stream}/gaps",
      "/api/streams/{stream}/read",
      "/api/streams/{stream}/topics",
      "/api/streams/{stream}/topics/{topic}/records",
      "/healthz",
      "/metrics",
      "/readyz",
    ]);
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        expect(operation.summary, `${method} ${path}`).toBeTruthy();
        expect(Object.keys(operation.responses).length, `${method} ${path}`).toBeGreaterThan(0);
      }
    }
    const read = document.paths["/api/streams/{stream}/read"]?.["post"];
    expect(Object.keys(read?.responses["4XX"]?.content ?? {})).toEqual(["application/problem+json"]);
    // No reference that leads nowhere.
    expect(JSON.stringify(document)).not.toContain("$ref");
  });
});

describe("a port that is taken", () => {
  test("is named with its address and how to change it, and nothing stays open", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void other.close());
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as AddressInfo;
    const settings = testSettings({ http: { host: "127.0.0.1", port } });
    const node = await createNode(settings);
    onTestFinished(() => node.close());
    await expect(node.start()).rejects.toMatchObject({
      code: "PORT_IN_USE",
      message: expect.stringMatching(new RegExp(`127\\.0\\.0\\.1:${port}.*LANDFALL_HTTP_PORT`)),
    });
    await node.close();
    // The folder is free again.
    const again = await createNode({ ...settings, http: { host: "127.0.0.1", port: 0 } });
    onTestFinished(() => again.close());
    await again.start();
  });
});
