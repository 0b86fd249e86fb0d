import type { GapsReply, ReadReply, RulesReply, RulesValue, StatusReply } from "@landfall/proto/api";
import { expect, test } from "vitest";
import { streamName } from "../src/model/names.js";
import { ManualEnv } from "../testing/manual-env.js";
import { until } from "../testing/until.js";
import { secretOf, siteEntry as entry, siteStarter } from "./support/secret-sites.js";
import { startTestNode, type TestNode } from "./support/test-node.js";

const SITES = [
  entry("tokyo", "bigblue", ["bigblue-sites"]),
  entry("sydney", "bigblue", ["bigblue-sites"]),
  entry("duckworks", "duckworks", []),
];
const ACCESS = [
  { stream: "bigblue.*", read: "g:bigblue-ops", replicate: "g:bigblue-sites" },
  { stream: "duckworks.*", read: "g:bigblue-ops | g:duckworks", replicate: "g:bigblue-sites | u:site.duckworks" },
  { stream: "polarfoods.*", read: "g:bigblue-ops", replicate: "g:bigblue-sites" },
];
const DUCKS = streamName("duckworks.containers");
const MS_MAX = 60_000;
const MINUTE_MS = 60_000;

const site = siteStarter(SITES, ACCESS);

/** The manufacturer and Sydney, each linked to Tokyo alone. */
async function threeSites() {
  const tokyo = await site("tokyo");
  return { tokyo, sydney: await site("sydney", tokyo), duckworks: await site("duckworks", tokyo) };
}

const put = (node: TestNode, owner: string, document: Omit<RulesValue, "kind" | "version">) =>
  node.put(
    `${owner}.settings`,
    `rules.${document.key}`,
    JSON.stringify({ kind: "rules", version: 1, ...document } satisfies RulesValue),
  );

const held = (node: TestNode): number => Object.values(node.store.vector(DUCKS)).reduce((sum, next) => sum + next, 0);

/** Numbers of the readings that somebody is given, in order; undefined when there is no such stream for them. */
async function readBy(node: TestNode, as: "ops" | "ducky"): Promise<string[] | undefined> {
  const answer = await node.ask(`/api/streams/${DUCKS}/read`, { as, body: { limit: 1_000 } });
  if (answer.status === 404) return undefined;
  return ((await answer.json()) as ReadReply).records.map(({ value }) => value ?? "");
}

async function load(node: TestNode, from: number, count: number): Promise<void> {
  for (let i = from; i < from + count; i++) await node.put(DUCKS, "CSQU3054383", String(i));
}

test(
  "A4, R8: a rule changed at one site closes a reader's stream and a site's replication two links away; given back, all comes once",
  async () => {
    const { tokyo, sydney, duckworks } = await threeSites();
    await load(tokyo, 0, 20);
    await until(() => held(duckworks) === 20);
    expect(await readBy(duckworks, "ducky")).toHaveLength(20);

    await put(sydney, "duckworks", {
      key: "access",
      rules: [{ stream: "duckworks.*", read: "g:bigblue-ops", replicate: "g:bigblue-sites" }],
    });
    await until(async () => (await readBy(duckworks, "ducky")) === undefined);
    expect(await readBy(duckworks, "ops")).toHaveLength(20);
    await until(() => tokyo.rules.rules("duckworks", "access") !== undefined);
    await load(tokyo, 20, 20);
    await until(() => held(sydney) === 40);
    // Its settings still reach it: this one after what it may no longer have was there for the others.
    await put(sydney, "duckworks", { key: "onboard", rules: { shockG: 3 } });
    await until(() => duckworks.rules.rules("duckworks", "onboard") !== undefined);
    expect(held(duckworks)).toBe(20);
    const { links, peers } = (await (await tokyo.ask("/api/status", { as: "admin" })).json()) as StatusReply;
    expect(links.find(({ peer }) => peer === "duckworks")).toMatchObject({ state: "up", toSend: 0 });
    expect(peers).toHaveLength(2);

    const applied = duckworks.store.stats().recordsApplied;
    await put(sydney, "duckworks", { key: "access", rules: null });
    await until(async () => (await readBy(duckworks, "ducky"))?.length === 40);
    expect(await readBy(duckworks, "ducky")).toEqual(Array.from({ length: 40 }, (_, i) => String(i)));
    // Twenty readings and the word that they are allowed again: nothing came twice.
    expect(duckworks.store.stats().recordsApplied - applied).toBe(21);
  },
  MS_MAX,
);

test(
  "R8: what a site may no longer hold it is not believed about either; its own records wait until it may again",
  async () => {
    const { tokyo, sydney, duckworks } = await threeSites();
    await put(tokyo, "duckworks", { key: "access", rules: [{ stream: "duckworks.*", replicate: "g:bigblue-sites" }] });
    await until(() => duckworks.rules.rules("duckworks", "access") !== undefined);
    await load(duckworks, 0, 5);
    await load(tokyo, 5, 5);
    await until(() => held(sydney) === 5);
    await put(duckworks, "duckworks", { key: "onboard", rules: { shockG: 3 } });
    await until(() => sydney.rules.rules("duckworks", "onboard") !== undefined);
    expect(held(tokyo)).toBe(5);
    await put(duckworks, "duckworks", { key: "access", rules: null });
    for (const node of [tokyo, sydney, duckworks]) await until(() => held(node) === 10);
  },
  MS_MAX,
);

