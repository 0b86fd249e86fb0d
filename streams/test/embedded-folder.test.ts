import { cp, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openEmbeddedStore } from "../src/store/embedded-store.js";
import { ManualEnv } from "../testing/manual-env.js";
import { CONTAINERS, START_MS, reading, sync } from "../testing/store-fixture.js";
import type { EmbeddedStore, EmbeddedStoreOptions } from "../src/store/embedded-store.js";
import type { StreamStore } from "../src/store/store.js";

let base: string;
let data: string;
const opened: StreamStore[] = [];

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "landfall-folder-"));
  data = join(base, "data");
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  await rm(base, { recursive: true });
});

async function open(folder = data, over: Partial<EmbeddedStoreOptions> = {}): Promise<EmbeddedStore> {
  const store = await openEmbeddedStore({ folder, site: "tokyo", node: "a", env: new ManualEnv(START_MS), ...over });
  opened.push(store);
  return store;
}

/** A folder with a few records in several journal files, closed; returns the origin. */
async function fill(folder = data): Promise<string> {
  const store = await open(folder, { journalFileBytes: 4096 });
  for (let i = 0; i < 10; i++) await store.append(CONTAINERS, [reading("a", "x".repeat(1000))]);
  await store.close();
  return store.origin;
}

const failure = (code: string, message: RegExp): unknown =>
  expect.objectContaining({ name: "LandfallError", code, message: expect.stringMatching(message) });

describe("the lock of a data folder", () => {
  it("names the process that has it, which goes on undisturbed", async () => {
    const first = await open();
    await first.append(CONTAINERS, [reading("a", "1")]);
    const before = await look();
    await expect(open()).rejects.toEqual(failure("FOLDER_IN_USE", new RegExp(`process ${process.pid};`)));
    expect(await look()).toEqual(before);
    await first.append(CONTAINERS, [reading("a", "2")]);
    await first.close();
    await open();
  });

  it("of a live process holds, of a dead one, or of another that had the pid, does not", async () => {
    await fill();
    const lock = join(data, "lock");
    await writeFile(lock, JSON.stringify({ pid: process.ppid, started: "" }));
    await expect(open()).rejects.toEqual(failure("FOLDER_IN_USE", new RegExp(`process ${process.ppid};`)));
    for (const stale of [
      JSON.stringify({ pid: 2 ** 22 + 12345, started: "" }),
      JSON.stringify({ pid: process.pid, started: "before the last boot" }),
      '{"pid": 1',
      "",
    ]) {
      await writeFile(lock, stale);
      await (await open()).close();
      expect(await readdir(data)).not.toContain("lock");
    }
  });

  it("is had by one of many that try at once", async () => {
    await fill();
    await writeFile(join(data, "lock"), JSON.stringify({ pid: 2 ** 22 + 12345, started: "" }));
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => open()));
    expect(results.filter(({ status }) => status === "fulfilled").length).toBe(1);
  });

  it("leaves nothing behind", async () => {
    await fill();
    expect(
      (await readdir(data)).filter(
        (name) => !/^((journal|spare)-\d{8}\.log|segment-\d{8}\.lfs|(identity|manifest)\.json)$/.test(name),
      ),
    ).toEqual([]);
  });
});

/** Of every file: when it was touched, and how large it is. */
async function look(): Promise<unknown> {
  const names = (await readdir(data)).sort();
  return Promise.all(
    names.map(async (name) => {
      const { mtimeMs, ctimeMs, size } = await stat(join(data, name));
      return [name, mtimeMs, ctimeMs, size];
    }),
  );
}

