import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { BrokersError } from "./errors.js";

/** A download of 50 MB over a slow line. */
const DOWNLOAD_MS_MAX = 10 * 60_000;
const LOOK_MS = 200;
/** What a repository refuses once for being busy, it often gives the next time. */
const TRIES = 3;
const PAUSE_MS = 5_000;
const POMS = { broker: "pom.xml", mirror: "mirror-pom.xml" } as const;

/** What to fetch: each has a pom of its own. */
export type JarSet = keyof typeof POMS;

/** The folder of a version's jars, whether they are there or not: outside of the checkout, shared by all of them. */
export function jarFolder(set: JarSet, version: string): string {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return join(cache, "landfall", `kafka-${set}-${version}`);
}

export function hasJars(set: JarSet, version: string): boolean {
  return existsSync(jarFolder(set, version));
}

/**
 * Has Maven fetch the jars of a version, once: they stay in the user's cache. Two processes that want them at once wait for
 * one download.
 * @returns the folder
 * @throws BrokersError UNAVAILABLE with what Maven said
 */
export async function fetchJars(set: JarSet, version: string): Promise<string> {
  const folder = jarFolder(set, version);
  // One for all versions: Maven's own cache is not made for two that fill it at once.
  const lock = join(folder, "..", "download.lock");
  mkdirSync(join(folder, ".."), { recursive: true });
  while (!existsSync(folder)) {
    if (!takeLock(lock)) {
      await sleep(LOOK_MS);
      continue;
    }
    try {
      await downloadAtLast(set, version, folder);
    } finally {
      rmSync(lock, { force: true });
    }
  }
  return folder;
}

async function downloadAtLast(set: JarSet, version: string, folder: string): Promise<void> {
  for (let tries = 1; !existsSync(folder); tries++) {
    try {
      await download(set, version, folder);
    } catch (error) {
      if (tries === TRIES) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

async function download(set: JarSet, version: string, folder: string): Promise<void> {
  const next = `${folder}.${process.pid}`;
  const pom = fileURLToPath(new URL(`../../${POMS[set]}`, import.meta.url));
  const args = ["-B", "-q", "-f", pom, "dependency:copy-dependencies"];
  const mvn = process.platform === "win32" ? "mvn.cmd" : "mvn";
  rmSync(next, { recursive: true, force: true });
  try {
    await promisify(execFile)(mvn, [...args, `-Dkafka.version=${version}`, `-DoutputDirectory=${next}`], {
      timeout: DOWNLOAD_MS_MAX,
    });
    // A folder of this name is whole. Somebody else's is as good.
    if (!existsSync(folder)) renameSync(next, folder);
    rmSync(next, { recursive: true, force: true });
  } catch (error) {
    rmSync(next, { recursive: true, force: true });
    const { stdout = "", message } = error as { stdout?: string; message: string };
    throw new BrokersError("UNAVAILABLE", `Maven could not fetch Kafka ${version}: ${stdout.trim() || message}`, {
      cause: error,
    });
  }
}

/** The file holds the process that downloads; one that is dead holds it no longer. */
function takeLock(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch {
    if (!isAlive(holder(lock))) rmSync(lock, { force: true });
    return false;
  }
}

function holder(lock: string): number | undefined {
  try {
    const text = readFileSync(lock, "utf8");
    // Somebody has made it, and is about to say who.
    return text === "" ? process.pid : Number(text);
  } catch {
    return undefined;
  }
}

function isAlive(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
