import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEmbeddedStore } from "../src/store/embedded-store.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { describeStoreContract } from "../testing/store-contract.js";

describeStoreContract("The embedded store", async (options) => {
  const folder = await mkdtemp(join(tmpdir(), "landfall-store-"));
  return {
    // Files of a few blocks, so that every test crosses from one to the next.
    open: () => openEmbeddedStore({ ...options, folder, journalFileBytes: 128 * 1024 }),
    dispose: () => rm(folder, { recursive: true }),
  };
});

describeStoreContract("The embedded store on a disk in memory, without a cache", async (options) => {
  const disk = new MemoryDisk();
  return {
    open: () => openEmbeddedStore({ ...options, folder: "/data", disk, cacheBytes: 0 }),
    dispose: async () => {},
  };
});
