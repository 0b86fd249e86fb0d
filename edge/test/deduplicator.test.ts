import { LandfallError } from "@landfall/streams/model/errors";
import type { StreamName, TopicName } from "@landfall/streams/model/names";
import type { TimestampMs } from "@landfall/streams/model/record";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AppendBatcher } from "../src/ingest/append-batcher.js";
import { Deduplicator } from "../src/ingest/deduplicator.js";
import type { Target } from "../src/ingest/route.js";
import { LOOKUP_RECORDS } from "../src/limits.js";
import { bytes } from "./support/arbitraries.js";
import { MemoryStore } from "./support/memory-store.js";

const stream = (name: string) => name as StreamName;
const BOX = "CSQU3054383" as TopicName;

interface Message {
  readonly time: number;
  readonly text: string;
  readonly kind?: string;
  readonly topic?: TopicName;
  readonly streams?: readonly string[];
}
function target({ time, text, kind = "telemetry", topic = BOX, streams = ["duckworks.containers"] }: Message): Target {
  const names = streams.map(stream);
  return {
    stream: names[0] as StreamName,
    key: `c:${topic}`,
    lookIn: () => names,
    record: { topic, timestamp: time as TimestampMs, value: bytes(text), headers: { kind } },
  };
}
const texts = (store: MemoryStore) => store.records.map(({ value }) => Buffer.from(value).toString());
const turn = () => new Promise(setImmediate);

function make(store = new MemoryStore()) {
  return { store, dedup: new Deduplicator(store, new AppendBatcher(store)) };
}

describe("I1: a repeated publish", () => {
  test("is acknowledged and not stored again, also after a restart", async () => {
    const { store, dedup } = make();
    expect(await dedup.store(target({ time: 1, text: "a" }), true)).toBe("stored");
    expect(await dedup.store(target({ time: 1, text: "a" }), true)).toBe("duplicate");
    const restarted = make(store).dedup;
    expect(await restarted.store(target({ time: 1, text: "a" }), true)).toBe("duplicate");
    expect(await restarted.store(target({ time: 2, text: "a" }), true)).toBe("stored");
    expect(texts(store)).toEqual(["a", "a"]);
  });

  test("is one only if topic, kind, time and every byte are equal", async () => {
    const { store, dedup } = make();
    const first: Message = { time: 5, text: "abc" };
    const others: Message[] = [
      { ...first, text: "abd" },
      { ...first, text: "ab" },
      { ...first, time: 4 },
      { ...first, kind: "event" },
      { ...first, topic: "MSKU9070323" as TopicName },
    ];
    for (const one of [first, ...others]) expect(await dedup.store(target(one), true)).toBe("stored");
    for (const one of [first, ...others]) expect(await dedup.store(target(one), true)).toBe("duplicate");
    expect(store.records).toHaveLength(6);
  });

  test("of one still on its way to the disk waits for it", async () => {
    const { store, dedup } = make();
    store.hold();
    const settled: string[] = [];
    const both = [1, 2].map((n) =>
      dedup.store(target({ time: 1, text: "a" }), true).then((outcome) => settled.push(`${n} ${outcome}`)),
    );
    await turn();
    await turn();
    expect(settled).toEqual([]);
    store.release();
    await Promise.all(both);
    expect(settled).toEqual(["1 stored", "2 duplicate"]);
    expect(store.records).toHaveLength(1);
  });

  test("of one that the disk refused is refused with it, and stored when it comes again", async () => {
    const { store, dedup } = make();
    store.failWith(new LandfallError("DISK_FULL", "no space"));
    const both = await Promise.allSettled([1, 2].map(() => dedup.store(target({ time: 1, text: "a" }), true)));
    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    store.failWith(undefined);
    expect(await dedup.store(target({ time: 1, text: "a" }), true)).toBe("stored");
    expect(await dedup.store(target({ time: 1, text: "a" }), true)).toBe("duplicate");
  });

  test("is found in the stream of an earlier booking", async () => {
    const { store, dedup } = make();
    await dedup.store(target({ time: 1, text: "a", streams: ["bigblue.unassigned"] }), true);
    const again = target({ time: 1, text: "a", streams: ["duckworks.containers", "bigblue.unassigned"] });
    expect(await dedup.store(again, true)).toBe("duplicate");
    expect(await make(store).dedup.store(again, true)).toBe("duplicate");
    expect(store.streams()).toEqual(["bigblue.unassigned"]);
  });

  test("is found among any number of readings of the same time and of later ones", async () => {
    const { store, dedup } = make();
    for (let i = 0; i < LOOKUP_RECORDS + 10; i++) await dedup.store(target({ time: 7, text: `same time ${i}` }), true);
    for (let i = 0; i < 100; i++) await dedup.store(target({ time: 8 + i, text: "later" }), true);
    const before = store.records.length;
    const restarted = make(store).dedup;
    for (const i of [0, LOOKUP_RECORDS - 1, LOOKUP_RECORDS, LOOKUP_RECORDS + 9]) {
      expect(await restarted.store(target({ time: 7, text: `same time ${i}` }), true)).toBe("duplicate");
    }
    expect(store.records).toHaveLength(before);
  });

  test("without a time is a second reading", async () => {
    const { store, dedup } = make();
    expect(await dedup.store(target({ time: 1, text: "a" }), false)).toBe("stored");
    expect(await dedup.store(target({ time: 1, text: "a" }), false)).toBe("stored");
    expect(store.records).toHaveLength(2);
  });
});

