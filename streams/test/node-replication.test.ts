import type { ReadReply, RecordsReply, StatusReply } from "@landfall/proto/api";
import { expect, test, vi } from "vitest";
import { siteEntry as entry, siteStarter } from "./support/secret-sites.js";
import type { TestNode } from "./support/test-node.js";

const SITES = [
  entry("tokyo", "bigblue", ["bigblue-sites"]),
  entry("sydney", "bigblue", ["bigblue-sites"]),
  entry("duckworks", "duckworks", []),
];
const ACCESS = [
  { stream: "bigblue.*", read: "g:bigblue-ops", replicate: "g:bigblue-sites" },
  { stream: "duckworks.*", read: "g:bigblue-ops | g:duckworks", replicate: "g:bigblue-sites | u:site.duckworks" },
];

const site = siteStarter(SITES, ACCESS);

const json = async <T>(response: Response): Promise<T> => (await response.json()) as T;

test("nodes as they are put together replicate: same records, same bytes, same answers; foreign streams stay away (R1, R8)", async () => {
  const tokyo = await site("tokyo");
  const sydney = await site("sydney", tokyo);
  const duckworks = await site("duckworks", tokyo);
  for (let i = 0; i < 20; i++) {
    await sydney.put("duckworks.containers", "CSQU3054383", `from sydney ${i}`);
    await tokyo.put("duckworks.containers", "CSQU3054383", `from tokyo ${i}`);
    await tokyo.put("bigblue.containers", "CSQU3054383", `secret ${i}`);
  }
  const path = "/api/streams/duckworks.containers/topics/CSQU3054383/records";
  const historyAt = async (node: TestNode) => {
    const { records = [] } = await json<Partial<RecordsReply>>(await node.ask(path, { as: "ducky" }));
    // When it arrived is each site's own.
    return records.map(({ arrived: _arrived, ...record }) => record);
  };
  await vi.waitFor(async () => {
    for (const node of [tokyo, sydney, duckworks]) expect(await historyAt(node)).toHaveLength(40);
  }, 20_000);
  const atTokyo = await historyAt(tokyo);
  expect(await historyAt(sydney)).toEqual(atTokyo);
  expect(await historyAt(duckworks)).toEqual(atTokyo);
  expect(duckworks.store.streams().filter((stream) => !stream.startsWith("duckworks."))).toEqual([]);

  const status = await json<StatusReply>(await tokyo.ask("/api/status", { as: "admin" }));
  expect(status.links.map(({ id, state }) => `${id} ${state}`).toSorted()).toEqual([
    "duckworks~tokyo up",
    "sydney~tokyo up",
  ]);
  expect(status.peers.map((peer) => peer.site).toSorted()).toEqual(["duckworks", "sydney"]);
  expect(await (await tokyo.ask("/metrics", { as: "ops" })).text()).toMatch(
    /^landfall_link_up\{link="sydney~tokyo".*\} 1$/m,
  );
});

test("O4: a cursor taken at one site goes on at another", async () => {
  const tokyo = await site("tokyo");
  const sydney = await site("sydney", tokyo);
  const read = async (node: TestNode, body: object) =>
    json<ReadReply>(await node.ask("/api/streams/bigblue.containers/read", { as: "ops", body }));
  for (let i = 0; i < 30; i++) await tokyo.put("bigblue.containers", `t${i % 3}`, String(i));
  const first = await read(tokyo, { limit: 12 });
  for (let i = 30; i < 60; i++) await tokyo.put("bigblue.containers", `t${i % 3}`, String(i));
  const rest: string[] = [];
  let { cursor } = first;
  await vi.waitFor(async () => {
    const reply = await read(sydney, { cursor, limit: 100 });
    // Before the stream is there the answer is a problem, which has no records: then the cursor stays as it is.
    rest.push(...reply.records.map(({ value }) => value ?? ""));
    cursor = reply.cursor;
    expect(rest.length).toBeGreaterThanOrEqual(48);
  }, 20_000);
  const all = [...first.records.map(({ value }) => value), ...rest];
  expect(all).toEqual(Array.from({ length: 60 }, (_, i) => String(i)));
});
