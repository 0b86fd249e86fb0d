import { parentPort } from "node:worker_threads";
import { isLandfallError } from "../model/errors.js";
import { runJob } from "./background.js";
import { nodeDisk } from "./node-disk.js";
import type { Job, JobAnswer } from "./background.js";

/** The store's worker thread: seals, merges and digests, see background.ts. */
parentPort?.on("message", (job: Job) => void answer(job));

async function answer(job: Job): Promise<void> {
  let reply: JobAnswer;
  try {
    reply = await runJob(nodeDisk, job);
  } catch (error) {
    const code = isLandfallError(error) ? error.code : undefined;
    reply = { error: { code, message: error instanceof Error ? error.message : String(error) } };
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's port has no origin
  parentPort?.postMessage(reply);
}
