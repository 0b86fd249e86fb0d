import type { Purpose, Purse } from "./purse.js";

export const DAY_MS = 86_400_000;
/** With less than that left of a day's budget, nothing is begun any more. */
export const CRUMBS_BYTES = 16 * 1024;
/** Bytes are written down so many at a time, before they are spent: what a crash may lose of a day's budget. */
export const CHUNK_BYTES = 128 * 1024;

export interface BudgetTerms {
  /** Bytes a day (UTC) over all links of the budget, both ways. */
  readonly bytesPerDay: number;
  /** The last so many percent are for alerts, and for what keeps the link up, alone. */
  readonly alertsPercent: number;
}

/** What is on disk of a budget. */
export interface LedgerEntry {
  /** Days since 1970 (UTC). */
  readonly day: number;
  /** Bytes of that day that count as spent. */
  readonly bytes: number;
  /** Bytes that may be under way: if this is not heard of again, they count for the day after, too. */
  readonly held: number;
}

export interface LedgerOptions {
  readonly terms: BudgetTerms;
  /** The last entry that was written; undefined for a new budget. */
  readonly found: LedgerEntry | undefined;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Replaces the entry; calls `done` when it is durable, or with false when it could not be written. */
  readonly write: (entry: LedgerEntry, done: (ok: boolean) => void) => void;
  /** Runs something a little later, outside of whatever is going on. */
  readonly soon: (work: () => void) => void;
  readonly dayMs?: number;
}

export interface BudgetState {
  readonly bytesPerDay: number;
  readonly usedBytes: number;
  readonly leftBytes: number;
  /** What is left is for alerts alone, or for nothing but what is under way. */
  readonly isForAlerts: boolean;
  readonly isUsedUp: boolean;
  /** Milliseconds since 1970: when the next day begins. */
  readonly until: number;
}

/**
 * The bytes of one budget, whatever links share it. It is never exceeded: bytes are set aside before anything is sent, and
 * set down on disk, a chunk at a time, before they are set aside. A crash loses at most the rest of a chunk. What is set
 * aside when a day ends counts for the next one, too: it may be sent then.
 */
export class BudgetLedger implements Purse {
  readonly terms: BudgetTerms;
  private day: number;
  private spent: number;
  /** Of the day's bytes, so many are on disk as spent. */
  private written: number;
  private held = 0;
  private isWriting = false;
  private someoneWaits = false;
  private isTelling = false;
  private readonly dayMs: number;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly options: LedgerOptions) {
    const { terms, found, now, dayMs = DAY_MS } = options;
    this.terms = terms;
    this.dayMs = dayMs;
    const today = Math.floor(now() / dayMs);
    // A clock that is behind gives no bytes again.
    const isToday = found !== undefined && found.day >= today;
    this.day = isToday ? found.day : today;
    this.spent = isToday ? found.bytes : (found?.held ?? 0);
    this.written = isToday ? found.bytes : 0;
  }

  get state(): BudgetState {
    this.turnDay();
    return {
      bytesPerDay: this.terms.bytesPerDay,
      usedBytes: this.spent,
      leftBytes: Math.max(0, this.terms.bytesPerDay - this.spent),
      isForAlerts: !this.covers(CRUMBS_BYTES, "rest"),
      isUsedUp: !this.covers(CRUMBS_BYTES, "urgent"),
      until: (this.day + 1) * this.dayMs,
    };
  }

  /** Calls `listener` soon after there may be more than there was. @returns how to end that */
  onMore(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  covers(bytes: number, purpose: Purpose): boolean {
    this.turnDay();
    return this.spent + bytes <= this.limit(purpose);
  }

  hold(bytes: number, purpose: Purpose): boolean {
    const covered = this.covers(bytes, purpose);
    const isThere = covered && this.held + bytes <= CHUNK_BYTES && this.spent + bytes <= this.written;
    if (isThere) {
      this.spent += bytes;
      this.held += bytes;
    } else {
      this.someoneWaits = true;
    }
    if (covered && this.written - this.spent < CHUNK_BYTES / 2) this.writeAhead(isThere ? 0 : bytes);
    return isThere;
  }

  settle(held: number, spent: number): void {
    this.turnDay();
    this.held -= held;
    this.spent -= held - spent;
    if (this.someoneWaits) this.tellMore();
  }

  /** To be called now and then: says when a new day has begun. */
  tick(): void {
    const { day } = this;
    this.turnDay();
    if (day !== this.day) this.tellMore();
  }

  /** The entry that a clean end leaves: nothing is under way any more. */
  lastEntry(): LedgerEntry {
    return { day: this.day, bytes: this.spent, held: 0 };
  }

  private limit(purpose: Purpose): number {
    const { bytesPerDay, alertsPercent } = this.terms;
    return purpose === "urgent" ? bytesPerDay : Math.floor((bytesPerDay * (100 - alertsPercent)) / 100);
  }

  private turnDay(): void {
    const today = Math.floor(this.options.now() / this.dayMs);
    if (today <= this.day) return;
    this.day = today;
    this.spent = this.held;
    this.written = 0;
  }

  private writeAhead(bytes: number): void {
    const { day } = this;
    const upTo = Math.min(this.terms.bytesPerDay, this.spent + bytes + CHUNK_BYTES);
    if (this.isWriting || upTo <= this.written) return;
    this.isWriting = true;
    this.options.write({ day, bytes: upTo, held: CHUNK_BYTES }, (ok) => {
      this.isWriting = false;
      if (!ok) return;
      if (day === this.day) this.written = upTo;
      this.tellMore();
    });
  }

  private tellMore(): void {
    this.someoneWaits = false;
    if (this.isTelling) return;
    this.isTelling = true;
    this.options.soon(() => {
      this.isTelling = false;
      for (const listener of this.listeners) listener();
    });
  }
}
