import { join } from "node:path";
import { JOURNAL_FILES_OPEN_MAX } from "../limits.js";
import { readError } from "./disk-errors.js";
import { journalName } from "./journal-format.js";
import type { Disk, DiskFile } from "./disk.js";

interface Entry {
  readonly file: Promise<DiskFile>;
  users: number;
}

/** Journal files open for reading: opened when needed, the longest unused closed when there are many. */
export class FilePool {
  private readonly entries = new Map<number, Entry>();

  constructor(
    private readonly disk: Disk,
    private readonly folder: string,
  ) {}

  /** @throws LandfallError DISK_FAILED */
  async read(number: number, into: Uint8Array, position: number): Promise<number> {
    const path = join(this.folder, journalName(number));
    const entry = this.entries.get(number) ?? this.open(number, path);
    // Last used, last in the map.
    this.entries.delete(number);
    this.entries.set(number, entry);
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

  async close(): Promise<void> {
    const open = [...this.entries.values()];
    this.entries.clear();
    for (const { file } of open) await closeQuietly(file);
  }

  private open(number: number, path: string): Entry {
    const entry = { file: this.disk.open(path, "read"), users: 0 };
    // The next reader tries again.
    entry.file.catch(() => {
      if (this.entries.get(number) === entry) this.entries.delete(number);
    });
    return entry;
  }

  private async trim(): Promise<void> {
    for (const [number, entry] of this.entries) {
      if (this.entries.size <= JOURNAL_FILES_OPEN_MAX) return;
      if (entry.users > 0) continue;
      this.entries.delete(number);
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
