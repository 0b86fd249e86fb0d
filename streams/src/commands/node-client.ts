import { SEE_AS_HEADER, type Problem } from "@landfall/proto/api";
import { CommandError } from "./command-error.js";
import type { Target } from "./target.js";

/** A node that does not answer within this is as good as gone. */
const ANSWER_MS_MAX = 15_000;

/** The node could not be reached, as opposed to: it answered with a problem. */
export class UnreachableError extends CommandError {}

/**
 * Asks a node and returns the JSON it answers.
 * @param how by default GET, or POST with a body; `msMax` is how long it may take, `seeAs` as whom an administrator looks
 * @throws CommandError with the problem's words, UnreachableError
 */
export async function askNode<T>(
  target: Target,
  path: string,
  body?: object,
  how: { readonly method?: string; readonly msMax?: number; readonly seeAs?: string } = {},
): Promise<T> {
  const { method = body === undefined ? "GET" : "POST", msMax = ANSWER_MS_MAX, seeAs } = how;
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${target.url}${path}`, {
      method,
      ...(body && { body: JSON.stringify(body) }),
      headers: {
        ...(body && { "content-type": "application/json" }),
        ...(target.token !== undefined && { authorization: `Bearer ${target.token}` }),
        ...(seeAs !== undefined && { [SEE_AS_HEADER]: seeAs }),
      },
      signal: AbortSignal.timeout(msMax),
    });
    text = await response.text();
  } catch (error) {
    throw new UnreachableError(`${target.label} does not answer at ${target.url} (${reason(error, msMax)})`, {
      cause: error,
    });
  }
  // Done, and nothing to say of it.
  if (response.status === 204) return undefined as T;
  let reply: unknown;
  try {
    reply = JSON.parse(text);
  } catch (error) {
    throw new CommandError(`${target.url} does not answer like a Landfall node (status ${response.status})`, {
      cause: error,
    });
  }
  if (response.ok) return reply as T;
  const { code, title, detail } = reply as Partial<Problem>;
  throw new CommandError(`${target.label}: ${detail ?? title ?? "refused"} (${code ?? response.status})`);
}

function reason(error: unknown, msMax: number): string {
  const { cause, name, message } = error as Error;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (code === "ECONNREFUSED") return "connection refused: is it running?";
  return name === "TimeoutError" ? `nothing within ${msMax / 1000} s` : (code ?? message);
}
