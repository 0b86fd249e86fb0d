import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificates, type ClusterCertificates } from "./certificates.js";
import { BrokersError } from "./errors.js";
import type { KeptProcess } from "./kept-process.js";
import { freePorts } from "./ports.js";
import {
  advertisedPort,
  CONTROLLER,
  INTERNAL,
  scramArguments,
  serverProperties,
  speaksTls,
  type ClusterLayout,
  type KafkaUser,
  type ListenerWish,
  type NodePorts,
} from "./properties.js";
import { untilReady } from "./ready.js";
import type { Runner } from "./runner.js";

/** A broker closes its logs within seconds; the last of several waits in vain for the others. */
const STOP_MS_MAX = 15_000;
const KILL_MS_MAX = 30_000;
/** A start takes seconds; ten at once on a busy machine take half a minute. */
const SECOND_TRY_MS = 60_000;

export interface ClusterPlan {
  readonly version: string;
  readonly brokers: number;
  readonly listeners: Readonly<Record<string, ListenerWish>>;
  readonly users: readonly KafkaUser[];
  readonly settings: Readonly<Record<string, string>>;
  /** Of the listener PLAINTEXT, for each broker; absent to have them chosen. */
  readonly plainPorts?: readonly number[];
  readonly folder: string;
  readonly temporary: boolean;
}

/** Brokers of ours on this machine, each also a controller, and what can be done to them. Broker `i` counts from 0. */
export class KafkaCluster {
  readonly #nodes: (KeptProcess | undefined)[];

  private constructor(
    readonly version: string,
    /** `landfall`, password `landfall`, unless others were asked for; for every mechanism of SASL. */
    readonly users: readonly KafkaUser[],
    /** What speaks TLS was signed with; there where a listener speaks it. */
    readonly certificates: ClusterCertificates | undefined,
    private readonly plan: ClusterPlan,
    private readonly runner: Runner,
    private readonly layout: ClusterLayout,
    private readonly formatWith: readonly string[],
  ) {
    this.#nodes = Array.from({ length: plan.brokers }, () => undefined);
  }

  /** Writes the brokers' settings into the plan's folder. Starts none of them. */
  static async lay(plan: ClusterPlan, runner: Runner, ports: readonly NodePorts[]): Promise<KafkaCluster> {
    const { folder, listeners, users, settings } = plan;
    const secrets = join(folder, "secrets");
    mkdirSync(secrets, { recursive: true });
    const isSecure = Object.values(listeners).some(({ protocol }) => speaksTls(protocol));
    const certificates = isSecure ? await makeCertificates(["localhost", ...new Set(runner.hosts)]) : undefined;
    if (certificates !== undefined) {
      writeFileSync(join(secrets, "ca.pem"), certificates.ca);
      writeFileSync(join(secrets, "broker.pem"), certificates.broker, { mode: 0o600 });
    }
    const { hosts, bind } = runner;
    const layout = { listeners, users, settings, ports, hosts, bind, secrets: `${runner.folder}/secrets` };
    for (let index = 0; index < plan.brokers; index++) {
      const name = `node-${index + 1}`;
      mkdirSync(join(folder, name), { recursive: true });
      const properties = serverProperties(layout, index, `${runner.folder}/${name}`);
      writeFileSync(join(folder, `${name}.properties`), properties, { mode: 0o600 });
    }
    const format = ["-t", clusterId(folder), ...scramArguments(users)];
    return new KafkaCluster(plan.version, users, certificates, plan, runner, layout, format);
  }

  /** For clients without encryption or a name: `127.0.0.1:port` of each broker, running or not. */
  get brokers(): string[] {
    return this.addresses("PLAINTEXT");
  }

  /** What clients of a listener dial, for each broker. */
  addresses(listener: string): string[] {
    return this.layout.ports.map((_, index) => `127.0.0.1:${advertisedPort(this.layout, listener, index)}`);
  }

  /** Where the brokers themselves listen, which differs from what clients dial where proxies are in front of them. */
  bound(listener: string): string[] {
    return this.layout.ports.map((ports) => `127.0.0.1:${ports[listener]}`);
  }

  /** Where a broker's log is. */
  logFile(index: number): string {
    return join(this.plan.folder, `node-${index + 1}.log`);
  }

  isRunning(index: number): boolean {
    return this.#nodes[index]?.isRunning === true;
  }

  /** Of a running broker; in Docker that of the client which holds its container. */
  pid(index: number): number {
    return this.#running(index).pid;
  }

