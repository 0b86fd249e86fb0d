import { setImmediate as immediate } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { JOURNAL_OVER_SHARE, SPARE_JOURNALS_MAX } from "../src/limits.js";
import { openEmbeddedStore } from "../src/store/embedded-store.js";
import { FILE_HEAD_BYTES, FRAME_HEAD_BYTES, spareNumber } from "../src/store/journal-format.js";
import { verifyFolder } from "../src/store/verify-folder.js";
import { deferred } from "../testing/deferred.js";
import { ManualEnv } from "../testing/manual-env.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { CONTAINERS, START_MS, reading } from "../testing/store-fixture.js";
import type { Disk } from "../src/store/disk.js";
import type { EmbeddedStore } from "../src/store/embedded-store.js";

const JOURNAL_BYTES = 8_000;
const VALUE_BYTES = 600;

let disk: MemoryDisk;
let env: ManualEnv;
let count: number;

beforeEach(() => {
  disk = new MemoryDisk();
  env = new ManualEnv(START_MS, 5);
  count = 0;
});

function open(): Promise<EmbeddedStore> {
  const options = { folder: "/data", site: "tokyo", node: "a", env, journalFileBytes: JOURNAL_BYTES };
  return openEmbeddedStore({ ...options, disk: disk.boot() });
}

async function append(store: EmbeddedStore, appends: number): Promise<void> {
  for (let i = 0; i < appends; i++) {
    await store.append(CONTAINERS, [reading("a", `${count++}`.padEnd(VALUE_BYTES))]);
  }
}

async function held(store: EmbeddedStore): Promise<number[]> {
  const { records } = await store.readStream(CONTAINERS, undefined, 10_000);
  return records.map(({ value }) => Number(new TextDecoder().decode(value)));
}

const upTo = (end: number): number[] => Array.from({ length: end }, (_, i) => i);

async function spares(): Promise<string[]> {
  return (await disk.list("/data")).filter((name) => spareNumber(name) !== undefined);
}

/** Whether it resolves within what a commit takes on this disk many times over. */
async function isOver(work: Promise<void>): Promise<boolean> {
  const turns = async (): Promise<boolean> => {
    for (let turn = 0; turn < 100; turn++) await immediate();
    return false;
  };
  return Promise.race([work.then(() => true), turns()]);
}

/** A store that writes over an earlier journal, whose bytes still follow behind its own last commit. */
async function overwriting(): Promise<{ store: EmbeddedStore; path: string; end: number }> {
  const store = await open();
  await append(store, 40);
  await store.sealNow();
  for (;;) {
    await append(store, 1);
    const journals = (await disk.list("/data")).filter((name) => name.startsWith("journal-")).sort();
    const path = `/data/${journals[0] as string}`;
    const bytes = disk.bytes(path);
    const frame = FRAME_HEAD_BYTES + bytes.readUInt32LE(FILE_HEAD_BYTES + 8);
    const isOverwriting = bytes.readUInt32LE(8) === 3 && bytes.byteLength > FILE_HEAD_BYTES + 4 * frame;
    if (isOverwriting && journals.length === 1) {
      await append(store, 1);
      return { store, path, end: FILE_HEAD_BYTES + 2 * frame };
    }
  }
}

