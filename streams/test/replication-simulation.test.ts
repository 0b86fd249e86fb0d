import { describe, expect, it } from "vitest";
import { keyId } from "../src/replication/machine-state.js";
import { STREAM } from "../testing/simulated-disk.js";
import { seededRandom, testSeed } from "../testing/seeded-random.js";
import { SimulatedFleet } from "../testing/simulated-fleet.js";
import type { SimSite } from "../testing/simulated-site.js";
import { SimulatedLife, type Troubles } from "../testing/simulated-trouble.js";

/** `npm run sim -- --seeds N` runs so many of each kind. */
const SEEDS = Number(process.env["LANDFALL_SIM_SEEDS"] ?? 0);
const HEAL_MS_MAX = 120_000;
const WRITE_MS = 15_000;
/** Much more than a test takes: on a busy machine virtual time passes slowly, and nothing is wrong. */
const TEST_MS_MAX = SEEDS > 0 ? 6 * 3_600_000 : 300_000;

/** What happened in a life that must have gone well; with the seed that repeats it. */
interface Outcome {
  readonly seed: number;
  readonly converged: boolean;
  readonly duplicates: number;
  readonly failures: readonly string[];
}

/** Lives from consecutive seeds. `LANDFALL_SEED=N` runs that one alone. */
function live(first: number, count: number, given: Troubles): SimulatedFleet[] {
  const seed = testSeed(first);
  const isReplay = process.env["LANDFALL_SEED"] !== undefined;
  return Array.from({ length: isReplay ? 1 : Math.max(count, SEEDS) }, (_, i) => {
    const troubles = { ...given, sealing: given.sealing === true && (seed + i) % 2 === 0 };
    const life = new SimulatedLife(seededRandom(seed + i), troubles);
    const converged = life.live();
    const { duplicates, failures } = life.fleet;
    const silent = life.fleet.sites.flatMap((site) => site.disk.problems().map((problem) => `${site.name} ${problem}`));
    const outcome: Outcome = { seed: seed + i, converged, duplicates, failures: [...failures, ...silent].slice(0, 3) };
    expect(outcome).toEqual({ seed: seed + i, converged: true, duplicates: 0, failures: [] });
    return life.fleet;
  });
}

