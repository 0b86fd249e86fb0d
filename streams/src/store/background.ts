import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { ERROR_CODES, LandfallError } from "../model/errors.js";
import { mergeRuns } from "./merge.js";
import { JournalMemory, sealJournal } from "./seal.js";
import type { ErrorCode } from "../model/errors.js";
import type { Disk } from "./disk.js";
import type { MergeJob } from "./merge.js";
import type { NewSegment, SealJob } from "./seal.js";

export type Job = SealJob | MergeJob;

/** Does what takes long, one job after the other. */
export interface Background {
  /** @throws LandfallError DISK_FULL, DISK_FAILED, CORRUPT_BLOCK */
  run(job: Job): Promise<NewSegment[]>;
  close(): Promise<void>;
}

/** What the worker answers. */
export type JobAnswer =
  | { readonly segments: NewSegment[] }
  | { readonly error: { readonly code: string | undefined; readonly message: string } };

export function runJob(disk: Disk, job: Job, memory: JournalMemory): Promise<NewSegment[]> {
  return job.kind === "seal" ? sealJournal(disk, job, memory) : mergeRuns(disk, job);
}

/** One worker for several who have jobs, which do not know of each other. */
export class SharedBackground implements Background {
  /** Jobs that are under way or wait. */
  jobs = 0;
  private turn: Promise<unknown> = Promise.resolve();
  private isClosed = false;

  constructor(private readonly worker: Background) {}

  run(job: Job): Promise<NewSegment[]> {
    const made = this.inTurn(this.turn, job);
    this.turn = made.catch(() => undefined);
    return made;
  }

  /** The job under way is not finished, and none is begun. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.worker.close();
    await this.turn;
  }

  private async inTurn(before: Promise<unknown>, job: Job): Promise<NewSegment[]> {
    this.jobs++;
    try {
      await before;
      if (this.isClosed) throw new LandfallError("CLOSED", "the store was closed");
      return await this.worker.run(job);
    } finally {
      this.jobs--;
    }
  }
}

/** In this thread: for disks that another thread cannot see. */
export function inlineBackground(disk: Disk): Background {
  const memory = new JournalMemory();
  return { run: (job) => runJob(disk, job, memory), close: () => Promise.resolve() };
}

/** In a thread of its own, which is started with the first job. */
export function workerBackground(disk: Disk): Background {
  const url = new URL("./store-worker.js", import.meta.url);
  // Run from its sources, this program has no worker to start.
  if (!existsSync(fileURLToPath(url))) return inlineBackground(disk);
  return new WorkerBackground(url);
}

class WorkerBackground implements Background {
  private worker: Worker | undefined;
  private settle: { resolve(segments: NewSegment[]): void; reject(error: unknown): void } | undefined;

  constructor(private readonly url: URL) {}

  run(job: Job): Promise<NewSegment[]> {
    const worker = (this.worker ??= this.start());
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
      worker.postMessage(job);
    });
  }

  async close(): Promise<void> {
    const { worker } = this;
    this.worker = undefined;
    await worker?.terminate();
  }

  private start(): Worker {
    const worker = new Worker(this.url, { name: "landfall-store" });
    // A node that has nothing else to do may end; what is not sealed then is sealed by the next.
    worker.unref();
    worker.on("message", (answer: JobAnswer) => {
      const { settle } = this;
      this.settle = undefined;
      if ("segments" in answer) settle?.resolve(answer.segments);
      else settle?.reject(asError(answer.error));
    });
    worker.on("error", (cause) => this.fail(new LandfallError("INTERNAL", "the store's worker failed", { cause })));
    worker.on("exit", () => this.fail(new LandfallError("INTERNAL", "the store's worker has ended")));
    return worker;
  }

  private fail(error: LandfallError): void {
    const { settle } = this;
    this.settle = undefined;
    this.worker = undefined;
    settle?.reject(error);
  }
}

function asError({ code, message }: { code: string | undefined; message: string }): LandfallError {
  const known = code !== undefined && code in ERROR_CODES ? (code as ErrorCode) : "INTERNAL";
  return new LandfallError(known, message);
}
