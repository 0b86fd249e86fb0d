import type { Env } from "@landfall/streams/env";
import type { Exceptions } from "@landfall/streams/node/node";
import { COMPLAINT_INTERVAL_MS, COMPLAINTS_PER_CODE_MAX } from "../limits.js";

/**
 * Lets the same complaint about the same client through once in a while, and of one code so many about different
 * ones: who comes from a thousand addresses fills nobody's stream. Bounded by forgetting all at once.
 */
export class Complaints {
  readonly #heard = new Map<string, number>();
  /** By code: since when they are counted, and how many were let through. */
  readonly #counted = new Map<string, { since: number; count: number }>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** Whether to speak up. `nowMs` is monotonic. */
  isNew(client: string, code: string, nowMs: number): boolean {
    const key = `${code} ${client}`;
    const last = this.#heard.get(key);
    if (last !== undefined && nowMs - last < COMPLAINT_INTERVAL_MS) return false;
    if (!this.#hasRoom(code, nowMs)) return false;
    if (this.#heard.size >= this.#max) this.#heard.clear();
    this.#heard.set(key, nowMs);
    return true;
  }

  #hasRoom(code: string, nowMs: number): boolean {
    let counted = this.#counted.get(code);
    if (counted === undefined || nowMs - counted.since >= COMPLAINT_INTERVAL_MS) {
      counted = { since: nowMs, count: 0 };
      this.#counted.set(code, counted);
    }
    return ++counted.count <= COMPLAINTS_PER_CODE_MAX;
  }
}

/** Whom a complaint is about, as far as that is known. */
export interface Culprit {
  /** Client id; empty before it is theirs. */
  readonly id: string;
  /** `address:port` */
  readonly remote: string;
}

/** Tells in `<owner>.exceptions` what clients did wrong, once for each client (or address, before it has a name) and code. */
export class Complainer {
  readonly #options: { readonly env: Env; readonly exceptions: Exceptions };
  readonly #complaints: Complaints;

  constructor(options: { readonly env: Env; readonly exceptions: Exceptions; readonly max: number }) {
    this.#options = options;
    this.#complaints = new Complaints(options.max);
  }

  complain({ id, remote }: Culprit, code: string, message: string, detail?: Readonly<Record<string, unknown>>): void {
    const source = id === "" ? remote.replace(/:\d+$/, "") || "mqtt" : id;
    if (!this.#complaints.isNew(source, code, this.#options.env.monotonic())) return;
    this.#options.exceptions.report({ code, source, message, detail: { client: id, remote, ...detail } });
  }
}
