import type { Policy, Principal } from "@landfall/streams/access/policy";
import type { StreamName } from "@landfall/streams/model/names";
import { PERSPECTIVES_MAX } from "../limits.js";
import type { FleetView } from "./fleet-view.js";
import { excerptId } from "./excerpt.js";
import { kindOfStream } from "./kinds.js";
import { Perspective, type Surroundings } from "./perspective.js";

/**
 * Who sees what: asks the policy for every stream at every question (A2, A4), and keeps one merged view for all
 * who may read the same streams.
 */
export class Perspectives {
  /** The most lately used stand last. */
  private readonly kept = new Set<Perspective>();
  private made = 0;

  constructor(
    private readonly view: FleetView,
    private readonly policy: Pick<Policy, "scope">,
    private readonly surroundings: Surroundings,
    /** Names this run of the program. */
    private readonly run: string,
  ) {}

  /** Up to date when it is returned. */
  of(principal: Principal): Perspective {
    const readable = this.readableBy(principal);
    const perspective = this.find(readable) ?? this.make(readable);
    this.kept.delete(perspective);
    this.kept.add(perspective);
    for (const oldest of this.kept) {
      if (this.kept.size <= PERSPECTIVES_MAX) break;
      this.kept.delete(oldest);
    }
    return perspective.refresh();
  }

  private readableBy(principal: Principal): Set<StreamName> {
    const readable = new Set<StreamName>();
    for (const stream of this.view.streams.keys()) {
      // What nodes say of themselves is not merged into anything.
      if (kindOfStream(stream) === "metrics") continue;
      const scope = this.policy.scope(principal, stream);
      if (scope === "all") {
        readable.add(stream);
        continue;
      }
      for (const slice of scope) {
        const id = excerptId(stream, slice);
        if (this.view.startOf(id) !== undefined) readable.add(id);
      }
    }
    return readable;
  }

  /** One that shows exactly these streams, or can: a stream's first record does not make everything be merged anew. */
  private find(readable: ReadonlySet<StreamName>): Perspective | undefined {
    let smaller: Perspective | undefined;
    for (const perspective of this.kept) {
      if (!isSubset(perspective.readable, readable)) continue;
      if (perspective.readable.size === readable.size) return perspective;
      if (perspective.readable.size >= (smaller?.readable.size ?? 0)) smaller = perspective;
    }
    // Whoever may not see the added streams finds another one, or none, at their next question: what counts is the policy.
    const added = smaller && [...readable].filter((stream) => !smaller.readable.has(stream));
    return smaller && added && smaller.grow(added) ? smaller : undefined;
  }

  private make(readable: Set<StreamName>): Perspective {
    return new Perspective(this.view, readable, this.surroundings, `${this.run}${(this.made++).toString(36)}`);
  }
}

function isSubset(small: ReadonlySet<StreamName>, large: ReadonlySet<StreamName>): boolean {
  if (small.size > large.size) return false;
  for (const stream of small) if (!large.has(stream)) return false;
  return true;
}