describe("a journal that overwrites an earlier one", () => {
  it("S1, S2: ends with its own last commit, whatever follows, and its node stays the same", async () => {
    const { store, path, end } = await overwriting();
    expect(disk.bytes(path).byteLength).toBeGreaterThan(end);
    disk.kill();
    const again = await open();
    expect(again.origin).toBe(store.origin);
    expect(await held(again)).toEqual(upTo(count));
    expect(again.stats().corruptBlocks).toBe(0);
    await append(again, 30);
    await again.sealNow();
    expect(await held(again)).toEqual(upTo(count));
    await again.close();
    expect((await verifyFolder(disk, "/data", false)).findings).toEqual([]);
  });

  it("S1, S2, S3: the power cut in the middle of a commit costs nothing that was acknowledged, and no number is given twice", async () => {
    for (let seed = 0; seed < 60; seed++) {
      disk = new MemoryDisk();
      env = new ManualEnv(START_MS, seed);
      count = 0;
      const { store } = await overwriting();
      const acknowledged = count;
      const { origin } = store;
      disk.faults.onSync = () => disk.cutPower(env.random);
      await expect(append(store, 1)).rejects.toThrow();
      disk.faults.onSync = undefined;
      const again = await open();
      const shown = await held(again);
      expect(shown.slice(0, acknowledged)).toEqual(upTo(acknowledged));
      expect(shown.length).toBeLessThanOrEqual(acknowledged + 1);
      await append(again, 1);
      // What was torn may have been shown to somebody, for all that can be known: its number stays unused.
      const next = again.vector(CONTAINERS)[origin] as number;
      expect(again.origin === origin ? next : next + 1).toBe(shown.length + 1);
    }
  });

  it("S3: a flipped bit in its last commit is not taken for its end", async () => {
    const { store, path, end } = await overwriting();
    disk.kill();
    const good = Buffer.from(disk.bytes(path));
    const frame = (end - FILE_HEAD_BYTES) / 2;
    for (let at = end - frame; at < end; at += at < end - frame + FRAME_HEAD_BYTES ? 1 : 7) {
      const bytes = Buffer.from(good);
      bytes[at] = (bytes[at] as number) ^ (1 << (at % 8));
      disk.replace(path, bytes);
      const copy = `/copy-${at}`;
      disk.copyFolder("/data", copy);
      const report = await verifyFolder(disk, copy, false);
      expect(report.findings.filter(({ file }) => `/data/${file}` === path)).toHaveLength(1);
    }
    const flipped = Buffer.from(good);
    flipped[end - 1] = (flipped[end - 1] as number) ^ 1;
    disk.replace(path, flipped);
    const again = await open();
    expect(again.origin).not.toBe(store.origin);
    expect(await held(again)).toEqual(upTo(count - 1));
  });
});

describe("spare journals", () => {
  it("S6: are few, are kept over restarts, and go when the disk is full", async () => {
    const store = await open();
    await append(store, 200);
    await store.sealNow();
    const kept = await spares();
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThanOrEqual(SPARE_JOURNALS_MAX);
    await store.close();
    const again = await open();
    expect(await spares()).toEqual(kept);
    disk.faults.capacity = 0;
    await expect(append(again, 1)).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(await spares()).toEqual([]);
    disk.faults.capacity = Number.POSITIVE_INFINITY;
    count--;
    await append(again, 1);
    expect(await held(again)).toEqual(upTo(count));
    await again.close();
  });

  it("while the next file is not ready the current one grows a little beyond its size, and no more", async () => {
    const ready = deferred<void>();
    const base = disk.boot();
    const slow: Disk = {
      ...base,
      open: async (path, mode, through) => {
        if (path.includes("/spare-")) await ready.promise;
        return base.open(path, mode, through);
      },
    };
    const store = await openEmbeddedStore({
      folder: "/data",
      site: "tokyo",
      node: "a",
      env,
      journalFileBytes: JOURNAL_BYTES,
      disk: slow,
    });
    const sizes: number[] = [];
    let waiting: Promise<void> | undefined;
    // Until an append waits for the next file.
    while (waiting === undefined) {
      const appended = append(store, 1);
      if (!(await isOver(appended))) waiting = appended;
      else sizes.push(disk.bytes("/data/journal-00000001.log").byteLength);
    }
    const last = sizes.at(-1) as number;
    expect(last).toBeGreaterThanOrEqual(JOURNAL_BYTES * (1 + JOURNAL_OVER_SHARE));
    expect(sizes.at(-2)).toBeLessThan(JOURNAL_BYTES * (1 + JOURNAL_OVER_SHARE));
    ready.resolve(undefined);
    await waiting;
    await append(store, 30);
    expect(await held(store)).toEqual(upTo(count));
    await store.close();
  });

  it("a crash while one becomes a journal leaves nothing to stumble over", async () => {
    for (let operations = 1; operations < 30; operations++) {
      for (const isKill of [true, false]) {
        disk = new MemoryDisk();
        env = new ManualEnv(START_MS, operations);
        count = 0;
        const { store } = await overwriting();
        const { origin } = store;
        let left = operations;
        const cut = (): void => {
          if (--left !== 0) return;
          if (isKill) disk.kill();
          else disk.cutPower(env.random);
        };
        disk.faults.onSync = cut;
        disk.faults.onWrite = cut;
        await append(store, 30).catch(() => count--);
        disk.faults.onSync = undefined;
        disk.faults.onWrite = undefined;
        disk.kill();
        const again = await open();
        expect((await held(again)).slice(0, count)).toEqual(upTo(count));
        if (isKill) expect(again.origin).toBe(origin);
        await again.close();
      }
    }
  });
});
