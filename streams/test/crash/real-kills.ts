import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { systemEnv } from "../../src/env.js";
import { originId, streamName } from "../../src/model/names.js";
import { openEmbeddedStore } from "../../src/store/embedded-store.js";
import { verifyFolder } from "../../src/store/verify-folder.js";
import { nodeDisk } from "../../src/store/node-disk.js";
import { seededRandom } from "../../testing/seeded-random.js";
import { Oracle } from "./oracle.js";
import type { Appended } from "../../src/store/store.js";
import type { RecordId } from "./crash-record.js";

/** The compiled one: plain Node runs it. */
const CHILD = fileURLToPath(new URL("../../dist/test/crash/crash-child.js", import.meta.url));
/** A life ends after at most so many acknowledged records. */
const RECORDS_MAX = 1_000;

/** Kills so many processes, one after the other, on one folder on disk. Returns how many died by SIGKILL. */
export async function killProcesses(kills: number, seed: number): Promise<number> {
  if (!existsSync(CHILD)) throw new Error(`${CHILD} is not there: build first (npx tsc -b streams)`);
  const folder = await mkdtemp(join(tmpdir(), "landfall-crash-"));
  try {
    const random = seededRandom(seed);
    const oracle = new Oracle();
    const origins = new Set<string>();
    for (let life = 0; life < kills; life++) {
      origins.add(await runAndKill(folder, life, 1 + Math.floor(random() * RECORDS_MAX), oracle));
    }
    const store = await openEmbeddedStore({ folder, site: "tokyo", node: "a", env: systemEnv });
    await oracle.check(store);
    expect(store.stats().corruptBlocks).toBe(0);
    // The lock of a process that was killed does not stop the next, and the folder stays the same one; but a kill that splits a
    // write over an earlier journal leaves what cannot be told from rot, which is put aside, and then the node takes a new origin.
    const aside = (await readdir(folder)).filter((name) => name.includes(".cut-"));
    origins.add(store.origin);
    expect(origins.size, [...origins, ...aside].join(", ")).toBeLessThanOrEqual(1 + aside.length);
    await store.sealNow();
    await oracle.check(store);
    await store.close();
    expect((await verifyFolder(nodeDisk, folder, false)).findings).toEqual([]);
    return kills;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Runs the child until it has acknowledged so many records, then kills it in the middle of whatever it does. */
function runAndKill(folder: string, life: number, records: number, oracle: Oracle): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CHILD, folder, String(life)], { stdio: ["ignore", "pipe", "pipe"] });
    let acknowledged = 0;
    let origin = "";
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    // Readline also hands out a last line that the kill cut short: only those with their semicolon count.
    createInterface({ input: child.stdout }).on("line", (line) => {
      const whole = /^(\S+) (\S+) (\d+) (\d+) (\d+) (\S+);$/.exec(line);
      if (whole !== null) {
        const [, stream = "", from = "", seq, offset, received, id] = whole;
        const place = { seq: Number(seq), offset: Number(offset), received: Number(received) } as Appended;
        oracle.noteAcknowledged(streamName(stream), originId(from), place, id as RecordId);
        acknowledged++;
      } else if (line.startsWith("origin ")) origin = line.slice(7);
      if (acknowledged >= records) child.kill("SIGKILL");
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (signal === "SIGKILL") resolve(origin);
      else reject(new Error(`the child ended by itself (${code ?? signal}): ${errors}`));
    });
  });
}
