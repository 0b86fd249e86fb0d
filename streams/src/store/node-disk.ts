import { closeSync, constants, openSync, readSync } from "node:fs";
import * as fs from "node:fs/promises";
import { lockFolder } from "./folder-lock.js";
import { systemCode } from "./system-code.js";
import type { FileHandle } from "node:fs/promises";
import type { Disk, DiskFile } from "./disk.js";

const FLAGS = { create: "wx+", read: "r", write: "r+" } as const;
/**
 * The same for files whose writes are durable at once: a write and its `fdatasync` are then one call, and one way through
 * the thread pool. Elsewhere the flag promises less than `fdatasync` (macOS does not empty the disk's own cache) or is not there.
 */
const { O_CREAT, O_DSYNC, O_EXCL, O_RDWR } = constants;
const THROUGH_FLAGS = { create: O_CREAT | O_EXCL | O_RDWR | O_DSYNC, read: "r", write: O_RDWR | O_DSYNC } as const;
const CAN_WRITE_THROUGH = process.platform === "linux";

/** The real disk. */
export const nodeDisk: Disk = {
  async createFolder(path) {
    await fs.mkdir(path, { recursive: true });
  },
  async list(folder) {
    return (await unlessMissing(fs.readdir(folder))) ?? [];
  },
  async readFile(path) {
    return unlessMissing(fs.readFile(path));
  },
  readSync(path, into, position) {
    const file = openSync(path, "r");
    try {
      let done = 0;
      for (;;) {
        const read = readSync(file, into, done, into.byteLength - done, position + done);
        done += read;
        if (read === 0 || done === into.byteLength) return done;
      }
    } finally {
      closeSync(file);
    }
  },
  async open(path, mode, through = false) {
    const isThrough = through && CAN_WRITE_THROUGH;
    return nodeFile(await fs.open(path, isThrough ? THROUGH_FLAGS[mode] : FLAGS[mode]), isThrough);
  },
  lock: lockFolder,
  rename: fs.rename,
  async remove(path) {
    await fs.unlink(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  },
  async usedPercent(folder) {
    const { blocks, bavail, bfree } = await fs.statfs(folder);
    // Of what we may use: some is kept for the system's own needs.
    const used = blocks - bfree;
    return (100 * used) / Math.max(1, used + bavail);
  },
  async syncFolder(path) {
    // Windows cannot open folders, and makes names durable by itself.
    if (process.platform === "win32") return;
    const folder = await fs.open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
};

function nodeFile(handle: FileHandle, isThrough: boolean): DiskFile {
  return {
    isThrough,
    async size() {
      return (await handle.stat()).size;
    },
    async fingerprint() {
      // A copy has another inode; a restored file that got the old one's inode was born at another time.
      const { ino, birthtimeNs } = await handle.stat({ bigint: true });
      return `${ino}:${birthtimeNs}`;
    },
    async read(into, position) {
      let done = 0;
      while (done < into.byteLength) {
        const { bytesRead } = await handle.read(into, done, into.byteLength - done, position + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return done;
    },
    async write(bytes, position) {
      let done = 0;
      while (done < bytes.byteLength) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, position + done);
        done += bytesWritten;
      }
    },
    sync: () => handle.datasync(),
    truncate: (size) => handle.truncate(size),
    close: () => handle.close(),
  };
}

async function unlessMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
