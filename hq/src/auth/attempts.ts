import { ATTEMPT_WAIT_MS_MAX, ATTEMPT_WAIT_MS_MIN, ATTEMPTS_FREE, ATTEMPTS_REMEMBERED_MAX } from "../limits.js";

interface Failures {
  readonly count: number;
  /** Monotonic milliseconds before which the next attempt is not looked at. */
  readonly notBefore: number;
}

/**
 * Slows down whoever guesses passwords: per user and address (of IPv6: network), so that nobody can lock out somebody who sits
 * elsewhere, and bounded, so that guessing many names costs memory of nobody's.
 */
export class Attempts {
  private readonly failures = new Map<string, Failures>();

  /** Milliseconds until this user may be tried again from this address; 0 for now. */
  waitMs(user: string, address: string, now: number): number {
    return Math.max(0, (this.failures.get(key(user, address))?.notBefore ?? 0) - now);
  }

  failed(user: string, address: string, now: number): void {
    const id = key(user, address);
    const count = (this.failures.get(id)?.count ?? 0) + 1;
    const over = count - ATTEMPTS_FREE;
    const wait = over <= 0 ? 0 : Math.min(ATTEMPT_WAIT_MS_MAX, ATTEMPT_WAIT_MS_MIN * 2 ** (over - 1));
    // The most lately failed stand last.
    this.failures.delete(id);
    this.failures.set(id, { count, notBefore: now + wait });
    for (const oldest of this.failures.keys()) {
      if (this.failures.size <= ATTEMPTS_REMEMBERED_MAX) break;
      this.failures.delete(oldest);
    }
  }

  succeeded(user: string, address: string): void {
    this.failures.delete(key(user, address));
  }

  get remembered(): number {
    return this.failures.size;
  }
}

function key(user: string, address: string): string {
  return `${address} ${user}`;
}
