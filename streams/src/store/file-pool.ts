import { join } from "node:path";
import { JOURNAL_FILES_OPEN_MAX } from "../limits.js";
import { readError } from "./disk-errors.js";
import type { Disk, DiskFile } from "./disk.js";

interface Entry {
  readonly file: Promise<DiskFile>;
  users: number;
}

/** Files open for reading: opened when needed, the longest unused closed when there are many. */
export class FilePool {
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly disk: Disk,
    private readonly folder: string,
  ) {}

  /** @throws LandfallError DISK_FAILED */
  async read(name: string, into: Uint8Array, position: number): Promise<number> {
    const path = join(this.folder, name);
    const entry = this.entries.get(name) ?? this.open(name, path);
    // Last used, last in the map.
    this.entries.delete(name);
    this.entries.set(name, entry);
    entry.users++;
    try {
      return await (await entry.file).read(into, position);
    } catch (error) {
      throw readError(error, path);
    } finally {
      entry.users--;
      await this.trim();
    }
  }

  /** At once, for what cannot wait; opens the file each time. @throws LandfallError DISK_FAILED */
  readSync(name: string, into: Uint8Array, position: number): number {
    const path = join(this.folder, name);
    try {
      return this.disk.readSync(path, into, position);
    } catch (error) {
      throw readError(error, path);
    }
  }

  /** The file is about to be removed. */
  async forget(name: string): Promise<void> {
    const entry = this.entries.get(name);
    this.entries.delete(name);
    if (entry !== undefined) await closeQuietly(entry.file);
  }

  async close(): Promise<void> {
    const open = [...this.entries.values()];
    this.entries.clear();
    for (const { file } of open) await closeQuietly(file);
  }

  private open(name: string, path: string): Entry {
    const entry = { file: this.disk.open(path, "read"), users: 0 };
    // The next reader tries again.
    entry.file.catch(() => {
      if (this.entries.get(name) === entry) this.entries.delete(name);
    });
    return entry;
  }

  private async trim(): Promise<void> {
    for (const [name, entry] of this.entries) {
      if (this.entries.size <= JOURNAL_FILES_OPEN_MAX) return;
      if (entry.users > 0) continue;
      this.entries.delete(name);
      await closeQuietly(entry.file);
    }
  }
}

/** A file that was only read has nothing to lose in closing. */
async function closeQuietly(file: Promise<DiskFile>): Promise<void> {
  try {
    await (await file).close();
  } catch {
    // Not opened at all, which the reader was told.
  }
}
