import type { AuditValue } from "@landfall/proto/api";
import { AUDIT_FOLDED_MAX, AUDIT_REFUSALS_MAX, AUDIT_STRANGERS_MAX } from "./audit-limits.js";

/** Something that was done, before it is counted. */
export interface Deed extends Omit<AuditValue, "kind" | "count" | "first" | "last"> {
  /** Whose audit it belongs into. */
  readonly owner: string;
}

/** The same deed, so many times, between two moments (milliseconds since 1970). */
export interface Counted {
  readonly deed: Deed;
  readonly count: number;
  readonly first: number;
  readonly last: number;
}

/** What stands for subjects, people and addresses that are not told apart any more. */
export const MANY = "(many)";

interface Open {
  readonly deed: Deed;
  /** When it was told. */
  readonly since: number;
  count: number;
  first: number;
  last: number;
}

/**
 * Folds what one session does again and again: the first is told at once, the others together when the fold is over. So the
 * audit grows with who did what, not with how often, and each deed is in exactly one record. What strangers can cause is bounded
 * for each of them and for all together.
 */
export class Fold {
  /** In order of their beginning. */
  private readonly open = new Map<string, Open>();
  /** Different refusals, and deeds of strangers, in their open folds: of one who asks, and of all. */
  private readonly strange = new Map<string, number>();
  private strangers = 0;

  constructor(private readonly foldMs: number) {}

  /** @returns what is to be told now: the deed itself when it is the first, and folds that had to make room */
  add(deed: Deed, now: number): { readonly told: Counted | undefined; readonly over: Counted[] } {
    const over = this.over(now);
    const seen = this.open.get(keyOf(deed));
    if (seen) return { told: count(seen, now), over };
    let known = deed;
    if (isStrange(deed)) {
      const different = this.strange.get(askerOf(deed)) ?? 0;
      if (this.strangers >= AUDIT_STRANGERS_MAX) known = ofMany(deed);
      else if (different >= AUDIT_REFUSALS_MAX) known = { ...deed, subject: MANY };
      const many = this.open.get(keyOf(known));
      if (many) return { told: count(many, now), over };
      this.strangers++;
      this.strange.set(askerOf(known), (this.strange.get(askerOf(known)) ?? 0) + 1);
    }
    this.open.set(keyOf(known), { deed: known, since: now, count: 0, first: now, last: now });
    for (const [key] of this.open) {
      if (this.open.size <= AUDIT_FOLDED_MAX) break;
      over.push(...this.close(key));
    }
    return { told: { deed: known, count: 1, first: now, last: now }, over };
  }

  /** Folds that are over by now. */
  over(now: number): Counted[] {
    const found: Counted[] = [];
    for (const [key, { since }] of this.open) {
      // A clock that was set back ends them too: better told twice than never.
      if (now >= since && now - since < this.foldMs) break;
      found.push(...this.close(key));
    }
    return found;
  }

  /** Ends every fold. */
  all(): Counted[] {
    return [...this.open.keys()].flatMap((key) => this.close(key));
  }

  get size(): number {
    return this.open.size;
  }

  private close(key: string): Counted[] {
    const fold = this.open.get(key);
    if (!fold) return [];
    this.open.delete(key);
    const { deed, count, first, last } = fold;
    if (isStrange(deed)) {
      this.strangers--;
      const left = (this.strange.get(askerOf(deed)) ?? 1) - 1;
      if (left > 0) this.strange.set(askerOf(deed), left);
      else this.strange.delete(askerOf(deed));
    }
    return count === 0 ? [] : [{ deed, count, first, last }];
  }
}

function count(fold: Open, now: number): undefined {
  if (fold.count === 0) fold.first = now;
  fold.count++;
  fold.last = now;
}

/** What somebody can cause who has no rights here at all. */
function isStrange({ outcome, user }: Deed): boolean {
  return outcome === "refused" || user === "";
}

function askerOf({ user, address }: Deed): string {
  return `${user} ${address}`;
}

/** All that is left of who did it: what it was, and how it ended. */
function ofMany({ owner, action, outcome, status }: Deed): Deed {
  return { owner, action, outcome, status, via: "nobody", user: MANY, address: MANY, subject: MANY };
}

function keyOf({ owner, action, outcome, status, user, as, via, credential, address, subject }: Deed): string {
  return JSON.stringify([owner, action, outcome, status, user, as, via, credential, address, subject]);
}
