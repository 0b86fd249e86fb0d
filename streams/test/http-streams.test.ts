import type { ReadReply, RecordsReply, StreamsReply, TopicsReply } from "@landfall/proto/api";
import { describe, expect, test } from "vitest";
import { streamName, topicName } from "../src/model/names.js";
import type { Seq, TimestampMs } from "../src/model/record.js";
import { FOREIGN, foreignBatch } from "../testing/store-fixture.js";
import { startTestNode, type TestNode } from "./support/test-node.js";

const json = async <T>(response: Response): Promise<T> => {
  expect(response.status, await response.clone().text()).toBe(200);
  return (await response.json()) as T;
};

async function bytesOf(response: Response): Promise<string> {
  const headers = [...response.headers].filter(([name]) => name !== "date").toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `${response.status} ${JSON.stringify(headers)}\n${await response.text()}`;
}

describe("GET /api/streams", () => {
  test("lists only what the asking person may read (A1, A2)", async () => {
    const node = await startTestNode();
    await node.put("bigblue.containers", "CSQU3054383", "1");
    await node.put("duckworks.containers", "CSQU3054383", "2");
    await node.put("duckworks.containers", "CSQU3054383", "3");
    await node.put("public.notices", "n", "4");
    const names = async (as?: "ops" | "ducky" | "admin") =>
      (await json<StreamsReply>(await node.ask("/api/streams", { ...(as && { as }) }))).streams
        .map(({ name, records }) => `${name} ${records}`)
        .filter((line) => !line.startsWith("bigblue.metrics"));
    expect(await names("ops")).toEqual(["bigblue.containers 1", "duckworks.containers 2", "public.notices 1"]);
    expect(await names("ducky")).toEqual(["duckworks.containers 2", "public.notices 1"]);
    expect(await names("admin")).toEqual(["public.notices 1"]);
    expect(await names()).toEqual(["public.notices 1"]);
  });
});

describe("A3: not allowed and not there look the same, byte for byte", () => {
  const paths: [string, unknown][] = [
    ["/api/streams/bigblue.secret/topics", undefined],
    ["/api/streams/bigblue.secret/topics?prefix=C&limit=2", undefined],
    ["/api/streams/bigblue.secret/topics/CSQU3054383/records", undefined],
    ["/api/streams/bigblue.secret/topics/NOSUCH/records?offset=5", undefined],
    ["/api/streams/bigblue.secret/read", {}],
    ["/api/streams/bigblue.secret/read", { from: "now" }],
    ["/api/streams/bigblue.secret/read", { cursor: "AAAA" }],
    ["/api/streams", undefined],
  ];
  test.each(paths)("%s %j", async (path, body) => {
    const node = await startTestNode();
    await node.put("duckworks.containers", "CSQU3054383", "1");
    for (const as of ["ducky", undefined] as const) {
      const ask = async () => bytesOf(await node.ask(path, { body, ...(as && { as }) }));
      const absent = await ask();
      await node.put("bigblue.secret", "CSQU3054383", "2");
      expect(await ask()).toBe(absent);
      // Were it allowed, the answer would differ: the comparison can fail.
      const allowed = await bytesOf(await node.ask(path, { body, as: "ops" }));
      expect(allowed).not.toBe(absent);
    }
  });
});

describe("GET …/topics", () => {
  test("sorted, by prefix, in pages", async () => {
    const node = await startTestNode();
    for (const topic of ["B2", "A1", "B1", "C1", "B3"]) await node.put("public.x", topic, "v");
    const get = async (query: string) => json<TopicsReply>(await node.ask(`/api/streams/public.x/topics${query}`));
    expect(await get("")).toEqual({ topics: ["A1", "B1", "B2", "B3", "C1"] });
    expect(await get("?prefix=B&limit=2")).toEqual({ topics: ["B1", "B2"], next: "B2" });
    expect(await get("?prefix=B&limit=2&after=B2")).toEqual({ topics: ["B3"] });
    expect(await get("?prefix=B&limit=3")).toEqual({ topics: ["B1", "B2", "B3"] });
  });
});

