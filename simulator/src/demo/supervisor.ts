import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SimulatorError } from "../errors.js";
import { isNodeRequest, type NodeAnswer, type NodeProblem, type NodeRequest } from "../control/nodes.js";
import type { DemoBroker } from "./broker.js";
import type { DemoFolder } from "./folder.js";
import { SIMULATOR, serviceArguments, type DemoPlan } from "./plan.js";
import { ManagedProcess } from "./process.js";
import type { Progress } from "./progress.js";

/** Between two looks at a service that is not ready. */
const LOOK_MS = 150;
const ANSWER_MS_MAX = 2_000;
/** A service that dies so often before it was ready once will not get better. */
const DEATHS_MAX = 3;

/** Starts the services of a demo, keeps them running, and stops them. */
export class Supervisor {
  private readonly processes: readonly ManagedProcess[];
  private stopping = false;

  constructor(
    private readonly plan: DemoPlan,
    folder: DemoFolder,
    root: string,
    private readonly progress: Progress,
    private readonly isNew: boolean,
    /** Where ports keep their log, if the demo has to run it. */
    private readonly broker?: DemoBroker,
  ) {
    this.processes = plan.services.map(
      (service) =>
        new ManagedProcess({
          name: service.name,
          args: serviceArguments(service, folder.settings),
          cwd: root,
          logFile: join(folder.logs, `${service.name}.log`),
          tell: (text) => progress.tell(text),
          ...(service.name === SIMULATOR
            ? { onMessage: (message) => this.hear(message) }
            : { onChange: () => this.tellNodes() }),
        }),
    );
  }

  /** @throws SimulatorError UNREACHABLE when a service will not start */
  async start(): Promise<void> {
    await this.broker?.start();
    if (this.stopping) return;
    this.progress.step(`Starting ${this.processes.length} processes`);
    for (const process of this.processes) process.start();
    const nodes = this.plan.services.filter(({ name }) => name !== SIMULATOR);
    let ready = 0;
    await Promise.all(
      nodes.map(async ({ name, http }) => {
        await this.untilReady(name, http, () => undefined);
        this.progress.detail(`${++ready} of ${nodes.length} ready`);
      }),
    );
    const simulator = this.plan.services.find(({ name }) => name === SIMULATOR);
    if (simulator === undefined || this.stopping) return;
    this.progress.step(this.isNew ? "Booking cargo, loading ships, letting days at sea go by" : "Taking up the voyage");
    await this.untilReady(SIMULATOR, simulator.http, (reason) => this.progress.detail(reason));
    this.progress.done();
  }

  /** The simulator first, so that nobody is cut off in the middle of a word; then everybody else at once, and last what they write to. */
  async stop(): Promise<void> {
    this.stopping = true;
    const simulator = this.processes.filter(({ name }) => name === SIMULATOR);
    await Promise.all(simulator.map((process) => process.stop()));
    await Promise.all(this.processes.filter(({ name }) => name !== SIMULATOR).map((process) => process.stop()));
    await this.broker?.stop();
  }

  /** What the simulator, which people speak to, wants done to the others. */
  private hear(message: unknown): void {
    if (!isNodeRequest(message)) return;
    if (message.type === "nodes/watch") {
      this.tellNodes();
      return;
    }
    const problem = this.steer(message);
    this.say({ type: "nodes/done", id: message.id, ...(problem && { problem }) });
  }

  private steer(request: Exclude<NodeRequest, { type: "nodes/watch" }>): NodeProblem | undefined {
    const { site } = request;
    const nodes = this.processes.filter(({ name }) => name !== SIMULATOR);
    const node = nodes.find(({ name }) => name === site);
    if (node === undefined) {
      const message = `no node of the demo is called ${site.slice(0, 60)}; there are ${nodes.map(({ name }) => name).join(", ")}`;
      return { code: "NOT_FOUND", message };
    }
    if (request.type === "nodes/start") {
      if (node.state !== "down")
        return { code: "CONFLICT", message: `${site} was not killed: it runs, or is being started` };
      node.resume();
      return undefined;
    }
    if (node.state === "down") return { code: "CONFLICT", message: `${site} is down already: start it` };
    node.fell(request.stay);
    return undefined;
  }

  private tellNodes(): void {
    const nodes = this.processes
      .filter(({ name }) => name !== SIMULATOR)
      .map(({ name, state }) => ({ site: name, state }));
    this.say({ type: "nodes/state", nodes });
  }

  private say(answer: NodeAnswer): void {
    this.processes.find(({ name }) => name === SIMULATOR)?.send(answer);
  }

  /** Processes that run at this moment, in the order of the plan. */
  pids(): number[] {
    return this.processes.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  kill(): void {
    this.stopping = true;
    for (const process of this.processes) process.kill();
    this.broker?.kill();
  }

  private async untilReady(name: string, port: number, waiting: (reason: string) => void): Promise<void> {
    while (!this.stopping) {
      const answer = await readiness(port);
      if (answer === undefined) return;
      waiting(answer);
      const process = this.processes.find((one) => one.name === name);
      const trouble = process?.trouble;
      if (trouble !== undefined && trouble.deaths >= DEATHS_MAX) {
        const text = `${name} does not start: ${trouble.lastWord || "it said nothing"}`;
        throw new SimulatorError("UNREACHABLE", `${text}\nits log: ${name}.log in the demo's logs folder`);
      }
      await sleep(LOOK_MS);
    }
  }
}

/** Why a service is not ready; undefined when it is. */
async function readiness(port: number): Promise<string | undefined> {
  try {
    const reply = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    if (reply.ok) {
      await reply.body?.cancel();
      return undefined;
    }
    const body = (await reply.json()) as { reason?: string };
    return body.reason ?? "not ready";
  } catch {
    return "does not answer yet";
  }
}