  /** Until a running broker ends, whatever ends it. */
  async ended(index: number): Promise<void> {
    await this.#running(index).gone;
  }

  /** Starts every broker that does not run, all at once, and waits until they answer. */
  async start(): Promise<void> {
    const down = this.#nodes.flatMap((_, index) => (this.isRunning(index) ? [] : [index]));
    await this.#launchAll(down);
  }

  /** `kill -9`. Returns when it is dead. */
  async kill(index: number): Promise<void> {
    await this.#end(index, "SIGKILL");
  }

  /** Asks it to end, as an operator does; one that takes too long is killed. */
  async stop(index: number): Promise<void> {
    await this.#end(index, "SIGTERM");
  }

  /** It hears and says nothing, and its connections stay: a machine that hangs. */
  async pause(index: number): Promise<void> {
    await this.runner.signal(index, this.#running(index), "SIGSTOP");
  }

  async resume(index: number): Promise<void> {
    await this.runner.signal(index, this.#running(index), "SIGCONT");
  }

  /** Stops the broker if it runs, starts it on the same ports with its data, and waits until it answers. */
  async restart(index: number): Promise<void> {
    if (this.isRunning(index)) await this.stop(index);
    await this.#launchAll([index]);
  }

  /** Ends all brokers. The data is kept where the cluster was given a folder, and thrown away otherwise. */
  async close(): Promise<void> {
    // Whose data nobody wants need not close it.
    const how = this.plan.temporary ? "SIGKILL" : "SIGTERM";
    await Promise.all(this.#nodes.map((_, index) => this.#end(index, how)));
    await this.runner.close();
    if (this.plan.temporary) rmSync(this.plan.folder, { recursive: true, force: true });
  }

  /** Once in hundreds of starts, a broker runs and never answers: then it is started once more, and its log shown. */
  async #launchAll(indexes: readonly number[]): Promise<void> {
    await Promise.all(indexes.map((index) => this.#launch(index)));
    try {
      await untilReady(this, indexes, SECOND_TRY_MS);
      return;
    } catch (error) {
      if (!(error instanceof BrokersError) || error.code !== "LATE") throw error;
      process.stderr.write(`${error.message}\nIt is started once more.\n`);
    }
    for (const index of indexes) {
      await this.#end(index, "SIGKILL");
      await this.#launch(index);
    }
    await untilReady(this, indexes);
  }

  async #launch(index: number): Promise<void> {
    if (index < 0 || index >= this.plan.brokers) {
      throw new BrokersError("INVALID_ARGUMENT", `there is no broker ${index} among ${this.plan.brokers}`);
    }
    this.#nodes[index] = await this.runner.launch(index, this.formatWith);
  }

  async #end(index: number, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const node = this.#nodes[index];
    if (node?.isRunning !== true) return;
    await this.runner.signal(index, node, signal);
    if (signal === "SIGTERM" && !(await node.ended(STOP_MS_MAX))) await this.runner.signal(index, node, "SIGKILL");
    if (!(await node.ended(KILL_MS_MAX))) throw new BrokersError("UNAVAILABLE", `broker ${index} does not die`);
  }

  #running(index: number): KeptProcess {
    const node = this.#nodes[index];
    if (node?.isRunning !== true) throw new BrokersError("INVALID_ARGUMENT", `broker ${index} does not run`);
    return node;
  }
}

/** Ports for a plan's brokers; those that are given stay. */
export async function choosePorts(plan: ClusterPlan): Promise<NodePorts[]> {
  const names = [CONTROLLER, INTERNAL, ...Object.keys(plan.listeners)];
  const free = await freePorts(names.length * plan.brokers);
  return Array.from({ length: plan.brokers }, (_, index) => {
    const plain = plan.plainPorts?.[index];
    return {
      ...Object.fromEntries(names.map((name, i) => [name, free[index * names.length + i] ?? 0])),
      ...(plain !== undefined && { PLAINTEXT: plain }),
    };
  });
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "landfall-kafka-"));
}

/** A cluster keeps its identity, or its brokers would refuse their own storage. */
function clusterId(folder: string): string {
  const file = join(folder, "cluster-id");
  if (!existsSync(file)) writeFileSync(file, newClusterId(randomBytes));
  return readFileSync(file, "utf8");
}

/** 16 bytes as Kafka writes them. One that begins with "-" its tools would take for an option, so there is none, as with its own. */
export function newClusterId(random: (bytes: number) => Buffer): string {
  for (;;) {
    const id = random(16).toString("base64url");
    if (!id.startsWith("-")) return id;
  }
}
