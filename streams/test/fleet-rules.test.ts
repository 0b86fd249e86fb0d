import type { RuleKey } from "@landfall/proto/api";
import * as fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { MERGE_FAN_IN } from "../src/limits.js";
import { originId, streamName, topicName, type OriginId } from "../src/model/names.js";
import type { Offset, OriginRecord, Seq, TimestampMs } from "../src/model/record.js";
import { LandfallError } from "../src/model/errors.js";
import { retentionOf } from "../src/node/retention.js";
import { FleetRules, type FleetRulesOptions } from "../src/settings/fleet/fleet-rules.js";
import { RULE_KEYS, rulesTopic, settingsStream } from "../src/settings/fleet/document.js";
import { openEmbeddedStore, type EmbeddedStore } from "../src/store/embedded-store.js";
import { ManualEnv } from "../testing/manual-env.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { testSeed } from "../testing/seeded-random.js";
import { START_MS, sync } from "../testing/store-fixture.js";
import { until } from "../testing/until.js";

const seed = testSeed();
const OWNER = "duckworks";
const SETTINGS = settingsStream(OWNER);
const ORIGINS = ["los-angeles.a~1", "duckworks.a~2", "tokyo.b~3", "polarfoods.a~4"].map(originId);
/** Writes where it may not. */
const STRANGER = ORIGINS[3] as OriginId;

interface Written {
  readonly origin: number;
  readonly key: RuleKey;
  /** What it says; `bad` is no document. */
  readonly says: "rules" | "base" | "bad";
  /** How much later than the one before, in steps of offsets. */
  readonly later: number;
}

const written: fc.Arbitrary<Written> = fc.record({
  origin: fc.nat({ max: ORIGINS.length - 1 }),
  key: fc.constantFrom(...RULE_KEYS),
  says: fc.constantFrom("rules", "rules", "rules", "base", "bad"),
  later: fc.integer({ min: -20, max: 20 }),
});

interface Sent extends Written {
  readonly record: OriginRecord;
}

function valueOf({ key, says }: Written, number: number): string {
  if (says === "bad") return JSON.stringify({ kind: "rules", version: 99, key, rules: [number] });
  const rules = {
    access: [{ stream: `${OWNER}.*`, read: `u:reader-${number}` }],
    retention: [{ stream: `${OWNER}.alerts`, days: 1 + number }],
    onboard: { lostAfterMinutes: number },
  };
  return JSON.stringify({ kind: "rules", version: 1, key, rules: says === "base" ? null : rules[key] });
}

/** All records with their places: offsets of different origins differ in their slot, and lie in any order to each other. */
function send(all: readonly Written[]): Sent[] {
  const next = ORIGINS.map(() => ({ seq: 0, step: 0 }));
  return all.map((one, number) => {
    const at = next[one.origin] as { seq: number; step: number };
    at.step += Math.max(1, at.step === 0 ? 20 + one.later : one.later);
    const record: OriginRecord = {
      topic: rulesTopic(one.key),
      offset: (START_MS * 1_000 - ((START_MS * 1_000) % 1_024) + at.step * 1_024 + one.origin) as Offset,
      seq: at.seq++ as Seq,
      timestamp: START_MS as TimestampMs,
      received: START_MS as TimestampMs,
      headers: {},
      value: Buffer.from(valueOf(one, number)),
    };
    return { ...one, record };
  });
}

/** What must be in force: of each key, the valid document with the largest (offset, origin). */
function expected(sent: readonly Sent[]): Record<string, string> {
  const newest = new Map<RuleKey, Sent>();
  for (const one of sent) {
    if (one.says === "bad" || ORIGINS[one.origin] === STRANGER) continue;
    const before = newest.get(one.key);
    if (before === undefined || one.record.offset > before.record.offset) newest.set(one.key, one);
  }
  return Object.fromEntries(
    [...newest].map(([key, { record }]) => [
      key,
      JSON.stringify((JSON.parse(Buffer.from(record.value).toString()) as { rules: unknown }).rules),
    ]),
  );
}

function inForce(rules: FleetRules): Record<string, string> {
  return Object.fromEntries(rules.rulings().map(({ key, rules }) => [key, JSON.stringify(rules)]));
}

