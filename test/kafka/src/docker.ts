import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { BrokersError } from "./errors.js";
import { KeptProcess } from "./kept-process.js";
import type { BrokerSignal, Runner, RunnerOptions } from "./runner.js";

/** Of an image of 400 MB over a slow line. */
const PULL_MS_MAX = 10 * 60_000;
const ANSWER_MS_MAX = 60_000;
/** Where a cluster's folder is in its containers. */
const INSIDE = "/landfall";
/** Formats what is new, then becomes the broker, so that signals reach it. */
const SCRIPT =
  'config=$1; shift; /opt/kafka/bin/kafka-storage.sh format --ignore-formatted -c "$config" "$@" && ' +
  'exec /opt/kafka/bin/kafka-server-start.sh "$config"';

/** The image of a version, as Apache publishes it. */
export function kafkaImage(version: string): string {
  return `apache/kafka:${version}`;
}

/** Brokers as containers of Apache's image. They keep their data in the cluster's folder, which they see as theirs. */
export class DockerRunner implements Runner {
  readonly hosts: readonly string[];
  readonly bind = "0.0.0.0";
  readonly folder = INSIDE;
  readonly #network = `landfall-${randomBytes(6).toString("hex")}`;

  constructor(private readonly options: RunnerOptions) {
    this.hosts = Array.from({ length: options.brokers }, (_, index) => `${this.#network}-${index + 1}`);
  }

  async prepare(): Promise<void> {
    const image = kafkaImage(this.options.version);
    const isHere = await docker(["image", "inspect", image], ANSWER_MS_MAX).then(
      () => true,
      () => false,
    );
    if (!isHere) await docker(["pull", "--quiet", image], PULL_MS_MAX);
    await docker(["network", "create", this.#network], ANSWER_MS_MAX);
  }

  async launch(index: number, format: readonly string[]): Promise<KeptProcess> {
    const { version, folder, jvm, published, temporary } = this.options;
    const name = this.#container(index);
    const user = process.getuid === undefined ? [] : ["--user", `${process.getuid()}:${process.getgid?.()}`];
    const ports = published(index).flatMap((port) => ["--publish", `127.0.0.1:${port}:${port}`]);
    const environment = { KAFKA_HEAP_OPTS: jvm.join(" "), LOG_DIR: `${INSIDE}/node-${index + 1}.logs` };
    const command = {
      command: "docker",
      args: [
        ["run", "--rm", "--name", name, "--network", this.#network],
        user,
        ports,
        Object.entries(environment).flatMap(([key, value]) => ["--env", `${key}=${value}`]),
        ["--volume", `${folder}:${INSIDE}`, "--entrypoint", "sh", kafkaImage(version)],
        ["-c", SCRIPT, "sh", `${INSIDE}/node-${index + 1}.properties`, ...format],
      ].flat(),
      env: {},
      orphaned: [
        ["docker", "rm", "--force", name],
        ["docker", "network", "rm", this.#network],
      ],
      remove: temporary ? [folder] : [],
    };
    return KeptProcess.start(command, join(folder, `node-${index + 1}.log`));
  }

  async signal(index: number, _broker: KeptProcess, signal: BrokerSignal): Promise<void> {
    const name = this.#container(index);
    const words = {
      SIGKILL: ["kill", "--signal", "KILL", name],
      SIGTERM: ["kill", "--signal", "TERM", name],
      SIGSTOP: ["pause", name],
      SIGCONT: ["unpause", name],
    };
    await docker(words[signal], ANSWER_MS_MAX);
  }

  async close(): Promise<void> {
    await docker(["network", "rm", this.#network], ANSWER_MS_MAX).catch(() => undefined);
  }

  #container(index: number): string {
    return this.hosts[index] ?? "";
  }
}

/** @throws BrokersError UNAVAILABLE with what Docker said */
async function docker(args: readonly string[], withinMs: number): Promise<void> {
  try {
    await promisify(execFile)("docker", args, { timeout: withinMs });
  } catch (error) {
    const { stderr = "", message } = error as { stderr?: string; message: string };
    throw new BrokersError("UNAVAILABLE", `docker ${args.join(" ")}: ${stderr.trim() || message}`, { cause: error });
  }
}
