import type { Env } from "@landfall/streams/env";
import type { Sisters } from "@landfall/streams/node/node";
import { TAKE_OVER_MS } from "../limits.js";

/**
 * Which node of a site raises alerts: the first one that `cluster.nodes` names. The next one stands in when all before it
 * have been out of its reach for a while, and steps back as soon as one of them is there again.
 */
export class InCharge {
  #aloneSince: number | undefined;

  /** @param seniors names of the nodes listed before this one, `site.node` */
  constructor(
    private readonly seniors: readonly string[],
    private readonly sisters: Pick<Sisters, "connected">,
    private readonly env: Env,
  ) {}

  /** Asked some times a second. */
  isInCharge(): boolean {
    if (this.seniors.length === 0) return true;
    const connected = this.sisters.connected();
    if (this.seniors.some((senior) => connected.includes(senior))) {
      this.#aloneSince = undefined;
      return false;
    }
    const now = this.env.monotonic();
    this.#aloneSince ??= now;
    return now - this.#aloneSince >= TAKE_OVER_MS;
  }
}
