import { afterAll, describe, expect, it } from "vitest";
import { testSeed } from "../../testing/seeded-random.js";
import { CrashRun } from "./crash-run.js";
import { FAULTS } from "./faults.js";
import { killProcesses } from "./real-kills.js";
import type { FaultKind } from "./faults.js";

/** What the promise of S1 is measured by: kills and injected faults together. */
const STRIKES_MIN = 500;
const KILLS = 30;
const RUNS_PER_KIND = 34;
const KINDS = Object.keys(FAULTS) as FaultKind[];
const EXPIRING: readonly FaultKind[] = ["crash while expiring", "kill between renaming and syncing the folder"];

/**
 * `LANDFALL_SEED=n` plays that one seed of each kind, and with `-t "flipped bit"` that kind alone; without it, this run's
 * seeds are `seed`, `seed + 1` and so on.
 */
const isReplay = process.env["LANDFALL_SEED"] !== undefined;
const seed = testSeed();
const seeds = Array.from({ length: isReplay ? 1 : RUNS_PER_KIND }, (_, i) => seed + i);

const strikes = new Map<string, number>();
const count = (kind: string, by: number): void => void strikes.set(kind, (strikes.get(kind) ?? 0) + by);

describe(`kills and faults (seed ${seed})`, () => {
  it("S1, S2, S3: processes killed with SIGKILL in the middle of appending, applying, sealing and merging", async () => {
    count("SIGKILL", await killProcesses(isReplay ? 5 : KILLS, seed));
  }, 300_000);

  it.each(KINDS)("S1, S2, S3, O1, O3, R4: %s", async (kind) => {
    for (const one of seeds) {
      const run = new CrashRun(one, EXPIRING.includes(kind));
      try {
        for (let lives = run.below(3); lives > 0; lives--) await run.ordinaryLife();
        await FAULTS[kind](run);
        expect(run.strikes).toBeGreaterThan(0);
        await run.verify();
      } catch (cause) {
        throw new Error(`${kind}: replay with LANDFALL_SEED=${one} npx vitest run crash-proof -t "${kind}"`, { cause });
      }
      count(kind, run.strikes);
    }
  });

  // Last, so that it sees what the others did.
  it.runIf(!isReplay)(`S1: at least ${STRIKES_MIN} in all, and every kind`, () => {
    const all = [...strikes.values()].reduce((sum, one) => sum + one, 0);
    for (const kind of ["SIGKILL", ...KINDS]) expect(strikes.get(kind) ?? 0, kind).toBeGreaterThan(0);
    expect(all).toBeGreaterThanOrEqual(STRIKES_MIN);
  });

  afterAll(() => {
    const lines = [...strikes].map(([kind, times]) => `${kind} ${times}`);
    process.stdout.write(`Kills and faults, seed ${seed}: ${lines.join(", ")}\n`);
  });
});
