import { COMPLAINT_INTERVAL_MS } from "../limits.js";

/** Lets the same complaint about the same client through once in a while. Bounded by forgetting all at once. */
export class Complaints {
  readonly #heard = new Map<string, number>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** Whether to speak up. `nowMs` is monotonic. */
  isNew(client: string, code: string, nowMs: number): boolean {
    const key = `${code} ${client}`;
    const last = this.#heard.get(key);
    if (last !== undefined && nowMs - last < COMPLAINT_INTERVAL_MS) return false;
    if (this.#heard.size >= this.#max) this.#heard.clear();
    this.#heard.set(key, nowMs);
    return true;
  }
}
