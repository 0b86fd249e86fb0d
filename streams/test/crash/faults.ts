import { join } from "node:path";
import { expect } from "vitest";
import { isLandfallError } from "../../src/model/errors.js";
import { MERGE_FAN_IN } from "../../src/limits.js";
import { systemError } from "../../testing/memory-disk.js";
import { AGE_MS, FOLDER, STREAMS } from "./crash-run.js";
import type { StreamName } from "../../src/model/names.js";
import type { EmbeddedStore } from "../../src/store/embedded-store.js";
import type { CrashRun } from "./crash-run.js";

/** Leaves the run with its store dead or closed, and the fault struck at least once. */
type Strike = (run: CrashRun) => Promise<void>;

const isJournal = (path: string): boolean => /journal-\d+\.log$/.test(path);
const isSegment = (path: string): boolean => path.endsWith(".lfs");
const isManifest = (path: string): boolean => path.includes("manifest.json");

/** Every way to fail that a disk in memory can play; each is drawn from a seed. */
export const FAULTS = {
  "power cut": (run) => dieAtWork(run, ["onWrite", "onSync", "onRename", "onRemove"], () => true, "cut"),
  kill: (run) => dieAtWork(run, ["onWrite", "onSync", "onRename", "onRemove"], () => true, "kill"),
  // The whole commit was written, none of it synced: the cut leaves some of its sectors.
  "torn write": (run) => dieAtWork(run, ["onSync"], isJournal, "cut"),
  "two unsealed journals": async (run) => {
    run.disk.faults.onWrite = (path) => {
      if (isSegment(path)) throw systemError("EIO", path);
    };
    const store = await run.open();
    while ((await run.disk.list(FOLDER)).filter(isJournal).length < 3) await run.burst(store);
    strike(run, run.env.random() < 0.5 ? "cut" : "kill");
    await end(store);
  },
  "full disk": async (run) => {
    const store = await run.open();
    await run.burst(store);
    const names = await run.disk.list(FOLDER);
    const used = names.reduce((sum, name) => sum + run.disk.bytes(join(FOLDER, name)).byteLength, 0);
    run.disk.faults.capacity = used + run.below(6_000);
    while (!(await run.burst(store)).includes("DISK_FULL"));
    run.strikes++;
    await store.settled();
    run.clearFaults();
    // Space has returned: the same store goes on.
    expect(await run.burst(store)).toEqual([]);
    await store.sealNow();
    await end(store);
  },
  "failing fdatasync": async (run) => {
    const store = await run.open();
    failAtNth(run, 1 + run.below(6), "onSync", isJournal);
    while (!(await run.burst(store)).includes("DISK_FAILED"));
    run.clearFaults();
    // What the disk did not confirm is never trusted again, although the disk seems well.
    expect(await run.burst(store)).toContain("DISK_FAILED");
    run.disk.cutPower(run.env.random);
    await end(store);
  },
  "failing manifest write": (run) => failMaintenance(run, "onWrite"),
  "failing rename": (run) => failMaintenance(run, "onRename"),
  "crash while sealing": async (run) => {
    const store = await run.open();
    await run.burst(store);
    const hooks = ["onRead", "onWrite", "onSync", "onRename", "onRemove"] as const;
    dieAtNth(
      run,
      1 + run.below(5),
      hooks,
      (path) => !path.includes("identity"),
      run.env.random() < 0.5 ? "cut" : "kill",
    );
    while (run.strikes === 0) {
      await store.sealNow().catch(() => undefined);
      if (run.strikes === 0) await run.burst(store);
    }
    await end(store);
  },
  "crash while merging": async (run) => {
    const store = await run.open();
    // Whoever reads a segment here is merging: nothing else does.
    let isMerging = false;
    let left = 1 + run.below(12);
    const operation = (path: string): void => {
      if (isMerging && (isSegment(path) || isManifest(path) || path === FOLDER) && --left === 0) {
        strike(run, run.env.random() < 0.5 ? "cut" : "kill");
      }
    };
    const { faults } = run.disk;
    faults.onRead = (path) => {
      isMerging ||= isSegment(path);
      operation(path);
    };
    faults.onWrite = faults.onSync = faults.onRename = faults.onRemove = operation;
    for (let round = 0; run.strikes === 0; round++) {
      expect(round, "merging never began").toBeLessThan(20 * MERGE_FAN_IN);
      await run.burst(store);
      isMerging = false;
      await store.sealNow().catch(() => undefined);
    }
    await end(store);
  },
  "crash while expiring": async (run) => {
    const store = await run.open();
    await run.burst(store);
    await store.sealNow();
    run.env.nowMs += 2 * AGE_MS;
    await run.burst(store);
    const hooks = ["onWrite", "onSync", "onRename", "onRemove"] as const;
    dieAtNth(run, 1 + run.below(4), hooks, () => true, run.env.random() < 0.5 ? "cut" : "kill");
    await store.expire().catch(() => undefined);
    // Expiry may need fewer operations than were counted off: then it is cut short while idle.
    if (run.strikes === 0) strike(run, "cut");
    await end(store);
  },
  // What it renamed stands in the folder, but not on disk: the next process takes it for settled, and the power is cut then.
  "kill between renaming and syncing the folder": async (run) => {
    const store = await run.open();
    dieAtNth(run, 1 + run.below(6), ["onSync"], (path) => path === FOLDER, "kill");
    for (let round = 0; run.strikes === 0; round++) {
      expect(round, "the folder was never synced").toBeLessThan(100);
      await run.burst(store);
      await store.sealNow().catch(() => undefined);
      if (run.below(2) === 0) run.env.nowMs += 2 * AGE_MS;
      await store.expire().catch(() => undefined);
    }
    await end(store);
  },
  "flipped bit": (run) =>
    damage(run, (path) => {
      const bytes = Buffer.from(run.disk.bytes(path));
      const at = run.below(bytes.byteLength);
      bytes[at] = (bytes[at] as number) ^ (1 << run.below(8));
      run.disk.replace(path, bytes);
    }),
  "truncated file": (run) =>
    damage(run, (path) => {
      const bytes = run.disk.bytes(path);
      run.disk.replace(path, bytes.subarray(0, run.below(bytes.byteLength)));
    }),
  "missing file": (run) => damage(run, (path) => run.disk.remove(path)),
} satisfies Record<string, Strike>;

