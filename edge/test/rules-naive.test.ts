import type { Measurements } from "@landfall/proto/api";
import { RulesSettingsSchema, type RulesSettings } from "@landfall/streams/settings/onboard-rules";
import * as fc from "fast-check";
import { Value } from "typebox/value";
import { expect, test } from "vitest";
import { initialState, type AlertChange } from "../src/rules/rules-state.js";
import { step } from "../src/rules/step.js";

/**
 * The rules for cargo against evaluators that keep everything and look back from each reading, as `docs/alerts.md` says them.
 * Written from that page, not from the code. A failure prints its seed.
 */

const MIN = 60_000;
const T0 = Date.UTC(2026, 2, 1);
const BOX = "DUCK0000010";
const OTHER = "AAAU0000001";
const DEFAULTS = Value.Default(RulesSettingsSchema, {}) as RulesSettings;

interface Reading {
  /** Minutes since `T0`. */
  readonly at: number;
  readonly m: Measurements;
}
type Word = `${string} ${"raised" | "cleared"} ${number}`;

/** What the rules say of one container, fed in the order given, beside another one that is always well. */
function said(readings: readonly Reading[], settings: RulesSettings): Word[] {
  const state = initialState("9321483", T0);
  const changes: AlertChange[] = [];
  for (const container of [BOX, OTHER]) {
    changes.push(...step(state, { type: "move", container, move: "LOAD", time: T0 - 1 }, settings));
  }
  for (const { at, m } of readings) {
    const event = { type: "reading", time: T0 + at * MIN, wall: T0 + at * MIN, via: "g" } as const;
    changes.push(...step(state, { ...event, container: OTHER, measurements: WELL }, settings));
    changes.push(...step(state, { ...event, container: BOX, measurements: m }, settings));
  }
  expect(changes.filter(({ container }) => container === OTHER)).toEqual([]);
  return changes
    .map(({ type, state: word, time }) => `${type} ${word} ${(Date.parse(time) - T0) / MIN}` as Word)
    .sort();
}

const WELL: Measurements = { temperatureC: -18, setpointC: -18, powered: true, doorOpen: false, shockG: 0 };

/** The readings that count: each newer than all before it. */
function inTime(readings: readonly Reading[]): Reading[] {
  const heeded: Reading[] = [];
  for (const one of readings) if (one.at > (heeded.at(-1)?.at ?? -1)) heeded.push(one);
  return heeded;
}

/** What the newest reading up to the i-th that spoke of it said. */
function lastKnown<K extends keyof Measurements>(
  all: readonly Reading[],
  i: number,
  key: K,
): Measurements[K] | undefined {
  return all.slice(0, i + 1).findLast(({ m }) => m[key] !== undefined)?.m[key];
}

function states(
  all: readonly Reading[],
  type: string,
  key: "powered" | "doorOpen",
  bad: boolean,
  afterMinutes: number,
): Word[] {
  const words: Word[] = [];
  let isOpen = false;
  all.forEach(({ at }, i) => {
    const now = lastKnown(all, i, key);
    if (now === !bad && isOpen) {
      isOpen = false;
      words.push(`${type} cleared ${at}`);
    }
    if (now !== bad || isOpen) return;
    // Power is missed of what was known to have it, or has a set point.
    const isReefer = all.slice(0, i + 1).some(({ m }) => m.powered === true || m.setpointC !== undefined);
    if (type === "NO_POWER" && !isReefer) return;
    const goodBefore = all.slice(0, i).findLastIndex((_, j) => lastKnown(all, j, key) !== bad);
    const firsts = all.slice(goodBefore + 1, i + 1);
    const first = type === "DOOR_OPEN" ? firsts[0] : firsts.find((_, j) => isKnownReefer(all, goodBefore + 1 + j));
    if (at - (first as Reading).at < afterMinutes) return;
    isOpen = true;
    words.push(`${type} raised ${at}`);
  });
  return words;
}

/** A reading says something about the range when a set point is known by then, and it tells of air or cargo. */
function isJudged(all: readonly Reading[], { at, m }: Reading): boolean {
  const i = all.findIndex((one) => one.at === at);
  return lastKnown(all, i, "setpointC") !== undefined && (m.temperatureC ?? m.returnAirC ?? m.supplyAirC) !== undefined;
}

function isKnownReefer(all: readonly Reading[], i: number): boolean {
  return all.slice(0, i + 1).some(({ m }) => m.powered === true || m.setpointC !== undefined);
}

function shocks(all: readonly Reading[], { shockG, shockClearedAfterMinutes }: RulesSettings): Word[] {
  const words: Word[] = [];
  let isOpen = false;
  all.forEach(({ at, m }, i) => {
    const isShock = (m.shockG ?? 0) > shockG;
    if (isShock && !isOpen) words.push(`SHOCK raised ${at}`);
    isOpen ||= isShock;
    const last = all.slice(0, i + 1).findLast((one) => (one.m.shockG ?? 0) > shockG);
    if (!isOpen || isShock || last === undefined || at - last.at < shockClearedAfterMinutes) return;
    isOpen = false;
    words.push(`SHOCK cleared ${at}`);
  });
  return words;
}

