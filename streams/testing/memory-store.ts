import { openEmbeddedStore } from "../src/store/embedded-store.js";
import type { EmbeddedStore, EmbeddedStoreOptions } from "../src/store/embedded-store.js";
import type { ManualEnv } from "./manual-env.js";
import type { MemoryDisk } from "./memory-disk.js";

/** Tokyo's store in memory, as after a start of the machine with this disk. */
export function openMemoryStore(
  disk: MemoryDisk,
  env: ManualEnv,
  over: Partial<EmbeddedStoreOptions> = {},
): Promise<EmbeddedStore> {
  return openEmbeddedStore({ folder: "/data", site: "tokyo", node: "a", slot: 1, env, disk: disk.boot(), ...over });
}
