import { join } from "node:path";
import { SPARE_JOURNALS_MAX } from "../limits.js";
import { journalNumber, spareName, spareNumber } from "./journal-format.js";
import type { Disk } from "./disk.js";

/** A file is filled in steps of so many bytes, each on disk before the next: with more at once, commits wait behind it. */
const ZEROS_BYTES = 1024 * 1024;

/**
 * Files of journals that are sealed, kept for the next ones. To overwrite what lies on the disk already, it needs neither
 * find room for it nor write down where: a commit costs half as much, and never waits for what others write.
 */
export class JournalSpares {
  constructor(
    private readonly disk: Disk,
    private readonly folder: string,
    /** Bytes of each file, by name. */
    private readonly files: Map<string, number>,
  ) {}

  get bytes(): number {
    let bytes = 0;
    for (const size of this.files.values()) bytes += size;
    return bytes;
  }

  /** The name of one, which is the caller's from now on; undefined when there is none. */
  take(): string | undefined {
    const [name] = this.files.keys();
    if (name !== undefined) this.files.delete(name);
    return name;
  }

  /** Makes one of so many bytes when there is none: a node that has filled part of a journal will fill more. */
  async make(bytes: number): Promise<void> {
    if (this.files.size > 0) return;
    // No journal has this number, whose file would be kept under this name.
    const name = spareName(0);
    const path = join(this.folder, name);
    await this.disk.remove(path);
    const file = await this.disk.open(path, "create", true);
    const zeros = new Uint8Array(Math.min(ZEROS_BYTES, bytes));
    try {
      for (let at = 0; at < bytes; at += ZEROS_BYTES) await file.write(zeros.subarray(0, bytes - at), at);
      await file.sync();
    } catch (error) {
      await this.disk.remove(path);
      throw error;
    } finally {
      await file.close();
    }
    this.files.set(name, bytes);
  }

  /** Keeps the file of a journal that nobody reads any more, or removes it when there are enough. */
  async keep(journal: string): Promise<void> {
    const path = join(this.folder, journal);
    if (this.files.size >= SPARE_JOURNALS_MAX) return this.disk.remove(path);
    const name = spareName(journalNumber(journal) as number);
    const file = await this.disk.open(path, "read");
    const size = await file.size();
    await file.close();
    await this.disk.rename(path, join(this.folder, name));
    this.files.set(name, size);
  }

  /** The disk is full: what is kept for speed goes first. What cannot be removed now is found again at the next opening. */
  async drop(): Promise<void> {
    for (let name = this.take(); name !== undefined; name = this.take()) {
      await this.disk.remove(join(this.folder, name)).catch(() => undefined);
    }
  }
}

/** Those in the folder, as many as are kept; the others are removed. */
export async function findSpares(disk: Disk, folder: string): Promise<JournalSpares> {
  const names = (await disk.list(folder)).filter((name) => spareNumber(name) !== undefined);
  const files = new Map<string, number>();
  for (const name of names.sort()) {
    const path = join(folder, name);
    if (files.size >= SPARE_JOURNALS_MAX) {
      await disk.remove(path);
      continue;
    }
    const file = await disk.open(path, "read");
    files.set(name, await file.size());
    await file.close();
  }
  return new JournalSpares(disk, folder, files);
}
