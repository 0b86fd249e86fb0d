import { spawn } from "node:child_process";
import { existsSync, readFileSync, statSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Settings besides. */
export interface NatsSettings {
  /** Within `jetstream`. */
  readonly jetStream?: string;
  /** Whole lines of the file. */
  readonly lines?: string;
}

export interface NatsServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** On a free port of this machine, with all it keeps in `folder`; returns the path. */
export function writeConfig(folder: string, syncInterval: string | undefined, more: NatsSettings = {}): string {
  const path = join(folder, "nats.conf");
  const { jetStream, lines = "" } = more;
  const sync = syncInterval === undefined ? "" : `, sync_interval: ${syncInterval}`;
  const besides = jetStream === undefined ? "" : `, ${jetStream}`;
  const keeps = `jetstream: { store_dir: "${folder}"${sync}${besides} }`;
  writeFileSync(path, `host: 127.0.0.1\nport: -1\nports_file_dir: "${folder}"\n${keeps}\n${lines}`);
  return path;
}

/** Resolves once it listens; it ends with this process at the latest. */
export async function startServer(
  program: string,
  folder: string,
  syncInterval: string | undefined,
  more: NatsSettings = {},
): Promise<NatsServer> {
  const server = spawn(program, ["-c", writeConfig(folder, syncInterval, more)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  server.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2_000)));
  const ended = new Promise<void>((resolve) => {
    server.once("close", () => resolve());
  });
  const kill = (): void => void server.kill();
  process.once("exit", kill);
  const failed = ended.then(() => {
    throw new Error(`nats-server ended: ${said}`);
  });
  const url = await Promise.race([urlOf(folder, server.pid), failed]);
  return {
    url,
    stop: async () => {
      process.removeListener("exit", kill);
      kill();
      await ended;
    },
  };
}

/** Where the server listens, from the file that it writes once it does. */
function urlOf(folder: string, pid: number | undefined): Promise<string> {
  const path = join(folder, `nats-server_${pid}.ports`);
  return new Promise((resolve) => {
    const watcher = watch(folder);
    const look = (): void => {
      if (!existsSync(path) || statSync(path).size === 0) return;
      const [url] = (JSON.parse(readFileSync(path, "utf8")) as { nats: string[] }).nats;
      watcher.close();
      resolve(url ?? "");
    };
    watcher.on("change", look);
    look();
  });
}
