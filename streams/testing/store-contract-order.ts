import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OFFSET_SLOT_COUNT } from "../src/limits.js";
import { CONTAINERS, START_MS, TestSite, reading, sync, transfer } from "./store-fixture.js";
import type { Cursor, Offset, StoredRecord } from "../src/model/record.js";
import type { OriginId, TopicName } from "../src/model/names.js";
import type { OpenSite } from "./store-contract.js";
import type { StoreFactory } from "./store-fixture.js";

const TOPICS = ["CSQU3054383", "MSKU9070323"] as const;
const SITES = ["tokyo", "singapore", "sydney"] as const;
const key = ({ topic, offset, origin }: StoredRecord): string => `${topic} ${offset} ${origin}`;
const shown = ({ topic, offset, origin, seq, timestamp, received, value, headers }: StoredRecord): string =>
  JSON.stringify([topic, offset, origin, seq, timestamp, received, Buffer.from(value).toString("base64"), headers]);

/** What happens at three sites; numbers are reduced to what exists when it happens. */
type Step =
  | { do: "append"; site: number; topics: number[] }
  | { do: "transfer"; from: number; to: number; origin: number; maxBytes: number }
  | { do: "read"; site: number; reader: number; limit: number }
  | { do: "clock"; site: number; ms: number }
  | { do: "reopen"; site: number };

const site = fc.nat({ max: SITES.length - 1 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("append" as const),
        site,
        topics: fc.array(fc.nat({ max: 1 }), { minLength: 1, maxLength: 6 }),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("transfer" as const),
        from: site,
        to: site,
        origin: fc.nat(),
        maxBytes: fc.constantFrom(1, 300, 65_536),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant("read" as const),
        site,
        reader: fc.nat({ max: 1 }),
        limit: fc.integer({ min: 1, max: 9 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("clock" as const),
        site,
        ms: fc.integer({ min: -100_000, max: 100_000 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("reopen" as const), site }) },
  ),
  { maxLength: 60 },
);

/** A reader that wanders between sites with its cursor, and checks what it is given. */
class Reader {
  readonly seen = new Set<string>();
  private cursor: Cursor | undefined;
  private readonly next = new Map<OriginId, number>();

  async read(at: TestSite, limit: number): Promise<number> {
    const { records, cursor } = await at.store.readStream(CONTAINERS, this.cursor, limit);
    // Through JSON, as it travels in an API.
    this.cursor = JSON.parse(JSON.stringify(cursor)) as Cursor;
    expect(records.length).toBeLessThanOrEqual(limit);
    for (const record of records) {
      expect(record.seq).toBe(this.next.get(record.origin) ?? 0);
      this.next.set(record.origin, record.seq + 1);
      expect(this.seen.has(key(record))).toBe(false);
      this.seen.add(key(record));
    }
    return records.length;
  }
}

async function history(of: TestSite): Promise<string[]> {
  const topics = await Promise.all(
    TOPICS.map((topic) => of.store.readTopic(CONTAINERS, topic as TopicName, { limit: 10_000 })),
  );
  return topics.flat().map(shown);
}

export function describeOrder(factory: StoreFactory, openSite: OpenSite, seed: number): void {
  describe("order", () => {
    it("O1: offsets carry the writer's slot and follow its clock", async () => {
      const { store, env } = await openSite("tokyo", 17);
      const [a] = await store.append(CONTAINERS, [reading("a", "")]);
      env.nowMs += 1000;
      const [b] = await store.append(CONTAINERS, [reading("a", "")]);
      const { offset } = a as { offset: Offset };
      expect(offset % OFFSET_SLOT_COUNT).toBe(17);
      expect(offset).toBeGreaterThan(START_MS * 1000);
      expect(offset).toBeLessThanOrEqual(START_MS * 1000 + OFFSET_SLOT_COUNT + 17);
      expect((b?.offset ?? 0) - offset).toBeGreaterThan(1_000_000 - OFFSET_SLOT_COUNT);
    });

    it("O2: an offset is larger than any known here of its topic, whatever the clocks say", async () => {
      const ahead = await openSite("tokyo", 1);
      const behind = await openSite("sydney", 2);
      ahead.env.nowMs += 3_600_000;
      const [seen] = await ahead.store.append(CONTAINERS, [reading("a", "ahead")]);
      await sync(ahead.store, behind.store, CONTAINERS);
      const offsets = [seen?.offset ?? 0];
      for (let i = 0; i < 3; i++) {
        behind.env.nowMs -= 5_000;
        const appended = await behind.store.append(CONTAINERS, [reading("a", ""), reading("a", "")]);
        offsets.push(...appended.map(({ offset }) => offset));
        await behind.reopen();
      }
      expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));
      // Other topics are not held up by it.
      const [other] = await behind.store.append(CONTAINERS, [reading("b", "")]);
      expect(other?.offset ?? 0).toBeLessThan(offsets[0] ?? 0);
    });

    it("O3: two sites append to one topic at once, and both show all of it in the same order", async () => {
      const [tokyo, sydney] = [await openSite("tokyo", 3), await openSite("sydney", 3)];
      // The same clock and even the same slot: every offset is given twice.
      await tokyo.store.append(CONTAINERS, [reading("CSQU3054383", "t0"), reading("CSQU3054383", "t1")]);
      await sydney.store.append(CONTAINERS, [reading("CSQU3054383", "s0"), reading("CSQU3054383", "s1")]);
      await sync(tokyo.store, sydney.store, CONTAINERS);
      await sync(sydney.store, tokyo.store, CONTAINERS);
      expect((await history(tokyo)).length).toBe(4);
      expect(await history(tokyo)).toEqual(await history(sydney));
    });

    it("O1, O2, O3, O4, R4: whatever happens in which order, all sites end with the same history, and wandering readers have seen each record once", async () => {
      await fc.assert(
        fc.asyncProperty(steps, async (steps) => {
          const sites = await Promise.all(SITES.map((name, i) => TestSite.open(factory, name, i)));
          try {
            await play(sites, steps);
          } finally {
            for (const opened of sites) await opened.dispose();
          }
        }),
        { seed, numRuns: 40 },
      );
    }, 120_000);
  });
}

