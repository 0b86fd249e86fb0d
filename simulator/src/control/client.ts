import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Problem } from "@landfall/proto/api";
import { messageOf, SimulatorError } from "../errors.js";
import { loadSimulatorSettings } from "../settings/simulator-settings.js";

const ANSWER_MS_MAX = 5_000;

/** Asks the simulator's controls. @throws SimulatorError with the words of its answer */
export async function control(base: string, method: string, path: string, body?: unknown): Promise<unknown> {
  let reply: Response;
  try {
    reply = await fetch(base + path, {
      method,
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
      ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
    throw new SimulatorError("UNREACHABLE", `no simulation answers at ${base} (${cause}): is the demo running?`);
  }
  const text = await reply.text();
  if (reply.ok) return JSON.parse(text) as unknown;
  let problem: Partial<Problem> = {};
  try {
    problem = JSON.parse(text) as Problem;
  } catch {
    // Not a problem document; its text has to do.
  }
  const code = reply.status === 404 ? "NOT_FOUND" : reply.status === 400 ? "INVALID_ARGUMENT" : "CONFLICT";
  throw new SimulatorError(code, problem.detail ?? text.slice(0, 300));
}

/** Address of the controls of the demo in this folder. @throws SimulatorError NOT_FOUND */
export function controlOf(data: string): string {
  const file = join(data, "settings", "simulator.yaml");
  try {
    readFileSync(file);
  } catch {
    throw new SimulatorError("NOT_FOUND", `no demo here (there is no ${file}): name its folder with --data, or --url`);
  }
  const { host, port } = loadSimulatorSettings(file).control;
  return `http://${host === "0.0.0.0" ? "127.0.0.1" : host}:${port}`;
}
