import type { ExceptionValue } from "@landfall/proto/api";
import { Refuse_Reason } from "@landfall/proto/gen/landfall/v1/replication";
import { expect, onTestFinished, test } from "vitest";
import type { StreamRule } from "../src/access/policy.js";
import { originId, streamName } from "../src/model/names.js";
import type { Replicator } from "../src/replication/replicator.js";
import { decodeBlock } from "../src/store/block.js";
import type { LinkSettings, NodeSettings } from "../src/settings/node-settings.js";
import { recordingRelay, type Recorded } from "../testing/recording-relay.js";
import { until } from "../testing/until.js";
import { secretOf, siteEntry as entry } from "./support/secret-sites.js";
import { startTestNode, type TestNode } from "./support/test-node.js";

const MS_MAX = 60_000;
const DUCKS = streamName("duckworks.containers");
const SITES = [
  entry("tokyo", "bigblue", ["carrier-sites"]),
  entry("sydney", "bigblue", ["carrier-sites"]),
  entry("duckworks", "duckworks", []),
];
const carrier = { replicate: "g:carrier-sites", produce: "g:carrier-sites" };
const both = "g:carrier-sites | u:site.duckworks";
const OWN = ["duckworks.metrics", "duckworks.exceptions"];
const ACCESS: readonly StreamRule[] = [
  { stream: "bigblue.*", read: "g:bigblue-ops", ...carrier },
  ...OWN.map((stream) => ({ stream, read: "g:bigblue-ops", replicate: both, produce: "u:site.duckworks" })),
  { stream: "duckworks.*", read: "g:bigblue-ops | g:duckworks", ...carrier, replicate: both, relay: "g:carrier-sites" },
  { stream: "polarfoods.*", read: "g:bigblue-ops", ...carrier },
  { stream: "port.*", read: "g:bigblue-ops", ...carrier },
];
/** The manufacturer's site has thrown its rules away: it holds, wants, writes and passes on whatever it likes. */
const LAWLESS: readonly StreamRule[] = [{ stream: "*", read: "p", replicate: "p", produce: "p", relay: "p" }];
/** Streams that are not the manufacturer's, a topic and a value in each. */
const FOREIGN = [
  "bigblue.containers",
  "bigblue.alerts",
  "polarfoods.containers",
  "polarfoods.settings",
  "port.ausyd.events",
];
const GONE = originId("sydney.a~gone");
const SECRET_TOPIC = "MSKU9070323";
/** Names of streams and of their owners, topics and values that the manufacturer must never hear of. */
const SECRET = /bigblue|polarfoods|port\.|ausyd|MSKU9070323|secret-/i;

function site(name: string, to: readonly { site: string; port: number }[], more: Partial<NodeSettings> = {}) {
  const links = to.map(({ site: peer, port }): LinkSettings => ({
    id: `${name}~${peer}`,
    to: peer,
    class: "wan",
    address: `127.0.0.1:${port}`,
    carries: ["*"],
  }));
  const replication = { listen: "127.0.0.1:0", token: secretOf(name), wants: ["*"] };
  return startTestNode({ site: name, sites: SITES, access: ACCESS, links, replication, metricsSeconds: 1, ...more });
}
const at = (node: TestNode) => ({ site: node.settings.site, port: (node.replication as Replicator).port as number });
const held = (node: TestNode, stream: string) =>
  Object.values(node.store.vector(streamName(stream))).reduce((sum, next) => sum + next, 0);
const kinds = ({ frames }: Recorded) => new Set(frames.map(({ body }) => body?.$case));

/** Tokyo and Sydney are linked; the manufacturer dials Tokyo through somebody who writes down every frame. */
async function threeSites() {
  const tokyo = await site("tokyo", []);
  const sydney = await site("sydney", [at(tokyo)]);
  const wire = await recordingRelay({
    to: at(tokyo),
    dialler: { site: "duckworks", token: secretOf("duckworks") },
  });
  onTestFinished(() => wire.close());
  const duckworks = await site("duckworks", [{ site: "tokyo", port: wire.port }], { access: LAWLESS });
  return { tokyo, sydney, duckworks, wire };
}