interface Site {
  readonly store: EmbeddedStore;
  readonly rules: FleetRules;
  readonly reported: string[];
  close(): Promise<void>;
}

async function openSite(disk: MemoryDisk, over: Partial<FleetRulesOptions> = {}): Promise<Site> {
  const env = new ManualEnv(START_MS);
  const store = await openEmbeddedStore({
    folder: "/data",
    site: "sydney",
    node: "a",
    env,
    disk: disk.boot(),
    retention: retentionOf([]),
  });
  const reported: string[] = [];
  const exceptions = {
    report: ({ code, message }: { code: string; message: string }) => reported.push(`${code} ${message}`),
  };
  const maySet = (site: string) => site !== "polarfoods";
  const rules = new FleetRules({ store, env, exceptions, maySet, ...over });
  await rules.start();
  const close = async () => {
    await rules.close();
    await store.close();
  };
  return { store, rules, reported, close };
}

/** Hands records over in an order that keeps each origin's own. */
async function deliver(store: EmbeddedStore, sent: readonly Sent[], turns: readonly number[]): Promise<void> {
  const queues = ORIGINS.map((_, origin) => sent.filter((one) => one.origin === origin));
  let turn = 0;
  while (queues.some(({ length }) => length > 0)) {
    const waiting = queues.filter(({ length }) => length > 0);
    const queue = waiting[(turns[turn++ % turns.length] ?? 0) % waiting.length] as Sent[];
    const { origin, record } = queue.shift() as Sent;
    const stream = SETTINGS;
    await store.apply({ stream, origin: ORIGINS[origin] as OriginId, firstSeq: record.seq, records: [record] });
  }
}

