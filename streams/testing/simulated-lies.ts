import type { Holding, Request } from "@landfall/proto/gen/landfall/v1/replication";
import { DISTANCE_INFINITE, type Message } from "../src/replication/machine-state.js";

const MUCH = 50;

/** What a site that lies tells of what it holds: more, less, nearer or farther than it is, and digests of other records. */
export class SimulatedLies {
  /** How often something was not true. */
  count = 0;

  constructor(private readonly random: () => number) {}

  /** The message as it is sent. */
  told(message: Message): Message {
    if (message.$case === "announce") {
      const holdings = message.value.holdings.map((holding) => this.#holding(holding));
      return { $case: "announce", value: { ...message.value, holdings } };
    }
    return message.$case === "request" ? { $case: "request", value: this.#request(message.value) } : message;
  }

  #holding(holding: Holding): Holding {
    const kind = this.random();
    if (kind > 0.6) return holding;
    this.count++;
    if (kind < 0.25) return { ...holding, next: holding.next + 1 + Math.floor(this.random() * MUCH) };
    if (kind < 0.4) return { ...holding, next: Math.floor(holding.next * this.random()), holes: [] };
    return { ...holding, distance: this.random() < 0.5 ? 0 : DISTANCE_INFINITE };
  }

  #request(request: Request): Request {
    if (request.digests.length === 0 || this.random() > 0.2) return request;
    this.count++;
    return { ...request, digests: request.digests.map((digest) => ({ ...digest, high: digest.high + 1 })) };
  }
}
