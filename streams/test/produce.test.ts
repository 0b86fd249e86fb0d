import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GapReason, type Hole, type Request } from "@landfall/proto/gen/landfall/v1/replication";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { StreamRule } from "../src/access/policy.js";
import { systemEnv } from "../src/env.js";
import type { LandfallError } from "../src/model/errors.js";
import { originId, streamName, topicName, type OriginId } from "../src/model/names.js";
import type { Offset, Seq, TimestampMs } from "../src/model/record.js";
import { createGrpcTransport } from "../src/replication/grpc-transport.js";
import type { Message } from "../src/replication/machine-state.js";
import type { Channel } from "../src/replication/transport.js";
import { encodeBlock } from "../src/store/block.js";
import { deferred } from "../testing/deferred.js";
import { startTestNode, testSite, type TestNode } from "../testing/test-node.js";
import { until } from "../testing/until.js";

const DUCKS = streamName("duckworks.containers");
const BIG = streamName("bigblue.containers");
const METRICS = streamName("duckworks.metrics");
const TOPIC = topicName("CSQU3054383");
const DUCKWORKS = originId("duckworks.a~1");
const SHIP = originId("ship.a~1");

/** As the demo has it. */
const ACCESS: readonly StreamRule[] = [
  { stream: "bigblue.*", replicate: "g:bigblue-sites", produce: "g:bigblue-sites" },
  { stream: "duckworks.metrics", replicate: "g:bigblue-sites | u:site.duckworks", produce: "u:site.duckworks" },
  {
    stream: "duckworks.*",
    replicate: "g:bigblue-sites | u:site.duckworks",
    produce: "g:bigblue-sites",
    relay: "g:bigblue-sites",
  },
];
const SITES = [...["tokyo", "singapore", "sydney", "ship"].map((site) => testSite(site)), testSite("duckworks", [])];

/** A peer that says what it likes, over real gRPC. */
class Liar {
  readonly requests: Request[] = [];
  readonly closed = deferred<LandfallError>();
  /** Called with each request; by default nothing is answered. */
  onRequest: (request: Request) => void = () => undefined;

  private constructor(private readonly channel: Channel) {
    channel.onClose = this.closed.resolve;
    channel.onFrame = ({ body }) => {
      if (body?.$case === "ping") this.say({ $case: "pong", value: { token: body.value.token } });
      if (body?.$case === "stop") this.say({ $case: "stopped", value: { id: body.value.id } });
      if (body?.$case !== "request") return;
      this.requests.push(body.value);
      this.onRequest(body.value);
    };
  }

  static async dial(site: string, to: TestNode): Promise<Liar> {
    const transport = createGrpcTransport({ env: systemEnv });
    const credentials = { site, token: `token of ${site}` };
    const liar = new Liar(await transport.dial(`127.0.0.1:${to.replicator.port}`, to.site, credentials));
    const lists = { carries: ["*"], wants: ["*"], urgent: [] };
    const flags = { tellsGaps: true, takesSealed: true, metered: false, keepsAllowance: false, inflates: false };
    const who = { version: 1, oldestVersion: 1, site, node: "a", link: `${site}~x`, linkClass: "wan" };
    liar.say({ $case: "hello", value: { ...who, ...lists, ...flags } });
    return liar;
  }

  say(body: Message): void {
    this.channel.send({ body });
  }

  announce(stream: string, origin: OriginId, next: number, holes: Hole[] = []) {
    this.say({ $case: "announce", value: { holdings: [{ stream, origin, next, distance: 0, holes }] } });
  }

  /** Answers with records of some stream and origin, whatever was asked for. */
  sendBlock(id: number, stream: typeof DUCKS, origin: OriginId, count = 3): void {
    const block = encodeBlock({ stream, origin, firstSeq: 0 as Seq, records: forged(count) });
    this.say({ $case: "data", value: { id, firstSeq: 0, count, block, rawBytes: 0 } });
  }

  leave(): void {
    this.channel.close("done");
  }
}

function forged(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    seq: i as Seq,
    offset: ((i + 1) * 1_024 + 1_770_000_000_000_000) as Offset,
    timestamp: (1_770_000_000_000 + i) as TimestampMs,
    received: (1_770_000_000_000 + i) as TimestampMs,
    topic: TOPIC,
    value: Buffer.from(`forged ${i}`),
    headers: {},
  }));
}

