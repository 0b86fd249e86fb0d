import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CLI } from "./cli.js";
import { eventually } from "./eventually.js";

/**
 * Where a demo's ports begin: below those that systems give to outgoing connections (Linux 32768), one of which may hold any of these.
 * @param nth another one for each test, in case the last one's have not let go yet
 */
export function portBaseOf(nth: number): number {
  return 9_000 + nth * 1_000 + (process.pid % 100) * 10;
}

/** The demo as `npm start` runs it, with its own folder and ports. */
export class Demo {
  #child: ChildProcess | undefined;
  output = "";

  constructor(
    readonly folder: string,
    readonly webPort: number,
    readonly portBase: number,
    private readonly args: readonly string[],
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.webPort}`;
  }

  /** Of the manufacturer's own headquarters. */
  get duckworksUrl(): string {
    return `http://127.0.0.1:${this.portBase + 8081}`;
  }

  get controlUrl(): string {
    return `http://127.0.0.1:${this.portBase + 8099}`;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error("the demo is not running");
    return pid;
  }

  /** Starts it and waits for the address and the users to be printed. */
  async start(): Promise<void> {
    this.output = "";
    const where = ["--data", this.folder, "--port", String(this.webPort), "--port-base", String(this.portBase)];
    const child = spawn(process.execPath, [CLI, "demo", "--no-open", ...where, ...this.args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (this.output += String(chunk)));
    let code: number | null | undefined;
    child.once("exit", (exit) => (code = exit));
    await eventually(
      "the demo to run",
      () => {
        if (code !== undefined) throw new Error(`the demo ended with ${code}:\n${this.output}`);
        return this.output.includes("Landfall is running");
      },
      120_000,
    );
  }

  /** Processes that the demo started, by what they run: `simulate`, `hq`, `shore`, `edge`. */
  children(): { pid: number; args: string }[] {
    const lines = execFileSync("ps", ["-axo", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
    return lines.flatMap((line) => {
      const [, pid, parent, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
      return Number(parent) === this.pid && args !== undefined ? [{ pid: Number(pid), args }] : [];
    });
  }

  /** Every process of this machine, with its command. */
  processes(): { pid: number; args: string }[] {
    const lines = execFileSync("ps", ["-axww", "-o", "pid=,args="], { encoding: "utf8" }).split("\n");
    return lines.flatMap((line) => {
      const [, pid, args] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? [];
      return args === undefined ? [] : [{ pid: Number(pid), args }];
    });
  }

  child(kind: string): number {
    const found = this.children().find(({ args }) => args.includes(` ${kind} `));
    if (found === undefined) throw new Error(`no process of the demo runs ${kind}`);
    return found.pid;
  }

  /** Operators' token at a node, as the demo wrote it down. */
  token(site: string): { url: string; token: string } {
    const { nodes } = JSON.parse(readFileSync(join(this.folder, "access.json"), "utf8")) as {
      nodes: { site: string; url: string; token: string }[];
    };
    const node = nodes.find((entry) => entry.site === site);
    if (node === undefined) throw new Error(`no node ${site}`);
    return node;
  }

  /** Ctrl-C. Resolves with the exit code. */
  async interrupt(): Promise<number | null> {
    return this.#end("SIGINT");
  }

  async kill9(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: "SIGINT" | "SIGKILL"): Promise<number | null> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
    return child.exitCode;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
