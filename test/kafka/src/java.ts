import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { BrokersError } from "./errors.js";
import { fetchJars } from "./jars.js";
import { KeptProcess } from "./kept-process.js";
import type { BrokerSignal, Runner, RunnerOptions } from "./runner.js";

const FORMAT_MS_MAX = 120_000;

/** Brokers as processes of Java, with the jars that Maven fetches. */
export class JavaRunner implements Runner {
  readonly hosts: readonly string[];
  readonly bind = "127.0.0.1";
  readonly folder: string;
  #jars = "";

  constructor(
    private readonly java: string,
    private readonly options: RunnerOptions,
  ) {
    this.hosts = Array.from({ length: options.brokers }, () => "127.0.0.1");
    this.folder = options.folder;
  }

  async prepare(): Promise<void> {
    this.#jars = await fetchJars("broker", this.options.version);
  }

  async launch(index: number, format: readonly string[]): Promise<KeptProcess> {
    const { folder, jvm, temporary } = this.options;
    const name = `node-${index + 1}`;
    const properties = join(folder, `${name}.properties`);
    if (!existsSync(join(folder, name, "meta.properties"))) await this.#format(properties, format);
    const command = {
      command: this.java,
      args: [...this.#machine(jvm), "-Dlog4j2.level=INFO", "kafka.Kafka", properties],
      env: {},
      orphaned: [],
      remove: temporary ? [folder] : [],
    };
    return KeptProcess.start(command, join(folder, `${name}.log`));
  }

  async signal(_index: number, broker: KeptProcess, signal: BrokerSignal): Promise<void> {
    broker.signal(signal);
  }

  async close(): Promise<void> {
    // Nothing is left beside the processes.
  }

  async #format(properties: string, format: readonly string[]): Promise<void> {
    // Lives for a second: the compiler for long runs would cost more than it brings.
    const quick = ["-Xmx128m", "-XX:TieredStopAtLevel=1"];
    const args = [...this.#machine(quick), "kafka.tools.StorageTool", "format", "-c", properties, ...format];
    try {
      await promisify(execFile)(this.java, args, { timeout: FORMAT_MS_MAX });
    } catch (error) {
      const { stderr = "", stdout = "", message } = error as { stderr?: string; stdout?: string; message: string };
      const said = stderr.trim() || stdout.trim() || message;
      throw new BrokersError("UNAVAILABLE", `Kafka cannot format its storage: ${said}`, { cause: error });
    }
  }

  #machine(options: readonly string[]): string[] {
    // The wildcard is Java's own, not a shell's.
    return ["-XX:+UseSerialGC", "-XX:-UsePerfData", ...options, "-cp", `${join(this.#jars, "*")}${delimiter}`];
  }
}
