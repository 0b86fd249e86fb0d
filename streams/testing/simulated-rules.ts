import type { Effect, LinkRights } from "../src/replication/machine-state.js";

/** Who may hold the stream, as one simulated site knows it: rules travel, and sites learn of a change at different times. */
export class SimulatedRules {
  /** Newest version known of each site's right, and what it says. */
  readonly #known = new Map<string, { readonly version: number; readonly may: boolean }>();

  constructor(private readonly self: string) {}

  /** Returns whether that is news: an older version changes nothing. */
  learn(site: string, version: number, may: boolean): boolean {
    if ((this.#known.get(site)?.version ?? 0) >= version) return false;
    this.#known.set(site, { version, may });
    return true;
  }

  mayHold(site: string): boolean {
    return this.#known.get(site)?.may ?? true;
  }

  rightsOf(peer: string): LinkRights {
    const may = (): boolean => this.mayHold(peer);
    return {
      maySend: may,
      mayRequest: () => may() && this.mayHold(this.self),
      mayProbe: () => may() && this.mayHold(this.self),
      mayBeProbed: may,
      mayAnnounce: may,
      mayBelieve: may,
      urgency: () => 0,
    };
  }

  /** What is wrong with an effect that concerns this peer; undefined for what is allowed. */
  breach(effect: Effect, peer: string): string | undefined {
    if (effect.type === "apply" || effect.type === "stage") {
      return this.rightsOf(peer).mayRequest("" as never, "" as never)
        ? undefined
        : `takes ${effect.key} from ${peer} (R8)`;
    }
    if (effect.type !== "send" || this.mayHold(peer)) return undefined;
    const { $case } = effect.message;
    const isTold = $case === "data" || $case === "sealed" || $case === "announce" || $case === "gap";
    return isTold ? `sends ${$case} to ${peer} (R8)` : undefined;
  }
}