export type FaultKind = keyof typeof FAULTS;

type Death = "cut" | "kill";
type Hook = "onRead" | "onWrite" | "onSync" | "onRename" | "onRemove";

function strike(run: CrashRun, death: Death): void {
  run.strikes++;
  run.clearFaults();
  if (death === "cut") run.disk.cutPower(run.env.random);
  else run.disk.kill();
}

/** Dies at the nth of these operations on such files. */
function dieAtNth(
  run: CrashRun,
  n: number,
  hooks: readonly Hook[],
  isMeant: (path: string) => boolean,
  death: Death,
): void {
  let left = n;
  for (const hook of hooks) {
    run.disk.faults[hook] = (path) => {
      if (isMeant(path) && --left === 0) strike(run, death);
    };
  }
}

/** Fails the nth such operation, and it alone. */
function failAtNth(run: CrashRun, n: number, hook: Hook, isMeant: (path: string) => boolean): void {
  let left = n;
  run.disk.faults[hook] = (path) => {
    if (!isMeant(path) || --left !== 0) return;
    run.strikes++;
    throw systemError("EIO", path);
  };
}

async function end(store: EmbeddedStore): Promise<void> {
  await store.close().catch(() => undefined);
}

async function dieAtWork(
  run: CrashRun,
  hooks: readonly Hook[],
  isMeant: (path: string) => boolean,
  death: Death,
): Promise<void> {
  const store = await run.open();
  dieAtNth(run, 1 + run.below(20), hooks, isMeant, death);
  while (run.strikes === 0) await run.burst(store, 10);
  await end(store);
}

/** Sealing and merging meet an error, and are done all the same when they are tried again. */
async function failMaintenance(run: CrashRun, hook: Hook): Promise<void> {
  const store = await run.open();
  failAtNth(run, 1 + run.below(4), hook, isManifest);
  while (run.strikes === 0) {
    expect(await run.burst(store)).toEqual([]);
    await store.sealNow();
  }
  await run.oracle.check(store);
  expect(await run.burst(store)).toEqual([]);
  await store.sealNow();
  expect(store.spread(STREAMS[0] as StreamName).journals).toBeLessThanOrEqual(1);
  await end(store);
}

/**
 * Harms one file of a folder whose records have all been shown, so that a peer may have them. Not the end of the journal:
 * cut off there, an acknowledged commit looks like one that was never finished (SPEC, S2).
 */
async function damage(run: CrashRun, harm: (path: string) => unknown): Promise<void> {
  const store = await run.open();
  await run.burst(store);
  await run.oracle.check(store);
  await end(store);
  const names = (await run.disk.list(FOLDER)).sort();
  // The last journal may be one that was made ahead of its need.
  const last = names.filter(isJournal).slice(-2);
  const chosen = names.filter((name) => !last.includes(name));
  const path = join(FOLDER, chosen[run.below(chosen.length)] as string);
  const before = Buffer.from(run.disk.bytes(path));
  await harm(path);
  run.strikes++;
  run.isDamaged = true;
  try {
    await end(await run.open());
  } catch (error) {
    // A version that this program does not know: refused, and nothing touched.
    if (!isLandfallError(error, "UNSUPPORTED_FORMAT")) throw error;
    run.disk.replace(path, before);
  }
}
