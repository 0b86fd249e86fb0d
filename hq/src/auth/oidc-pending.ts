import type { Env } from "@landfall/streams/env";
import { OIDC_MS_MAX, OIDC_PENDING_MAX } from "../limits.js";

/** A sign-in that has gone to the provider and has not come back. */
export interface Pending {
  readonly nonce: string;
  readonly verifier: string;
  /** Where the browser goes afterwards: a path here. */
  readonly to: string;
}

/** Sign-ins under way, by their state; each comes back once, in time. */
export class PendingSignIns {
  /** The oldest first. */
  private readonly known = new Map<string, Pending & { readonly until: number }>();

  constructor(private readonly env: Pick<Env, "monotonic">) {}

  add(state: string, pending: Pending): void {
    this.known.set(state, { ...pending, until: this.env.monotonic() + OIDC_MS_MAX });
    for (const oldest of this.known.keys()) {
      if (this.known.size <= OIDC_PENDING_MAX) break;
      this.known.delete(oldest);
    }
  }

  /** Undefined for a state that is unknown, has come back before, or is too old. */
  take(state: string): Pending | undefined {
    const pending = this.known.get(state);
    this.known.delete(state);
    return pending && this.env.monotonic() < pending.until ? pending : undefined;
  }
}
