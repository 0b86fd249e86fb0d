import { describe, expect, it } from "vitest";
import { AUDIT_FOLDED_MAX, AUDIT_REFUSALS_MAX, AUDIT_STRANGERS_MAX } from "../src/audit/audit-limits.js";
import { Fold, MANY, type Deed } from "../src/audit/fold.js";

const deed = (rest: Partial<Deed> = {}): Deed => ({
  owner: "bigblue",
  action: "container.show",
  outcome: "allowed",
  status: 200,
  user: "ops",
  via: "session",
  credential: "s1",
  address: "127.0.0.1",
  subject: "DUCU0000010",
  ...rest,
});

describe("what is repeated", () => {
  it("is told once at once, and the rest when the fold is over: each deed in one record", () => {
    const fold = new Fold(1_000);
    expect(fold.add(deed(), 0).told).toMatchObject({ count: 1, first: 0, last: 0 });
    for (let at = 1; at <= 500; at++) expect(fold.add(deed(), at).told).toBeUndefined();
    expect(fold.add(deed({ subject: "POLU0000010" }), 501).told).toMatchObject({ count: 1 });
    expect(fold.over(999)).toEqual([]);
    expect(fold.over(1_000)).toMatchObject([{ count: 500, first: 1, last: 500 }]);
    expect(fold.add(deed(), 1_001).told).toMatchObject({ count: 1, first: 1_001 });
    expect(fold.all()).toEqual([]);
    expect(fold.size).toBe(0);
  });

  it("takes bounded memory, and of refusals a bounded number of records", () => {
    const fold = new Fold(1_000_000);
    let told = 0;
    for (let i = 0; i < AUDIT_FOLDED_MAX + 50; i++) {
      const { told: now, over } = fold.add(deed({ subject: `s${i}` }), i);
      told += (now ? 1 : 0) + over.length;
    }
    expect(fold.size).toBe(AUDIT_FOLDED_MAX);
    expect(told).toBe(AUDIT_FOLDED_MAX + 50);
    const refused: string[] = [];
    for (let i = 0; i < 5 * AUDIT_REFUSALS_MAX; i++) {
      const { told: now } = fold.add(deed({ outcome: "refused", status: 404, user: "eve", subject: `r${i}` }), 100_000);
      if (now) refused.push(now.deed.subject ?? "");
    }
    expect(refused).toHaveLength(AUDIT_REFUSALS_MAX + 1);
    expect(refused.at(-1)).toBe(MANY);
    // Somebody else is still told apart.
    const other = fold.add(deed({ outcome: "refused", status: 404, user: "mallory", subject: "r1" }), 100_000);
    expect(other.told).toMatchObject({ deed: { subject: "r1" } });
  });

  it("is bounded for all strangers together, from however many addresses they come", () => {
    const fold = new Fold(1_000);
    const flood = (at: number): Deed[] => {
      const told: Deed[] = [];
      for (let i = 0; i < 20 * AUDIT_STRANGERS_MAX; i++) {
        const strange = { outcome: "refused", status: 401, user: "", address: `10.0.${i >> 8}.${i & 255}` } as const;
        const { told: now } = fold.add(deed({ ...strange, subject: `s${i}` }), at);
        if (now) told.push(now.deed);
      }
      return told;
    };
    const told = flood(0);
    expect(told).toHaveLength(AUDIT_STRANGERS_MAX + 1);
    expect(told.at(-1)).toMatchObject({ user: MANY, address: MANY, subject: MANY, action: "container.show" });
    // Whoever is known is told apart all the same.
    expect(fold.add(deed({ user: "ops" }), 1).told).toMatchObject({ deed: { user: "ops" } });
    const [many] = fold.over(1_000).filter(({ deed: { user } }) => user === MANY);
    expect(many?.count).toBe(19 * AUDIT_STRANGERS_MAX - 1);
    // And afterwards there is room again.
    expect(flood(2_000)).toHaveLength(AUDIT_STRANGERS_MAX + 1);
  });
});
