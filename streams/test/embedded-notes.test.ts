import { expect, it } from "vitest";
import { streamName, topicName } from "../src/model/names.js";
import { openEmbeddedStore, type EmbeddedStoreOptions } from "../src/store/embedded-store.js";
import { ManualEnv } from "../testing/manual-env.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { CONTAINERS, FOREIGN, START_MS, foreignBatch, reading } from "../testing/store-fixture.js";

const NOTES = streamName("local.notes");

function open(disk: MemoryDisk, over: Partial<EmbeddedStoreOptions> = {}) {
  const env = new ManualEnv(START_MS);
  return openEmbeddedStore({
    folder: "/data",
    site: "tokyo",
    node: "a",
    env,
    disk: disk.boot(),
    followsLog: true,
    ...over,
  });
}

it("R4: a note is never there without what it is about, whether that is refused, or the disk is full", async () => {
  const disk = new MemoryDisk();
  const busy = await open(disk, { pendingBytesMax: 2_000 });
  // Something waits for the disk already: what is large is refused, and what is small would not be.
  const waiting = busy.append(CONTAINERS, [reading("a", "waits")]);
  const large = foreignBatch(0, ["x".repeat(2_000)]);
  await expect(busy.applyWithNote([large], NOTES, reading("position", "1"))).rejects.toMatchObject({
    code: "OVERLOADED",
  });
  await waiting;
  expect(busy.streams()).toEqual([CONTAINERS]);
  await busy.close();
  const store = await open(disk);
  const used = (await disk.list("/data")).reduce((sum, name) => sum + disk.bytes(`/data/${name}`).length, 0);
  disk.faults.capacity = used + 400;
  await expect(store.applyWithNote([large], NOTES, reading("position", "1"))).rejects.toMatchObject({
    code: "DISK_FULL",
  });
  expect(store.streams()).toEqual([CONTAINERS]);
  disk.faults.capacity = Number.POSITIVE_INFINITY;
  await store.applyWithNote([large], NOTES, reading("position", "1"));
  await store.close();
  const again = await open(disk);
  expect(again.vector(CONTAINERS)[FOREIGN]).toBe(1);
  const [note] = await again.readTopic(NOTES, topicName("position"), { limit: 1 });
  expect(Buffer.from(note?.value ?? []).toString()).toBe("1");
  await again.close();
});

it("R4: a batch that cannot be taken leaves no note, and those before it come again and are skipped", async () => {
  const disk = new MemoryDisk();
  const store = await open(disk);
  const [good, gap] = [foreignBatch(0, ["a"]), foreignBatch(5, ["f"])];
  await expect(store.applyWithNote([good, gap], NOTES, reading("position", "2"))).rejects.toMatchObject({
    code: "SEQ_GAP",
  });
  expect(store.vector(NOTES)).toEqual({});
  await store.applyWithNote([good, foreignBatch(1, ["b"])], NOTES, reading("position", "2"));
  expect(store.vector(CONTAINERS)).toEqual({ [FOREIGN]: 2 });
  expect(store.stats().recordsApplied).toBe(2);
  await store.close();
});
