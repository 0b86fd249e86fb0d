import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { LogFile } from "./log-file.js";
import { LineLimiter, worthTelling } from "./log-lines.js";

/** First and last wait before a process that died is started again. */
const RESTART_MS_MIN = 500;
const RESTART_MS_MAX = 15_000;
/** One that lived so long starts anew with the short wait. */
const HEALTHY_MS = 30_000;
/** A service closes itself within ten seconds. */
const STOP_MS_MAX = 11_000;

export interface ProcessOptions {
  readonly name: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly logFile: string;
  /** What people should see: warnings, errors, deaths and rebirths. */
  readonly tell: (text: string) => void;
  /** It runs, or does not run any more. */
  readonly onChange?: () => void;
  /** What it says over its channel. */
  readonly onMessage?: (message: unknown) => void;
}

/** One service as a process: kept running, logged, and never left behind. */
export class ManagedProcess {
  private child: ChildProcess | undefined;
  private stopping = false;
  /** Killed by somebody who wants it to stay so. */
  private held = false;
  private failures = 0;
  private startedMs = 0;
  private restart: NodeJS.Timeout | undefined;
  private readonly log: LogFile;
  private readonly limiter = new LineLimiter();
  /** Last thing it said before it died, for those who wait for it. */
  private lastWord = "";

  constructor(private readonly options: ProcessOptions) {
    this.log = new LogFile(options.logFile);
  }

  get name(): string {
    return this.options.name;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Deaths in a row, without a healthy life in between, and the last words. */
  get trouble(): { readonly deaths: number; readonly lastWord: string } {
    return { deaths: this.failures, lastWord: this.lastWord };
  }

  get state(): "up" | "restarting" | "down" {
    if (this.child !== undefined) return "up";
    return this.held ? "down" : "restarting";
  }

  /** Says something over its channel; one that does not run hears nothing. */
  send(message: object): void {
    if (this.child?.connected === true) this.child.send(message, () => undefined);
  }

  /** `kill -9`, because somebody wants to see what happens. Unless it is to stay down, it is started again at once. */
  fell(stay: boolean): void {
    this.held = stay;
    this.failures = 0;
    // A life that was ended on purpose counts as a healthy one.
    this.startedMs = Number.NEGATIVE_INFINITY;
    clearTimeout(this.restart);
    if (this.child !== undefined) this.child.kill("SIGKILL");
    else if (stay) this.options.onChange?.();
    else this.start();
  }

  /** Starts it again after it was killed. */
  resume(): void {
    if (!this.held || this.stopping) return;
    this.held = false;
    if (this.child === undefined) this.start();
  }

  start(): void {
    this.startedMs = performance.now();
    const child = spawn(process.execPath, this.options.args, {
      cwd: this.options.cwd,
      env: environment(),
      // A process group of its own: Ctrl-C at the terminal reaches the demo alone, which stops the others in order.
      // The IPC channel tells the service when the demo is gone, whatever killed it.
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.child = child;
    this.read(child.stdout, false);
    this.read(child.stderr, true);
    child.once("error", (error) => this.ended(child, error.message));
    child.once("exit", (code, signal) => this.ended(child, signal ?? `exit code ${code}`));
    const { onMessage } = this.options;
    if (onMessage) child.on("message", onMessage);
    this.options.onChange?.();
  }

  /** Asks it to close; kills it when it takes too long. */
  async stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.restart);
    const { child } = this;
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      child.kill("SIGTERM");
      const timer = setTimeout(() => this.kill(), STOP_MS_MAX);
      await gone;
      clearTimeout(timer);
    }
    await this.log.close();
  }

  /** At once, without asking. What is acknowledged is on disk. */
  kill(): void {
    this.stopping = true;
    clearTimeout(this.restart);
    this.child?.kill("SIGKILL");
  }

  private read(stream: Readable | null, isError: boolean): void {
    if (stream === null) return;
    createInterface({ input: stream, crlfDelay: Infinity }).on("line", (line) => {
      this.log.line(line);
      const text = worthTelling(line, isError);
      if (text === undefined || this.stopping) return;
      this.lastWord = text;
      for (const one of this.limiter.pass(text, performance.now())) this.options.tell(`[${this.name}] ${one}`);
    });
  }

  private ended(child: ChildProcess, how: string): void {
    if (child !== this.child) return;
    this.child = undefined;
    if (this.stopping) return;
    if (this.held) {
      this.options.tell(`${this.options.name} was killed, and stays so until somebody starts it`);
      this.options.onChange?.();
      return;
    }
    this.failures = performance.now() - this.startedMs > HEALTHY_MS ? 1 : this.failures + 1;
    const wait = Math.min(RESTART_MS_MAX, RESTART_MS_MIN * 2 ** Math.min(this.failures - 1, 8));
    this.options.tell(`${this.name} ended (${how}); starting it again in ${(wait / 1000).toFixed(1)} s`);
    this.restart = setTimeout(() => this.start(), wait);
    this.options.onChange?.();
  }
}

/** The demo's settings are in its files; variables for a single service would reach all of them. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("LANDFALL_")));
}
