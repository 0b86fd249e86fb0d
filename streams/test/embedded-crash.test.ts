import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemEnv } from "../src/env.js";
import { openEmbeddedStore } from "../src/store/embedded-store.js";
import { seededRandom, testSeed } from "../testing/seeded-random.js";
import type { Cursor } from "../src/model/record.js";
import type { StreamStore } from "../src/store/store.js";

const KILLS = 20;
/** The compiled one: plain Node runs it. */
const CHILD = fileURLToPath(new URL("../dist/test/crash-child.js", import.meta.url));
const seed = testSeed(Date.now() % 1_000_000);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "landfall-crash-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

interface Outcome {
  readonly origin: string;
  /** What was acknowledged: `offset value` by `stream seq`. */
  readonly acknowledged: Map<string, string>;
}

/** Runs the child until it has acknowledged so many records, then kills it in the middle of whatever it does. */
function runAndKill(life: number, records: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CHILD, folder, String(life)], { stdio: ["ignore", "pipe", "pipe"] });
    const acknowledged = new Map<string, string>();
    let origin = "";
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    // Readline also hands out a last line that the kill cut short: only those with their semicolon count.
    createInterface({ input: child.stdout }).on("line", (line) => {
      const whole = /^(\S+) (\d+) (\d+) (\d+\/\d+\/\d+\/\d+);$/.exec(line);
      if (whole !== null) acknowledged.set(`${whole[1]} ${whole[2]}`, `${whole[3]} ${whole[4]}`);
      else if (line.startsWith("origin ")) origin = line.slice(7);
      if (acknowledged.size >= records) child.kill("SIGKILL");
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (signal === "SIGKILL") resolve({ origin, acknowledged });
      else reject(new Error(`the child ended by itself (${code ?? signal}): ${errors}`));
    });
  });
}

/** `offset value` by `stream origin seq`, of everything in the store. */
async function readAll(store: StreamStore): Promise<Map<string, string>> {
  const all = new Map<string, string>();
  for (const stream of store.streams()) {
    let cursor: Cursor | undefined;
    const next = new Map<string, number>();
    for (;;) {
      const read = await store.readStream(stream, cursor, 10_000);
      if (read.records.length === 0) break;
      cursor = read.cursor;
      for (const { origin, seq, offset, value } of read.records) {
        expect(seq).toBe(next.get(origin) ?? 0);
        next.set(origin, seq + 1);
        all.set(`${stream} ${origin} ${seq}`, `${offset} ${new TextDecoder().decode(value).split(" ")[0]}`);
      }
    }
  }
  return all;
}

describe("kill -9", () => {
  it(`S1, S2, S3: ${KILLS} times in the middle of writing, nothing acknowledged is lost or changed (seed ${seed})`, async () => {
    if (!existsSync(CHILD)) throw new Error(`${CHILD} is not there: build first (npx tsc -b streams)`);
    const random = seededRandom(seed);
    const acknowledged = new Map<string, string>();
    const origins = new Set<string>();
    for (let life = 0; life < KILLS; life++) {
      const outcome = await runAndKill(life, 1 + Math.floor(random() * 3_000));
      origins.add(outcome.origin);
      for (const [key, content] of outcome.acknowledged) {
        const [stream, seq] = key.split(" ");
        const identity = `${stream} ${outcome.origin} ${seq}`;
        expect(acknowledged.has(identity)).toBe(false);
        acknowledged.set(identity, content);
      }
    }
    const store = await openEmbeddedStore({ folder, site: "tokyo", node: "a", env: systemEnv });
    const stored = await readAll(store);
    for (const [identity, content] of acknowledged)
      expect(`${identity}: ${stored.get(identity)}`).toBe(`${identity}: ${content}`);
    // One value each: an append that was not acknowledged may be there, but nothing is there twice.
    expect(new Set(Array.from(stored.values(), (content) => content.split(" ")[1])).size).toBe(stored.size);
    expect(store.stats().corruptBlocks).toBe(0);
    // The lock of a process that was killed does not stop the next, and the folder stays the same one.
    expect([...origins]).toEqual([store.origin]);
    await store.close();
  }, 300_000);
});