async function exceptionsOf(node: TestNode): Promise<ExceptionValue[]> {
  const { records } = await node.store.readStream(streamName("bigblue.exceptions"), undefined, 1_000);
  return records.map(({ value }) => JSON.parse(Buffer.from(value).toString()) as ExceptionValue);
}

test(
  "R8: what goes over the wire to a manufacturer that asks for everything names no stream, topic or owner but its own",
  async () => {
    const { tokyo, sydney, duckworks, wire } = await threeSites();
    for (let i = 0; i < 20; i++) {
      for (const stream of FOREIGN) {
        await tokyo.put(stream, SECRET_TOPIC, `secret-${i}`);
        await sydney.put(stream, SECRET_TOPIC, `secret-${i}`);
      }
      await sydney.put(DUCKS, "CSQU3054383", `duck ${i}`);
    }
    // Gaps, of its own stream and of another.
    for (const stream of [DUCKS, streamName("bigblue.alerts")]) {
      const gone = { from: 0, to: 5, reason: "damaged" } as const;
      await tokyo.store.noteGap(stream, GONE, gone as never);
    }
    await until(() => held(duckworks, DUCKS) === 25);
    // It asks by name for what it was never told of, and for what is a gap; and writes into streams that are not its own.
    const ask = (id: number, stream: string, origin: string) =>
      wire.sayToListener({
        $case: "request",
        value: { id, stream, origin, from: 0, to: 3, digests: [], staged: undefined },
      });
    FOREIGN.forEach((stream, i) => ask(9_000 + i, stream, tokyo.store.origin));
    ask(9_100, DUCKS, GONE);
    for (const stream of FOREIGN) await duckworks.put(stream, "CSQU3054383", "forged");
    await until(async () => (await exceptionsOf(tokyo)).some(({ code }) => code === "PRODUCE_FORBIDDEN"));
    await until(() => held(sydney, "bigblue.metrics") > 2 && held(duckworks, "duckworks.metrics") > 2);
    await until(() => held(tokyo, "duckworks.metrics") > 2);
    // Whatever there is to say about the end of a link is said, too.
    await sydney.put(DUCKS, "CSQU3054383", "the last");
    await until(() => held(duckworks, DUCKS) === 26);
    await tokyo.close();
    await until(() => wire.toDialler.ends.length > 0);

    expect([...kinds(wire.toDialler)]).toEqual(
      expect.arrayContaining(["hello", "announce", "request", "data", "gap", "refuse"]),
    );
    const refused = wire.toDialler.frames.flatMap(({ body }) => (body?.$case === "refuse" ? [body.value] : []));
    expect(refused).toEqual(FOREIGN.map((_, i) => ({ id: 9_000 + i, reason: Refuse_Reason.NOT_FOUND })));
    const said = wire.toDialler.text();
    expect(said).toContain(DUCKS);
    expect(said).toContain("duck 19");
    expect(SECRET.exec(said)?.[0]).toBeUndefined();
    expect(
      duckworks.store.streams().filter((stream) => held(duckworks, stream) > 1 && !stream.startsWith("duckworks.")),
    ).toEqual([]);
  },
  MS_MAX,
);

