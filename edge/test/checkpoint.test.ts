import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VersionVector } from "@landfall/streams/model/record";
import type { OriginId, StreamName } from "@landfall/streams/model/names";
import * as fc from "fast-check";
import { Value } from "typebox/value";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readCheckpoint, writeCheckpoint } from "../src/rules/checkpoint.js";
import { initialState, type RuleEvent, type RulesState } from "../src/rules/rules-state.js";
import { RulesSettingsSchema, type RulesSettings } from "@landfall/streams/settings/onboard-rules";
import { step } from "../src/rules/step.js";

const SETTINGS = Value.Default(RulesSettingsSchema, {}) as RulesSettings;
const IMO = "9321483";
const T0 = Date.UTC(2026, 2, 1);
const SHIPS = "bigblue.ships" as StreamName;
const ORIGIN = "ship-9321483.a~x" as OriginId;
const storeWith = (next: number) => ({ vector: (): VersionVector => ({ [ORIGIN]: next }) });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "landfall-checkpoint-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const save = (file: string, state: RulesState, next = 5) =>
  writeCheckpoint(file, {
    state,
    cursors: new Map([[SHIPS, { v: 1, next: { [ORIGIN]: next } }]]),
    raisedIn: new Map([["an-alert", "duckworks.alerts" as StreamName]]),
  });

const container = fc.constantFrom("CSQU3054383", "MSKU9070323", "TCNU1234565");
const minute = fc.integer({ min: 0, max: 400 }).map((n) => T0 + n * 60_000);
const measurements = fc.record(
  {
    temperatureC: fc.integer({ min: -30, max: 30 }),
    setpointC: fc.constant(-18),
    powered: fc.boolean(),
    doorOpen: fc.boolean(),
    shockG: fc.integer({ min: 0, max: 20 }),
  },
  { requiredKeys: [] },
);
const event: fc.Arbitrary<RuleEvent> = fc.oneof(
  fc.record({
    type: fc.constant("reading" as const),
    container,
    time: minute,
    wall: minute,
    via: fc.constantFrom("a", "b"),
    measurements,
  }),
  fc.record({
    type: fc.constant("move" as const),
    container,
    move: fc.constantFrom("LOAD" as const, "DISC" as const),
    time: minute,
  }),
  fc.record({
    type: fc.constant("position" as const),
    time: minute,
    latitude: fc.constant(1),
    longitude: fc.constant(2),
  }),
  fc.record({ type: fc.constant("connected" as const), client: fc.constantFrom("a", "b"), wall: minute }),
  fc.record({ type: fc.constant("tick" as const), wall: minute }),
);

test("rules that go on from a checkpoint say the same as rules that never stopped", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 60 }), fc.array(event, { maxLength: 60 }), async (before, after) => {
      const state = initialState(IMO, T0);
      for (const one of before) step(state, one, SETTINGS);
      const file = join(folder, "edge", "rules.json");
      await save(file, state);
      const kept = await readCheckpoint(file, IMO, storeWith(5), T0);
      if (!kept) throw new Error("not read");
      expect(kept.state).toEqual(state);
      for (const one of after) expect(step(kept.state, one, SETTINGS)).toEqual(step(state, one, SETTINGS));
    }),
    { numRuns: 60 },
  );
});

test("where to read on, and where the open alerts were raised, are kept", async () => {
  const file = join(folder, "rules.json");
  await save(file, initialState(IMO, T0));
  const kept = await readCheckpoint(file, IMO, storeWith(7), T0 + 1);
  expect(kept?.cursors.get(SHIPS)).toEqual({ v: 1, next: { [ORIGIN]: 5 } });
  expect(kept?.raisedIn.get("an-alert")).toBe("duckworks.alerts");
  expect(kept?.state.startedAt).toBe(T0 + 1);
});

test("one that is not there, is torn, is another ship's, another version's or ahead of the store is not used", async () => {
  const file = join(folder, "rules.json");
  expect(await readCheckpoint(file, IMO, storeWith(5), T0)).toBeUndefined();
  await save(file, initialState(IMO, T0));
  const text = readFileSync(file, "utf8");
  expect(await readCheckpoint(file, "9074729", storeWith(5), T0)).toBeUndefined();
  expect(await readCheckpoint(file, IMO, storeWith(4), T0)).toBeUndefined();
  writeFileSync(file, text.replace('"version":2', '"version":1'));
  expect(await readCheckpoint(file, IMO, storeWith(5), T0)).toBeUndefined();
  writeFileSync(file, text.slice(0, -10));
  expect(await readCheckpoint(file, IMO, storeWith(5), T0)).toBeUndefined();
});
