import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hole } from "../src/model/gap.js";
import { originId, type OriginId } from "../src/model/names.js";
import type { Seq } from "../src/model/record.js";
import { LINK_CLASSES } from "../src/replication/link-classes.js";
import { step } from "../src/replication/machine.js";
import { createMachine, keyId, type Effect, type MachineState } from "../src/replication/machine-state.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { seededRandom, testSeed } from "../testing/seeded-random.js";
import { SimulatedEnv } from "../testing/simulated-env.js";
import { SimulatedNetwork, SimulatedRoute } from "../testing/simulated-transport.js";
import { CONTAINERS, START_MS, reading } from "../testing/store-fixture.js";
import { startTestNode, testSite, type TestNode } from "../testing/test-node.js";
import { VirtualTime } from "../testing/virtual-time.js";
import { ALL_RIGHTS } from "./support/link-rights.js";

const hole = (from: number, to: number): Hole => ({ from: from as Seq, to: to as Seq, reason: "damaged" });
/** Longer than a peer is waited for. */
const WAIT_MS = 40_000;

describe("a hole that damage has left in a former origin of the node's own", () => {
  const [FORMER, OWN, OTHERS] = [originId("ship.a~1"), originId("ship.a~2"), originId("yard.a~1")];
  const KEY = keyId(CONTAINERS, FORMER);
  const PEER = 1;
  let machine: MachineState;

  const tick = (now: number) => step(machine, { type: "tick" }, now);
  const hears = (next: number, now: number): Effect[] => {
    const holdings = [{ stream: CONTAINERS, origin: FORMER, next, distance: 10, holes: [] }];
    return step(machine, { type: "message", conn: PEER, message: { $case: "announce", value: { holdings } } }, now);
  };
  const tells = (origin: OriginId, nextSeq: number, holes: Hole[], now = 0): Effect[] =>
    step(machine, { type: "holes", stream: CONTAINERS, origin, nextSeq, holes }, now);

  beforeEach(() => {
    machine = createMachine("ship.a", OWN);
    const common = { tuning: LINK_CLASSES.wan, rights: ALL_RIGHTS, sister: false, tellsGaps: true, sealed: false };
    step(machine, { type: "connected", conn: PEER, peer: "tokyo.a", ...common }, 0);
  });

  it("R6: is a gap once no peer has had it for long, and what lies behind it is told of", () => {
    tells(FORMER, 3, [hole(3, 5)]);
    tick(0);
    hears(3, 100);
    expect(tick(WAIT_MS / 2)).toEqual([]);
    expect(tick(WAIT_MS)).toEqual([{ type: "note", key: KEY, hole: hole(3, 5) }]);
    expect(tick(2 * WAIT_MS)).toEqual([]);
    tells(FORMER, 10, [hole(3, 5)], 2 * WAIT_MS);
    expect(tick(2 * WAIT_MS + 100)).toMatchObject([
      {
        type: "send",
        message: { $case: "announce", value: { holdings: [{ next: 10, holes: [{ from: 3, to: 5 }] }] } },
      },
    ]);
  });

  it("R6: is asked of a peer that has it, and no gap as long as there is one", () => {
    tells(FORMER, 3, [hole(3, 5)]);
    tick(0);
    const [ask] = hears(7, 1_000);
    expect(ask).toMatchObject({ type: "digest", seqs: [2] });
    for (let now = 2_000; now < 3 * WAIT_MS; now += 1_000) expect(tick(now).map(kind)).not.toContain("note");
  });

  it("R6: what could not be written down is tried again", () => {
    tells(FORMER, 3, [hole(3, 5)]);
    tick(0);
    expect(tick(WAIT_MS).map(kind)).toEqual(["note"]);
    step(machine, { type: "unnoted", key: KEY }, WAIT_MS);
    tick(WAIT_MS);
    expect(tick(2 * WAIT_MS).map(kind)).toEqual(["note"]);
  });

  it("R6: of others' records, which they still have themselves, nothing is taken for gone", () => {
    tells(OTHERS, 3, [hole(3, 5)]);
    tick(0);
    expect(tick(WAIT_MS)).toEqual([]);
  });

  it("R4: what a source sends on, when the hole is closed and the rest turns out to be here, is passed over", () => {
    tells(FORMER, 3, [hole(3, 5)]);
    hears(12, 0);
    const requestId = machine.sources.get(KEY)?.requestId as number;
    step(machine, { type: "digested", requestId, digests: [] }, 1);
    const data = { type: "data", conn: PEER, requestId, bytes: 100, payload: "records" } as const;
    step(machine, { ...data, firstSeq: 3, count: 2 }, 2);
    const stop = { type: "send", conn: PEER, message: { $case: "stop", value: { id: requestId } } };
    const committed = { type: "committed", stream: CONTAINERS, origin: FORMER, nextSeq: 10 } as const;
    expect(step(machine, committed, 3)).toContainEqual(stop);
    expect(step(machine, { ...data, firstSeq: 5, count: 2 }, 4).map(kind)).not.toContain("close");
    const stopped = { $case: "stopped", value: { id: requestId } } as const;
    step(machine, { type: "message", conn: PEER, message: stopped }, 5);
    const [again] = [...machine.requests.values()];
    expect(again?.unsent).toMatchObject({ from: 10, to: 0 });
  });
});