test("who says the same again and again costs one look at most, and another reading of that time is told from it", async () => {
  const { store, dedup } = make();
  await dedup.store(target({ time: 5, text: "a" }), true);
  const before = dedup.lookups;
  for (let i = 0; i < 100; i++) expect(await dedup.store(target({ time: 5, text: "a" }), true)).toBe("duplicate");
  expect(dedup.lookups).toBe(before);
  expect(await dedup.store(target({ time: 5, text: "b" }), true)).toBe("stored");
  expect(await dedup.store(target({ time: 5, text: "a" }), true)).toBe("duplicate");
  // After a restart the first one is looked up, and remembered.
  const again = make(store).dedup;
  for (let i = 0; i < 100; i++) expect(await again.store(target({ time: 5, text: "b" }), true)).toBe("duplicate");
  expect(again.lookups).toBe(1);
  expect(texts(store)).toEqual(["a", "b"]);
});

test("readings in order need no look into the store after the first", async () => {
  const { dedup } = make();
  for (let time = 1; time <= 500; time++) await dedup.store(target({ time, text: "a" }), true);
  expect(dedup.lookups).toBe(1);
});

test("readings of a topic are stored in the order in which they came, whatever had to be looked up", async () => {
  const { store, dedup } = make();
  const all = [5, 1, 6, 3, 3, 7, 2].map((time, i) => dedup.store(target({ time, text: `${i}` }), true));
  await Promise.all(all);
  expect(texts(store)).toEqual(["0", "1", "2", "3", "4", "5", "6"]);
});

test("a reading that comes while an earlier one is still looked up does not overtake it", async () => {
  const store = new MemoryStore();
  const { dedup } = make(store);
  await dedup.store(target({ time: 10, text: "first" }), true);
  const doors: (() => void)[] = [];
  const read = store.readTopic.bind(store);
  store.readTopic = async (...args) => {
    await new Promise<void>((resolve) => doors.push(resolve));
    return read(...args);
  };
  const stores = [
    dedup.store(target({ time: 3, text: "second" }), true),
    dedup.store(target({ time: 4, text: "third" }), true),
  ];
  for (let answered = 0; answered < 2; answered++) {
    while (doors.length === 0) await turn();
    doors.shift()?.();
    await turn();
    await turn();
    if (answered === 0) stores.push(dedup.store(target({ time: 20, text: "fourth" }), true));
  }
  await Promise.all(stores);
  expect(texts(store)).toEqual(["first", "second", "third", "fourth"]);
});

test("what arrives together goes to the store together, a stream at a time", async () => {
  const { store, dedup } = make();
  const messages = Array.from({ length: 50 }, (_, i) =>
    target({ time: 1, text: "a", topic: `T${i}` as TopicName, streams: [i % 2 ? "a.containers" : "b.containers"] }),
  );
  await Promise.all(messages.map((one) => dedup.store(one, false)));
  expect(store.appends).toBe(2);
  expect(store.records).toHaveLength(50);
});

test("a record that the store will not take does not take its neighbours with it", async () => {
  const store = new MemoryStore();
  const append = store.append.bind(store);
  store.append = (name, records) =>
    records.some(({ value }) => value.byteLength > 3)
      ? Promise.reject(new LandfallError("VALUE_TOO_LARGE", "too large"))
      : append(name, records);
  const { dedup } = make(store);
  const outcomes = await Promise.allSettled(
    ["a", "too large", "b"].map((text, i) => dedup.store(target({ time: i, text }), true)),
  );
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(texts(store)).toEqual(["a", "b"]);
});

test("I1, S1: through holds, kills and restarts, what was acknowledged is stored, each message once", async () => {
  const step = fc.oneof(
    { weight: 12, arbitrary: fc.record({ time: fc.integer({ min: 0, max: 20 }), text: fc.constantFrom("a", "b") }) },
    { weight: 2, arbitrary: fc.constantFrom("hold" as const, "release" as const, "turn" as const) },
    { weight: 1, arbitrary: fc.constant("kill" as const) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat({ max: 20 }), { maxLength: 4 }),
      fc.array(step, { maxLength: 80 }),
      async (before, steps) => {
        const store = new MemoryStore();
        for (const time of new Set(before))
          await store.append(stream("duckworks.containers"), [target({ time, text: "a" }).record]);
        let { dedup } = make(store);
        const acknowledged = new Set<string>();
        let waiting: Promise<unknown>[] = [];
        for (const one of steps) {
          if (one === "hold") store.hold();
          else if (one === "release") store.release();
          else if (one === "turn") await turn();
          else if (one === "kill") {
            // What was on its way is lost, and with it what memory knew.
            await turn();
            await turn();
            store.crash();
            await Promise.allSettled(waiting);
            waiting = [];
            dedup = make(store).dedup;
          } else {
            const ack = () => acknowledged.add(`${one.time} ${one.text}`);
            waiting.push(dedup.store(target(one), true).then(ack, () => undefined));
          }
        }
        store.release();
        await Promise.all(waiting);
        const stored = store.records.map(({ timestamp, value }) => `${timestamp} ${Buffer.from(value).toString()}`);
        expect(new Set(stored).size).toBe(stored.length);
        for (const message of acknowledged) expect(stored).toContain(message);
      },
    ),
    { numRuns: 300 },
  );
});
