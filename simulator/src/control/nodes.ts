import type { SimulationNode } from "@landfall/proto/api";

/**
 * What the simulator, which people speak to, and the demo that started it say to each other about the other processes,
 * over the channel that Node gives a child.
 */
export type NodeRequest =
  | { readonly type: "nodes/watch" }
  | { readonly type: "nodes/kill"; readonly id: number; readonly site: string; readonly stay: boolean }
  | { readonly type: "nodes/start"; readonly id: number; readonly site: string };

export type NodeAnswer =
  /** All of them, after every change. */
  | { readonly type: "nodes/state"; readonly nodes: readonly SimulationNode[] }
  | { readonly type: "nodes/done"; readonly id: number; readonly problem?: NodeProblem };

export interface NodeProblem {
  readonly code: "NOT_FOUND" | "CONFLICT";
  readonly message: string;
}

export function isNodeRequest(message: unknown): message is NodeRequest {
  return ["nodes/watch", "nodes/kill", "nodes/start"].includes(typeOf(message));
}

export function isNodeAnswer(message: unknown): message is NodeAnswer {
  return ["nodes/state", "nodes/done"].includes(typeOf(message));
}

function typeOf(message: unknown): string {
  const { type } = (typeof message === "object" && message !== null ? message : {}) as { readonly type?: unknown };
  return typeof type === "string" ? type : "";
}