describe("replication, simulated", () => {
  it(
    "R2, R3: without faults nothing arrives twice in any graph, and all converge (R1)",
    () => {
      const fleets = live(1, 25, { sites: 11, writeMs: 5_000, everyMs: 20, troubleMs: 1_000 });
      for (const fleet of fleets) expect(fleet.delivered).toBeGreaterThan(0);
    },
    TEST_MS_MAX,
  );

  it(
    "R1, R2, R3, R4, R5: cuts, half-open links, crashes and lost disks; 0 duplicates, and all converge when healed",
    () => {
      const common = { writeMs: 20_000, everyMs: 30, troubleMs: 400, sealing: true };
      const fleets = live(1_000, 25, { sites: 13, ...common, links: true, crashes: true });
      if (fleets.length > 1) expect(fleets.reduce((sum, { runsTaken }) => sum + runsTaken, 0)).toBeGreaterThan(0);
    },
    TEST_MS_MAX,
  );

  it(
    "R1, R3, R6, O4: expiry while away, late joiners, lost disks; gaps are true, filled when a holder is met, and read once",
    () => {
      const fleets = live(10_000, 40, {
        sites: 8,
        writeMs: 15_000,
        everyMs: 40,
        troubleMs: 250,
        sealing: true,
        links: true,
        crashes: true,
        expiry: true,
        joiners: true,
      });
      if (fleets.length === 1) return;
      expect(fleets.reduce((sum, { missed }) => sum + missed, 0)).toBeGreaterThan(0);
      expect(fleets.reduce((sum, { filled }) => sum + filled, 0)).toBeGreaterThan(0);
    },
    TEST_MS_MAX,
  );

  it(
    "R1, R6: damage takes some of a site's own records; what lies behind them goes on, the gap is true, and filled when a holder is met",
    () => {
      const common = { sites: 8, writeMs: 15_000, everyMs: 40, troubleMs: 300, sealing: true };
      const fleets = live(15_000, 25, { ...common, links: true, restarts: true, expiry: true, damage: true });
      if (fleets.length === 1) return;
      expect(fleets.reduce((sum, { unreadable }) => sum + unreadable, 0)).toBeGreaterThan(0);
      expect(fleets.reduce((sum, { filled }) => sum + filled, 0)).toBeGreaterThan(0);
    },
    TEST_MS_MAX,
  );

  it(
    "S2, R1, R4: restored backups: nothing acknowledged is lost, nothing is there twice, histories never mix, and all end equal",
    () => {
      const fleets = live(20_000, 35, {
        sites: 8,
        writeMs: 15_000,
        everyMs: 40,
        troubleMs: 300,
        sealing: true,
        links: true,
        restarts: true,
        restores: true,
      });
      if (fleets.length === 1) return;
      expect(fleets.reduce((sum, { again }) => sum + again, 0)).toBeGreaterThan(0);
      expect(fleets.reduce((sum, { restored }) => sum + restored, 0)).toBeGreaterThan(0);
      expect(fleets.reduce((sum, { forked }) => sum + forked.size, 0)).toBeGreaterThan(0);
    },
    TEST_MS_MAX,
  );

  it(
    "S2, R1, R4: ships that are put back, whose links may not all show what they had written; what they wrote is ashore once",
    () => {
      const common = { writeMs: 15_000, everyMs: 40, troubleMs: 300, sealing: true, links: true, restarts: true };
      const fleets = live(25_000, 15, { sites: 4, ...common, restores: true, ships: true });
      if (fleets.length === 1) return;
      expect(fleets.reduce((sum, { again }) => sum + again, 0)).toBeGreaterThan(0);
      expect(fleets.reduce((sum, { restored }) => sum + restored, 0)).toBeGreaterThan(0);
    },
    TEST_MS_MAX,
  );

  it(
    "R7: metered links, some over one antenna: no day's budget is exceeded, whatever is cut or crashes; and all converge",
    () => {
      const fleets = live(30_000, 12, {
        sites: 8,
        writeMs: 20_000,
        everyMs: 8,
        troubleMs: 400,
        sealing: true,
        links: true,
        crashes: true,
        budgets: true,
        clocks: true,
      });
      if (fleets.length === 1) return;
      const tight = fleets.flatMap(({ sites }) => sites.map(({ budget }) => budget.tightDays.size));
      expect(tight.reduce((sum, days) => sum + days, 0)).toBeGreaterThan(0);
    },
    TEST_MS_MAX,
  );

  it(
    "R1, R2, R4, R6: frames doubled and out of order, connections repeated by somebody in between; nothing wrong is kept, and all converge when healed",
    () => {
      const common = { writeMs: 15_000, everyMs: 30, troubleMs: 250, sealing: true };
      const fleets = live(80_000, 30, { sites: 8, ...common, links: true, crashes: true, expiry: true, unruly: true });
      if (fleets.length > 1) expect(fleets.reduce((sum, { forcedCloses }) => sum + forcedCloses, 0)).toBeGreaterThan(0);
    },
    TEST_MS_MAX,
  );

  it(
    "R1, R2, R3, R6: sites lie about what they hold; nothing wrong is kept, nobody takes a new origin for it, and all converge when they are honest again",
    () => {
      const common = { writeMs: 15_000, everyMs: 30, troubleMs: 400, sealing: true };
      const fleets = live(90_000, 30, { sites: 8, ...common, links: true, crashes: true, expiry: true, lies: true });
      for (const fleet of fleets) expect(fleet.restored).toBe(0);
      if (fleets.length > 1) expect(fleets.some(({ forked }) => forked.size > 0)).toBe(true);
    },
    TEST_MS_MAX,
  );

  it(
    "R1, R2, R3: 30 to 40 sites in random graphs, under all troubles of the network",
    () => {
      const common = { writeMs: 8_000, everyMs: 40, troubleMs: 150, sealing: true };
      live(100_000, 2, { sites: 40, sitesMin: 30, ...common, links: true, crashes: true, expiry: true, unruly: true });
    },
    TEST_MS_MAX,
  );

  it(
    "R8, A4: sites lose the right to a stream and get it back, others learn of it sooner or later; nothing crosses meanwhile, nothing twice afterwards",
    () => {
      const fleets = live(40_000, 20, {
        sites: 9,
        writeMs: 20_000,
        everyMs: 30,
        troubleMs: 300,
        sealing: true,
        links: true,
        crashes: true,
        expiry: true,
        rules: true,
      });
      if (fleets.length === 1) return;
      expect(fleets.reduce((sum, { revoked }) => sum + revoked, 0)).toBeGreaterThan(0);
    },
    TEST_MS_MAX,
  );

  it(
    "S1, R1, R3: sites of several nodes; what two of them hold is acknowledged and survives the loss of any one disk",
    () => {
      const common = { sites: 5, writeMs: 15_000, everyMs: 30, troubleMs: 300, sealing: true };
      const fleets = live(45_000, 15, { ...common, links: true, crashes: true, clusters: true });
      for (const fleet of fleets) expect(fleet.lacking()).toEqual([]);
      if (fleets.length === 1) return;
      expect(fleets.reduce((sum, { acknowledged }) => sum + acknowledged, 0)).toBeGreaterThan(0);
      expect(fleets.reduce((sum, { disksLost }) => sum + disksLost, 0)).toBeGreaterThan(0);
    },
    TEST_MS_MAX,
  );

  it(
    "R7: the nodes of a site share its budget, parted from each other, killed and replaced; no day's is exceeded",
    () => {
      const common = { sites: 4, writeMs: 15_000, everyMs: 15, troubleMs: 400, sealing: true };
      const fleets = live(50_000, 5, { ...common, links: true, crashes: true, clusters: true, budgets: true });
      if (fleets.length === 1) return;
      const tight = fleets.flatMap(({ sites }) => sites.map(({ budget }) => budget.tightDays.size));
      expect(tight.reduce((sum, days) => sum + days, 0)).toBeGreaterThan(0);
    },
    TEST_MS_MAX,
  );

  it(
    "R7: disks that are lost for good and replaced, again and again, give a ship no bytes that it does not have",
    () => {
      for (let seed = testSeed(70_000); seed < testSeed(70_000) + 4; seed++) {
        const fleet = new SimulatedFleet(seededRandom(seed));
        const shore = fleet.addSite();
        const nodes = fleet.addCluster(3);
        for (const node of nodes) fleet.connect(node, shore, { metered: true });
        const write = () => {
          for (const node of nodes) for (let i = 0; i < 25; i++) node.append();
          if (fleet.time.now < WRITE_MS) fleet.time.after(40, write);
        };
        const lose = () => {
          const node = nodes[Math.floor(fleet.random() * nodes.length)] as SimSite;
          if (node.up && fleet.mayLose(node)) {
            node.crash(true);
            fleet.time.after(100, () => {
              node.restart();
              for (const link of fleet.links) if (link.a === node || link.b === node) link.reopenSoon();
            });
          }
          if (fleet.time.now < WRITE_MS) fleet.time.after(fleet.random() * 2_500, lose);
        };
        write();
        fleet.time.after(500, lose);
        fleet.time.run(WRITE_MS + 1_000, () => fleet.failures.length > 0);
        expect({ seed, failures: fleet.failures }).toEqual({ seed, failures: [] });
        // On every day every node had used what it may.
        expect({ seed, tight: nodes.every(({ budget }) => budget.tightDays.size >= 4) }).toEqual({ seed, tight: true });
      }
    },
    TEST_MS_MAX,
  );

  it("R3, R5: nodes of a ship each send their own records ashore; when one is gone, another sends what is left of it, once", () => {
    for (let seed = testSeed(60_000); seed < testSeed(60_000) + 10; seed++) {
      const fleet = new SimulatedFleet(seededRandom(seed));
      const shore = fleet.addSite();
      const nodes = fleet.addCluster(3);
      const links = nodes.map((node) => fleet.connect(node, shore));
      const write = (node: SimSite) => {
        for (let i = 0; i < 200; i++) node.append();
      };
      // The shore has heard of all of them, and chosen.
      for (const node of nodes) node.append();
      fleet.time.run(10_000);
      const before = links.map(({ records }) => records);
      for (const node of nodes) write(node);
      const areAshore = () => nodes.every(({ origin }) => shore.disk.next(origin) === 201);
      expect({ seed, done: fleet.time.run(fleet.time.now + HEAL_MS_MAX, areAshore) }).toEqual({ seed, done: true });
      expect(links.map(({ records }, i) => records - (before[i] as number))).toEqual([200, 200, 200]);

      const [lost, ...others] = nodes as [SimSite, ...SimSite[]];
      for (const link of links) link.cut();
      write(lost);
      const isLeft = () => others.every(({ disk }) => disk.next(lost.origin) === 401);
      expect({ seed, isLeft: fleet.time.run(fleet.time.now + HEAL_MS_MAX, isLeft) }).toEqual({ seed, isLeft: true });
      lost.crash(false);
      for (const link of links) link.reopenSoon();
      const isAshore = () => shore.disk.next(lost.origin) === 401;
      expect({ seed, isAshore: fleet.time.run(fleet.time.now + HEAL_MS_MAX, isAshore) }).toEqual({
        seed,
        isAshore: true,
      });
      expect(links.reduce((sum, { records }) => sum + records, 0)).toBe(803);
      const { duplicates, failures } = fleet;
      expect({ seed, duplicates, failures }).toEqual({ seed, duplicates: 0, failures: [] });
    }
  });

  it("S2, R1: a ship that was put back meets one that can show what it had written, and before or at once some that only tell of it", () => {
    const first = testSeed(4_000);
    for (let seed = first; seed < first + Math.max(80, SEEDS); seed++) {
      const fleet = new SimulatedFleet(seededRandom(seed));
      const [tokyo, angeles, rotterdam] = [fleet.addSite(), fleet.addSite(), fleet.addSite()];
      for (const site of [angeles, rotterdam]) fleet.connect(tokyo, site);
      const ship = fleet.addSite(false);
      const port = fleet.connect(ship, tokyo);
      const satellites = [angeles, rotterdam].map((site) => fleet.connect(ship, site, { narrow: true }));
      const write = (records: number) => {
        for (let i = 0; i < records; i++) ship.append();
      };
      const isEqual = () => fleet.converged() && fleet.differences().length === 0;
      const isAshore = () => fleet.time.run(fleet.time.now + HEAL_MS_MAX, isEqual);
      write(3);
      isAshore();
      const backup = ship.disk.copy();
      write(5);
      isAshore();
      ship.restore(backup);
      write(Math.floor(fleet.random() * 8));
      const isAtSea = fleet.random() < 0.5;
      for (const link of isAtSea ? satellites : [port, ...satellites]) link.reopenSoon();
      // Some of it while it meets them.
      for (let n = 0; n < 3; n++) fleet.time.after(fleet.random() * 400, () => write(1));
      fleet.time.run(fleet.time.now + 1_000);
      if (isAtSea && fleet.random() < 0.5) {
        ship.crash(false);
        ship.restart();
      }
      for (const link of fleet.links) link.reopenSoon();
      fleet.time.run(fleet.time.now + 1_000);
      const done = isAshore();
      const { duplicates, failures } = fleet;
      const missing = fleet.differences();
      expect({ seed, done, duplicates, failures, missing }).toEqual({
        seed,
        done: true,
        duplicates: 0,
        failures: [],
        missing: [],
      });
    }
  });

  it("R3: a sealed run that is cut goes on with the same blocks, at another source as well", () => {
    for (let seed = testSeed(3_000); seed < testSeed(3_000) + 25; seed++) {
      const fleet = new SimulatedFleet(seededRandom(seed), true);
      const [ship, tokyo, sydney, angeles] = [fleet.addSite(), fleet.addSite(), fleet.addSite(), fleet.addSite()];
      for (let i = 0; i < 3_000; i++) ship.append();
      fleet.time.run(100);
      ship.runs.seal(keyId(STREAM, ship.origin), ship.disk.next(ship.origin));
      const links = [fleet.connect(ship, tokyo), fleet.connect(ship, sydney)];
      for (const site of [tokyo, sydney]) links.push(fleet.connect(site, angeles));
      const cut = () => {
        if (fleet.time.now > 4_000) return;
        const link = links[Math.floor(fleet.random() * links.length)];
        link?.cut();
        link?.reopenSoon();
        fleet.time.after(fleet.random() * 300, cut);
      };
      cut();
      const done = fleet.time.run(HEAL_MS_MAX, () => fleet.converged());
      const { duplicates, failures } = fleet;
      expect({ seed, done, duplicates, failures }).toEqual({ seed, done: true, duplicates: 0, failures: [] });
      expect({ seed, runs: fleet.runsTaken > 0 }).toEqual({ seed, runs: true });
    }
  });

  it("R5: a record arrives over another path when the one it would take is cut", () => {
    const fleet = new SimulatedFleet(seededRandom(testSeed(7)));
    const [a, b, c] = [fleet.addSite(), fleet.addSite(), fleet.addSite()];
    const direct = fleet.connect(a, b);
    fleet.connect(a, c);
    fleet.connect(c, b);
    a.append();
    expect(fleet.time.run(10_000, () => fleet.converged())).toBe(true);
    direct.wanted = false;
    direct.cut();
    fleet.time.run(fleet.time.now + 500);
    a.append();
    expect(fleet.time.run(fleet.time.now + 10_000, () => fleet.converged())).toBe(true);
    expect(fleet.duplicates).toBe(0);
  });
});
