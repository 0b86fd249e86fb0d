import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeBlock, decodeBlock } from "../src/store/block.js";
import { StoreModel } from "./store-model.js";
import { CONTAINERS, SHIPS, START_MS, foreignBatch, reading } from "./store-fixture.js";
import type { Offset, Seq, StoredRecord, TimestampMs } from "../src/model/record.js";
import type { TopicName } from "../src/model/names.js";
import type { TopicQuery } from "../src/store/store.js";
import type { OpenSite } from "./store-contract.js";

const topic = (name: string): TopicName => name as TopicName;
const identity = ({ offset, origin, seq }: StoredRecord): string => `${offset} ${origin} ${seq}`;

/** Three topics, two origins, timestamps out of order; the clock moves, so offsets are spread. */
async function fill(site: Awaited<ReturnType<OpenSite>>): Promise<StoreModel> {
  for (let i = 0; i < 60; i++) {
    site.env.nowMs += (i * 37) % 11;
    const timestamp = (START_MS - ((i * 7919) % 1000)) as TimestampMs;
    await site.store.append(CONTAINERS, [reading(`t${i % 3}`, `${i}`, { timestamp })]);
  }
  await site.store.apply({
    ...foreignBatch(0, []),
    records: foreignBatch(
      0,
      Array.from({ length: 40 }, (_, i) => `f${i}`),
    ).records.map((record, i) => ({
      ...record,
      topic: topic(`t${i % 4}`),
      timestamp: (START_MS - i * 20) as TimestampMs,
      offset: (START_MS * 1000 + i * 8192) as Offset,
    })),
  });
  const model = new StoreModel();
  const { records } = await site.store.readStream(CONTAINERS, undefined, 1000);
  for (const record of records) model.add(record);
  return model;
}

export function describeReads(openSite: OpenSite, seed: number): void {
  describe("reading", () => {
    it.each(["open", "reopened"])(
      "O3: a topic is read in (offset, origin) order, within any bounds (%s)",
      async (state) => {
        const site = await openSite();
        const model = await fill(site);
        if (state === "reopened") await site.reopen();
        const offsets = model.records.map(({ offset }) => offset);
        const query: fc.Arbitrary<TopicQuery> = fc.record(
          {
            fromOffset: fc.constantFrom(...offsets, 0 as Offset, (offsets[7] ?? 0) + 1) as fc.Arbitrary<Offset>,
            toOffset: fc.constantFrom<Offset>(...offsets, 0 as Offset),
            fromTime: fc.integer({ min: START_MS - 1000, max: START_MS + 1 }) as fc.Arbitrary<TimestampMs>,
            toTime: fc.integer({ min: START_MS - 1000, max: START_MS + 1 }) as fc.Arbitrary<TimestampMs>,
            limit: fc.nat({ max: 50 }),
            reverse: fc.boolean(),
          },
          { requiredKeys: ["limit"] },
        );
        await fc.assert(
          fc.asyncProperty(
            fc.constantFrom("t0", "t1", "t2", "t3", "nowhere").map(topic),
            query,
            async (name, query) => {
              const found = await site.store.readTopic(CONTAINERS, name, query);
              expect(found.map(identity)).toEqual(model.topic(CONTAINERS, name, query).map(identity));
            },
          ),
          { seed, numRuns: 200 },
        );
      },
    );

    it("lists topics in order, by prefix, page by page", async () => {
      const { store } = await openSite();
      const model = new StoreModel();
      const names = fc.stringMatching(/^[A-Ca-c][a-c.-]{0,3}$/);
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(names, { maxLength: 8 }),
          fc.record(
            { prefix: fc.constantFrom("", "a", "B", "ab", "z"), after: names, limit: fc.nat({ max: 20 }) },
            { requiredKeys: ["limit"] },
          ),
          async (added, query) => {
            const appended = await store.append(
              CONTAINERS,
              added.map((name) => reading(name, "")),
            );
            for (const { topic } of appended) model.add({ stream: CONTAINERS, topic } as StoredRecord);
            expect(store.topics(CONTAINERS, query)).toEqual(model.topics(CONTAINERS, query));
          },
        ),
        { seed, numRuns: 60 },
      );
      expect(store.stats().topics).toBe(store.topics(CONTAINERS, { limit: 10_000 }).length);
    });

    it("is empty where there is nothing", async () => {
      const { store } = await openSite();
      await store.append(CONTAINERS, [reading("a", "")]);
      expect(store.streams()).toEqual([CONTAINERS]);
      expect(await store.append(SHIPS, [])).toEqual([]);
      expect(store.vector(SHIPS)).toEqual({});
      expect(store.topics(SHIPS, { limit: 10 })).toEqual([]);
      expect(await store.readTopic(SHIPS, topic("a"), { limit: 10 })).toEqual([]);
      expect(await store.readTopic(CONTAINERS, topic("b"), { limit: 10 })).toEqual([]);
      expect(await store.readOrigin(SHIPS, store.origin, 0 as Seq, 1000)).toEqual([]);
      expect(await store.readOrigin(CONTAINERS, store.origin, 1 as Seq, 1000)).toEqual([]);
      expect(await store.readStream(SHIPS, undefined, 10)).toEqual({ records: [], cursor: { v: 1, next: {} } });
    });

    it("lists the streams in order", async () => {
      const site = await openSite();
      await site.store.append(SHIPS, [reading("a", "")]);
      await site.store.append(CONTAINERS, [reading("a", "")]);
      expect(site.store.streams()).toEqual([CONTAINERS, SHIPS]);
      await site.reopen();
      expect(site.store.streams()).toEqual([CONTAINERS, SHIPS]);
    });

    it.each(["open", "reopened"])(
      "R4: an origin is read without a gap, in pieces that fit a block (%s)",
      async (state) => {
        const site = await openSite();
        const sizes = [10, 5_000, 60_000, 200_000, 200_000, 3, 250_000, 250_000, 250_000, 100, 100];
        for (const [i, size] of sizes.entries()) {
          const records = Array.from({ length: 1 + (i % 3) }, () => reading("CSQU3054383", "x".repeat(size)));
          await site.store.append(CONTAINERS, records);
        }
        if (state === "reopened") await site.reopen();
        const { store } = site;
        const total = store.vector(CONTAINERS)[store.origin] ?? 0;
        for (const maxBytes of [1, 4_096, 300_000, 1 << 30]) {
          let next = 0;
          while (next < total) {
            const records = await store.readOrigin(CONTAINERS, store.origin, next as Seq, maxBytes);
            expect(records.map(({ seq }) => seq)).toEqual(records.map((_, i) => next + i));
            const bytes = records.reduce((sum, { value }) => sum + value.byteLength, 0);
            if (records.length !== 1) expect(bytes).toBeLessThanOrEqual(maxBytes);
            const batch = { stream: CONTAINERS, origin: store.origin, firstSeq: next as Seq, records };
            expect(decodeBlock(encodeBlock(batch)).records.length).toBe(records.length);
            expect(records.length).toBeGreaterThan(0);
            next += records.length;
          }
        }
      },
    );
  });
}
