import { beforeEach, describe, expect, it } from "vitest";
import { FRAME_MAGIC_BYTES } from "../src/store/journal-format.js";
import { verifyFolder } from "../src/store/verify-folder.js";
import { ManualEnv } from "../testing/manual-env.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { openMemoryStore } from "../testing/memory-store.js";
import { CONTAINERS, FOREIGN, START_MS, foreignBatch, reading } from "../testing/store-fixture.js";
import type { EmbeddedStore, EmbeddedStoreOptions } from "../src/store/embedded-store.js";
import type { Finding, FolderReport } from "../src/store/verify-folder.js";

let disk: MemoryDisk;
let env: ManualEnv;
beforeEach(() => {
  disk = new MemoryDisk();
  env = new ManualEnv(START_MS);
});

const open = (over?: Partial<EmbeddedStoreOptions>): Promise<EmbeddedStore> => openMemoryStore(disk, env, over);

const verify = (repair = false): Promise<FolderReport> => verifyFolder(disk, "/data", repair);
const files = async (): Promise<string[]> => (await disk.list("/data")).sort();
const said = ({ findings }: FolderReport): string[] => findings.map(({ file, what }) => `${file}: ${what}`);
const lasting = ({ findings }: FolderReport): Finding[] => findings.filter(({ harmless }) => !harmless);

async function flip(path: string, at: number): Promise<void> {
  const bytes = Buffer.from(disk.bytes(path));
  bytes[at] = (bytes[at] as number) ^ 4;
  disk.replace(path, bytes);
}

async function create(path: string, bytes: Uint8Array = new Uint8Array(0)): Promise<void> {
  await (await disk.open(path, "create")).close();
  disk.replace(path, bytes);
}

/** The same bytes in another file, as whoever restores a backup leaves them. */
async function restore(path: string): Promise<void> {
  const bytes = Buffer.from(disk.bytes(path));
  await disk.remove(path);
  await create(path, bytes);
}

async function changesNothing(work: () => Promise<unknown>): Promise<void> {
  const look = async (): Promise<[string, string][]> =>
    (await files()).map((name) => [name, disk.bytes(`/data/${name}`).toString("hex")]);
  const before = await look();
  await work();
  expect(await look()).toEqual(before);
}

describe("verifying journals", () => {
  const RECORDS = 12;

  /** A record in each commit, and a few of these in each file. Returns the files that hold any, in order. */
  async function fill(): Promise<string[]> {
    const store = await open({ sealing: false, journalFileBytes: 900 });
    for (let i = 0; i < RECORDS; i++) await store.append(CONTAINERS, [reading("a", `${i}`.padEnd(100))]);
    await store.close();
    expect(await verify()).toMatchObject({ records: RECORDS, findings: [] });
    return (await files()).filter(
      (name) => name.startsWith("journal-") && disk.bytes(`/data/${name}`).includes(FRAME_MAGIC_BYTES),
    );
  }

  it("S3: one that is gone from the middle is named, and so are its commits, as opening finds it", async () => {
    const [first = "", second = "", third = ""] = await fill();
    await disk.remove(`/data/${second}`);
    const report = await verify();
    expect(lasting(report)).toHaveLength(2);
    expect(report.findings[0]).toMatchObject({ file: second, at: 0, what: "the file is missing" });
    expect(report.findings[1]).toMatchObject({
      file: third,
      what: expect.stringMatching(/^commits \d+ to \d+ are missing$/),
    });
    expect(report.records).toBeLessThan(RECORDS);
    expect(report.records).toBeGreaterThan(0);
    expect(said(report).join()).not.toContain(first);
    const store = await open({ sealing: false });
    expect(store.stats().corruptBlocks).toBe(report.findings.length);
  });

  it("S3: where nobody knows which ones there were, the numbers of the commits tell", async () => {
    const [, second = "", third = ""] = await fill();
    await disk.remove(`/data/${second}`);
    await disk.remove("/data/identity.json");
    const report = await verify();
    expect(said(report)).toEqual([
      expect.stringMatching(/^identity\.json: missing or unreadable/),
      expect.stringMatching(new RegExp(`^${third}: commits \\d+ to \\d+ are missing$`)),
    ]);
  });

  /** The same in one file, whose end no earlier journal follows. */
  async function fillOne(): Promise<string> {
    const store = await open({ sealing: false });
    for (let i = 0; i < RECORDS; i++) await store.append(CONTAINERS, [reading("a", `${i}`)]);
    await store.close();
    return "journal-00000001.log";
  }

  it("S1: a commit that was torn is harmless, and none of it is counted", async () => {
    const file = await fillOne();
    const bytes = disk.bytes(`/data/${file}`);
    disk.replace(`/data/${file}`, bytes.subarray(0, bytes.byteLength - 10));
    const report = await verify();
    expect(report).toMatchObject({ records: RECORDS - 1, findings: [{ file, harmless: true }] });
    expect(report.findings[0]?.what).toMatch(/never acknowledged/);
  });

  it("S2: an end that may have been acknowledged is not", async () => {
    const file = await fillOne();
    const bytes = disk.bytes(`/data/${file}`);
    const garbage = Buffer.from("what a disk may write when it dies ".repeat(10));
    disk.replace(`/data/${file}`, Buffer.concat([bytes, garbage]));
    const found = { file, at: bytes.byteLength, harmless: false };
    expect(await verify()).toMatchObject({ records: RECORDS, findings: [found] });
  });

  it("U2: a journal of a newer program is refused, and nothing is touched, not even the lock", async () => {
    const [first] = await fill();
    const path = `/data/${first}`;
    const bytes = Buffer.from(disk.bytes(path));
    bytes.writeUInt32LE(99, 8);
    disk.replace(path, bytes);
    const locked = await disk.lock("/data");
    await expect(verify()).rejects.toMatchObject({ code: "UNSUPPORTED_FORMAT" });
    await locked.release();
  });

  it("leftovers of a crash are harmless, and removed with repair", async () => {
    const store = await open();
    await store.append(CONTAINERS, [reading("a", "one")]);
    await store.sealNow();
    await store.append(CONTAINERS, [reading("a", "two")]);
    await store.close();
    const clean = await files();
    // A sealed journal, one that was being made, and a segment that was.
    const leftovers = ["journal-00000001.log", "journal-00000099.log", "segment-00000099.lfs"];
    for (const name of leftovers) await create(`/data/${name}`);
    const report = await verify();
    expect(report.records).toBe(2);
    expect(report.findings.map(({ file, harmless, repaired }) => [file, harmless, repaired])).toEqual(
      leftovers.map((name) => [name, true, undefined]),
    );
    expect((await verify(true)).findings.map(({ repaired }) => repaired)).toEqual(leftovers.map(() => "removed"));
    expect(await files()).toEqual(clean);
    expect((await verify()).findings).toEqual([]);
  });
});

