import { mkdir, open, readFile, rename, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { LandfallError } from "@landfall/streams/model/errors";

/** A small JSON file for its owner's eyes alone, replaced as a whole: a crash leaves the old or the new one. */
export class KeptFile {
  private turn: Promise<unknown> = Promise.resolve();

  constructor(readonly path: string) {}

  /** What it holds; undefined before the first `write`. @throws LandfallError DISK_FAILED, also when it is no JSON */
  async read(): Promise<unknown> {
    try {
      return JSON.parse(await readFile(this.path, "utf8")) as unknown;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw failed("read", this.path, error);
    }
  }

  /** Durable when it resolves; one write after the other. @throws LandfallError DISK_FULL, DISK_FAILED */
  write(value: unknown): Promise<void> {
    const text = `${JSON.stringify(value, undefined, 1)}\n`;
    const done = this.turn.then(() => replaceFile(this.path, (draft) => draft.writeFile(text)));
    this.turn = done.catch(() => undefined);
    return done;
  }
}

/**
 * Replaces a file, for its owner's eyes alone, by what `fill` writes: a crash leaves the old or the new one. Durable when it resolves.
 * @throws LandfallError DISK_FULL, DISK_FAILED
 */
export async function replaceFile(path: string, fill: (draft: FileHandle) => Promise<void>): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const draft = await open(`${path}.new`, "w", 0o600);
    try {
      // Somebody may have copied the folder without its rights.
      await draft.chmod(0o600);
      await fill(draft);
      await draft.sync();
    } finally {
      await draft.close();
    }
    await rename(`${path}.new`, path);
    await syncFolder(dirname(path));
  } catch (error) {
    throw failed("write", path, error);
  }
}

async function syncFolder(folder: string): Promise<void> {
  // Not every system lets a folder be opened; there, renaming is all there is.
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function failed(what: "read" | "write", path: string, cause: unknown): LandfallError {
  const code = (cause as NodeJS.ErrnoException).code === "ENOSPC" ? "DISK_FULL" : "DISK_FAILED";
  return new LandfallError(code, `cannot ${what} ${path}: ${(cause as Error).message}`, { cause });
}
