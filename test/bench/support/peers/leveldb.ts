import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { bytesOf } from "./peer.js";
import type { PeerKind } from "./peer.js";

const OFFSET_BYTES = 8;
const WRITE_BUFFER_BYTES = 32 * 1024 * 1024;
const CACHE_BYTES = 32 * 1024 * 1024;

/** Key: topic, a zero byte, offset: a topic's records are neighbours, in order, and a batch of any topics is one write. */
export const LEVELDB: PeerKind = {
  scenario: "peer-leveldb",
  find: () => {
    try {
      const path = createRequire(import.meta.url).resolve("classic-level/package.json");
      const { version } = JSON.parse(readFileSync(path, "utf8")) as { version: string };
      return { name: `LevelDB (classic-level ${version}), sync: true` };
    } catch {
      return { missing: "the package classic-level is not installed" };
    }
  },
  open: async (folder) => {
    const { ClassicLevel } = await import("classic-level");
    const db = new ClassicLevel<Uint8Array, Uint8Array>(folder, { keyEncoding: "view", valueEncoding: "view" });
    await db.open({ writeBufferSize: WRITE_BUFFER_BYTES, cacheSize: CACHE_BYTES });
    return {
      append: (records) =>
        db.batch(
          records.map(({ topic, offset, value }) => ({ type: "put", key: keyOf(topic, offset), value })),
          { sync: true },
        ),
      settle: () => db.compactRange(Buffer.of(0), Buffer.of(0xff)),
      history: async (topic) => {
        const values = db.values({ gte: keyOf(topic, 0), lte: keyOf(topic, Number.MAX_SAFE_INTEGER) });
        return (await values.all()).length;
      },
      bytesOnDisk: () => bytesOf(folder),
      close: () => db.close(),
    };
  },
};

function keyOf(topic: string, offset: number): Uint8Array {
  const key = Buffer.allocUnsafe(topic.length + 1 + OFFSET_BYTES);
  key.write(topic, "latin1");
  key[topic.length] = 0;
  key.writeUInt32BE(Math.floor(offset / 2 ** 32), topic.length + 1);
  key.writeUInt32BE(offset % 2 ** 32, topic.length + 5);
  return key;
}