describe("a folder of a newer format", () => {
  /** Each file whose version is looked at, made one that no program knows yet. */
  const NEWER: Record<string, (bytes: Buffer) => Buffer> = {
    "identity.json": (bytes) => Buffer.from(bytes.toString().replace(/"format": \d/, '"format": 9')),
    "manifest.json": (bytes) => Buffer.from(bytes.toString().replace(/"format":\d/, '"format":9')),
    "journal-00000002.log": (bytes) => {
      bytes.writeUInt32LE(9, 8);
      return bytes;
    },
    "segment-00000001.lfs": (bytes) => {
      bytes.writeUInt32LE(9, bytes.byteLength - 8);
      return bytes;
    },
  };

  it.each(Object.keys(NEWER))("is refused by its %s and not touched", async (name) => {
    const store = await open();
    await store.append(CONTAINERS, [reading("a", "sealed")]);
    await store.sealNow();
    await store.append(CONTAINERS, [reading("a", "in the journal")]);
    await store.close();
    // What a crash left, and what opening would remove.
    await writeFile(join(data, "segment-00000099.lfs"), "");
    await writeFile(join(data, "journal-00000003.log"), "");
    const path = join(data, name);
    const before = await readFile(path);
    const newer = NEWER[name]?.(Buffer.from(before)) ?? before;
    expect(newer).not.toEqual(before);
    await writeFile(path, newer);
    const looked = await look();
    await expect(open()).rejects.toEqual(failure("UNSUPPORTED_FORMAT", /format 9.*nothing was changed/));
    expect(await look()).toEqual(looked);
    await writeFile(path, before);
    expect(Object.values((await open()).vector(CONTAINERS))).toEqual([2]);
  });
});

describe("the origin", () => {
  it("O1: stays when the same folder is opened again, or was moved", async () => {
    const origin = await fill();
    expect(origin).toMatch(/^tokyo\.a~[a-z0-9]{10}$/);
    expect((await open()).origin).toBe(origin);
    await opened.pop()?.close();
    await rename(data, join(base, "moved"));
    expect((await open(join(base, "moved"))).origin).toBe(origin);
  });

  it("O1: is new in a copy, which keeps the records and can exchange its own with the original's", async () => {
    const origin = await fill();
    await cp(data, join(base, "copy"), { recursive: true, preserveTimestamps: true });
    const [original, copy] = [await open(), await open(join(base, "copy"))];
    expect(original.origin).toBe(origin);
    expect(copy.origin).not.toBe(origin);
    expect(copy.vector(CONTAINERS)).toEqual({ [origin]: 10 });
    await original.append(CONTAINERS, [reading("a", "original")]);
    await copy.append(CONTAINERS, [reading("a", "copy")]);
    await sync(original, copy, CONTAINERS);
    await sync(copy, original, CONTAINERS);
    expect(copy.vector(CONTAINERS)).toEqual({ [origin]: 11, [copy.origin]: 1 });
    expect(original.vector(CONTAINERS)).toEqual(copy.vector(CONTAINERS));
    await copy.close();
    expect((await open(join(base, "copy"))).origin).toBe(copy.origin);
  });

  it("O1: is new when the folder was restored from a backup, even if only part of it", async () => {
    const origin = await fill();
    const backup = join(base, "backup");
    await cp(data, backup, { recursive: true });
    const newest = (await readdir(data))
      .filter((name) => name.startsWith("journal-"))
      .sort()
      .at(-1) as string;
    const store = await open();
    await store.append(CONTAINERS, [reading("a", "after the backup")]);
    await store.close();
    // As rsync does it: only what differs, under a temporary name first.
    await cp(join(backup, newest), join(data, "restoring"));
    await rename(join(data, "restoring"), join(data, newest));
    expect((await open()).origin).not.toBe(origin);
  });

  it("O1: is new when the identity is lost or unreadable", async () => {
    const origins = [await fill()];
    await rm(join(data, "identity.json"));
    origins.push(await fill());
    await writeFile(join(data, "identity.json"), '{"format": 1, "site"');
    origins.push(await fill());
    expect(new Set(origins).size).toBe(3);
    const store = await open();
    expect(Object.values(store.vector(CONTAINERS))).toEqual([10, 10, 10]);
  });

  it("belongs to one node: another's folder is refused", async () => {
    await fill();
    await expect(open(data, { site: "sydney" })).rejects.toEqual(
      failure("INVALID_SETTINGS", /belongs to node tokyo\.a, not to sydney\.a/),
    );
    await expect(open(data, { slot: 1024 })).rejects.toEqual(failure("INVALID_SETTINGS", /slot 1024/));
    await expect(open(data, { site: "Tokyo" })).rejects.toEqual(failure("INVALID_NAME", /not a site name/));
  });
});
