import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { ERROR_CODES, LandfallError } from "../model/errors.js";
import { digestRun } from "./digest-job.js";
import { mergeRuns } from "./merge.js";
import { JournalMemory, sealJournal } from "./seal.js";
import type { ErrorCode } from "../model/errors.js";
import type { DigestJob, RunDigest } from "./digest-job.js";
import type { Disk } from "./disk.js";
import type { MergeJob } from "./merge.js";
import type { NewSegment, SealJob } from "./seal.js";

export type SegmentJob = SealJob | MergeJob;
export type Job = SegmentJob | DigestJob;

/** Does what takes long, one job after the other. */
export interface Background {
  /** @throws LandfallError DISK_FULL, DISK_FAILED, CORRUPT_BLOCK */
  run(job: SegmentJob): Promise<NewSegment[]>;
  /** @throws LandfallError CORRUPT_BLOCK, DISK_FAILED */
  digest(job: DigestJob): Promise<RunDigest>;
  close(): Promise<void>;
}

export type JobResult = { readonly segments: NewSegment[] } | { readonly digest: RunDigest };

/** What the worker answers. */
export type JobAnswer = JobResult | { readonly error: { readonly code: string | undefined; readonly message: string } };

export async function runJob(disk: Disk, job: Job, memory: JournalMemory): Promise<JobResult> {
  if (job.kind === "digest") return { digest: await digestRun(disk, job) };
  return { segments: await runSegmentJob(disk, job, memory) };
}

function runSegmentJob(disk: Disk, job: SegmentJob, memory: JournalMemory): Promise<NewSegment[]> {
  return job.kind === "seal" ? sealJournal(disk, job, memory) : mergeRuns(disk, job);
}

/** One worker for several who have jobs, which do not know of each other. */
export class SharedBackground implements Background {
  /** Jobs that are under way or wait. */
  jobs = 0;
  private turn: Promise<unknown> = Promise.resolve();
  private isClosed = false;

  constructor(private readonly worker: Background) {}

  run(job: SegmentJob): Promise<NewSegment[]> {
    return this.inTurn(() => this.worker.run(job));
  }

  digest(job: DigestJob): Promise<RunDigest> {
    return this.inTurn(() => this.worker.digest(job));
  }

  /** The job under way is not finished, and none is begun. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.worker.close();
    await this.turn;
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.after(this.turn, work);
    this.turn = done.catch(() => undefined);
    return done;
  }

  private async after<T>(before: Promise<unknown>, work: () => Promise<T>): Promise<T> {
    this.jobs++;
    try {
      await before;
      if (this.isClosed) throw new LandfallError("CLOSED", "the store was closed");
      return await work();
    } finally {
      this.jobs--;
    }
  }
}

/** In this thread: for disks that another thread cannot see. */
export function inlineBackground(disk: Disk): Background {
  const memory = new JournalMemory();
  return {
    run: (job) => runSegmentJob(disk, job, memory),
    digest: (job) => digestRun(disk, job),
    close: () => Promise.resolve(),
  };
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
  private settle: { resolve(result: JobResult): void; reject(error: unknown): void } | undefined;

  constructor(private readonly url: URL) {}

  async run(job: SegmentJob): Promise<NewSegment[]> {
    return ((await this.ask(job)) as { segments: NewSegment[] }).segments;
  }

  async digest(job: DigestJob): Promise<RunDigest> {
    return ((await this.ask(job)) as { digest: RunDigest }).digest;
  }

  private ask(job: Job): Promise<JobResult> {
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
      if ("error" in answer) settle?.reject(asError(answer.error));
      else settle?.resolve(answer);
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
