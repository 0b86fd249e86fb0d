import { readlinkSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { isLandfallError } from "../model/errors.js";
import { runJob } from "./background.js";
import { nodeDisk } from "./node-disk.js";
import { JournalMemory } from "./seal.js";
import type { Job, JobAnswer } from "./background.js";

/** Whoever appends or reads goes first, on a machine with few processors. */
const NICENESS = 10;
const NICENESS_MAX = 19;

const memory = new JournalMemory();

/** The store's worker thread: seals, merges and digests, see background.ts. */
yieldToOthers();
parentPort?.on("message", (job: Job) => void answer(job));

async function answer(job: Job): Promise<void> {
  let reply: JobAnswer;
  try {
    reply = await runJob(nodeDisk, job, memory);
  } catch (error) {
    const code = isLandfallError(error) ? error.code : undefined;
    reply = { error: { code, message: error instanceof Error ? error.message : String(error) } };
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's port has no origin
  parentPort?.postMessage(reply);
}

/** Linux gives each thread a priority of its own; elsewhere nothing is done, and nothing depends on it. */
function yieldToOthers(): void {
  try {
    const thread = Number(readlinkSync("/proc/thread-self").split("/").at(-1));
    if (thread > 0) setPriority(thread, Math.min(getPriority(thread) + NICENESS, NICENESS_MAX));
  } catch {
    // Not Linux, or not allowed.
  }
}