async function play(sites: readonly TestSite[], steps: readonly Step[]): Promise<void> {
  const readers = [new Reader(), new Reader()];
  const at = (i: number): TestSite => sites[i] as TestSite;
  let count = 0;
  for (const step of steps) {
    if (step.do === "append") {
      const { store } = at(step.site);
      const last = new Map<string, number>();
      for (const topic of TOPICS) {
        const [newest] = await store.readTopic(CONTAINERS, topic as TopicName, { limit: 1, reverse: true });
        last.set(topic, newest?.offset ?? 0);
      }
      const given = step.topics.map((topic) => reading(TOPICS[topic] as string, `${count++}`));
      for (const { topic, offset } of await store.append(CONTAINERS, given)) {
        expect(offset).toBeGreaterThan(last.get(topic) ?? 0);
        last.set(topic, offset);
      }
    } else if (step.do === "transfer") {
      const [from, to] = [at(step.from).store, at(step.to).store];
      const origins = Object.keys(from.vector(CONTAINERS)).filter((origin) => origin !== to.origin) as OriginId[];
      const origin = origins[step.origin % Math.max(origins.length, 1)];
      if (origin !== undefined) await transfer(from, to, CONTAINERS, origin, step.maxBytes);
    } else if (step.do === "read") {
      await (readers[step.reader] as Reader).read(at(step.site), step.limit);
    } else if (step.do === "clock") {
      at(step.site).env.nowMs += step.ms;
    } else {
      await at(step.site).reopen();
    }
  }
  for (let round = 0; round < SITES.length; round++) {
    for (const from of sites) for (const to of sites) if (from !== to) await sync(from.store, to.store, CONTAINERS);
  }
  const first = await history(at(0));
  expect(first.length).toBe(count);
  for (const other of sites) expect(await history(other)).toEqual(first);
  for (const [i, reader] of readers.entries()) {
    while ((await reader.read(at(i), 7)) > 0);
    expect(reader.seen.size).toBe(count);
  }
}
