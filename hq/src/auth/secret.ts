import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { LandfallError } from "@landfall/streams/model/errors";

const SECRET_BYTES = 32;

/**
 * The secret that signs sessions, made once and kept in the data folder for its owner alone, so that a restart leaves
 * people signed in. Deleting the file signs everybody out.
 * @throws LandfallError DISK_FAILED
 */
export async function sessionSecret(folder: string): Promise<Buffer> {
  const file = join(folder, "session.key");
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const known = await readIfThere(file);
    if (known?.length === SECRET_BYTES) {
      // Somebody may have copied the folder without its rights.
      await chmod(file, 0o600);
      return known;
    }
    // None yet, or a crash cut it short before anything was signed with it.
    const secret = randomBytes(SECRET_BYTES);
    const handle = await open(file, "w", 0o600);
    try {
      await handle.chmod(0o600);
      await handle.writeFile(secret);
      await handle.sync();
    } finally {
      await handle.close();
    }
    return secret;
  } catch (error) {
    throw new LandfallError("DISK_FAILED", `cannot keep the sessions' secret in ${file}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

export async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
