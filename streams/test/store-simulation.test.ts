import { describe, expect, it } from "vitest";
import { seededRandom, testSeed } from "../testing/seeded-random.js";
import { SimulatedStoreLife, type StoreTroubles } from "../testing/simulated-store-life.js";

/** `npm run sim -- --seeds N` runs so many of each kind. */
const SEEDS = Number(process.env["LANDFALL_SIM_SEEDS"] ?? 0);
/** Much more than a test takes: on a busy machine virtual time passes slowly, and nothing is wrong. */
const TEST_MS_MAX = SEEDS > 0 ? 6 * 3_600_000 : 300_000;
const NONE: StoreTroubles = { unruly: false, clocks: false, lostDisks: false, expiry: false };

/** Lives from consecutive seeds. `LANDFALL_SEED=N` runs that one alone. */
async function live(first: number, count: number, troubles: Partial<StoreTroubles>): Promise<SimulatedStoreLife[]> {
  const isReplay = process.env["LANDFALL_SEED"] !== undefined;
  const lives: SimulatedStoreLife[] = [];
  for (let i = 0; i < (isReplay ? 1 : Math.max(count, SEEDS)); i++) {
    const seed = testSeed(first) + i;
    const life = new SimulatedStoreLife(seededRandom(seed), { ...NONE, ...troubles });
    const converged = await life.live();
    const outcome = { seed, converged, failures: life.witness.failures.slice(0, 3) };
    expect(outcome).toEqual({ seed, converged: true, failures: [] });
    expect(life.witness.records).toBeGreaterThan(0);
    lives.push(life);
  }
  return lives;
}

function sum(lives: readonly SimulatedStoreLife[], of: (life: SimulatedStoreLife) => number): number {
  return lives.reduce((total, life) => total + of(life), 0);
}

describe("stores and replication as they ship, simulated", () => {
  it(
    "R1, R2, R3, R4, O1, O2, O3, O4, S1: power cuts, kills, cuts and half-open links, clocks that jump; all end equal, nothing came twice, and readers who wander got each record once",
    async () => {
      const lives = await live(200_000, 16, { clocks: true });
      if (lives.length === 1) return;
      expect(sum(lives, ({ restarts }) => restarts)).toBeGreaterThan(0);
      expect(sum(lives, ({ witness }) => witness.runs)).toBeGreaterThan(0);
    },
    TEST_MS_MAX,
  );

  it(
    "R1, R2, R4, O1, S1: connections doubled and repeated, frames out of order, lost disks; all end equal",
    async () => {
      const lives = await live(210_000, 16, { unruly: true, lostDisks: true, clocks: true });
      if (lives.length > 1) expect(sum(lives, ({ network }) => network.repeated)).toBeGreaterThan(0);
    },
    TEST_MS_MAX,
  );

  it(
    "R1, R6, S5: what expired while others were away is a gap everywhere that nobody can fill, and nothing else is",
    async () => {
      const lives = await live(220_000, 20, { expiry: true, lostDisks: true });
      if (lives.length > 1) expect(sum(lives, ({ witness }) => witness.gaps)).toBeGreaterThan(0);
    },
    TEST_MS_MAX,
  );

  it(
    "a seed repeats a life to the last event",
    async () => {
      const seed = testSeed(230_000);
      const ends: unknown[] = [];
      for (let i = 0; i < 2; i++) {
        const life = new SimulatedStoreLife(seededRandom(seed), {
          unruly: true,
          clocks: true,
          lostDisks: true,
          expiry: true,
        });
        await life.live();
        ends.push([life.time.now, life.time.passed, life.witness.records, life.witness.failures]);
      }
      expect({ seed, end: ends[0] }).toEqual({ seed, end: ends[1] });
    },
    TEST_MS_MAX,
  );
});
