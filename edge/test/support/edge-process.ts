import { spawn, type ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { shipSettings } from "./edge-harness.js";

/** `landfall edge` as a process of its own, from the built package. */
export interface EdgeProcess {
  readonly port: number;
  readonly child: ChildProcess;
  /** As a power cut does it. */
  kill(): Promise<void>;
  /** As Ctrl-C does it. Resolves with the exit code. */
  stop(): Promise<number | null>;
}

const COMMAND = pathToFileURL(createRequire(import.meta.url).resolve("@landfall/edge/command")).href;

export async function spawnEdge(folder: string, mqtt: object = {}): Promise<EdgeProcess> {
  const file = join(folder, "edge.yaml");
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ ...shipSettings(join(folder, "data"), { mqtt }), logLevel: "info" }));
  const script = `import(${JSON.stringify(COMMAND)}).then((m) => m.edgeCommand().parseAsync(["--config", ${JSON.stringify(file)}], { from: "user" }))`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, LANDFALL_EXIT_WITH_PARENT: "1" },
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const entry = JSON.parse(line) as { msg?: string; port?: number };
      if (entry.msg?.startsWith("mqtt listens") && entry.port !== undefined) resolve(entry.port);
    });
    void ended.then((code) => reject(new Error(`landfall edge ended with ${code}: ${errors}`)));
  });
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return ended;
  };
  return {
    port,
    child,
    kill: async () => {
      await end("SIGKILL");
    },
    stop: () => end("SIGTERM"),
  };
}