describe("damage in the middle of a ship's journal, between real stores", () => {
  const JOURNAL = "/data/journal-00000001.log";
  let random: () => number;
  let time: VirtualTime;
  let network: SimulatedNetwork;
  let dies: Map<string, () => void>;
  const nodes = new Set<TestNode>();

  beforeEach(() => {
    random = seededRandom(testSeed(3_017));
    time = new VirtualTime();
    network = new SimulatedNetwork(time, random);
    dies = new Map();
    for (const site of ["tokyo", "singapore"]) network.routes.set(site, new SimulatedRoute(site, 20, 1_000));
  });
  afterEach(async () => {
    await time.through(Promise.all([...nodes].map((node) => node.close())));
    nodes.clear();
  });

  async function start(site: string, disk: MemoryDisk, to: readonly string[] = []): Promise<TestNode> {
    const { transport, die } = network.transportFor(site);
    const env = new SimulatedEnv(time, random, START_MS, () => 0);
    dies.set(site, () => {
      env.end();
      die();
    });
    const links = to.map((peer) => {
      const address = `${peer}/${peer}`;
      return { id: `${site}~${peer}`, to: peer, class: "port" as const, address, carries: ["*"] };
    });
    const sites = ["ship", "tokyo", "singapore"].map((name) => testSite(name));
    const options = { site, folder: "/data", sites, links, env, disk: disk.boot(), transport };
    const node = await time.through(startTestNode(options));
    nodes.add(node);
    return node;
  }

  function kill(node: TestNode, disk: MemoryDisk): void {
    nodes.delete(node);
    dies.get(node.site)?.();
    disk.kill();
  }

  const say = async ({ store }: TestNode, from: number, to: number): Promise<void> => {
    for (let i = from; i < to; i++) await time.through(store.append(CONTAINERS, [reading("a", `own ${i}.`)]));
  };
  const read = async ({ store }: TestNode, cursor?: Parameters<typeof store.readStream>[1]) => {
    const { records, cursor: after } = await time.through(store.readStream(CONTAINERS, cursor, 100));
    return { said: records.map(({ value }) => Buffer.from(value).toString()), cursor: after };
  };
  const own = (...numbers: number[]): string[] => numbers.map((n) => `own ${n}.`);

  it("R6: what lies behind it comes ashore, the gap is told everywhere, and filled by whoever got it before", async () => {
    const disk = new MemoryDisk();
    const singapore = await start("singapore", new MemoryDisk());
    const before = await start("ship", disk, ["tokyo", "singapore"]);
    const former = before.store.origin;
    await say(before, 0, 6);
    await time.runThrough(time.now + 5_000);
    expect(singapore.store.vector(CONTAINERS)).toEqual({ [former]: 6 });
    const toSingapore = network.routes.get("singapore") as SimulatedRoute;
    toSingapore.isUp = false;
    toSingapore.cut();
    await say(before, 6, 10);
    kill(before, disk);
    const bytes = Buffer.from(disk.bytes(JOURNAL));
    for (const value of own(3, 4)) bytes[bytes.indexOf(value)] = 0;
    disk.replace(JOURNAL, bytes);

    const ship = await start("ship", disk, ["tokyo", "singapore"]);
    const tokyo = await start("tokyo", new MemoryDisk());
    expect(ship.store.origin).not.toBe(former);
    expect(ship.store.vector(CONTAINERS)).toEqual({ [former]: 3 });
    const told: string[] = [];
    ship.store.onCommit((all) => told.push(...all.map(({ firstSeq, nextSeq }) => `${firstSeq}-${nextSeq}`)));
    await time.runThrough(time.now + 2 * WAIT_MS);
    const gap = { origin: former, ...hole(3, 5) };
    for (const node of [ship, tokyo]) expect(node.store.gaps(CONTAINERS)).toEqual([gap]);
    expect(told).toEqual(["5-10"]);
    const first = await read(tokyo);
    expect(first.said).toEqual(own(0, 1, 2, 5, 6, 7, 8, 9));

    toSingapore.isUp = true;
    await time.runThrough(time.now + WAIT_MS);
    for (const { store } of [ship, tokyo, singapore]) {
      expect(store.gaps(CONTAINERS)).toEqual([]);
      expect(store.vector(CONTAINERS)).toEqual({ [former]: 10 });
    }
    expect((await read(tokyo, first.cursor)).said).toEqual(own(3, 4));
    expect([ship, tokyo, singapore].flatMap(({ reported }) => reported)).toEqual([]);
  });
});

function kind({ type }: Effect): string {
  return type;
}
