import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import * as fs from "node:fs/promises";
import { constants, readFileSync } from "node:fs";
import { join } from "node:path";
import { LandfallError } from "../model/errors.js";
import { systemCode } from "./system-code.js";
import type { FolderLock } from "./disk.js";

interface Holder {
  readonly pid: number;
  /** When that process started, as the system says it; a pid alone may belong to another process by now. */
  readonly started: string;
}

const ATTEMPTS = 20;
/** What file systems without hard links answer (FAT, some network shares). */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/**
 * Takes the lock file of the folder. That of a process which is gone is taken over.
 * @throws LandfallError FOLDER_IN_USE naming the process
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = join(folder, "lock");
  const token = randomUUID();
  const own = JSON.stringify({ pid: process.pid, started: startOf(process.pid) ?? "", token } satisfies Holder & {
    token: string;
  });
  // Content and name appear together: nobody ever sees an empty lock.
  const draft = `${path}.${token}`;
  await fs.writeFile(draft, own);
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await tryLink(draft, path)) return { release: () => release(path, own) };
      const text = await read(path);
      if (text === undefined) continue;
      const holder = parse(text);
      if (holder !== undefined && isAlive(holder)) {
        throw new LandfallError(
          "FOLDER_IN_USE",
          `the data folder ${folder} is in use by process ${holder.pid}; stop that one, or use another folder`,
        );
      }
      await removeStale(path, draft, text);
    }
  } finally {
    await fs.rm(draft, { force: true });
  }
  throw new LandfallError("FOLDER_IN_USE", `other processes are opening the data folder ${folder} at this moment`);
}

/**
 * Removes the lock if it still has this content. Only who holds the guard may: otherwise two that saw the same stale
 * lock would remove it one after the other, the second one the first one's new lock.
 */
async function removeStale(path: string, draft: string, stale: string): Promise<void> {
  const guard = `${path}.guard`;
  if (!(await tryLink(draft, guard))) {
    const text = await read(guard);
    const holder = text === undefined ? undefined : parse(text);
    // Held for an instant only, unless its holder was killed within that instant.
    if (text !== undefined && (holder === undefined || !isAlive(holder))) await fs.rm(guard, { force: true });
    return;
  }
  try {
    if ((await read(path)) === stale) await fs.rm(path, { force: true });
  } finally {
    await fs.rm(guard, { force: true });
  }
}

async function tryLink(draft: string, path: string): Promise<boolean> {
  try {
    await fs.link(draft, path);
    return true;
  } catch (error) {
    const code = systemCode(error) ?? "";
    if (code === "EEXIST") return false;
    if (!NO_LINKS.has(code)) throw error;
  }
  try {
    // Not at once: for an instant the file is empty, and who looks just then takes it for a stale one.
    await fs.copyFile(draft, path, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  }
}

async function release(path: string, own: string): Promise<void> {
  if ((await read(path)) === own) await fs.rm(path, { force: true });
}

/** Undefined when there is none (any more). */
async function read(path: string): Promise<string | undefined> {
  try {
    return await fs.readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function parse(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("pid" in value) || !("started" in value)) return undefined;
    const { pid, started } = value;
    return typeof pid === "number" && Number.isSafeInteger(pid) && pid > 0 && typeof started === "string"
      ? { pid, started }
      : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: it is there, but not ours.
    if (systemCode(error) !== "EPERM") return false;
  }
  const started = startOf(holder.pid);
  return started === undefined || holder.started === "" || started === holder.started;
}

/** When the process started, as text to compare; undefined when the system does not tell. */
function startOf(pid: number): string | undefined {
  try {
    if (process.platform === "linux") {
      const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      // The second field, the program's name, may hold spaces and parentheses; starttime is the 22nd.
      return `${boot} ${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
    }
    if (process.platform === "win32") return undefined;
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}