describe("verifying sealed runs", () => {
  /** Two segments, of foreign records alone. Returns the names of their files. */
  async function fill(): Promise<[string, string]> {
    const store = await open();
    await store.apply(foreignBatch(0, ["one", "two"]));
    await store.sealNow();
    await store.apply(foreignBatch(2, ["three"]));
    await store.sealNow();
    await store.close();
    const [first = "", second = "", ...others] = (await files()).filter((name) => name.endsWith(".lfs"));
    expect(others).toEqual([]);
    expect((await verify()).findings).toEqual([]);
    return [first, second];
  }

  const origin = async (): Promise<string> => {
    const store = await open();
    const found = store.origin;
    await store.close();
    return found;
  };

  it("S3: damage is marked with repair, so that peers are asked for what it held", async () => {
    const [first] = await fill();
    await flip(`/data/${first}`, 50);
    const found = { file: first, harmless: false };
    expect((await verify()).findings).toEqual([expect.not.objectContaining({ repaired: expect.anything() })]);
    expect((await verify(true)).findings).toMatchObject([{ ...found, repaired: "marked: peers are asked for it" }]);
    const store = await open();
    expect(store.vector(CONTAINERS)[FOREIGN] ?? 0).toBe(0);
    await store.apply(foreignBatch(0, ["one", "two"]));
    expect(store.vector(CONTAINERS)).toEqual({ [FOREIGN]: 3 });
  });

  it.each(["missing", "unreadable"])(
    "S2, S3: with a manifest that is %s nothing is marked, and nothing said to be",
    async (how) => {
      const [first] = await fill();
      const before = await origin();
      await flip(`/data/${first}`, 50);
      const manifest = disk.bytes("/data/manifest.json");
      if (how === "missing") await disk.remove("/data/manifest.json");
      else disk.replace("/data/manifest.json", manifest.subarray(0, 40));
      await changesNothing(async () => {
        const report = await verify(true);
        expect(report).toMatchObject({ runs: 2, records: 3 });
        expect(report.findings.map(({ file, harmless, repaired }) => [file, harmless, repaired])).toEqual([
          ["manifest.json", false, undefined],
          [first, false, undefined],
        ]);
      });
      // The node writes a new one; what it found wrong with the old one is a reason for a new origin, which must not be lost.
      expect(await origin()).not.toBe(before);
      expect((await verify(true)).findings).toMatchObject([{ repaired: "marked: peers are asked for it" }]);
    },
  );

  it("S2: what is marked in a manifest that was restored does not make it genuine", async () => {
    const [first] = await fill();
    const before = await origin();
    await flip(`/data/${first}`, 50);
    await restore("/data/manifest.json");
    expect((await verify(true)).findings).toMatchObject([{ repaired: "marked: peers are asked for it" }]);
    expect(await origin()).not.toBe(before);
    expect((await open()).vector(CONTAINERS)[FOREIGN] ?? 0).toBe(0);
  });

  it("U2: a segment of a newer program is refused before anything is repaired", async () => {
    const [, second] = await fill();
    await create("/data/segment-00000099.lfs");
    await create("/data/journal-00000001.log");
    const bytes = Buffer.from(disk.bytes(`/data/${second}`));
    bytes.writeUInt32LE(99, bytes.byteLength - 8);
    disk.replace(`/data/${second}`, bytes);
    await changesNothing(() => expect(verify(true)).rejects.toMatchObject({ code: "UNSUPPORTED_FORMAT" }));
  });

  it("a segment's head is looked at, although nothing is read from it, and written again with repair", async () => {
    const [first] = await fill();
    const clean = Buffer.from(disk.bytes(`/data/${first}`));
    await flip(`/data/${first}`, 8);
    expect((await verify()).findings).toMatchObject([{ file: first, at: 0, harmless: true }]);
    expect((await verify(true)).findings).toMatchObject([{ file: first, repaired: "written again" }]);
    expect(Buffer.from(disk.bytes(`/data/${first}`))).toEqual(clean);
    expect((await verify()).findings).toEqual([]);
  });

  it("digests that cannot be read are told, and harmless: they are made again", async () => {
    await fill();
    await create("/data/digests.json", Buffer.from('{"program":"landfall","format":1,"crc":1,"runs":[]}'));
    expect((await verify()).findings).toMatchObject([{ file: "digests.json", harmless: true }]);
  });
});