/** Minutes out of range, or back in it, between readings that count and follow each other without a gap or a defrost. */
function ranges(all: readonly Reading[], settings: RulesSettings): Word[] {
  const words: Word[] = [];
  const judged = all.map(({ at, m }, i) => {
    const setpoint = lastKnown(all, i, "setpointC");
    const air = m.temperatureC ?? m.returnAirC ?? m.supplyAirC;
    if (setpoint === undefined || air === undefined) return { at, kind: "none" as const };
    const defrost = all.slice(0, i + 1).findLast((one) => one.m.defrosting === true && isJudged(all, one));
    if (m.defrosting === true || at - (defrost?.at ?? -Infinity) < settings.afterDefrostMinutes)
      return { at, kind: "defrost" as const };
    return { at, kind: Math.abs(air - setpoint) > settings.rangeToleranceC ? ("out" as const) : ("in" as const) };
  });
  let open = false;
  /** Of the present excursion, or the present return from it. */
  let minutes = 0;
  let phase: "well" | "out" | "back" = "well";
  let before: { at: number; kind: "out" | "in" } | undefined;
  for (const { at, kind } of judged) {
    if (kind === "none") continue;
    if (kind === "defrost") {
      before = undefined;
      continue;
    }
    const pause = before === undefined ? 0 : at - before.at;
    const passed = pause <= settings.gapMinutes ? pause : 0;
    if (kind === "out") {
      if (phase === "well") minutes = 0;
      else if (phase === "out") minutes += passed;
      else minutes = settings.outOfRangeAfterMinutes;
      phase = "out";
      if (!open && minutes >= settings.outOfRangeAfterMinutes) {
        open = true;
        words.push(`OUT_OF_RANGE raised ${at}`);
      }
    } else if (!open) {
      phase = "well";
    } else {
      minutes = phase === "back" ? minutes + passed : 0;
      phase = "back";
      if (minutes >= settings.backInRangeAfterMinutes && before !== undefined && minutes > 0) {
        open = false;
        phase = "well";
        words.push(`OUT_OF_RANGE cleared ${at}`);
      }
    }
    before = { at, kind };
  }
  return words;
}

const reading = fc.record({
  at: fc.integer({ min: 0, max: 600 }),
  m: fc.record(
    {
      temperatureC: fc.constantFrom(-18, -16, -15, -14, 5),
      setpointC: fc.constantFrom(-18),
      defrosting: fc.constantFrom(false, false, true),
      powered: fc.boolean(),
      doorOpen: fc.boolean(),
      shockG: fc.constantFrom(0, 8, 9),
    },
    { requiredKeys: [] },
  ),
});
/** Mostly in order, a few minutes apart; some late, some twice. */
const delivery = fc
  .tuple(fc.array(reading, { maxLength: 60 }), fc.array(fc.tuple(fc.nat(60), fc.nat(60)), { maxLength: 8 }))
  .map(([all, late]) => {
    const order = all.toSorted((a, b) => a.at - b.at);
    for (const [from, to] of late) {
      const one = order[from];
      if (one !== undefined) order.splice(to, 0, one);
    }
    return order;
  });
const minutes = (max: number) => fc.integer({ min: 1, max });
const settings = fc
  .record({
    outOfRangeAfterMinutes: minutes(90),
    backInRangeAfterMinutes: minutes(60),
    gapMinutes: minutes(60),
    afterDefrostMinutes: minutes(60),
    noPowerAfterMinutes: minutes(60),
    doorOpenAfterMinutes: minutes(60),
    shockClearedAfterMinutes: minutes(90),
  })
  .map((some): RulesSettings => ({ ...DEFAULTS, ...some }));

test("in any order of arrival, with any limits, the rules say what a look at the whole history says", () => {
  fc.assert(
    fc.property(delivery, settings, (readings, limits) => {
      const all = inTime(readings);
      const wanted = [
        ...ranges(all, limits),
        ...states(all, "NO_POWER", "powered", false, limits.noPowerAfterMinutes),
        ...states(all, "DOOR_OPEN", "doorOpen", true, limits.doorOpenAfterMinutes),
        ...shocks(all, limits),
      ];
      expect(said(readings, limits)).toEqual(wanted.sort());
    }),
    { numRuns: 300 },
  );
});

test("what is read back after a restart says nothing that was not said before", () => {
  fc.assert(
    fc.property(delivery, (readings) => {
      expect(said(readings, DEFAULTS)).toEqual(said([...readings], DEFAULTS));
      expect(said([...readings, ...readings], DEFAULTS)).toEqual(said(readings, DEFAULTS));
    }),
    { numRuns: 100 },
  );
});