describe("R8: a peer that lies about who has written what", () => {
  let folder: string;
  const nodes: TestNode[] = [];
  const liars: Liar[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "landfall-produce-"));
  });
  afterEach(async () => {
    for (const liar of liars.splice(0)) liar.leave();
    for (const node of nodes.splice(0).reverse()) await node.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(site: string, to?: TestNode): Promise<TestNode> {
    const link = { id: `${site}~${to?.site}`, to: to?.site ?? "", class: "wan" as const, carries: ["*"] };
    const links = to === undefined ? [] : [{ ...link, address: `127.0.0.1:${to.replicator.port}` }];
    const node = await startTestNode({ site, folder: join(folder, site), sites: SITES, access: ACCESS, links });
    nodes.push(node);
    return node;
  }
  async function lie(site: string, to: TestNode): Promise<Liar> {
    const liar = await Liar.dial(site, to);
    liars.push(liar);
    return liar;
  }
  const write = (node: TestNode, stream: typeof DUCKS, value: string) =>
    node.store.append(stream, [
      { topic: TOPIC, timestamp: 1_770_000_000_000 as TimestampMs, value: Buffer.from(value), headers: {} },
    ]);
  const held = (node: TestNode, stream = DUCKS) =>
    Object.values(node.store.vector(stream)).reduce((sum, next) => sum + next, 0);
  const codes = (node: TestNode) => node.reported.map(({ code }) => code);

  it("announcements: what its origin may not produce and what the peer may not hold is refused, told and counted; the rest is taken", async () => {
    const tokyo = await start("tokyo");
    const singapore = await start("singapore", tokyo);
    const duckworks = await lie("duckworks", tokyo);
    duckworks.onRequest = ({ id, stream, origin }) =>
      duckworks.sendBlock(id, stream as typeof DUCKS, origin as OriginId);
    duckworks.announce(DUCKS, DUCKWORKS, 3);
    duckworks.announce(DUCKS, originId("atlantis.a~1"), 3);
    duckworks.announce(METRICS, originId("tokyo.a~forged"), 3);
    duckworks.announce(BIG, DUCKWORKS, 3);
    duckworks.announce(BIG, SHIP, 3);
    duckworks.announce("polarfoods.containers", DUCKWORKS, 3);
    duckworks.announce(METRICS, DUCKWORKS, 3);
    await until(() => held(singapore, METRICS) === 3);
    expect(duckworks.requests.map(({ stream, origin }) => `${stream} ${origin}`)).toEqual([`${METRICS} ${DUCKWORKS}`]);
    expect(tokyo.store.streams()).toEqual([METRICS]);
    expect(codes(tokyo).toSorted()).toEqual([...Array<string>(5).fill("PRODUCE_FORBIDDEN"), "REPLICATE_FORBIDDEN"]);
    expect(tokyo.reported[1]?.message).toBe(
      "duckworks.a offers records of duckworks.containers that were written at atlantis, which may not produce into it, and is not listed under sites: none is taken",
    );
    expect(await tokyo.registry.getSingleMetricAsString("landfall_replication_refused_total")).toContain(
      'landfall_replication_refused_total{code="PRODUCE_FORBIDDEN"} 5',
    );
    expect(codes(singapore)).toEqual([]);
  });

  it("relays: a site that may hold a stream and not relay it is asked for nothing that others wrote, and nothing is said of that", async () => {
    const tokyo = await start("tokyo");
    const duckworks = await lie("duckworks", tokyo);
    duckworks.announce(DUCKS, SHIP, 1_000);
    duckworks.announce(METRICS, DUCKWORKS, 3);
    await until(() => duckworks.requests.length === 1);
    const ship = await start("ship", tokyo);
    await write(ship, DUCKS, "true");
    await until(() => held(tokyo) === 1);
    expect(duckworks.requests.map(({ stream }) => stream)).toEqual([METRICS]);
    expect(codes(tokyo)).toEqual([]);
    // One that may relay is asked.
    const sydney = await lie("sydney", tokyo);
    sydney.announce(DUCKS, SHIP, 1_000);
    await until(() => sydney.requests.length === 1);
    expect(sydney.requests[0]).toMatchObject({ stream: DUCKS, origin: SHIP });
  });

  it("data: a block of another origin than was asked for ends that link alone, and nothing of it is applied", async () => {
    const tokyo = await start("tokyo");
    const singapore = await start("singapore", tokyo);
    const duckworks = await lie("duckworks", tokyo);
    duckworks.onRequest = ({ id }) => duckworks.sendBlock(id, DUCKS, DUCKWORKS);
    duckworks.announce(METRICS, DUCKWORKS, 3);
    expect(await duckworks.closed.promise).toMatchObject({ message: expect.stringContaining(DUCKS) as string });
    await until(() => codes(tokyo).includes("PRODUCE_FORBIDDEN"));
    expect(tokyo.store.streams()).toEqual([]);
    await write(singapore, DUCKS, "true");
    await until(() => held(tokyo) === 1);
    expect(tokyo.replicator.links().find(({ peer }) => peer === "singapore")?.state).toBe("up");
  });

  it("data, sealed runs and gaps that nobody asked for are not taken", async () => {
    const tokyo = await start("tokyo");
    const sealed = { run: "r", from: 0, to: 300, count: 300, blocks: 1, runBytes: 3, rawBytes: 3, packed: true };
    const unasked: ((liar: Liar) => void)[] = [
      (liar) => liar.sendBlock(77, BIG, DUCKWORKS),
      (liar) =>
        liar.say({ $case: "sealed", value: { id: 77, ...sealed, first: 0, next: 1, bytes: Buffer.from("run") } }),
    ];
    for (const send of unasked) {
      const duckworks = await lie("duckworks", tokyo);
      duckworks.announce(BIG, DUCKWORKS, 300);
      send(duckworks);
      await duckworks.closed.promise;
    }
    const duckworks = await lie("duckworks", tokyo);
    duckworks.announce(BIG, DUCKWORKS, 300, [{ from: 0, to: 300, reason: GapReason.EXPIRED }]);
    duckworks.say({ $case: "gap", value: { id: 77, hole: { from: 0, to: 300, reason: GapReason.EXPIRED } } });
    duckworks.announce(METRICS, DUCKWORKS, 3);
    await until(() => duckworks.requests.length === 1);
    expect(tokyo.store.streams()).toEqual([]);
  });

  it("A4: a rule that is changed while links are up closes an origin's way and opens it again, at who asks and who serves", async () => {
    const tokyo = await start("tokyo");
    const singapore = await start("singapore", tokyo);
    const sydney = await start("sydney", tokyo);
    await write(sydney, DUCKS, "1");
    await until(() => held(singapore) === 1);
    // What was said before a rule is known here, and comes after it, would be refused and told.
    const saidBy = (site: string) =>
      tokyo.replicator
        .peers()
        .find((peer) => peer.site === site)
        ?.holdings.get(DUCKS);
    await until(() => saidBy("singapore")?.[sydney.store.origin] === 1);
    const change = (rules: readonly StreamRule[] | undefined) => {
      for (const node of [tokyo, singapore]) node.policy.change("duckworks", rules);
    };
    change([{ stream: "duckworks.*", produce: "u:site.singapore | u:site.duckworks" }]);
    await write(sydney, DUCKS, "2");
    await write(singapore, DUCKS, "3");
    await until(() => held(sydney) === 3);
    expect([held(tokyo), held(singapore)]).toEqual([2, 2]);
    const [before] = tokyo.replicator.links().filter(({ peer }) => peer === "sydney");
    expect(before).toMatchObject({ state: "up", toReceive: 0 });
    change(undefined);
    await until(() => held(tokyo) === 3 && held(singapore) === 3);
    for (const node of nodes) expect(codes(node)).toEqual([]);
  });

  it("a node's own appends are bound by what rules say of them, and by nothing where they do not", async () => {
    const tokyo = await start("tokyo");
    expect(tokyo.policy.names("produce", DUCKS)).toBe(true);
    await expect(write(tokyo, METRICS, "not mine")).rejects.toMatchObject({ code: "PRODUCE_FORBIDDEN" });
    expect(tokyo.store.streams()).toEqual([]);
    await write(tokyo, streamName("polarfoods.containers"), "of nobody's rules");
    await write(tokyo, DUCKS, "mine");
    tokyo.policy.change("duckworks", [{ stream: "duckworks.containers", produce: "!p" }]);
    await expect(write(tokyo, DUCKS, "no more")).rejects.toMatchObject({ code: "PRODUCE_FORBIDDEN" });
    tokyo.policy.change("duckworks", undefined);
    await write(tokyo, DUCKS, "again");
    expect(held(tokyo)).toBe(2);
  });
});
