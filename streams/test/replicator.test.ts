import { credentials, Metadata } from "@grpc/grpc-js";
import { ReplicationClient, type Data, type Frame } from "@landfall/proto/gen/landfall/v1/replication";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LandfallError } from "../src/model/errors.js";
import { streamName, topicName } from "../src/model/names.js";
import type { Offset, Seq, StoredRecord, TimestampMs } from "../src/model/record.js";
import { createGrpcTransport } from "../src/replication/grpc-transport.js";
import { SmallBlocks } from "../src/replication/small-blocks.js";
import { decodeBlock } from "../src/store/block.js";
import { systemEnv } from "../src/env.js";
import type { LinkSettings } from "../src/settings/node-settings.js";
import { startTestNode, testSite, type TestNode } from "../testing/test-node.js";
import { testProxy, type TestProxy } from "../testing/test-proxy.js";
import { acceptAll } from "../testing/accept-all.js";
import { deferred } from "../testing/deferred.js";
import { seededRandom, testSeed } from "../testing/seeded-random.js";
import { until } from "../testing/until.js";

const CONTAINERS = streamName("bigblue.containers");
const ALERTS = streamName("bigblue.alerts");
const DUCKS = streamName("duckworks.containers");
const TOPIC = topicName("CSQU3054383");
/** As Singapore says it. */
const HELLO = {
  version: 1,
  oldestVersion: 1,
  site: "singapore",
  node: "a",
  link: "l",
  linkClass: "wan",
  carries: ["*"],
  wants: ["*"],
  tellsGaps: true,
  takesSealed: false,
  metered: false,
  keepsAllowance: false,
  inflates: false,
  urgent: [],
};

