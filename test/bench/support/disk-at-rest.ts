import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const LOOK_MS = 1_000;
const QUIET_LOOKS = 2;
const LOOKS_MAX = 60;
/** 512 bytes each, as the kernel counts them: 2 MB in a second are a machine's everyday life. */
const SECTORS_QUIET = 4_096;
/** Of `/proc/diskstats`, behind major, minor and name. */
const WRITTEN = 9;
const DISCARDED = 16;

/**
 * Waits until the disks have done what was asked of them before: what an earlier run removed is discarded, and what it wrote is written
 * out, for seconds after, and every sync waits behind it. For a minute at most; where the kernel does not tell, not at all.
 */
export async function diskAtRest(): Promise<void> {
  let before = sectorsMoved();
  for (let looks = 0, quiet = 0; before !== undefined && looks < LOOKS_MAX && quiet < QUIET_LOOKS; looks++) {
    await sleep(LOOK_MS);
    const now = sectorsMoved() ?? before;
    quiet = now - before < SECTORS_QUIET ? quiet + 1 : 0;
    before = now;
  }
}

function sectorsMoved(): number | undefined {
  try {
    const lines = readFileSync("/proc/diskstats", "utf8").trim().split("\n");
    return lines.reduce((sum, line) => {
      const fields = line.trim().split(/\s+/);
      return sum + Number(fields[WRITTEN] ?? 0) + Number(fields[DISCARDED] ?? 0);
    }, 0);
  } catch {
    return undefined;
  }
}
