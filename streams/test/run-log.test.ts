import { describe, expect, it } from "vitest";
import { RunLog, windowBytesOf } from "../src/store/run-log.js";
import type { BlockRecords } from "../src/store/block-topics.js";
import type { Run } from "../src/store/segment-format.js";

const WINDOW_BYTES = 1024 * 1024;

/** As large as so many parts of a window. */
function run(number: number, windows: number): Run {
  const rawBytes = Math.floor(windows * WINDOW_BYTES);
  return { from: number * 10_000, to: number * 10_000 + 1_000, rawBytes } as Run;
}

/** Counts how often runs are unpacked, of which nothing else is asked here. */
function counting(): { readonly log: RunLog; readonly scans: () => number } {
  let scans = 0;
  const reader = {
    // eslint-disable-next-line require-yield
    async *scan(): AsyncGenerator<BlockRecords> {
      scans++;
    },
  };
  return { log: new RunLog(reader, WINDOW_BYTES), scans: () => scans };
}

async function inTurn(log: RunLog, runs: readonly Run[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) for (const one of runs) await log.window(one, one.from + round);
}

describe("runs that are read in order of seq", () => {
  it("keeps two of the largest", async () => {
    const { log, scans } = counting();
    await inTurn(log, [run(0, 1), run(1, 1)], 20);
    expect(scans()).toBe(2);
  });

  it("keeps many that are small together, and unpacks each once", async () => {
    const { log, scans } = counting();
    await inTurn(
      log,
      Array.from({ length: 8 }, (_, i) => run(i, 0.25)),
      20,
    );
    expect(scans()).toBe(8);
  });

  it("lets go of those that were not looked at for longest", async () => {
    const { log, scans } = counting();
    const [first, second, third] = [run(0, 1), run(1, 1), run(2, 1)];
    await inTurn(log, [first, second, first, third, first], 1);
    expect(scans()).toBe(3);
    await log.window(second, second.from);
    expect(scans()).toBe(4);
  });

  it("reads one that is larger window by window", async () => {
    const { log, scans } = counting();
    const large = run(0, 4);
    for (let seq = large.from; seq < large.to; seq++) await log.window(large, seq);
    expect(scans()).toBe(4);
  });

  it("counts a run whose records were mostly superseded by its seqs", () => {
    expect(windowBytesOf({ from: 0, to: 1_000_000, rawBytes: 10 })).toBe(64_000_000);
  });
});
