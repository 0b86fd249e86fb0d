import { createHash } from "node:crypto";
import type { Policy, Principal } from "@landfall/streams/access/policy";
import type { StreamName } from "@landfall/streams/model/names";
import { PERSPECTIVES_MAX } from "../limits.js";
import type { FleetView } from "./fleet-view.js";
import { Perspective, type Surroundings } from "./perspective.js";

/**
 * Who sees what: asks the policy for every stream at every question (A2, A4), and keeps one merged view for all
 * who may read the same streams.
 */
export class Perspectives {
  private readonly kept = new Map<string, Perspective>();

  constructor(
    private readonly view: FleetView,
    private readonly policy: Policy,
    private readonly surroundings: Surroundings,
  ) {}

  /** Up to date when it is returned. */
  of(principal: Principal): Perspective {
    const readable = this.readableBy(principal);
    const key = createHash("sha256").update(readable.join("\n")).digest("base64");
    const perspective = this.kept.get(key) ?? new Perspective(this.view, new Set(readable), this.surroundings);
    // The most lately used stand last.
    this.kept.delete(key);
    this.kept.set(key, perspective);
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= PERSPECTIVES_MAX) break;
      this.kept.delete(oldest);
    }
    return perspective.refresh();
  }

  readableBy(principal: Principal): StreamName[] {
    return [...this.view.streams].filter((stream) => this.policy.allows(principal, "read", stream)).sort();
  }
}
