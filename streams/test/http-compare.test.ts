import type { DigestsReply, HoldingsReply, RepairReply } from "@landfall/proto/api";
import { describe, expect, test } from "vitest";
import { streamName } from "../src/model/names.js";
import { addDigests, digestOf, NO_RECORDS } from "../src/store/record-digest.js";
import type { Seq } from "../src/model/record.js";
import { startTestNode, type TestNode } from "./support/test-node.js";

const STREAM = "duckworks.containers";
const EVERYTHING = Number.MAX_SAFE_INTEGER;

const json = async <T>(response: Response): Promise<T> => {
  expect(response.status, await response.clone().text()).toBe(200);
  return (await response.json()) as T;
};

async function bytesOf(response: Response): Promise<string> {
  const headers = [...response.headers].filter(([name]) => name !== "date").toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `${response.status} ${JSON.stringify(headers)}\n${await response.text()}`;
}

async function nodeWith(stream = STREAM, count = 3): Promise<TestNode> {
  const node = await startTestNode();
  for (let i = 0; i < count; i++) await node.put(stream, `t${i % 2}`, `${i}`);
  return node;
}

const whole = (node: TestNode, over: object = {}) => {
  return { stream: STREAM, origin: node.store.origin, from: 0, to: 3, step: EVERYTHING, ...over };
};

describe("POST /api/holdings", () => {
  test("R1: says how far each origin is held, what is wanted, and what a peer may hold", async () => {
    const node = await nodeWith();
    const other = "singapore.a~abc123";
    await node.store.noteGap(streamName(STREAM), other as never, { from: 0 as Seq, to: 7 as Seq, reason: "missed" });
    const held = await json<HoldingsReply>(await node.ask("/api/holdings", { as: "ducky", body: { peer: "tokyo" } }));
    expect(held).toEqual({
      site: "tokyo",
      node: "a",
      digest: "murmur3-sums",
      streams: [
        {
          stream: STREAM,
          wanted: true,
          replicates: false,
          compact: false,
          origins: [
            { origin: other, next: 7, gaps: [{ from: 0, to: 7, reason: "missed" }] },
            { origin: node.store.origin, next: 3, gaps: [] },
          ],
        },
      ],
    });
  });

  test("A1, A2: lists what the asking person may read, in pages, and nothing else", async () => {
    const node = await nodeWith();
    await node.put("duckworks.alerts", "a", "1");
    await node.put("bigblue.secret", "a", "1");
    const ask = async (as: "ducky" | "ops", body: object): Promise<string[]> => {
      const { streams, next } = await json<HoldingsReply>(await node.ask("/api/holdings", { as, body }));
      return [...streams.map(({ stream }) => stream), ...(next === undefined ? [] : [`next ${next}`])];
    };
    expect(await ask("ducky", {})).toEqual(["duckworks.alerts", STREAM]);
    expect(await ask("ducky", { limit: 1 })).toEqual(["duckworks.alerts", "next duckworks.alerts"]);
    expect(await ask("ducky", { limit: 1, after: "duckworks.alerts" })).toEqual([STREAM]);
    expect(await ask("ducky", { streams: ["bigblue.secret", STREAM, "duckworks.none"] })).toEqual([
      STREAM,
      "duckworks.none",
    ]);
    expect(await ask("ops", { streams: ["bigblue.secret"] })).toEqual(["bigblue.secret"]);
  });
});

describe("POST /api/digests", () => {
  test("R1: adds up the records of each cell, and names them one by one", async () => {
    const node = await nodeWith();
    const records = await node.store.readOrigin(streamName(STREAM), node.store.origin, 0 as Seq, 1024 * 1024);
    const digests = records.map(digestOf);
    const sum = digests.reduce(addDigests, NO_RECORDS);
    const ask = async (ranges: object[]): Promise<DigestsReply> =>
      json(await node.ask("/api/digests", { as: "ducky", body: { ranges } }));
    const ranges = [whole(node), whole(node, { step: 2 }), whole(node, { from: 1, to: 9, step: 1 })];
    expect(await ask(ranges)).toEqual({
      ranges: [
        { next: 3, damaged: [], digests: [[3, sum.high, sum.low]] },
        {
          next: 3,
          damaged: [],
          digests: [
            [2, ...Object.values(addDigests(digests[0] ?? sum, digests[1] ?? sum))],
            [1, digests[2]?.high, digests[2]?.low],
          ],
        },
        {
          next: 9,
          damaged: [],
          digests: [],
          records: records.slice(1).map(({ seq, topic, offset }, i) => ({ seq, topic, offset, ...digests[i + 1] })),
          absent: [],
        },
      ],
    });
  });

  test("A3: what may not be read looks as if it did not exist, byte for byte", async () => {
    const node = await nodeWith();
    const hidden = { stream: "bigblue.secret", origin: node.store.origin, from: 0, to: 1, step: 1 };
    for (const [path, ranges] of [
      ["/api/digests", [whole(node), hidden]],
      ["/api/holdings", undefined],
    ] as const) {
      const body = ranges === undefined ? { streams: ["bigblue.secret"] } : { ranges };
      const ask = async (as: "ducky" | "ops") => bytesOf(await node.ask(path, { as, body }));
      const absent = await ask("ducky");
      await node.put("bigblue.secret", "a", "1");
      expect(await ask("ducky")).toBe(absent);
      // Were it allowed, the answer would differ: the comparison can fail.
      expect(await ask("ops")).not.toBe(absent);
    }
  });

  test.each([
    ["too many digests", { from: 0, to: 10_000_000, step: 100 }],
    ["too many single records", { from: 0, to: 20_000, step: 1 }],
    ["no step", { step: 0 }],
    ["a seq that none is", { from: -1 }],
    ["an origin that none is", { origin: "tokyo" }],
  ])("U2: %s is refused", async (_, over) => {
    const node = await nodeWith();
    const answer = await node.ask("/api/digests", { as: "ducky", body: { ranges: [whole(node, over)] } });
    expect(answer.status).toBe(400);
  });

  test("U2: more than a few requests at once are told to come again", async () => {
    const node = await nodeWith();
    const body = { ranges: [whole(node)], deep: true };
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => node.ask("/api/digests", { as: "ducky", body })),
    );
    const statuses = new Set(answers.map(({ status }) => status));
    expect(statuses).toContain(200);
    for (const status of statuses) expect([200, 429]).toContain(status);
  });
});

describe("POST /api/repair", () => {
  test("A1: is for administrators; to anybody else it does not exist", async () => {
    const node = await nodeWith();
    const { step: _, ...range } = whole(node);
    const body = { ranges: [range] };
    expect((await node.ask("/api/repair", { body })).status).toBe(401);
    const ducky = await node.ask("/api/repair", { as: "ducky", body });
    const nowhere = await node.ask("/api/nowhere", { as: "ducky", body });
    const text = await ducky.text();
    expect([ducky.status, text.replaceAll("repair", "nowhere")]).toEqual([404, await nowhere.text()]);
    const ops = await json<RepairReply>(await node.ask("/api/repair", { as: "ops", body }));
    expect(ops).toEqual({ ranges: [{ lacking: [] }] });
    // An administrator who may not read a stream does not repair it either (A2).
    const admin = await node.ask("/api/repair", { as: "admin", body });
    expect([admin.status, ((await admin.json()) as { code: string }).code]).toEqual([404, "STREAM_NOT_FOUND"]);
  });
});
