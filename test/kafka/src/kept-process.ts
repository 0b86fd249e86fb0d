import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** What the keeper runs, and what it does when the process that started it is gone. */
export interface KeptCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Commands to be run then, such as removing a container. */
  readonly orphaned: readonly (readonly string[])[];
  /** Folders to be removed then. */
  readonly remove: readonly string[];
}

/** A program that ends by itself with the process that started it, however that ends. */
export class KeptProcess {
  private constructor(
    private readonly keeper: ChildProcess,
    /** Of the program itself. */
    readonly pid: number,
    /** Settles when it has ended. */
    readonly gone: Promise<unknown>,
  ) {}

  /** Starts it; what it says is appended to a file. @throws Error when there is no such program */
  static async start(command: KeptCommand, logFile: string): Promise<KeptProcess> {
    const log = openSync(logFile, "a");
    const keeper = fork(fileURLToPath(new URL("./keeper.js", import.meta.url)), [JSON.stringify(command)], {
      // A process group of its own: signals from the terminal are for us.
      detached: true,
      stdio: ["ignore", log, log, "ipc"],
      execArgv: [],
    });
    closeSync(log);
    const gone = once(keeper, "exit");
    const pid = await Promise.race([
      once(keeper, "message").then(([message]) => (message as { pid: number }).pid),
      gone.then(() => undefined),
    ]);
    if (pid === undefined) throw new Error(`${command.command} did not start; see ${logFile}`);
    // A test that forgets to stop it must not hang because of it.
    keeper.unref();
    keeper.channel?.unref();
    return new KeptProcess(keeper, pid, gone);
  }

  get isRunning(): boolean {
    return this.keeper.exitCode === null && this.keeper.signalCode === null;
  }

  /** Sends the program a signal; none when it has ended. */
  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) process.kill(this.pid, signal);
  }

  /** Until it has ended, or the time is over. @returns whether it has ended */
  async ended(withinMs: number): Promise<boolean> {
    this.keeper.ref();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), withinMs);
    });
    const hasEnded = await Promise.race([this.gone.then(() => true), late]);
    clearTimeout(timer);
    this.keeper.unref();
    return hasEnded;
  }
}
