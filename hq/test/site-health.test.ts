import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SiteHealthReply } from "@landfall/proto/api";
import { HEALTH_POINTS_MAX } from "../src/limits.js";
import { TestHq } from "./support/test-hq.js";

const MINUTE_MS = 60_000;

describe("the health of a site", () => {
  let hq: TestHq;
  const now = Date.now();
  beforeAll(async () => {
    hq = await TestHq.start();
    const link = { id: "a~b", peer: "sydney", class: "wan", state: "up", recordsPerSecond: 1 };
    for (let i = 0; i < 2 * HEALTH_POINTS_MAX; i++) {
      const time = new Date(now - (2 * HEALTH_POINTS_MAX - i) * 1_000).toISOString();
      // One peak, which must not be lost.
      const toSend = i === 101 ? 5_000 : 3;
      const links = [{ ...link, toSend, toReceive: 1, bytesPerSecond: 10 }];
      const value = { kind: "status", time, site: "tokyo", node: "a", links, store: { bytesOnDisk: 7 }, rssBytes: 9 };
      await hq.put("bigblue.metrics", "tokyo.a", time, value);
    }
    const longAgo = new Date(now - 120 * MINUTE_MS).toISOString();
    for (const [topic, time, code] of [
      ["tokyo.a", new Date(now - MINUTE_MS).toISOString(), "DISK_FULL"],
      ["tokyo.a", longAgo, "CLOCK_REFUSED"],
      // Another site whose name begins alike.
      ["tokyo-yard.a", new Date(now - MINUTE_MS).toISOString(), "CORRUPT_BLOCK"],
    ] as const) {
      const value = { kind: "exception", code, source: "store", message: "no space is left", time, suppressed: 4 };
      await hq.put("bigblue.exceptions", topic, time, value);
    }
    await hq.put("bigblue.exceptions", "tokyo.a", new Date(now - MINUTE_MS).toISOString(), { kind: "other" });
  });
  afterAll(() => hq.close());

  it("is what its nodes wrote, thinned without losing a peak, and its exceptions", async () => {
    const answer = await hq.ask("/api/sites/tokyo/health", { as: "ops" });
    expect(answer.status).toBe(200);
    const { site, nodes, exceptions } = answer.json<SiteHealthReply>();
    expect([site, nodes.map(({ node }) => node)]).toEqual(["tokyo", ["a"]]);
    const points = nodes[0]?.points ?? [];
    expect(points).toHaveLength(HEALTH_POINTS_MAX);
    expect(Math.max(...points.map(({ waitingRecords }) => waitingRecords))).toBe(5_001);
    expect(points.at(-1)).toMatchObject({ waitingRecords: 4, bytesPerSecond: 10, bytesOnDisk: 7, rssBytes: 9 });
    expect(points.map(({ time }) => time)).toEqual(points.map(({ time }) => time).toSorted());
    expect(exceptions).toMatchObject([{ node: "a", code: "DISK_FULL", suppressed: 4 }]);
    const longer = (await hq.ask("/api/sites/tokyo/health?hours=3", { as: "ops" })).json<SiteHealthReply>();
    expect(longer.exceptions.map(({ code }) => code)).toEqual(["DISK_FULL", "CLOCK_REFUSED"]);
  });

  it("A1, A3: who may not read its owner's metrics is told what is told of no site at all", async () => {
    const [foreign, none] = await Promise.all(
      ["tokyo", "nowhere"].map((site) => hq.ask(`/api/sites/${site}/health`, { as: "ducky" })),
    );
    expect([foreign?.status, foreign?.text]).toEqual([404, none?.text]);
    expect((await hq.ask("/api/sites/nowhere/health", { as: "ops" })).status).toBe(404);
    expect((await hq.ask("/api/sites/tokyo/health?hours=1000", { as: "ops" })).status).toBe(400);
  });
});