test(
  "R8: a manufacturer writes into no stream of others, nor into its containers' histories; each attempt is told, and others go on",
  async () => {
    const { tokyo, sydney, duckworks, wire } = await threeSites();
    for (const stream of FOREIGN) await duckworks.put(stream, "CSQU3054383", "forged");
    await duckworks.put(DUCKS, "CSQU3054383", "forged");
    // A rule that is not its to set, in settings that it may hold and not write.
    const document = {
      kind: "rules",
      version: 1,
      key: "access",
      rules: [{ stream: "duckworks.*", read: "p", produce: "p" }],
    };
    await duckworks.put("duckworks.settings", "rules.access", JSON.stringify(document));
    await sydney.put(DUCKS, "CSQU3054383", "true");
    await until(() => held(duckworks, DUCKS) === 2);
    await until(() => held(tokyo, "duckworks.metrics") > 0 && held(sydney, "duckworks.metrics") > 0);
    const offered = () => {
      const all = wire.toListener.frames.flatMap(({ body }) => (body?.$case === "announce" ? body.value.holdings : []));
      return new Set(all.map(({ stream }) => stream));
    };
    await until(() => [...FOREIGN, DUCKS, "duckworks.settings"].every((stream) => offered().has(stream)));
    await until(async () => new Set((await exceptionsOf(tokyo)).map(({ detail }) => detail?.["stream"])).size > 2);

    for (const node of [tokyo, sydney]) {
      for (const stream of [...FOREIGN, DUCKS, "duckworks.settings"]) {
        const origins = Object.keys(node.store.vector(streamName(stream)));
        expect(origins.filter((origin) => origin.startsWith("duckworks."))).toEqual([]);
      }
      expect(node.rules.rulings()).toEqual([]);
    }
    const told = await exceptionsOf(tokyo);
    expect(new Set(told.map(({ code }) => code))).toEqual(new Set(["PRODUCE_FORBIDDEN"]));
    expect(told[0]).toMatchObject({ source: "link duckworks~tokyo", detail: { peer: "duckworks.a" } });
    const areCounted = /landfall_replication_refused_total\{[^}]*code="PRODUCE_FORBIDDEN"[^}]*\} [7-9]/;
    await until(async () => areCounted.test(await (await tokyo.ask("/metrics", { as: "ops" })).text()));
    // The requests that Tokyo made of it are for its own metrics and exceptions alone.
    const asked = wire.toDialler.frames.flatMap(({ body }) => (body?.$case === "request" ? [body.value.stream] : []));
    expect([...new Set(asked)].filter((stream) => !OWN.includes(stream))).toEqual([]);
    const blocks = wire.toListener.frames.flatMap(({ body }) => (body?.$case === "data" ? [body.value.block] : []));
    expect(blocks.map((block) => decodeBlock(block).stream).filter((stream) => !OWN.includes(stream))).toEqual([]);
  },
  MS_MAX,
);

test(
  "A4, R8: a travelled rule on who may produce stops an origin at every site within seconds, its own included, and lets it go on",
  async () => {
    const tokyo = await site("tokyo", []);
    const sydney = await site("sydney", [at(tokyo)]);
    const duckworks = await site("duckworks", [at(tokyo)]);
    const rule = async (produce: string | null) => {
      const rules = produce === null ? null : [{ stream: "duckworks.containers", produce }];
      await tokyo.put(
        "duckworks.settings",
        "rules.access",
        JSON.stringify({ kind: "rules", version: 1, key: "access", rules }),
      );
    };
    const may = async (node: TestNode, value: string) => {
      try {
        await node.put(DUCKS, "CSQU3054383", value);
        return "kept";
      } catch (error) {
        return (error as { code?: string }).code;
      }
    };
    expect(await may(duckworks, "forbidden by the base")).toBe("PRODUCE_FORBIDDEN");
    await sydney.put(DUCKS, "CSQU3054383", "1");
    await until(() => held(duckworks, DUCKS) === 1);
    await rule("u:site.duckworks");
    await until(async () => (await may(duckworks, "2")) === "kept");
    await until(async () => (await may(sydney, "not now")) === "PRODUCE_FORBIDDEN");
    await until(() => held(tokyo, DUCKS) >= 2 && held(sydney, DUCKS) === held(tokyo, DUCKS));
    await rule(null);
    await until(async () => (await may(sydney, "3")) === "kept");
    expect(await may(tokyo, "4")).toBe("kept");
    await until(async () => (await may(duckworks, "not any more")) === "PRODUCE_FORBIDDEN");
    await until(() => held(duckworks, DUCKS) === held(tokyo, DUCKS) && held(sydney, DUCKS) === held(tokyo, DUCKS));
  },
  MS_MAX,
);
