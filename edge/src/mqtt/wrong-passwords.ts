import { ADDRESSES_REMEMBERED_MAX } from "../limits.js";
import { TokenBucket } from "./token-bucket.js";

/**
 * How many wrong passwords an address may try: it costs a hash each. Per address, so that nobody locks out a
 * device that connects from elsewhere, and bounded: the address that was quiet longest is forgotten.
 */
export class WrongPasswords {
  readonly #perMinute: number;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(perMinute: number) {
    this.#perMinute = perMinute;
  }

  get remembered(): number {
    return this.#buckets.size;
  }

  /** Whether one more may be tried from here. `nowMs` is monotonic. */
  mayTry(address: string, nowMs: number): boolean {
    return (this.#buckets.get(address)?.take(0, nowMs) ?? 0) === 0;
  }

  wasWrong(address: string, nowMs: number): void {
    // One more than the burst leads into debt, and debt is what is refused.
    const bucket = this.#buckets.get(address) ?? new TokenBucket(this.#perMinute / 60, this.#perMinute - 1, nowMs);
    bucket.take(1, nowMs);
    this.#buckets.delete(address);
    this.#buckets.set(address, bucket);
    for (const quiet of this.#buckets.keys()) {
      if (this.#buckets.size <= ADDRESSES_REMEMBERED_MAX) break;
      this.#buckets.delete(quiet);
    }
  }
}
