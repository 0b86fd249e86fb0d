import type { RulesOf } from "@landfall/proto/api";
import type { StreamName } from "@landfall/streams/model/names";
import { describe, expect, it } from "vitest";
import { FleetTolerance, RANGE_TOLERANCE_C } from "../src/rules/range-tolerance.js";

const SHIP = "9321483";
const OTHERS_SHIP = "9074729";

/** Rules that a test changes. */
class Rules {
  private readonly known = new Map<string, RulesOf["onboard"]>();
  private listener: (owner: string) => void = () => undefined;
  readonly onChange = (listener: (owner: string) => void) => {
    this.listener = listener;
    return () => undefined;
  };
  readonly rules = (owner: string) => this.known.get(owner) as never;
  set(owner: string, rules: RulesOf["onboard"]): void {
    this.known.set(owner, rules);
    this.listener(owner);
  }
}

describe("the tolerance of the rules that travel", () => {
  const make = () => {
    const rules = new Rules();
    const owners = new Map([
      [SHIP, "bigblue"],
      [OTHERS_SHIP, "redstar"],
    ]);
    const tolerance = new FleetTolerance({ rules, owner: "bigblue", ownerOfShip: (imo) => owners.get(imo) });
    const all = new Set(["bigblue.settings", "redstar.settings"] as StreamName[]);
    return { rules, tolerance, all, none: new Set<StreamName>() };
  };

  it("is that of the company whose ship it is, ashore of the headquarters' own, as far as its settings may be read", () => {
    const { rules, tolerance, all, none } = make();
    expect(tolerance.of(SHIP, all)).toBe(RANGE_TOLERANCE_C);
    rules.set("bigblue", { rangeToleranceC: 0.5 });
    rules.set("redstar", { rangeToleranceC: 0, shockG: 9 });
    expect([SHIP, OTHERS_SHIP, "9176187", undefined].map((imo) => tolerance.of(imo, all))).toEqual([0.5, 0, 0.5, 0.5]);
    expect([SHIP, OTHERS_SHIP, undefined].map((imo) => tolerance.of(imo, none))).toEqual([3, 3, 3]);
    rules.set("bigblue", {});
    expect(tolerance.of(SHIP, all)).toBe(RANGE_TOLERANCE_C);
  });

  it("is another version when somebody may have been judged by another one, and only then", () => {
    const { rules, tolerance, all } = make();
    tolerance.of(SHIP, all);
    const { version } = tolerance;
    rules.set("bigblue", { shockG: 5 });
    rules.set("redstar", { rangeToleranceC: 1 });
    expect(tolerance.version).toBe(version);
    rules.set("bigblue", { rangeToleranceC: 1 });
    expect(tolerance.version).not.toBe(version);
  });
});
