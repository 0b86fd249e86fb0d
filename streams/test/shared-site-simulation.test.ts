import { describe, expect, it } from "vitest";
import type { Hole } from "../src/model/gap.js";
import { seededRandom, testSeed } from "../testing/seeded-random.js";
import { SimulatedFleet } from "../testing/simulated-fleet.js";
import type { SimSite } from "../testing/simulated-site.js";
import { SimulatedLife, type Troubles } from "../testing/simulated-trouble.js";

/** `npm run sim -- --seeds N` runs so many of each kind. */
const SEEDS = Number(process.env["LANDFALL_SIM_SEEDS"] ?? 0);
const TEST_MS_MAX = SEEDS > 0 ? 6 * 3_600_000 : 300_000;

function live(first: number, count: number, troubles: Troubles): SimulatedFleet[] {
  const seed = testSeed(first);
  const isReplay = process.env["LANDFALL_SEED"] !== undefined;
  return Array.from({ length: isReplay ? 1 : Math.max(count, SEEDS) }, (_, i) => {
    const life = new SimulatedLife(seededRandom(seed + i), { ...troubles, shared: true });
    const converged = life.live();
    const { duplicates, failures } = life.fleet;
    const outcome = { seed: seed + i, converged, duplicates, failures: failures.slice(0, 3) };
    expect(outcome).toEqual({ seed: seed + i, converged: true, duplicates: 0, failures: [] });
    return life.fleet;
  });
}

describe("nodes of a site that share its log, simulated", () => {
  it(
    "R1, R2, R3: without faults, what several of them could fetch crosses once; all converge",
    () => {
      const fleets = live(300_000, 10, { sites: 7, writeMs: 12_000, everyMs: 20, troubleMs: Infinity });
      const logs = fleets.flatMap((fleet) => fleet.logs);
      const [records, twice] = [sum(logs.map((log) => log.records)), sum(logs.map((log) => log.twice))];
      expect(records).toBeGreaterThan(0);
      expect(twice).toBe(0);
    },
    TEST_MS_MAX,
  );

  it(
    "R1, R2, R3, R4: nodes crash, lose their disks, and hear nothing of the log for a while; others do their work, and all converge",
    () => {
      const common = { writeMs: 20_000, everyMs: 20, troubleMs: 700 };
      const fleets = live(310_000, 10, { sites: 8, ...common, links: true, crashes: true });
      const logs = fleets.flatMap((fleet) => fleet.logs);
      const [records, twice] = [sum(logs.map((log) => log.records)), sum(logs.map((log) => log.twice))];
      // What a node has asked for and cannot put into the log any more, its successor asks for again.
      expect(records).toBeGreaterThan(0);
      expect(twice).toBeLessThan(records / 5);
    },
    TEST_MS_MAX,
  );

  it(
    "R3: nodes sleep, hear nothing of the log for a while, and their links fail: a record stands in the log once",
    () => {
      const common = { writeMs: 20_000, everyMs: 20, troubleMs: 700 };
      const fleets = live(320_000, 10, { sites: 8, ...common, links: true });
      const logs = fleets.flatMap((fleet) => fleet.logs);
      expect(sum(logs.map((log) => log.records))).toBeGreaterThan(0);
    },
    TEST_MS_MAX,
  );

  it(
    "R3, R6: retention, and all of that: gaps are filled once, by whichever node meets a holder",
    () => {
      const common = { writeMs: 20_000, everyMs: 20, troubleMs: 700 };
      const fleets = live(330_000, 10, { sites: 8, ...common, links: true, crashes: true, expiry: true });
      expect(sum(fleets.map((fleet) => fleet.filled))).toBeGreaterThan(0);
    },
    TEST_MS_MAX,
  );

  const seeds = [1, 2, 3, 4, 5, 6];
  it.each(
    seeds.flatMap((seed) => [
      { seed, ways: 1 },
      { seed, ways: 2 },
    ]),
  )(
    "R3, R6: a gap is filled by a node that meets a holder, whoever asks for the rest, and once (seed $seed, ways $ways)",
    ({ seed, ways }) => {
      const fleet = new SimulatedFleet(seededRandom(seed));
      const [ship, port, holder] = [fleet.addSite(), fleet.addSite(), fleet.addSite()];
      const [a, b] = fleet.addShared(2) as [SimSite, SimSite];
      fleet.connect(ship, port);
      const toHolder = fleet.connect(ship, holder);
      const run = (ms: number) => fleet.time.run(fleet.time.now + ms);
      for (let i = 0; i < 100; i++) ship.append();
      run(3_000);
      toHolder.cut();
      for (const site of [ship, port]) site.expire(ship.origin, 99);
      for (let i = 0; i < 50; i++) ship.append();
      const toPort = fleet.connect(a, port);
      run(5_000);
      const [{ to }] = port.disk.holes(ship.origin) as [Hole];
      for (const { disk } of [a, b]) expect(disk.holes(ship.origin)).toEqual([{ from: 0, to, reason: "missed" }]);
      // Node a goes on asking for what the ship writes; b has a way to who holds the rest, which a has or not.
      for (const node of [b, a].slice(0, ways)) fleet.connect(node, holder);
      run(10_000);
      for (let i = 0; i < 50; i++) ship.append();
      run(5_000);
      expect(toPort.up).toBe(true);
      expect(fleet.filled).toBe(to);
      for (const { disk } of [a, b]) expect([disk.holes(ship.origin), disk.next(ship.origin)]).toEqual([[], 200]);
      expect(fleet.failures).toEqual([]);
    },
  );
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
