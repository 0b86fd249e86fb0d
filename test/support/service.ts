import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { CLI } from "./cli.js";
import { eventually } from "./eventually.js";

export type ServiceKind = "edge" | "shore" | "hq";

/** A real process of Landfall, started by the command that a user would type. */
export class Service {
  #child: ChildProcess | undefined;
  readonly url: string;
  readonly #file: string;
  readonly #log: string;

  constructor(
    readonly kind: ServiceKind,
    readonly settings: { site: string; node?: string; http: { port: number } } & Record<string, unknown>,
    folder: string,
  ) {
    mkdirSync(folder, { recursive: true });
    this.#file = join(folder, `${this.name}.yaml`);
    this.#log = join(folder, `${this.name}.log`);
    writeFileSync(this.#file, stringify(settings));
    this.url = `http://127.0.0.1:${settings.http.port}`;
  }

  get name(): string {
    const { site, node = "a" } = this.settings;
    return node === "a" ? site : `${site}.${node}`;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.name} is not running`);
    return pid;
  }

  /** Starts the process and waits until it says that it is ready; the wait has a bound, generous on a busy machine. */
  async start(withinMs = 60_000): Promise<void> {
    const child = spawn(process.execPath, [CLI, this.kind, "--config", this.#file], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, LANDFALL_EXIT_WITH_PARENT: "1" },
    });
    const log = createWriteStream(this.#log, { flags: "a" });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    this.#child = child;
    let exited: number | null | undefined;
    child.once("exit", (code) => (exited = code));
    const isReady = async (): Promise<boolean> => {
      if (exited !== undefined) throw new Error(`${this.name} exited with ${exited}; see ${this.#log}`);
      const answer = await fetch(`${this.url}/readyz`).catch(() => undefined);
      return answer?.status === 200;
    };
    await eventually(`${this.name} to be ready (log: ${this.#log})`, isReady, withinMs);
  }

  async kill9(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async #end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }
}
