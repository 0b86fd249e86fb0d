import type { SimulationState } from "@landfall/proto/api";
import { LandfallError } from "@landfall/streams/model/errors";
import { SIMULATION_REPLY_BYTES_MAX, SIMULATION_TIMEOUT_MS } from "../limits.js";

/** An answer of the simulator, passed on as it is. */
export interface SimulatorAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** The simulator's control interface, as the voyage controls of the map use it. */
export class SimulatorClient {
  private readonly base: string;

  constructor(url: string) {
    this.base = url.replace(/\/$/, "");
  }

  async state(): Promise<SimulationState> {
    const { status, body } = await this.ask("GET", "/state");
    if (status !== 200) throw unreachable(`answered ${status}`);
    return JSON.parse(body) as SimulationState;
  }

  /** Says that somebody looks at the map: the voyage waits for that. */
  async viewer(): Promise<void> {
    await this.ask("POST", "/viewer");
  }

  /** @throws LandfallError UNAVAILABLE when the simulator does not answer */
  async ask(method: "GET" | "POST" | "PATCH", path: string, body?: unknown): Promise<SimulatorAnswer> {
    try {
      const response = await fetch(this.base + path, {
        method,
        redirect: "error",
        signal: AbortSignal.timeout(SIMULATION_TIMEOUT_MS),
        ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      return {
        status: response.status,
        contentType: response.headers.get("content-type") ?? "application/json",
        body: await textOf(response),
      };
    } catch (error) {
      throw unreachable(error instanceof Error ? error.message : String(error), error);
    }
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).byteLength;
    if (bytes > SIMULATION_REPLY_BYTES_MAX) throw new Error(`more than ${SIMULATION_REPLY_BYTES_MAX} bytes`);
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function unreachable(why: string, cause?: unknown): LandfallError {
  return new LandfallError("UNAVAILABLE", `the simulator does not answer (${why}): try again in a moment`, { cause });
}
