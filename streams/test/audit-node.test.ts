import { describe, expect, it } from "vitest";
import { SEE_AS_HEADER, type AuditValue } from "@landfall/proto/api";
import { streamName, topicName } from "../src/model/names.js";
import { startTestNode, TOKENS, type TestNode } from "./support/test-node.js";

async function stored(node: TestNode, owner: string): Promise<AuditValue[]> {
  const records = await node.store.readTopic(streamName(`${owner}.audit`), topicName("tokyo.a"), { limit: 1_000 });
  return records.map(({ value }) => JSON.parse(Buffer.from(value).toString("utf8")) as AuditValue);
}

describe("the audit of a node without people", () => {
  it("tells a read to whose records they are, and what is about the node to its own company", async () => {
    const node = await startTestNode();
    await node.put("duckworks.containers", "DUCU0000010", "{}");
    for (let i = 0; i < 3; i++) await node.ask("/api/streams/duckworks.containers/topics", { as: "ops" });
    await node.ask("/api/status", { as: "admin" });
    await node.ask("/healthz");
    await node.audit.flush();
    expect(await stored(node, "duckworks")).toMatchObject([
      { action: "stream.topics", outcome: "allowed", user: "ops", via: "token", subject: "duckworks.containers" },
    ]);
    expect(await stored(node, "bigblue")).toMatchObject([{ action: "site.status", outcome: "allowed", user: "root" }]);
  });

  it("A3: a refusal is on disk when it is answered, at the node's own company alone", async () => {
    const node = await startTestNode();
    await node.put("duckworks.containers", "DUCU0000010", "{}");
    await node.put("bigblue.ships", "9321483.position", "{}");
    expect((await node.ask("/api/streams/bigblue.ships/topics", { as: "ducky" })).status).toBe(404);
    expect((await node.ask("/api/streams/bigblue.nothing/topics", { as: "ducky" })).status).toBe(404);
    expect((await node.ask("/api/status")).status).toBe(401);
    const wrong = await fetch(`${node.url}/api/streams`, { headers: { authorization: "Bearer of-nobody" } });
    expect(wrong.status).toBe(401);
    const told = await stored(node, "bigblue");
    expect(told).toMatchObject([
      { action: "stream.topics", outcome: "refused", status: 404, user: "ducky", subject: "bigblue.ships" },
      { action: "stream.topics", outcome: "refused", status: 404, user: "ducky", subject: "bigblue.nothing" },
      { action: "site.status", outcome: "refused", status: 401, user: "", via: "nobody" },
      { action: "stream.list", outcome: "refused", status: 401, user: "", via: "nobody" },
    ]);
    expect(await stored(node, "duckworks")).toEqual([]);
    expect(JSON.stringify(told)).not.toContain("of-nobody");
  });

  it("A2: people are known at headquarters: as whom somebody wants to look is not passed over in silence", async () => {
    const node = await startTestNode();
    const headers = { authorization: `Bearer ${TOKENS.admin}`, [SEE_AS_HEADER]: "ducky" };
    expect((await fetch(`${node.url}/api/streams`, { headers })).status).toBe(404);
    expect(await stored(node, "bigblue")).toMatchObject([{ action: "stream.list", outcome: "refused", user: "root" }]);
  });

  it("loses no count when the node is closed", async () => {
    const node = await startTestNode();
    await node.put("duckworks.containers", "DUCU0000010", "{}");
    for (let i = 0; i < 5; i++) await node.ask("/api/streams/duckworks.containers/topics", { as: "ops" });
    await node.close();
    const again = await startTestNode({ data: node.settings.data });
    const counts = (await stored(again, "duckworks")).map(({ count }) => count);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(5);
  });
});
