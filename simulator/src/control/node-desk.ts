import type { SimulationNode } from "@landfall/proto/api";
import { SimulatorError } from "../errors.js";
import { SUPERVISOR_ANSWER_MS_MAX } from "../limits.js";
import { isNodeAnswer, type NodeProblem, type NodeRequest } from "./nodes.js";

/** The channel to whoever started this process. */
export interface ParentChannel {
  send(request: NodeRequest): void;
  onMessage(listener: (message: unknown) => void): void;
}

/** The process's own, or undefined where nobody supervises it (`landfall simulate` alone, containers). */
export function parentChannel(): ParentChannel | undefined {
  if (process.send === undefined) return undefined;
  return {
    // One that is gone hears nothing; this process ends with it anyway.
    send: (request) => void process.send?.(request, undefined, {}, () => undefined),
    onMessage(listener) {
      process.on("message", listener);
      // Listening alone must not keep the process.
      process.channel?.unref();
    },
  };
}

/** Kills and starts the nodes of the demo, by way of the process that supervises them. */
export class NodeDesk {
  private known: readonly SimulationNode[] | undefined;
  private readonly waiting = new Map<number, (problem: NodeProblem | undefined) => void>();
  private asked = 0;

  constructor(private readonly channel: ParentChannel | undefined) {
    channel?.onMessage((message) => this.hear(message));
    channel?.send({ type: "nodes/watch" });
  }

  /** Undefined where nobody supervises them. */
  get nodes(): readonly SimulationNode[] | undefined {
    return this.known;
  }

  /**
   * `kill -9`. Unless it is to `stay` down, it is started again at once.
   * @throws SimulatorError NOT_FOUND for no node of the demo, CONFLICT where it is down already or nobody supervises
   */
  async kill(site: string, stay: boolean): Promise<void> {
    await this.ask((id) => ({ type: "nodes/kill", id, site, stay }));
  }

  /** @throws SimulatorError NOT_FOUND, CONFLICT when it runs, or nobody supervises */
  async start(site: string): Promise<void> {
    await this.ask((id) => ({ type: "nodes/start", id, site }));
  }

  private async ask(request: (id: number) => NodeRequest): Promise<void> {
    const { channel } = this;
    if (channel === undefined || this.known === undefined) {
      throw new SimulatorError("CONFLICT", "nobody here runs the nodes: only `landfall demo` can kill and start them");
    }
    const id = ++this.asked;
    let timer: NodeJS.Timeout | undefined;
    const problem = await new Promise<NodeProblem | undefined>((resolve) => {
      this.waiting.set(id, resolve);
      const message = "the demo does not answer: look whether it still runs";
      timer = setTimeout(() => resolve({ code: "CONFLICT", message }), SUPERVISOR_ANSWER_MS_MAX);
      channel.send(request(id));
    });
    clearTimeout(timer);
    this.waiting.delete(id);
    if (problem !== undefined) throw new SimulatorError(problem.code, problem.message);
  }

  private hear(message: unknown): void {
    if (!isNodeAnswer(message)) return;
    if (message.type === "nodes/state") this.known = message.nodes;
    else this.waiting.get(message.id)?.(message.problem);
  }
}