describe("rules in force", () => {
  it(`any order of arrival gives the same rules, and so does a restart (seed ${seed})`, async () => {
    const order = fc.array(fc.nat({ max: 10 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(fc.array(written, { minLength: 1, maxLength: 24 }), order, order, async (all, one, other) => {
        const sent = send(all);
        const found: Record<string, string>[] = [];
        for (const turns of [one, other]) {
          const disk = new MemoryDisk();
          const site = await openSite(disk);
          await deliver(site.store, sent, turns);
          await site.rules.catchUp(OWNER);
          found.push(inForce(site.rules));
          await site.close();
          const again = await openSite(disk);
          found.push(inForce(again.rules));
          await again.close();
        }
        for (const rules of found) expect(rules).toEqual(expected(sent));
      }),
      { seed, numRuns: 60 },
    );
  });

  it("what is not valid, and what comes from elsewhere, is told once and changes nothing", async () => {
    const site = await openSite(new MemoryDisk());
    onTestFinished(() => site.close());
    const sent = send([
      { origin: 0, key: "access", says: "rules", later: 0 },
      { origin: 1, key: "access", says: "bad", later: 5 },
      { origin: 3, key: "access", says: "rules", later: 9 },
      { origin: 2, key: "onboard", says: "rules", later: 1 },
    ]);
    await deliver(site.store, sent, [0]);
    await site.rules.catchUp(OWNER);
    await site.rules.catchUp(OWNER);
    expect(site.rules.rules(OWNER, "access")).toEqual([{ stream: "duckworks.*", read: "u:reader-0" }]);
    expect(site.reported).toHaveLength(2);
    expect(site.reported).toContainEqual(expect.stringMatching(/^BAD_RULES .*version is 99/));
    expect(site.reported).toContainEqual(expect.stringMatching(/^BAD_RULES .*polarfoods may not write/));
  });

  it("is told of changes, of nothing else, and of the way back to the base", async () => {
    const site = await openSite(new MemoryDisk());
    onTestFinished(() => site.close());
    const changed: string[] = [];
    site.rules.onChange((owner) => changed.push(owner));
    const put = async (topic: string, value: object) => {
      const bytes = Buffer.from(JSON.stringify(value));
      await site.store.append(SETTINGS, [
        { topic: topicName(topic), timestamp: START_MS as TimestampMs, value: bytes },
      ]);
      await site.rules.catchUp(OWNER);
    };
    await put("booking.CSQU3054383.1", { kind: "booking" });
    expect(changed).toEqual([]);
    const document = { kind: "rules", version: 1, key: "onboard" };
    await put("rules.onboard", { ...document, rules: { shockG: 3 } });
    expect(changed).toEqual([OWNER]);
    expect(site.rules.rules(OWNER, "onboard")).toEqual({ shockG: 3 });
    await put("rules.onboard", { ...document, rules: null, by: "ops" });
    expect(changed).toEqual([OWNER, OWNER]);
    expect(site.rules.rules(OWNER, "onboard")).toBeUndefined();
    expect(site.rules.ruling(OWNER, "onboard")).toMatchObject({ rules: null, by: "ops" });
  });

  it("A1: while rules cannot be read, nobody is let in by the base; they count as soon as they can", async () => {
    const disk = new MemoryDisk();
    const before = await openSite(disk);
    await deliver(before.store, send([{ origin: 0, key: "access", says: "rules", later: 0 }]), [0]);
    await before.close();
    const env = new ManualEnv(START_MS);
    let isBroken = true;
    const store = await openEmbeddedStore({ folder: "/data", site: "sydney", node: "a", env, disk: disk.boot() });
    onTestFinished(() => store.close());
    const reported: string[] = [];
    const rules = new FleetRules({
      store: {
        streams: () => store.streams(),
        onCommit: (listener) => store.onCommit(listener),
        readTopic: (...asked) =>
          isBroken ? Promise.reject(new LandfallError("DISK_FAILED", "gone")) : store.readTopic(...asked),
      },
      env,
      exceptions: { report: ({ code }) => reported.push(code) },
      maySet: () => true,
    });
    await rules.start();
    onTestFinished(() => rules.close());
    expect(rules.isUnread(OWNER)).toBe(true);
    expect(reported).toEqual(["RULES_UNREADABLE"]);
    isBroken = false;
    env.advance(1_000);
    await until(() => !rules.isUnread(OWNER));
    expect(rules.rules(OWNER, "access")).toHaveLength(1);
  });

  it("S5: of settings, merging leaves the newest; a late joiner gets it, and the old is gone at both", async () => {
    const first = await openSite(new MemoryDisk());
    onTestFinished(() => first.close());
    const count = 2 * MERGE_FAN_IN;
    for (let i = 0; i < count; i++) {
      const value = { kind: "rules", version: 1, key: "onboard", rules: { shockG: i } };
      await first.store.append(SETTINGS, [
        { topic: rulesTopic("onboard"), timestamp: START_MS as TimestampMs, value: Buffer.from(JSON.stringify(value)) },
      ]);
      await first.store.sealNow();
    }
    const kept = async ({ store }: Site) => (await store.readStream(SETTINGS, undefined, 1_000)).records.length;
    expect(await kept(first)).toBeLessThan(MERGE_FAN_IN);
    expect(await first.store.holeAt(SETTINGS, first.store.origin, 0 as Seq)).toMatchObject({ reason: "superseded" });

    const second = await openEmbeddedStore({
      folder: "/data",
      site: "singapore",
      node: "a",
      env: new ManualEnv(START_MS),
      disk: new MemoryDisk().boot(),
      retention: retentionOf([]),
    });
    onTestFinished(() => second.close());
    const origin = first.store.origin;
    // As replication does: what is superseded is a hole that is noted, what is behind it is applied.
    for (let seq = 0; seq < count; seq = second.vector(SETTINGS)[origin] ?? 0) {
      const hole = await first.store.holeAt(SETTINGS, origin, seq as Seq);
      if (hole === undefined) await sync(first.store, second, SETTINGS);
      else await second.noteGap(SETTINGS, origin, hole);
    }
    const rules = new FleetRules({
      store: second,
      env: new ManualEnv(START_MS),
      exceptions: { report: () => undefined },
      maySet: () => true,
    });
    await rules.start();
    onTestFinished(() => rules.close());
    expect(rules.rules(OWNER, "onboard")).toEqual({ shockG: count - 1 });
    expect(first.rules.rules(OWNER, "onboard")).toEqual({ shockG: count - 1 });
    expect((await second.readStream(SETTINGS, undefined, 1_000)).records.length).toBe(await kept(first));
    expect(second.vector(streamName(SETTINGS))[origin]).toBe(count);
  });
});
