import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { decodeBlock, encodeBlock } from "../src/store/block.js";
import { openEmbeddedStore } from "../src/store/embedded-store.js";
import { ManualEnv } from "../testing/manual-env.js";
import { CONTAINERS, SHIPS, START_MS, foreignBatch, reading } from "../testing/store-fixture.js";
import type { StoredRecord } from "../src/model/record.js";
import type { StreamStore } from "../src/store/store.js";

/**
 * A data folder and a block as version 1 writes them: every later version must read them. To add the folder of
 * a new version, write it once with LANDFALL_WRITE_FIXTURES=1; those that are there are never written again.
 */
const FIXTURES = fileURLToPath(new URL("fixtures/v1/", import.meta.url));

function open(folder: string): Promise<StreamStore> {
  const env = new ManualEnv(START_MS);
  return openEmbeddedStore({ folder, site: "tokyo", node: "a", slot: 3, env, journalFileBytes: 1_000 });
}

async function fill(store: StreamStore): Promise<void> {
  await store.append(CONTAINERS, [
    reading("CSQU3054383", '{"temperatureC":-18.2}', { headers: { kind: "telemetry", booking: "1767225600001024" } }),
    reading("MSKU9070323", "", { value: Uint8Array.from({ length: 256 }, (_, i) => i) }),
  ]);
  await store.apply(foreignBatch(0, ["one", "two", "three"]));
  await store.append(SHIPS, [reading("9321483.position", '{"speedKn":14}', { headers: { ä: "🦆" } })]);
  await store.append(CONTAINERS, [reading("CSQU3054383", "x".repeat(700))]);
}

const shown = (record: StoredRecord): object => ({ ...record, value: Buffer.from(record.value).toString("base64") });

async function contents(store: StreamStore): Promise<object[]> {
  const reads = await Promise.all(store.streams().map((stream) => store.readStream(stream, undefined, 100)));
  return reads.flatMap(({ records }) => records.map(shown));
}

describe("format version 1", () => {
  it.runIf(process.env["LANDFALL_WRITE_FIXTURES"] === "1")("is written", async () => {
    await mkdir(FIXTURES);
    const store = await open(join(FIXTURES, "folder"));
    await fill(store);
    await writeFile(join(FIXTURES, "contents.json"), `${JSON.stringify(await contents(store), undefined, 2)}\n`);
    await writeFile(join(FIXTURES, "block.bin"), encodeBlock(foreignBatch(7, ["one", "two", "three"])));
    await store.close();
  });

  it("is read: a data folder, record for record", async () => {
    const folder = await mkdtemp(join(tmpdir(), "landfall-v1-"));
    try {
      await cp(join(FIXTURES, "folder"), folder, { recursive: true });
      const store = await open(folder);
      expect(await contents(store)).toEqual(JSON.parse(await readFile(join(FIXTURES, "contents.json"), "utf8")));
      expect(store.stats().corruptBlocks).toBe(0);
      // And written on: what another origin wrote is there already, and skipped.
      await fill(store);
      expect(store.stats()).toMatchObject({ recordsAppended: 4, recordsApplied: 0 });
      await store.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("is read: a block; and the same batch still gives the same bytes", async () => {
    const bytes = Uint8Array.from(await readFile(join(FIXTURES, "block.bin")));
    const batch = foreignBatch(7, ["one", "two", "three"]);
    expect(decodeBlock(bytes)).toEqual(batch);
    expect(encodeBlock(batch)).toEqual(bytes);
  });
});
