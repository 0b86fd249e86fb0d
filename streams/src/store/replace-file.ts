import { dirname } from "node:path";
import { writeError } from "./disk-errors.js";
import type { Disk } from "./disk.js";

/**
 * Replaces a small file as a whole: a crash leaves the old or the new one. Durable when it returns.
 * @param contentOf its content, given the fingerprint that the file will have; renaming keeps it
 * @throws LandfallError DISK_FULL, DISK_FAILED
 */
export async function replaceFile(disk: Disk, path: string, contentOf: (fingerprint: string) => string): Promise<void> {
  const draft = `${path}.new`;
  try {
    await disk.remove(draft);
    const file = await disk.open(draft, "create");
    try {
      await file.write(Buffer.from(contentOf(await file.fingerprint())), 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.rename(draft, path);
    await disk.syncFolder(dirname(path));
  } catch (error) {
    throw writeError(error, path);
  }
}
