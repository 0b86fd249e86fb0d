import { describe, expect, it } from "vitest";
import { SimulatedFleet, type SimSite } from "../testing/simulated-fleet.js";
import { seededRandom, testSeed } from "../testing/seeded-random.js";

const HEAL_MS_MAX = 120_000;

/** A connected random graph, with loops more often than not. */
function randomGraph(fleet: SimulatedFleet, count: number): void {
  const sites: SimSite[] = [];
  for (let i = 0; i < count; i++) {
    const site = fleet.addSite();
    const other = sites[Math.floor(fleet.random() * sites.length)];
    if (other !== undefined) fleet.connect(other, site);
    sites.push(site);
  }
  for (let extra = Math.floor(fleet.random() * count * 2); extra > 0; extra--) {
    const a = sites[Math.floor(fleet.random() * count)];
    const b = sites[Math.floor(fleet.random() * count)];
    const known = fleet.links.some((link) => (link.a === a && link.b === b) || (link.a === b && link.b === a));
    if (a !== undefined && b !== undefined && a !== b && !known) fleet.connect(a, b);
  }
}

function pick<T>(fleet: SimulatedFleet, from: readonly T[]): T {
  return from[Math.floor(fleet.random() * from.length)] as T;
}

function write(fleet: SimulatedFleet, everyMs: number, untilMs: number): void {
  const next = () => {
    if (fleet.time.now > untilMs) return;
    const site = pick(fleet, fleet.sites);
    for (let n = 1 + Math.floor(fleet.random() * 20); n > 0; n--) site.append();
    fleet.time.after(fleet.random() * 2 * everyMs, next);
  };
  next();
}

describe("replication, simulated", () => {
  it("R2, R3: without faults nothing arrives twice in any graph, and all converge (R1)", () => {
    for (let seed = testSeed(1); seed < testSeed(1) + 40; seed++) {
      const fleet = new SimulatedFleet(seededRandom(seed));
      randomGraph(fleet, 2 + Math.floor(fleet.random() * 10));
      write(fleet, 20, 5_000);
      fleet.time.run(6_000);
      const done = fleet.time.run(fleet.time.now + HEAL_MS_MAX, () => fleet.converged());
      expect({ seed, done, duplicates: fleet.duplicates, failures: fleet.failures }).toEqual({
        seed,
        done: true,
        duplicates: 0,
        failures: [],
      });
      expect(fleet.delivered).toBeGreaterThan(0);
    }
  });

  it("R1, R2, R3, R4, R5: cuts, half-open links, crashes and lost disks; 0 duplicates, and all converge when healed", () => {
    let taken = 0;
    for (let seed = testSeed(1_000); seed < testSeed(1_000) + 120; seed++) {
      const fleet = new SimulatedFleet(seededRandom(seed), seed % 2 === 0);
      randomGraph(fleet, 2 + Math.floor(fleet.random() * 12));
      write(fleet, 30, 20_000);
      const trouble = () => {
        if (fleet.time.now > 20_000) return;
        const dice = fleet.random();
        const link = pick(fleet, fleet.links);
        if (dice < 0.5) {
          link.cut();
          link.reopenSoon();
        } else if (dice < 0.7) {
          link.goHalfOpen(fleet.random() < 0.5 ? 0 : 1);
          // Silence is noticed after a while, as the link's keepalive would.
          fleet.time.after(3_000, () => {
            link.cut();
            link.reopenSoon();
          });
        } else if (dice < 0.85) {
          link.wanted = false;
          link.cut();
        } else {
          const site = pick(fleet, fleet.sites);
          site.crash(fleet.random() < 0.25);
          fleet.time.after(500 + fleet.random() * 2_000, () => {
            site.restart();
            for (const other of fleet.links) if (other.a === site || other.b === site) other.open();
          });
        }
        fleet.time.after(fleet.random() * 800, trouble);
      };
      trouble();
      fleet.time.run(24_000);
      fleet.heal();
      const done = fleet.time.run(fleet.time.now + HEAL_MS_MAX, () => fleet.converged());
      expect({ seed, done, duplicates: fleet.duplicates, failures: fleet.failures.slice(0, 3) }).toEqual({
        seed,
        done: true,
        duplicates: 0,
        failures: [],
      });
      taken += fleet.runsTaken;
    }
    expect(taken).toBeGreaterThan(0);
  });

  it("R3: a sealed run that is cut goes on with the same blocks, at another source as well", () => {
    for (let seed = testSeed(3_000); seed < testSeed(3_000) + 40; seed++) {
      const fleet = new SimulatedFleet(seededRandom(seed), true);
      const [ship, tokyo, sydney, angeles] = [fleet.addSite(), fleet.addSite(), fleet.addSite(), fleet.addSite()];
      for (let i = 0; i < 3_000; i++) ship.append();
      fleet.time.run(100);
      ship.runs.seal(ship.ownKey, ship.records(ship.ownKey).length);
      const links = [fleet.connect(ship, tokyo), fleet.connect(ship, sydney)];
      for (const site of [tokyo, sydney]) links.push(fleet.connect(site, angeles));
      const cut = () => {
        if (fleet.time.now > 4_000) return;
        const link = pick(fleet, links);
        link.cut();
        link.reopenSoon();
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