describe("replication between real stores over gRPC", () => {
  let folder: string;
  const nodes: TestNode[] = [];
  const proxies: TestProxy[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "landfall-replicator-"));
  });
  afterEach(async () => {
    for (const node of nodes.splice(0).reverse()) await node.close();
    for (const proxy of proxies.splice(0)) await proxy.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(site: string, options: Partial<Parameters<typeof startTestNode>[0]> = {}): Promise<TestNode> {
    const sites = ["tokyo", "singapore", "sydney", "los-angeles", "ship"].map((name) => testSite(name));
    const all = [...sites, testSite("duckworks", [])];
    const node = await startTestNode({ site, folder: join(folder, site), sites: all, ...options });
    nodes.push(node);
    return node;
  }

  function link(
    from: string,
    to: TestNode,
    at = to.replicator.port,
    options: Partial<LinkSettings> = {},
  ): LinkSettings {
    return {
      id: `${from}~${to.site}`,
      to: to.site,
      class: "wan",
      address: `127.0.0.1:${at}`,
      carries: ["*"],
      ...options,
    };
  }

  async function write(node: TestNode, stream: typeof CONTAINERS, count: number, from = 0): Promise<void> {
    const records = Array.from({ length: count }, (_, i) => ({
      topic: TOPIC,
      timestamp: (1_770_000_000_000 + from + i) as TimestampMs,
      value: Buffer.from(`{"n":${from + i},"at":"${node.site}"}`),
      headers: { kind: "telemetry" },
    }));
    await node.store.append(stream, records);
  }

  async function history(node: TestNode, stream = CONTAINERS): Promise<Omit<StoredRecord, "arrived">[]> {
    const records: StoredRecord[] = [];
    for (;;) {
      const last = records.at(-1);
      const page = await node.store.readTopic(stream, TOPIC, {
        limit: 1_000,
        ...(last === undefined ? {} : { fromOffset: (last.offset + 1) as Offset }),
      });
      if (page.length === 0)
        return records.map(({ arrived: _arrived, value, ...record }) => ({ ...record, value: Buffer.from(value) }));
      records.push(...page);
    }
  }

  const at = (node: TestNode) => `127.0.0.1:${node.replicator.port}`;

  const total = (node: TestNode, stream = CONTAINERS) =>
    Object.values(node.store.vector(stream)).reduce((sum, next) => sum + next, 0);

  it("R1, R2, O1, O3: four sites in a full mesh, all writing one topic, hold the same history", async () => {
    const tokyo = await start("tokyo");
    const singapore = await start("singapore", { links: [link("singapore", tokyo)] });
    const sydney = await start("sydney", { links: [link("sydney", tokyo), link("sydney", singapore)] });
    const losAngeles = await start("los-angeles", {
      links: [link("los-angeles", tokyo), link("los-angeles", singapore), link("los-angeles", sydney)],
    });
    for (let round = 0; round < 20; round++) {
      await Promise.all(nodes.map((node) => write(node, CONTAINERS, 25, round * 25)));
    }
    await until(() => nodes.every((node) => total(node) === 2_000));
    const want = await history(tokyo);
    expect(want).toHaveLength(2_000);
    expect(new Set(want.map(({ offset }) => offset)).size).toBe(2_000);
    for (const node of [singapore, sydney, losAngeles]) expect(await history(node)).toEqual(want);
    for (const node of nodes) expect(node.reported).toEqual([]);
  });

  it("R4: a site that was away goes on from what it has on disk", async () => {
    const tokyo = await start("tokyo");
    const links = [link("singapore", tokyo)];
    const first = await start("singapore", { links });
    await write(tokyo, CONTAINERS, 500);
    await until(() => total(first) === 500);
    await first.close();
    await write(tokyo, CONTAINERS, 500, 500);
    const again = await start("singapore", { links });
    expect(total(again)).toBe(500);
    await until(() => total(again) === 1_000);
    expect(await history(again)).toEqual(await history(tokyo));
  });

  it("R4: a link that is cut again and again in the middle of a backlog delivers it whole, once", async () => {
    const tokyo = await start("tokyo");
    // Few enough to go record by record: a sealed run comes at once, and could not be cut in the middle.
    for (let i = 0; i < 12; i++) await write(tokyo, CONTAINERS, 1_000, i * 1_000);
    const proxy = await testProxy(tokyo.replicator.port as number, 2);
    proxies.push(proxy);
    const ship = await start("ship", { links: [link("ship", tokyo, proxy.port, { class: "port" })] });
    for (let cut = 1; cut <= 5; cut++) {
      await until(() => total(ship) > cut * 2_000);
      proxy.cut();
    }
    await until(() => total(ship) === 12_000);
    expect(await history(ship)).toEqual(await history(tokyo));
  });

  it("R5: a half-open link is noticed at both ends within its class's time, and opened again", async () => {
    const tokyo = await start("tokyo");
    const proxy = await testProxy(tokyo.replicator.port as number, 2);
    proxies.push(proxy);
    const ship = await start("ship", { links: [link("ship", tokyo, proxy.port, { class: "lan" })] });
    const states = () => [tokyo, ship].map((node) => node.replicator.links()[0]?.state);
    await until(() => states().every((state) => state === "up"));
    proxy.hold("to-dialler");
    proxy.hold("to-listener");
    await until(() => states().every((state) => state === "down"));
    expect(ship.replicator.links()[0]?.problem).toMatch(/nothing heard for \d+ s/);
    await write(tokyo, CONTAINERS, 10);
    proxy.release();
    proxy.cut();
    await until(() => total(ship) === 10);
  });

  it("R8: a site gets the streams that its identity may replicate, and hears of no other", async () => {
    const tokyo = await start("tokyo");
    await write(tokyo, CONTAINERS, 10);
    await write(tokyo, DUCKS, 10);
    const duckworks = await start("duckworks", { links: [link("duckworks", tokyo)], wants: ["*"] });
    await until(() => total(duckworks, DUCKS) === 10);
    // Tokyo goes on, so that whatever it had to say before has been said.
    await write(tokyo, CONTAINERS, 10, 10);
    await write(tokyo, DUCKS, 10, 10);
    await until(() => total(duckworks, DUCKS) === 20);
    expect(duckworks.store.streams()).toEqual([DUCKS]);
    expect([...(duckworks.replicator.peers()[0]?.holdings.keys() ?? [])]).toEqual([DUCKS]);
  });

  it("R8: a dialler with a wrong token, or an unknown one, is refused and reported", async () => {
    const tokyo = await start("tokyo");
    for (const credentials of [
      { site: "singapore", token: "guess" },
      { site: "atlantis", token: "token of atlantis" },
    ]) {
      const dialled = createGrpcTransport({ env: systemEnv }).dial(at(tokyo), "tokyo", credentials);
      await expect(dialled).rejects.toMatchObject({
        code: "UNAUTHENTICATED",
        message: expect.stringContaining("does not know you") as string,
      });
    }
    expect(tokyo.reported.map(({ code }) => code)).toEqual(["UNAUTHENTICATED", "UNAUTHENTICATED"]);
    expect(tokyo.replicator.links()).toEqual([]);
  });

  it("a peer that says rubbish loses its connection, and nothing is applied", async () => {
    const tokyo = await start("tokyo");
    await write(tokyo, CONTAINERS, 5);
    const transport = createGrpcTransport({ env: systemEnv });
    const hello = HELLO;
    const rubbish: Parameters<Awaited<ReturnType<typeof transport.dial>>["send"]>[0][][] = [
      [{ body: { $case: "ping", value: { token: 1 } } }],
      [{ body: { $case: "hello", value: { ...hello, version: 99, oldestVersion: 98 } } }],
      [{ body: { $case: "hello", value: { ...hello, site: "sydney" } } }],
      [{ body: { $case: "hello", value: { ...hello, linkClass: "pigeon" } } }],
      [
        { body: { $case: "hello", value: hello } },
        {
          body: {
            $case: "announce",
            value: { holdings: [{ stream: "NOT A STREAM", origin: "x", next: 1, distance: 0, holes: [] }] },
          },
        },
      ],
      [
        { body: { $case: "hello", value: hello } },
        {
          body: { $case: "data", value: { id: 7, firstSeq: 0, count: 1, block: Buffer.from("garbage"), rawBytes: 0 } },
        },
      ],
    ];
    for (const frames of rubbish) {
      const credentials = { site: "singapore", token: "token of singapore" };
      const channel = await transport.dial(at(tokyo), "tokyo", credentials);
      const closed = deferred<LandfallError>();
      channel.onClose = closed.resolve;
      for (const frame of frames) channel.send(frame);
      await closed.promise;
    }
    expect(tokyo.store.streams()).toEqual([CONTAINERS]);
    expect(total(tokyo)).toBe(5);
    // And a well-behaved one is served as before.
    const singapore = await start("singapore", { links: [link("singapore", tokyo)] });
    await until(() => total(singapore) === 5);
  });

  it("a listener says hello at once to a dialler that takes it, and to an older one after its own", async () => {
    const tokyo = await start("tokyo");
    const transport = createGrpcTransport({ env: systemEnv });
    const channel = await transport.dial(at(tokyo), "tokyo", { site: "singapore", token: "token of singapore" });
    const first = deferred<string | undefined>();
    channel.onFrame = ({ body }) => first.resolve(body?.$case);
    expect(await first.promise).toBe("hello");
    channel.close("done");

    const client = new ReplicationClient(at(tokyo), credentials.createInsecure());
    const metadata = new Metadata();
    metadata.set("landfall-site", "singapore");
    metadata.set("landfall-token", "token of singapore");
    const call = client.sync(metadata);
    const said: (string | undefined)[] = [];
    const greeted = deferred<void>();
    call.on("data", ({ body }: Frame) => {
      said.push(body?.$case);
      if (body?.$case === "credit") greeted.resolve();
    });
    call.on("error", () => undefined);
    call.write({ body: { $case: "hello", value: HELLO } });
    await greeted.promise;
    expect(said[0]).toBe("hello");
    expect(said.filter((one) => one === "hello")).toHaveLength(1);
    call.cancel();
    client.close();
  });

  it("a record by itself goes deflated to a peer that can undo it, and as it is to an older one", async () => {
    const tokyo = await start("tokyo");
    await write(tokyo, CONTAINERS, 1);
    const transport = createGrpcTransport({ env: systemEnv });
    for (const inflates of [true, false]) {
      const channel = await transport.dial(at(tokyo), "tokyo", { site: "singapore", token: "token of singapore" });
      const got = deferred<Data>();
      channel.onFrame = ({ body }) => {
        if (body?.$case !== "data") return;
        got.resolve(body.value);
      };
      channel.send({ body: { $case: "hello", value: { ...HELLO, inflates } } });
      channel.send({ body: { $case: "credit", value: { bytes: 4_000_000 } } });
      const asked = { stream: CONTAINERS, origin: tokyo.store.origin, from: 0, to: 0, digests: [], staged: undefined };
      channel.send({ body: { $case: "request", value: { id: 1, ...asked } } });
      const { block, rawBytes } = await got.promise;
      const whole = inflates ? new SmallBlocks().inflate(block, rawBytes) : block;
      expect(rawBytes).toBe(inflates ? whole.byteLength : 0);
      expect(decodeBlock(whole).records).toHaveLength(1);
      channel.close("done");
    }
  });

  it("R4: no more is under way than the peer gave credit for, also when it gives it in crumbs", async () => {
    const tokyo = await start("tokyo");
    const records = 2_000;
    const random = seededRandom(testSeed(1_906));
    const value = (): Uint8Array => Uint8Array.from({ length: 1_500 }, () => Math.floor(256 * random()));
    await tokyo.store.append(
      CONTAINERS,
      Array.from({ length: records }, (_, i) => ({ topic: TOPIC, timestamp: i as TimestampMs, value: value() })),
    );
    const transport = createGrpcTransport({ env: systemEnv });
    const channel = await transport.dial(at(tokyo), "tokyo", { site: "singapore", token: "token of singapore" });
    let [given, came, next] = [0, 0, 0];
    const most: number[] = [];
    const give = (bytes: number): void => {
      given += bytes;
      channel.send({ body: { $case: "credit", value: { bytes } } });
    };
    const all = deferred<void>();
    channel.onFrame = ({ body }) => {
      if (body?.$case !== "data") return;
      came += body.value.block.byteLength;
      next += body.value.count;
      most.push(came - given);
      if (next === records) all.resolve();
      else if (given - came < 256 * 1024) give(300_000);
    };
    channel.send({ body: { $case: "hello", value: HELLO } });
    give(800_000);
    const asked = { stream: CONTAINERS, origin: tokyo.store.origin, from: 0, to: 0, digests: [], staged: undefined };
    channel.send({ body: { $case: "request", value: { id: 1, ...asked } } });
    await all.promise;
    expect(came).toBeGreaterThan(records * 1_500);
    expect(Math.max(...most)).toBeLessThanOrEqual(0);
    channel.close("done");
  });

  it("a corrupt block is refused, reported and not applied; the link is opened again", async () => {
    const sender = createGrpcTransport({ env: systemEnv });
    let served = 0;
    const listener = await sender.listen(
      "127.0.0.1:0",
      acceptAll((channel) => {
        channel.onFrame = ({ body }) => {
          if (body?.$case === "hello") {
            channel.send({ body: { $case: "hello", value: { ...body.value, site: "tokyo", wants: ["*"] } } });
            channel.send({
              body: {
                $case: "announce",
                value: { holdings: [{ stream: CONTAINERS, origin: "tokyo.a~x", next: 3, distance: 0, holes: [] }] },
              },
            });
          } else if (body?.$case === "request") {
            served++;
            const block = Buffer.from("not a block at all");
            channel.send({
              body: { $case: "data", value: { id: body.value.id, firstSeq: 0, count: 3, block, rawBytes: 0 } },
            });
          }
        };
      }),
    );
    const fake = { site: "tokyo", replicator: { port: listener.port } } as TestNode;
    const singapore = await start("singapore", { links: [link("singapore", fake)] });
    await until(() => served >= 2);
    expect(singapore.reported[0]?.code).toBe("CORRUPT_BLOCK");
    expect(singapore.store.streams()).toEqual([]);
    await listener.close();
  });

  it("a link carries only the streams that it is for, and still tells what waits behind it", async () => {
    const losAngeles = await start("los-angeles");
    const satellite = link("ship", losAngeles, losAngeles.replicator.port, {
      class: "satellite",
      carries: ["*.alerts"],
    });
    const ship = await start("ship", { links: [satellite], wants: ["*.settings"] });
    await write(ship, CONTAINERS, 100);
    await write(ship, ALERTS, 1);
    await until(() => total(losAngeles, ALERTS) === 1);
    await until(() => {
      const said = losAngeles.replicator
        .peers()
        .find(({ site }) => site === "ship")
        ?.holdings.get(CONTAINERS);
      return said?.[ship.store.origin] === 100;
    });
    expect(total(losAngeles)).toBe(0);
    // Los Angeles says, with its next round, that it has the alert; the histories stay on board.
    await until(() => ship.replicator.notHandedOver().length === 1);
    expect(ship.replicator.notHandedOver()).toEqual([{ stream: CONTAINERS, records: 100 }]);
    expect(losAngeles.replicator.arrivedOver(ALERTS, ship.store.origin)).toBe("satellite");
  });

  it("reads back by origin what was replicated (relay): a line of three sites", async () => {
    const tokyo = await start("tokyo");
    const singapore = await start("singapore", { links: [link("singapore", tokyo)] });
    const sydney = await start("sydney", { links: [link("sydney", singapore)] });
    await write(tokyo, CONTAINERS, 300);
    await until(() => total(sydney) === 300);
    const there = await sydney.store.readOrigin(CONTAINERS, tokyo.store.origin, 0 as Seq, 10_000_000);
    const here = await tokyo.store.readOrigin(CONTAINERS, tokyo.store.origin, 0 as Seq, 10_000_000);
    expect(there.map(({ seq, offset }) => ({ seq, offset }))).toEqual(here.map(({ seq, offset }) => ({ seq, offset })));
  });
});
