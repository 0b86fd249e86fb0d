import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { streamName, topicName } from "../src/model/names.js";
import type { TimestampMs } from "../src/model/record.js";
import { LINK_CLASSES } from "../src/replication/link-classes.js";
import type { LinkSettings } from "../src/settings/node-settings.js";
import { seededRandom, testSeed } from "../testing/seeded-random.js";
import { TestAuthority } from "../testing/test-authority.js";
import { startTestNode, testSite, type TestNode, type TestNodeOptions } from "../testing/test-node.js";
import { testProxy, type TestProxy } from "../testing/test-proxy.js";
import { until } from "../testing/until.js";

const CONTAINERS = streamName("bigblue.containers");
const LATEST = streamName("bigblue.latest");
const ALERTS = streamName("bigblue.alerts");
const BUDGET = { bytesPerDay: 1_000_000, alertsPercent: 20 };
/** Records of half a kilobyte. */
const BACKLOG = 2_400;

describe("limited links between real stores over gRPC (R7)", () => {
  let folder: string;
  let random: () => number;
  let authority: TestAuthority;
  const nodes: TestNode[] = [];
  const proxies: TestProxy[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "landfall-budget-"));
    random = seededRandom(testSeed(1));
    authority = await TestAuthority.create();
  });
  afterEach(async () => {
    for (const node of nodes.splice(0).reverse()) await node.close();
    for (const proxy of proxies.splice(0)) await proxy.close();
    authority.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(site: string, options: Partial<TestNodeOptions> = {}): Promise<TestNode> {
    const sites = ["los-angeles", "tokyo", "ship"].map((name) => testSite(name));
    const tls = await authority.issue({ site });
    const node = await startTestNode({ site, folder: join(folder, site), sites, tls, ...options });
    nodes.push(node);
    return node;
  }

  async function stop(node: TestNode): Promise<void> {
    nodes.splice(nodes.indexOf(node), 1);
    await node.close();
  }

  async function proxyTo(node: TestNode, kbps = 0): Promise<TestProxy> {
    const proxy = await testProxy(node.replicator.port as number, 2, kbps);
    proxies.push(proxy);
    return proxy;
  }

  function link(to: TestNode, proxy: TestProxy, options: Partial<LinkSettings> = {}): LinkSettings {
    const address = `127.0.0.1:${proxy.port}`;
    return { id: `ship~${to.site}`, to: to.site, class: "satellite", address, carries: ["*"], ...options };
  }

  /** Values that no codec makes smaller. */
  async function write(node: TestNode, stream: typeof CONTAINERS, count: number, bytes = 500): Promise<void> {
    for (let left = count; left > 0; left -= 1_000) {
      const records = Array.from({ length: Math.min(left, 1_000) }, (_, i) => ({
        topic: topicName(`MSKU${i % 50}`),
        timestamp: 1_770_000_000_000 as TimestampMs,
        value: Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256)),
        headers: {},
      }));
      await node.store.append(stream, records);
    }
  }

  const total = (node: TestNode, stream: typeof CONTAINERS) =>
    Object.values(node.store.vector(stream)).reduce((sum, next) => sum + next, 0);
  /** A count once two looks at it say the same. */
  async function settled(look: () => number): Promise<number> {
    let last = Number.NaN;
    await until(() => {
      const before = last;
      last = look();
      return last === before;
    });
    return last;
  }
  const budgetOf = (node: TestNode) => node.replicator.links()[0]?.budget;

  it("what a link is said to have used is never less than what crossed it, TLS and handshakes included", async () => {
    const losAngeles = await start("los-angeles");
    const proxy = await proxyTo(losAngeles);
    const ship = await start("ship", { links: [link(losAngeles, proxy, { budget: BUDGET })] });
    for (let i = 1; i <= 20; i++) {
      await write(ship, ALERTS, 1, 200);
      await until(() => total(losAngeles, ALERTS) === i);
      const used = budgetOf(ship)?.usedBytes ?? 0;
      expect(used).toBeGreaterThanOrEqual(proxy.bytes);
      if (i % 5 === 0) proxy.cut();
    }
    await write(losAngeles, streamName("bigblue.settings"), 20, 300);
    await until(() => total(ship, streamName("bigblue.settings")) === 20);
    expect(budgetOf(ship)?.usedBytes).toBeGreaterThanOrEqual(proxy.bytes);
    // The other side knows it from what it was last told.
    expect(budgetOf(losAngeles)?.bytesPerDay).toBe(BUDGET.bytesPerDay);
  });

  it("a backlog stops at the share for alerts, alerts go on, a restart gives nothing again; told once", async () => {
    const losAngeles = await start("los-angeles");
    const proxy = await proxyTo(losAngeles);
    const links = [link(losAngeles, proxy, { budget: BUDGET })];
    const ship = await start("ship", { links });
    await write(ship, CONTAINERS, 4_000);
    const isTold = (node: TestNode) => node.reported.some(({ code }) => code === "BUDGET_USED_UP");
    await until(() => isTold(ship));
    expect(total(losAngeles, CONTAINERS)).toBeLessThan(4_000);
    await write(ship, ALERTS, 1, 200);
    await until(() => total(losAngeles, ALERTS) === 1);
    // What was still under way of the backlog when the budget was used up.
    const before = await settled(() => total(losAngeles, CONTAINERS));
    await stop(ship);
    const again = await start("ship", { links });
    await write(again, ALERTS, 1, 200);
    await until(() => total(losAngeles, ALERTS) === 2);
    expect(total(losAngeles, CONTAINERS) - before).toBeLessThan(50);
    expect(ship.reported.filter(({ code }) => code === "BUDGET_USED_UP")).toHaveLength(1);
    // Alerts use up the rest of the day's bytes; then the link is down, and says until when.
    await write(again, ALERTS, 400);
    await until(() => again.replicator.links()[0]?.problem === "budget used up until 00:00 UTC");
    expect(again.replicator.links()[0]).toMatchObject({ state: "down" });
    expect(proxy.bytes).toBeLessThanOrEqual(BUDGET.bytesPerDay);
  });

  it("links that share an antenna share its budget", async () => {
    const [losAngeles, tokyo] = [await start("los-angeles"), await start("tokyo")];
    const [west, east] = [await proxyTo(losAngeles), await proxyTo(tokyo)];
    const budget = { ...BUDGET, shared: "antenna" };
    const ship = await start("ship", { links: [link(losAngeles, west, { budget }), link(tokyo, east, { budget })] });
    await until(() => ship.replicator.links().every(({ state }) => state === "up"));
    await write(ship, CONTAINERS, 4_000);
    await until(() => ship.reported.some(({ code }) => code === "BUDGET_USED_UP"));
    const [first, second] = ship.replicator.links();
    expect(first?.budget).toEqual(second?.budget);
    expect(west.bytes + east.bytes).toBeLessThanOrEqual(BUDGET.bytesPerDay);
    // The last of it may still be under way.
    await until(() => Math.min(total(losAngeles, CONTAINERS), total(tokyo, CONTAINERS)) > 0);
  });

  it("an alert waits behind no more of a sealed backlog than the link's window, on 1 Mbit/s", async () => {
    const tokyo = await start("tokyo");
    const proxy = await proxyTo(tokyo, 1_000);
    const ship = await start("ship", { folder: join(folder, "ship") });
    await write(ship, CONTAINERS, 6_000);
    await ship.store.sealNow();
    await stop(ship);
    const sailing = await start("ship", { links: [link(tokyo, proxy, { class: "port" })] });
    // Under way: more of the backlog has come than the link may hold.
    const { windowBytes, blockBytes } = LINK_CLASSES.port;
    await until(() => proxy.bytesToListener > windowBytes);
    const sentBefore = proxy.bytesToListener;
    await Promise.all([write(sailing, ALERTS, 1, 200), write(sailing, LATEST, 1, 200)]);
    await until(() => total(tokyo, ALERTS) === 1 && total(tokyo, LATEST) === 1);
    expect(proxy.bytesToListener - sentBefore).toBeLessThanOrEqual(windowBytes + blockBytes);
    expect(total(tokyo, CONTAINERS)).toBeLessThan(6_000);
  });

  it("the transfer of a backlog that is under way moves to a better link when that comes up; nothing comes twice", async () => {
    const losAngeles = await start("los-angeles");
    // The satellite alone would take a minute.
    const [satellite, quay] = [await proxyTo(losAngeles, 160), await proxyTo(losAngeles)];
    quay.link.setState("down");
    const overSatellite = link(losAngeles, satellite);
    const atQuay = link(losAngeles, quay, { id: "ship~los-angeles-quay", class: "port" });
    const ship = await start("ship", { links: [overSatellite, atQuay] });
    await write(ship, CONTAINERS, BACKLOG);
    const cameOver = () => losAngeles.replicator.arrivedOver(CONTAINERS, ship.store.origin);
    await until(() => total(losAngeles, CONTAINERS) > BACKLOG / 50);
    expect(cameOver()).toBe("satellite");

    quay.link.setState("up");
    await until(() => cameOver() === "port");
    // What had been asked for over the satellite has come, or never will.
    const crossed = satellite.bytesToListener;
    await until(() => total(losAngeles, CONTAINERS) === BACKLOG);
    expect(satellite.bytesToListener - crossed).toBeLessThan(LINK_CLASSES.satellite.windowBytesMax);
    expect(quay.bytesToListener).toBeGreaterThan(satellite.bytesToListener);
    const received = await losAngeles.registry.getSingleMetricAsString("landfall_replication_received_records_total");
    expect(received).toMatch(new RegExp(`_total ${BACKLOG}$`, "m"));
  });

  it("when a port link appears what may cross it leaves the satellite; when that is cut, alerts go on", async () => {
    const losAngeles = await start("los-angeles");
    const [satellite, quay] = [await proxyTo(losAngeles), await proxyTo(losAngeles)];
    await write(losAngeles, streamName("bigblue.settings"), 1);
    const carries = ["*.alerts", "*.latest"];
    const overSatellite = link(losAngeles, satellite, { budget: { ...BUDGET, bytesPerDay: 10_000_000 }, carries });
    const first = await start("ship", { links: [overSatellite] });
    await write(first, ALERTS, 5);
    await until(() => total(losAngeles, ALERTS) === 5);
    expect(losAngeles.replicator.arrivedOver(ALERTS, first.store.origin)).toBe("satellite");
    await stop(first);
    const atQuay = link(losAngeles, quay, { id: "ship~los-angeles-quay", class: "port" });
    const ship = await start("ship", { links: [overSatellite, atQuay] });
    const cameOver = (stream: typeof ALERTS) => losAngeles.replicator.arrivedOver(stream, ship.store.origin);
    await write(ship, ALERTS, 1);
    await write(ship, LATEST, 1);
    await until(() => total(losAngeles, ALERTS) === 6 && total(losAngeles, LATEST) === 1);
    await until(async () => {
      await write(ship, ALERTS, 1);
      return cameOver(ALERTS) === "port";
    });
    // From here on the satellite has nothing to carry but what keeps it up, whatever crosses the quay.
    const bytesBefore = satellite.bytes;
    await write(ship, ALERTS, 200);
    await write(ship, CONTAINERS, 2_000);
    await until(() => total(losAngeles, CONTAINERS) > 500);
    quay.cut();
    await quay.close();
    const arrived = total(losAngeles, ALERTS);
    const crossed = satellite.bytes - bytesBefore;
    await write(ship, ALERTS, 10);
    await until(() => total(losAngeles, ALERTS) >= arrived + 10);
    await until(() => cameOver(ALERTS) === "satellite");
    expect(crossed).toBeLessThan(10_000);
  });
});