test(
  "R8: no site learns another owner's settings, nor takes from one what is not its to set",
  async () => {
    const { tokyo, sydney, duckworks } = await threeSites();
    await put(sydney, "polarfoods", { key: "access", rules: [{ stream: "polarfoods.*", read: "p" }] });
    await put(sydney, "bigblue", { key: "access", rules: [{ stream: "bigblue.*", read: "p" }] });
    await put(sydney, "duckworks", { key: "access", rules: [{ stream: "duckworks.*", read: "g:duckworks" }] });
    await until(() => duckworks.rules.rulings().length === 1);
    await until(() => tokyo.rules.rulings().length === 3);
    expect(duckworks.store.streams().filter((stream) => !stream.startsWith("duckworks."))).toEqual([]);
    expect(JSON.stringify(duckworks.rules.rulings())).not.toMatch(/polarfoods|bigblue/);
    // What it writes of others stays with it, and counts nowhere.
    await put(duckworks, "polarfoods", { key: "access", rules: [{ stream: "polarfoods.*", read: "!p" }] });
    await put(duckworks, "duckworks", { key: "onboard", rules: { shockG: 4 } });
    await until(() => tokyo.rules.rules("duckworks", "onboard") !== undefined);
    await duckworks.rules.catchUp("polarfoods");
    expect(tokyo.rules.rules("polarfoods", "access")).toEqual([{ stream: "polarfoods.*", read: "p" }]);
    expect(duckworks.rules.rules("polarfoods", "access")).toBeUndefined();
  },
  MS_MAX,
);

test(
  "what is in force, and where it came from, is told to those who run the site and may read the settings",
  async () => {
    const { tokyo, sydney } = await threeSites();
    const rules = [{ stream: "duckworks.alerts", read: "g:bigblue-ops" }];
    await put(sydney, "duckworks", { key: "access", rules, by: "ops" });
    await until(() => tokyo.rules.rulings().length === 1);
    const reply = (await (await tokyo.ask("/api/rules", { as: "ops" })).json()) as RulesReply;
    expect(reply).toMatchObject({
      site: "tokyo",
      owners: [
        { owner: "bigblue", keys: [{ key: "access", base: [ACCESS[0]] }, { key: "retention" }, { key: "onboard" }] },
        { owner: "duckworks", keys: [{ key: "access", rules, base: [ACCESS[1]], site: "sydney", by: "ops" }, {}, {}] },
      ],
    });
    expect((await tokyo.ask("/api/rules", { as: "ducky" })).status).toBe(404);
    expect((await tokyo.ask("/api/rules")).status).toBe(401);
    // An administrator who may read no settings sees none.
    expect(await (await tokyo.ask("/api/rules", { as: "admin" })).json()).toEqual({ site: "tokyo", owners: [] });
    const status = (await (await tokyo.ask("/api/status", { as: "ops" })).json()) as StatusReply;
    expect(status.rules).toMatchObject([{ owner: "duckworks", key: "access", site: "sydney" }]);
  },
  MS_MAX,
);

test(
  "S5: a rule of retention made at one site lets records go at another, when they are old there; who made it keeps its own",
  async () => {
    // Tokyo's clock alone is put forward.
    const env = new ManualEnv(Date.now());
    const passing = (stepMs: number, check: () => boolean | Promise<boolean>) =>
      until(() => {
        env.advance(stepMs);
        return check();
      });
    const replication = { token: secretOf("tokyo"), wants: ["*"], listen: "127.0.0.1:0" };
    const tokyo = await startTestNode({ site: "tokyo", sites: SITES, access: ACCESS, replication }, { env });
    const sydney = await site("sydney", tokyo);
    await load(tokyo, 0, 20);
    await passing(100, () => held(sydney) === 20);
    await passing(100, () => tokyo.replication.handedOver(DUCKS, tokyo.store.origin) === 20);
    const gaps = async (node: TestNode) =>
      ((await (await node.ask(`/api/streams/${DUCKS}/gaps`, { as: "ops" })).json()) as GapsReply).gaps;
    env.advance(15 * MINUTE_MS);
    expect(await gaps(tokyo)).toEqual([]);

    await put(sydney, "duckworks", { key: "retention", rules: [{ stream: "duckworks.containers", minutes: 10 }] });
    await passing(100, () => tokyo.rules.rules("duckworks", "retention") !== undefined);
    await passing(MINUTE_MS, async () => (await gaps(tokyo)).length > 0);
    expect(await gaps(tokyo)).toEqual([{ origin: tokyo.store.origin, from: 0, to: 20, reason: "expired" }]);
    const topic = `/api/streams/${DUCKS}/topics/CSQU3054383/records`;
    expect((await tokyo.ask(topic, { as: "ops" })).status).toBe(404);
    expect(await readBy(sydney, "ops")).toHaveLength(20);
    expect(await gaps(sydney)).toEqual([]);
  },
  MS_MAX,
);