describe("GET …/records", () => {
  test("shows a record as it is stored, bytes and all", async () => {
    const node = await startTestNode();
    await node.store.append(streamName("public.x"), [
      {
        topic: topicName("t"),
        timestamp: Date.parse("2026-05-01T10:00:00.250Z") as TimestampMs,
        value: Buffer.from('\uFEFF{"temperatureC": 4.10}\u0000é'),
        headers: { kind: "telemetry" },
      },
      { topic: topicName("t"), timestamp: 0 as TimestampMs, value: Buffer.from([0xff, 0xfe, 0x00]) },
    ]);
    const { records, next } = await json<RecordsReply>(await node.ask("/api/streams/public.x/topics/t/records"));
    expect(next).toBeUndefined();
    expect(records).toEqual([
      {
        topic: "t",
        offset: expect.any(Number),
        origin: node.store.origin,
        seq: 0,
        timestamp: "2026-05-01T10:00:00.250Z",
        received: expect.stringMatching(/^20\d\d-.*Z$/),
        arrived: expect.stringMatching(/^20\d\d-.*Z$/),
        headers: { kind: "telemetry" },
        value: '\uFEFF{"temperatureC": 4.10}\u0000é',
      },
      expect.objectContaining({ seq: 1, timestamp: "1970-01-01T00:00:00.000Z", valueBase64: "//4A", headers: {} }),
    ]);
    expect(Number.isSafeInteger(records[0]?.offset)).toBe(true);
    expect(records[1]).not.toHaveProperty("value");
  });

  test("pages by offset without missing or repeating, over more than one read of the store", async () => {
    const node = await startTestNode();
    for (let i = 0; i < 150; i++) await node.put("public.x", "t", String(i));
    const seen: string[] = [];
    let next: number | undefined = 0;
    let pages = 0;
    while (next !== undefined) {
      const reply: RecordsReply = await json(
        await node.ask(`/api/streams/public.x/topics/t/records?limit=70&offset=${next}`),
      );
      seen.push(...reply.records.map((record) => record.value ?? ""));
      next = reply.next;
      pages += 1;
    }
    expect(pages).toBe(3);
    expect(seen).toEqual(Array.from({ length: 150 }, (_, i) => String(i)));
  });

  test("a page ends where it is large enough, and goes on from there", async () => {
    const node = await startTestNode();
    const big = "x".repeat(250_000);
    for (let i = 0; i < 40; i++) await node.put("public.x", "t", `${i} ${big}`);
    const first: RecordsReply = await json(await node.ask("/api/streams/public.x/topics/t/records?limit=100"));
    expect(first.records.length).toBeLessThan(40);
    expect(first.next).toBeDefined();
    const second: RecordsReply = await json(
      await node.ask(`/api/streams/public.x/topics/t/records?limit=100&offset=${first.next}`),
    );
    const numbers = [...first.records, ...second.records].map((record) => Number.parseInt(record.value ?? "", 10));
    expect(numbers).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });

  test("an unknown topic is not found; a known one past its end is empty", async () => {
    const node = await startTestNode();
    await node.put("public.x", "t", "1");
    const unknown = await node.ask("/api/streams/public.x/topics/u/records");
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ code: "TOPIC_NOT_FOUND" });
    const end = await node.ask(`/api/streams/public.x/topics/t/records?offset=${Number.MAX_SAFE_INTEGER}`);
    expect(await json<RecordsReply>(end)).toEqual({ records: [] });
  });

  test("a topic's name may hold what a path cannot", async () => {
    const node = await startTestNode();
    const topic = `a/b=c+d@${"e".repeat(240)}`;
    await node.put("public.x", topic, "1");
    const reply = await node.ask(`/api/streams/public.x/topics/${encodeURIComponent(topic)}/records`);
    expect((await json<RecordsReply>(reply)).records[0]?.topic).toBe(topic);
  });
});

