import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LandfallError } from "../src/model/errors.js";
import { streamName, topicName, type OriginId } from "../src/model/names.js";
import type { TimestampMs } from "../src/model/record.js";
import type { LinkSettings } from "../src/settings/node-settings.js";
import { startTestNode, testSite, type TestNode } from "../testing/test-node.js";
import { testProxy, type TestProxy } from "../testing/test-proxy.js";
import { until } from "../testing/until.js";

const CONTAINERS = streamName("bigblue.containers");
const TOPIC = topicName("CSQU3054383");
const SITES = [testSite("ship"), testSite("tokyo")];
const NODES = ["a", "b", "c"];

describe("several nodes in a site", () => {
  let folder: string;
  const nodes: TestNode[] = [];
  const proxies: TestProxy[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "landfall-cluster-"));
  });
  afterEach(async () => {
    for (const node of nodes.splice(0).reverse()) await node.close();
    for (const proxy of proxies.splice(0)) await proxy.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(options: Partial<Parameters<typeof startTestNode>[0]> = {}): Promise<TestNode> {
    const site = options.site ?? "ship";
    const name = options.node ?? "a";
    const isShip = site === "ship";
    const node = await startTestNode({
      site,
      folder: join(folder, `${site}.${name}`),
      sites: SITES,
      // A ship wants little of others, and everything of its own.
      ...(isShip && { nodes: NODES, wants: [] }),
      ...options,
    });
    nodes.push(node);
    return node;
  }

  function dial(node: string, to: TestNode, more: Partial<LinkSettings> = {}): LinkSettings {
    const address = `127.0.0.1:${to.replicator.port}`;
    const isSister = to.site === "ship";
    const id = `ship.${node}~${isSister ? `ship.${to.node}` : to.site}`;
    const sister = isSister ? { node: to.node } : {};
    return { id, to: to.site, ...sister, class: isSister ? "lan" : "port", address, carries: ["*"], ...more };
  }

  async function write(node: TestNode, count: number): Promise<{ seq: number; origin: OriginId }> {
    const records = Array.from({ length: count }, (_, i) => ({
      topic: TOPIC,
      timestamp: (1_770_000_000_000 + i) as TimestampMs,
      value: Buffer.from(`{"n":${i},"at":"${node.node}"}`),
    }));
    const appended = await node.store.append(CONTAINERS, records);
    return { seq: appended.at(-1)?.seq as number, origin: node.store.origin };
  }

  const vector = (node: TestNode) => node.store.vector(CONTAINERS);

  it("R1, R3: nodes of a ship copy each other whatever they want of others; ashore each record goes once, from its own node", async () => {
    const tokyo = await start({ site: "tokyo" });
    const a = await start({ links: [dial("a", tokyo)] });
    const b = await start({ node: "b", links: [dial("b", a), dial("b", tokyo)] });
    const c = await start({ node: "c", links: [dial("c", a), dial("c", b), dial("c", tokyo)] });
    for (const node of [a, b, c]) await write(node, 500);
    const all = { [a.store.origin]: 500, [b.store.origin]: 500, [c.store.origin]: 500 };
    await until(() =>
      [tokyo, a, b, c].every((node) => Object.values(vector(node)).reduce((x, y) => x + y, 0) === 1_500),
    );
    for (const node of [tokyo, a, b, c]) {
      expect(vector(node)).toEqual(all);
      expect(node.store.stats().recordsApplied).toBe(node === tokyo ? 1_500 : 1_000);
      expect(node.reported).toEqual([]);
    }
    await until(() => tokyo.replicator.links().every(({ toReceive }) => toReceive === 0));
    const views = tokyo.replicator.links().map(({ id, peer, node, state }) => ({ id, peer, node, state }));
    expect(views.sort((x, y) => (x.id < y.id ? -1 : 1))).toEqual(
      NODES.map((node) => ({ id: `ship.${node}~tokyo`, peer: "ship", node, state: "up" })),
    );
    expect(
      tokyo.replicator
        .peers()
        .map(({ site, node }) => `${site}.${node}`)
        .sort(),
    ).toEqual(["ship.a", "ship.b", "ship.c"]);
  });

  it("S1: a record has a second copy once a sister has it on disk, and none while no sister is in reach", async () => {
    const a = await start({ nodes: ["a", "b"] });
    const first = await write(a, 10);
    const copy = a.replicator.sisters.secondCopy(CONTAINERS, first.origin, first.seq);
    expect(a.replicator.sisters.waiting).toBe(1);
    expect(a.replicator.sisters.connected()).toEqual([]);
    const proxy = await testProxy(a.replicator.port as number, 1);
    proxies.push(proxy);
    const link = dial("b", a, { address: `127.0.0.1:${proxy.port}` });
    const b = await start({ node: "b", nodes: ["a", "b"], links: [link] });
    await copy;
    expect(vector(b)[first.origin]).toBe(10);
    expect(a.replicator.sisters.connected()).toEqual(["ship.b"]);
    const second = await write(b, 1);
    await b.replicator.sisters.secondCopy(CONTAINERS, second.origin, second.seq);
    expect(vector(a)[second.origin]).toBe(1);
    // What a sister wrote itself it holds.
    await a.replicator.sisters.secondCopy(CONTAINERS, second.origin, second.seq);

    proxy.cut();
    await b.close();
    nodes.splice(nodes.indexOf(b), 1);
    await until(() => a.replicator.sisters.connected().length === 0);
    const third = await write(a, 1);
    const never = a.replicator.sisters.secondCopy(CONTAINERS, third.origin, third.seq);
    expect(a.replicator.sisters.waiting).toBe(1);
    const refused = expect(never).rejects.toMatchObject({ code: "CLOSED" } satisfies Partial<LandfallError>);
    await a.close();
    await refused;
  });

  it("R1: a node that lost its disk for good gets everything from its sisters; the lost one's records live on", async () => {
    const a = await start();
    const b = await start({ node: "b", links: [dial("b", a)] });
    const lost = await write(b, 300);
    await until(() => vector(a)[lost.origin] === 300);
    await b.close();
    nodes.splice(nodes.indexOf(b), 1);
    rmSync(join(folder, "ship.b"), { recursive: true });
    const again = await start({ node: "b", links: [dial("b", a)] });
    const fresh = await write(again, 7);
    await until(() => again.replicator.sisters.connected().length === 1 && vector(again)[lost.origin] === 300);
    await until(() => again.replicator.sisters.isLevel());
    await again.replicator.sisters.secondCopy(CONTAINERS, fresh.origin, fresh.seq);
    expect(fresh.origin).not.toBe(lost.origin);
    expect(vector(a)).toEqual({ [lost.origin]: 300, [fresh.origin]: 7 });
    expect([...a.reported, ...again.reported]).toEqual([]);
  });

  it.each([
    ["a node that no cluster here lists", { nodes: ["a", "d"], node: "d" }, "not one of cluster.nodes"],
    ["this node's own name", { nodes: ["a", "b"], node: "a", folder: "twin" }, "own name"],
    ["a link of another class", { nodes: ["a", "b"], node: "b", class: "wan" }, "class wan"],
  ] as const)("R8: of its own site a node takes %s for nobody", async (_what, twin, words) => {
    const a = await start({ nodes: ["a", "b"] });
    const { node, nodes: listed } = twin;
    const link = dial(node, a, "class" in twin ? { class: twin.class } : {});
    const data = join(folder, "folder" in twin ? twin.folder : node);
    await start({ node, nodes: listed, folder: data, links: [link] });
    await until(() => a.reported.length > 0);
    expect(a.reported[0]?.code).toBe("PROTOCOL_ERROR");
    expect(a.reported[0]?.message).toContain(words);
    expect(a.replicator.sisters.connected()).toEqual([]);
  });

  it("R8: a dialler that is answered by another node than the one it named ends the link", async () => {
    const a = await start();
    const b = await start({ node: "b", links: [dial("b", a, { node: "c" })] });
    await until(() => b.reported.length > 0);
    expect(b.reported[0]).toMatchObject({ code: "PROTOCOL_ERROR" });
    expect(b.reported[0]?.message).toContain('expected ship.c, but "ship.a" answered');
  });
});
