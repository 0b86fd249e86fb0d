import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { streamName, topicName, type StreamName } from "../src/model/names.js";
import type { TimestampMs } from "../src/model/record.js";
import type { LinkSettings } from "../src/settings/node-settings.js";
import { recordingRelay, type Recorded, type RecordingRelay } from "../testing/recording-relay.js";
import { seededRandom, testSeed } from "../testing/seeded-random.js";
import { startTestNode, testSite, type TestNode } from "../testing/test-node.js";
import { until } from "../testing/until.js";

/** The most urgent first, as a link serves them unless its settings say otherwise. */
const [ALERTS, SETTINGS, SHIPS, LATEST, CONTAINERS] = ["alerts", "settings", "ships", "latest", "containers"].map(
  (name) => streamName(`bigblue.${name}`),
) as [StreamName, StreamName, StreamName, StreamName, StreamName];
const BY_URGENCY = [ALERTS, SETTINGS, SHIPS, LATEST, CONTAINERS];
/** Of each stream, of values that no codec makes smaller: several blocks of any link. */
const BACKLOG = 300;
const VALUE_BYTES = 400;
/** Enough for what goes first, and for a part of four times as much. */
const BUDGET = { bytesPerDay: 1_300_000, alertsPercent: 20 };

describe("the order in which one link serves its backlog, between real stores over gRPC (R7)", () => {
  let folder: string;
  let random: () => number;
  const nodes: TestNode[] = [];
  const relays: RecordingRelay[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "landfall-priority-"));
    random = seededRandom(testSeed(7_001));
  });
  afterEach(async () => {
    for (const node of nodes.splice(0).reverse()) await node.close();
    for (const relay of relays.splice(0)) await relay.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(site: string, links: readonly LinkSettings[] = []): Promise<TestNode> {
    const sites = ["tokyo", "ship"].map((name) => testSite(name));
    const node = await startTestNode({ site, folder: join(folder, site), sites, links });
    nodes.push(node);
    return node;
  }

  /** The least urgent first, so that it is also announced, and asked for, first. */
  async function writeBacklog(node: TestNode, ofContainers = BACKLOG): Promise<void> {
    for (const stream of BY_URGENCY.toReversed()) {
      const records = Array.from({ length: stream === CONTAINERS ? ofContainers : BACKLOG }, (_, i) => ({
        topic: topicName(`MSKU${i % 20}`),
        timestamp: 1_770_000_000_000 as TimestampMs,
        value: Uint8Array.from({ length: VALUE_BYTES }, () => Math.floor(random() * 256)),
        headers: {},
      }));
      await node.store.append(stream, records);
    }
  }

  /** A ship linked with Tokyo through somebody who lets no records be sent before `release`. */
  async function linked(settings: Partial<LinkSettings>) {
    const tokyo = await start("tokyo");
    const to = { site: tokyo.site, port: tokyo.replicator.port as number };
    const relay = await recordingRelay({ to, dialler: { site: "ship", token: "token of ship" }, holds: "credit" });
    relays.push(relay);
    const address = `127.0.0.1:${relay.port}`;
    const link: LinkSettings = { id: "ship~tokyo", to: "tokyo", class: "port", address, carries: ["*"], ...settings };
    return { tokyo, ship: await start("ship", [link]), relay };
  }

  const held = (node: TestNode, stream: StreamName): number =>
    Object.values(node.store.vector(stream)).reduce((sum, next) => sum + next, 0);

  it.each([
    ["record by record", "port"],
    ["sealed", "port"],
    ["record by record", "satellite"],
  ] as const)("alerts, then settings, then positions and states, then the rest (%s, %s)", async (how, linkClass) => {
    const { tokyo, ship, relay } = await linked({ class: linkClass });
    await writeBacklog(ship);
    if (how === "sealed") await ship.store.sealNow();
    await until(() => isAskedForAll(ofShip(relay)));
    expect(order(ofShip(relay))).toEqual([]);
    relay.release();
    await until(() => BY_URGENCY.every((stream) => held(tokyo, stream) === BACKLOG));
    expect(order(ofShip(relay))).toEqual(BY_URGENCY);
    const kinds = new Set(relay.toListener.frames.map(({ body }) => body?.$case));
    expect(kinds.has("sealed")).toBe(how === "sealed");
  });

  it("a budget that is too small for all is spent on alerts, then on positions, and what is left on the rest", async () => {
    const { tokyo, ship, relay } = await linked({ class: "satellite", budget: BUDGET });
    await writeBacklog(ship, 4 * BACKLOG);
    await until(() => isAskedForAll(ofShip(relay)));
    relay.release();
    await until(() => ship.reported.some(({ code }) => code === "BUDGET_USED_UP"));
    expect(order(ofShip(relay))).toEqual(BY_URGENCY);
    await until(() => [ALERTS, SETTINGS, SHIPS, LATEST].every((stream) => held(tokyo, stream) === BACKLOG));
    expect(held(tokyo, CONTAINERS)).toBeLessThan(4 * BACKLOG);
  });

  it("a link's own order is kept, in both directions, by the dialler's settings; what it does not name comes last", async () => {
    const { tokyo, ship, relay } = await linked({ urgent: ["*.containers", "*.alerts"] });
    await writeBacklog(ship);
    await writeBacklog(tokyo);
    const ways = [ofShip(relay), ofTokyo(relay)];
    await until(() => ways.every(isAskedForAll));
    relay.release();
    await until(() => nodes.every((node) => BY_URGENCY.every((stream) => held(node, stream) === 2 * BACKLOG)));
    for (const way of ways) {
      const [first, second, ...others] = order(way);
      expect([first, second]).toEqual([CONTAINERS, ALERTS]);
      expect(new Set(others)).toEqual(new Set([SETTINGS, SHIPS, LATEST]));
    }
  });
});

/** What one site has sent over a link, and what it was asked for before. */
interface Way {
  readonly asked: Recorded;
  readonly sent: Recorded;
}

const ofShip = ({ toDialler, toListener }: RecordingRelay): Way => ({ asked: toDialler, sent: toListener });
const ofTokyo = ({ toDialler, toListener }: RecordingRelay): Way => ({ asked: toListener, sent: toDialler });

/** Streams by the id of the request for them. */
function requests({ asked }: Way): Map<number, string> {
  const all = asked.frames.flatMap(({ body }) => (body?.$case === "request" ? [body.value] : []));
  return new Map(all.map(({ id, stream }) => [id, stream]));
}

function isAskedForAll(way: Way): boolean {
  return new Set(requests(way).values()).size === BY_URGENCY.length;
}

/** Streams of which records were sent, in that order; one to which the link has come back, again. */
function order(way: Way): (string | undefined)[] {
  const streams = requests(way);
  const sent = way.sent.frames.flatMap(({ body }) =>
    body?.$case === "data" || body?.$case === "sealed" ? [streams.get(body.value.id)] : [],
  );
  return sent.filter((stream, i) => stream !== sent[i - 1]);
}