describe("POST …/read", () => {
  const read = async (node: TestNode, body: object) =>
    json<ReadReply>(await node.ask("/api/streams/public.x/read", { body }));

  test("follows arrival exactly, over all topics", async () => {
    const node = await startTestNode();
    const seen: string[] = [];
    let cursor: string | undefined;
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 30; i++) await node.put("public.x", `t${i % 7}`, `${round}.${i}`);
      for (;;) {
        const reply = await read(node, { limit: 100, ...(cursor !== undefined && { cursor }) });
        cursor = reply.cursor;
        if (reply.records.length === 0) break;
        seen.push(...reply.records.map((record) => record.value ?? ""));
      }
    }
    expect(seen).toEqual(Array.from({ length: 150 }, (_, i) => `${Math.floor(i / 30)}.${i % 30}`));
  });

  test("large records: the page is bounded, and the cursor stands where the page ended", async () => {
    const node = await startTestNode();
    const big = "x".repeat(250_000);
    for (let i = 0; i < 100; i++) await node.put("public.x", "t", `${i} ${big}`);
    const numbers: number[] = [];
    let cursor: string | undefined;
    let pages = 0;
    while (numbers.length < 100) {
      const reply = await read(node, { limit: 5000, ...(cursor !== undefined && { cursor }) });
      expect(reply.records.length).toBeGreaterThan(0);
      numbers.push(...reply.records.map((record) => Number.parseInt(record.value ?? "", 10)));
      cursor = reply.cursor;
      pages += 1;
    }
    expect(numbers).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(pages).toBeGreaterThan(1);
  });

  test("from now: only what comes after", async () => {
    const node = await startTestNode();
    await node.put("public.x", "t", "before");
    const now = await read(node, { from: "now" });
    expect(now.records).toEqual([]);
    await node.put("public.x", "t", "after");
    const { records } = await read(node, { cursor: now.cursor });
    expect(records.map(({ value }) => value)).toEqual(["after"]);
  });

  test("R6, O4: tells the gaps that the cursor has passed, until they are filled, and then what filled them", async () => {
    const node = await startTestNode();
    const stream = streamName("public.x");
    await node.store.noteGap(stream, FOREIGN, { from: 0 as Seq, to: 5 as Seq, reason: "missed" });
    await node.store.apply({ ...foreignBatch(5, ["five"]), stream });
    const first = await read(node, {});
    expect(first.records.map(({ seq }) => seq)).toEqual([5]);
    expect(first.gaps).toEqual([{ origin: FOREIGN, from: 0, to: 5, reason: "missed" }]);
    await node.store.apply({ ...foreignBatch(1, ["one", "two"]), stream });
    const second = await read(node, { cursor: first.cursor });
    expect(second.records.map(({ seq }) => seq)).toEqual([1, 2]);
    expect(second.gaps.map(({ from, to }) => [from, to])).toEqual([
      [0, 1],
      [3, 5],
    ]);
  });

  test("a cursor that is none, is damaged, of another stream or another version is refused", async () => {
    const node = await startTestNode();
    await node.put("public.x", "t", "1");
    await node.put("public.y", "t", "1");
    const { cursor } = await read(node, {});
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const other = await json<ReadReply>(await node.ask("/api/streams/public.y/read", { body: {} }));
    const bad = [
      "",
      "!",
      cursor.slice(0, -3),
      other.cursor,
      encode(null),
      encode({ v: 2, next: {}, stream: "public.x" }),
      encode({ v: 1, next: [], stream: "public.x" }),
      encode({ v: 1, next: { [node.store.origin]: -1 }, stream: "public.x" }),
      encode({ v: 1, next: { [node.store.origin]: 1.5 }, stream: "public.x" }),
      encode({ v: 1, next: { "not an origin": 1 }, stream: "public.x" }),
      Buffer.from('{"v":1,"stream":"public.x","next":{"__proto__":1}}').toString("base64url"),
    ];
    for (const text of bad) {
      const reply = await node.ask("/api/streams/public.x/read", { body: { cursor: text } });
      expect(reply.status, text).toBe(400);
      expect(await reply.json(), text).toMatchObject({ code: "INVALID_ARGUMENT" });
    }
  });
});
