import type { ExceptionValue, StatusValue } from "@landfall/proto/api";
import { expect, onTestFinished, test } from "vitest";
import { streamName, topicName } from "../src/model/names.js";
import { createNode } from "../src/node/create-node.js";
import type { LandfallNode } from "../src/node/node.js";
import { startTestNode, testFolder, testSettings } from "./support/test-node.js";

async function valuesOf<T>(node: LandfallNode, stream: string): Promise<T[]> {
  const records = await node.store.readTopic(streamName(stream), topicName("tokyo.a"), { limit: 1000 });
  return records.map(({ value }) => JSON.parse(Buffer.from(value).toString()) as T);
}

/** Resolves once a commit made `check` true. */
async function committed(node: LandfallNode, check: () => Promise<boolean>): Promise<void> {
  for (;;) {
    // Listening before looking: a commit in between is not missed.
    let stop = () => {};
    const next = new Promise<void>((resolve) => {
      stop = node.store.onCommit(() => resolve());
    });
    const isThere = await check();
    if (!isThere) await next;
    stop();
    if (isThere) return;
  }
}

test("a node starts, stops and starts again on its folder, and has what it had (S1)", async () => {
  const data = testFolder();
  const first = await startTestNode({ data });
  await first.put("public.x", "t", "one");
  const { origin } = first.store;
  const before = await (await first.ask("/api/streams/public.x/topics/t/records")).text();
  await first.close();
  await first.close();
  await expect(fetch(`${first.url}/healthz`)).rejects.toThrow();
  const second = await startTestNode({ data });
  expect(second.store.origin).toBe(origin);
  expect(await (await second.ask("/api/streams/public.x/topics/t/records")).text()).toBe(before);
});

test("a folder that another node holds is refused by name", async () => {
  const data = testFolder();
  await startTestNode({ data });
  await expect(createNode(testSettings({ data }))).rejects.toMatchObject({
    code: "FOLDER_IN_USE",
    message: expect.stringContaining(data),
  });
});

test("a site that is not in its own fleet is refused before anything is opened", async () => {
  await expect(createNode(testSettings({ site: "kobe" }))).rejects.toMatchObject({ code: "INVALID_SETTINGS" });
});

test("U1: the node writes its status, now and again", async () => {
  const node = await startTestNode({ metricsSeconds: 0.1 });
  const read = () => valuesOf<StatusValue>(node, "bigblue.metrics");
  await committed(node, async () => (await read()).length >= 3);
  const [first, , third] = await read();
  expect(first).toMatchObject({
    kind: "status",
    site: "tokyo",
    node: "a",
    links: [],
    // It writes the status after counting, so the first knows of no record.
    store: { recordsAppended: 0, streams: 0 },
    notReady: [],
  });
  expect(third?.store.recordsAppended).toBe(2);
  expect(first?.rssBytes).toBeGreaterThan(1_000_000);
});

test("U1, U2: what is reported is written; a flood is not", async () => {
  const node = await startTestNode();
  for (let i = 0; i < 1000; i++)
    node.exceptions.report({ code: "INVALID_ARGUMENT", source: "mqtt", message: `no ${i}` });
  node.exceptions.report({ code: "OVERLOADED", source: "mqtt", message: "m".repeat(9999), detail: { a: [1] } });
  const read = () => valuesOf<ExceptionValue>(node, "bigblue.exceptions");
  await committed(node, async () => (await read()).some(({ code }) => code === "OVERLOADED"));
  const written = await read();
  expect(written.filter(({ code }) => code === "INVALID_ARGUMENT").map(({ message }) => message)).toEqual([
    "no 0",
    "no 1",
    "no 2",
    "no 3",
    "no 4",
  ]);
  const last = written.at(-1);
  expect(last).toMatchObject({ kind: "exception", source: "mqtt", detail: { a: [1] } });
  expect(last?.message.length).toBeLessThan(3000);
  const metrics = await (await node.ask("/metrics", { as: "ops" })).text();
  expect(metrics).toMatch(/landfall_exceptions_total\{code="INVALID_ARGUMENT",[^}]*\} 1000\n/);
});

test("exceptions that wait are written before the store is closed", async () => {
  const data = testFolder();
  const node = await createNode(testSettings({ data }));
  onTestFinished(() => node.close());
  node.exceptions.report({ code: "INTERNAL", source: "test", message: "last words" });
  await node.close();
  const again = await startTestNode({ data });
  expect((await valuesOf<ExceptionValue>(again, "bigblue.exceptions")).map(({ message }) => message)).toEqual([
    "last words",
  ]);
});

test("a reader that never ends does not keep the node from closing", async () => {
  const node = await createNode(testSettings());
  onTestFinished(() => node.close());
  node.http.get("/endless", { config: { audit: "nothing" } }, (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200);
    reply.raw.write("x");
  });
  await node.start();
  const reply = await fetch(`${node.http.listeningOrigin}/endless`);
  const body = reply.text().catch(() => "cut");
  await node.close();
  expect(await body).toBe("cut");
});
