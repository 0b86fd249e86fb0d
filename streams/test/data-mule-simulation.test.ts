import { describe, expect, it } from "vitest";
import { siteOfOrigin } from "../src/model/names.js";
import { seededRandom, testSeed } from "../testing/seeded-random.js";
import { SimulatedFleet } from "../testing/simulated-fleet.js";
import type { SimLink } from "../testing/simulated-link.js";
import type { SimSite } from "../testing/simulated-site.js";

const SEED = testSeed(70_000);
/** `npm run sim -- --seeds N` runs so many. */
const SEEDS = Number(process.env["LANDFALL_SIM_SEEDS"] ?? 0);
const LIVES = process.env["LANDFALL_SEED"] === undefined ? Math.max(30, SEEDS) : 1;
const TEST_MS_MAX = SEEDS > 0 ? 6 * 3_600_000 : 300_000;
const LEGS = 10;
/** A stay in port: sometimes too short for the backlog. */
const STAY_MS_MAX = 4_000;
const AT_SEA_MS_MAX = 3_000;
/** The last stays are long enough for everything. */
const LONG_MS = 60_000;
const WRITE_EVERY_MS = 40;

interface Ship {
  readonly site: SimSite;
  readonly berths: readonly [SimLink, SimLink];
}

/** Two ports that nothing links but ships, of which some take along what others wrote. */
class Voyages {
  readonly fleet: SimulatedFleet;
  readonly ports: readonly [SimSite, SimSite];
  readonly mules: readonly Ship[];
  /** Wants nothing of what others write. */
  readonly idle: Ship;

  constructor(
    readonly random: () => number,
    sealing: boolean,
  ) {
    this.fleet = new SimulatedFleet(random, sealing);
    this.ports = [this.fleet.addSite(), this.fleet.addSite()];
    this.mules = Array.from({ length: 1 + Math.floor(random() * 2) }, () => this.#ship());
    this.idle = this.#ship();
    const { rules } = this.idle.site;
    const rightsOf = rules.rightsOf.bind(rules);
    rules.rightsOf = (peer) => ({ ...rightsOf(peer), mayRequest: () => false });
  }

  /** Sails to and fro; returns whether all that was written is at both ports in the end. */
  sail(): boolean {
    this.#write(this.fleet.time.now + LEGS * (STAY_MS_MAX + AT_SEA_MS_MAX));
    for (let leg = 0; leg < LEGS; leg++) {
      for (const ship of this.#ships()) this.#leg(ship, leg);
      this.fleet.time.run(this.fleet.time.now + STAY_MS_MAX + AT_SEA_MS_MAX);
    }
    // Each ship once more to either port: what it took along at the second it brings to the first.
    for (const stay of [0, 1, 0] as const) {
      for (const { site, berths } of this.#ships()) {
        site.restart();
        berths[stay].wanted = true;
        berths[stay].reopenSoon();
      }
      this.fleet.time.run(this.fleet.time.now + LONG_MS);
      for (const { berths } of this.#ships()) this.#leave(berths[stay]);
      this.fleet.time.run(this.fleet.time.now + AT_SEA_MS_MAX);
    }
    return this.ports.every(({ disk }) => disk.values().length === this.fleet.kept.size);
  }

  #ships(): Ship[] {
    return [...this.mules, this.idle];
  }

  #ship(): Ship {
    const site = this.fleet.addSite();
    const berth = (port: SimSite): SimLink => {
      const link = this.fleet.connect(site, port);
      this.#leave(link);
      return link;
    };
    return { site, berths: [berth(this.ports[0]), berth(this.ports[1])] };
  }

  /** A while in one port, in which the line may drop and the ship's node die; then at sea. */
  #leg({ site, berths }: Ship, leg: number): void {
    const berth = berths[(leg % 2) as 0 | 1];
    const { time } = this.fleet;
    time.after(this.random() * AT_SEA_MS_MAX, () => {
      berth.wanted = true;
      berth.open();
      if (this.random() < 0.4) time.after(this.random() * 1_000, () => this.#drop(berth));
      if (this.random() < 0.3) time.after(this.random() * STAY_MS_MAX, () => this.#die(site, berth));
      time.after(this.random() * STAY_MS_MAX, () => this.#leave(berth));
    });
  }

  #leave(berth: SimLink): void {
    berth.wanted = false;
    berth.cut();
  }

  #drop(berth: SimLink): void {
    berth.cut();
    berth.reopenSoon();
  }

  #die(site: SimSite, berth: SimLink): void {
    site.crash(false);
    this.fleet.time.after(300, () => {
      site.restart();
      berth.reopenSoon();
    });
  }

  #write(until: number): void {
    const next = (): void => {
      for (const port of this.ports) port.append();
      for (const { site } of this.#ships()) if (this.random() < 0.2) site.append();
      if (this.fleet.time.now < until) this.fleet.time.after(this.random() * 2 * WRITE_EVERY_MS, next);
    };
    next();
  }
}

/** Records of other sites that a site has on its disk. */
const carried = (site: SimSite): number =>
  site.disk.origins
    .filter((origin) => siteOfOrigin(origin) !== site.name)
    .reduce((sum, origin) => sum + site.disk.next(origin), 0);

describe(`data mules, simulated (seed ${SEED})`, () => {
  it(
    "R1, R3, R4, R5: two ports that are never linked hold the same, once, by ships that sail between them; one whose settings do not say so carries nothing",
    () => {
      for (let seed = SEED; seed < SEED + LIVES; seed++) {
        const voyages = new Voyages(seededRandom(seed), seed % 2 === 0);
        const isComplete = voyages.sail();
        const { fleet, ports, mules, idle } = voyages;
        const outcome = { seed, isComplete, duplicates: fleet.duplicates, failures: fleet.failures.slice(0, 3) };
        expect(outcome).toEqual({ seed, isComplete: true, duplicates: 0, failures: [] });
        for (const { disk } of ports) expect(new Set(disk.values())).toEqual(fleet.kept);
        for (const { site } of mules) expect(carried(site)).toBeGreaterThan(0);
        expect(carried(idle.site)).toBe(0);
        // It brought what it wrote itself, all the same.
        expect(ports[1].disk.next(idle.site.origin)).toBe(idle.site.disk.next(idle.site.origin));
      }
    },
    TEST_MS_MAX,
  );
});
