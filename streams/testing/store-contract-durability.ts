import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CLOCK_MS_MAX, CLOCK_MS_MIN, VALUE_BYTES_MAX } from "../src/limits.js";
import { CONTAINERS, FOREIGN, SHIPS, START_MS, foreignBatch, reading, text } from "./store-fixture.js";
import type { ErrorCode } from "../src/model/errors.js";
import type { NewRecord, Seq, TimestampMs } from "../src/model/record.js";
import type { TopicName } from "../src/model/names.js";
import type { Committed } from "../src/store/store.js";
import type { OpenSite } from "./store-contract.js";

const refusedWith = (code: ErrorCode): unknown => expect.objectContaining({ name: "LandfallError", code });

export function describeDurability(openSite: OpenSite, seed: number): void {
  describe("appending", () => {
    it.each(["open", "reopened"])("S1: what was acknowledged is there, byte for byte (%s)", async (state) => {
      const site = await openSite();
      const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i);
      const given: NewRecord[] = [
        reading("CSQU3054383", "", { value: everyByte, headers: { kind: "telemetry", booking: "7", "": "ä€🦆" } }),
        reading("CSQU3054383", "", { value: new Uint8Array(0), timestamp: -1 as TimestampMs }),
        reading("MSKU9070323", "", { value: new Uint8Array(VALUE_BYTES_MAX).fill(0xa5) }),
        reading("CSQU3054383", "{}", { headers: JSON.parse('{"__proto__":"x","constructor":"y"}') }),
      ];
      const appended = await site.store.append(CONTAINERS, given);
      if (state === "reopened") await site.reopen();
      const { records } = await site.store.readStream(CONTAINERS, undefined, 10);
      expect(records.length).toBe(given.length);
      records.forEach((record, i) => {
        const want = given[i] as NewRecord;
        expect({ ...record, value: undefined, headers: undefined }).toEqual({
          ...appended[i],
          stream: CONTAINERS,
          origin: site.store.origin,
          timestamp: want.timestamp,
          arrived: START_MS,
        });
        expect(Buffer.compare(record.value, want.value)).toBe(0);
        expect(Object.entries(record.headers)).toEqual(Object.entries(want.headers ?? {}));
      });
    });

    it("S1: keeps its own copy, so the caller may reuse its buffers at once", async () => {
      const { store } = await openSite();
      const value = text("before");
      const headers: Record<string, string> = { kind: "telemetry" };
      const acknowledged = store.append(CONTAINERS, [reading("CSQU3054383", "", { value, headers })]);
      value.fill(0);
      headers["kind"] = "event";
      await acknowledged;
      const [record] = await store.readTopic(CONTAINERS, "CSQU3054383" as TopicName, { limit: 1 });
      expect(record?.value).toEqual(text("before"));
      expect(record?.headers).toEqual({ kind: "telemetry" });
      // And what a reader does with its copy is nobody else's concern.
      record?.value.fill(0);
      const [again] = await store.readTopic(CONTAINERS, "CSQU3054383" as TopicName, { limit: 1 });
      expect(again?.value).toEqual(text("before"));
    });

    it("S2: seqs are gapless for each stream and go on after reopening", async () => {
      const site = await openSite();
      const seqs = async (): Promise<number[]> => {
        const many = Array.from({ length: 20 }, (_, i) =>
          site.store.append(i % 3 === 0 ? SHIPS : CONTAINERS, [reading("a", `${i}`), reading("b", `${i}`)]),
        );
        return (await Promise.all(many)).flatMap((appended, i) => (i % 3 === 0 ? [] : appended.map((a) => a.seq)));
      };
      const first = await seqs();
      const { origin } = site.store;
      await site.reopen();
      expect(site.store.origin).toBe(origin);
      expect([...first, ...(await seqs())]).toEqual(Array.from({ length: 52 }, (_, i) => i));
      expect(site.store.vector(CONTAINERS)).toEqual({ [origin]: 52 });
      expect(site.store.vector(SHIPS)).toEqual({ [origin]: 28 });
    });

    it("S2: shows nothing before it is durable, and everything when it says so", async () => {
      const { store } = await openSite();
      const committed: Committed[] = [];
      store.onCommit((entries) => {
        for (const entry of entries) {
          expect(store.vector(entry.stream)[entry.origin]).toBe(entry.nextSeq);
          expect(store.topics(entry.stream, { limit: 10 })).toContain("a");
          committed.push(entry);
        }
      });
      const acknowledged = [
        store.append(CONTAINERS, [reading("a", "1"), reading("a", "2")]),
        store.append(SHIPS, [reading("a", "3")]),
        store.apply(foreignBatch(0, ["4"], { topic: "a" as TopicName })),
      ];
      expect(store.streams()).toEqual([]);
      expect(store.vector(CONTAINERS)).toEqual({});
      expect(store.topics(CONTAINERS, { limit: 10 })).toEqual([]);
      expect(await store.readTopic(CONTAINERS, "a" as TopicName, { limit: 10 })).toEqual([]);
      await Promise.all(acknowledged);
      const ranges = committed.map(({ stream, origin, firstSeq, nextSeq }) => [stream, origin, firstSeq, nextSeq]);
      expect(ranges.length).toBe(3);
      expect(ranges).toContainEqual([CONTAINERS, store.origin, 0, 2]);
      expect(ranges).toContainEqual([SHIPS, store.origin, 0, 1]);
      expect(ranges).toContainEqual([CONTAINERS, FOREIGN, 0, 1]);
    });

    it("S1: an append is kept whole however large it is", async () => {
      const site = await openSite();
      const values = Array.from({ length: 3_000 }, (_, i) => reading(`t${i % 7}`, `${i} ${"x".repeat(900)}`));
      await site.store.append(CONTAINERS, values);
      await site.reopen();
      const records = await readAll(site.store.readStream.bind(site.store));
      expect(records.map(({ value }) => new TextDecoder().decode(value).split(" ")[0])).toEqual(
        values.map((_, i) => `${i}`),
      );
    });

    it("O1: refuses a clock that is before 2020 or after 2200, and goes on when it is right again", async () => {
      const { store, env } = await openSite();
      for (const wrong of [CLOCK_MS_MIN - 1, CLOCK_MS_MAX, 0, Number.NaN, -1]) {
        env.nowMs = wrong;
        await expect(store.append(CONTAINERS, [reading("a", "")])).rejects.toEqual(refusedWith("CLOCK_REFUSED"));
      }
      env.nowMs = START_MS;
      const [appended] = await store.append(CONTAINERS, [reading("a", "")]);
      expect(appended?.seq).toBe(0);
    });
  });

  describe("applying records of another origin", () => {
    it.each(["open", "reopened"])(
      "R4, O1: keeps them as they are, and its vector advances with them (%s)",
      async (state) => {
        const site = await openSite();
        const batch = foreignBatch(0, ["a", "b", "c"]);
        await site.store.apply(batch);
        if (state === "reopened") await site.reopen();
        expect(site.store.vector(CONTAINERS)).toEqual({ [FOREIGN]: 3 });
        expect(await site.store.readOrigin(CONTAINERS, FOREIGN, 0 as Seq, 1 << 20)).toMatchObject(batch.records);
        const [record] = await site.store.readTopic(CONTAINERS, "CSQU3054383" as TopicName, { limit: 1 });
        expect(record).toMatchObject({ origin: FOREIGN, stream: CONTAINERS, arrived: START_MS });
      },
    );

    it("R4: a repeated or overlapping batch adds only what is new", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.nat({ max: 30 }), fc.integer({ min: 1, max: 12 })), { maxLength: 12 }),
          async (batches) => {
            const site = await openSite();
            let next = 0;
            const all = Array.from({ length: 60 }, (_, i) => `${i}`);
            for (const [wanted, count] of batches) {
              const first = Math.min(wanted, next);
              await site.store.apply(foreignBatch(first, all.slice(first, first + count)));
              next = Math.max(next, first + count);
            }
            const values = (await site.store.readOrigin(CONTAINERS, FOREIGN, 0 as Seq, 1 << 20)).map(({ value }) =>
              Number(new TextDecoder().decode(value)),
            );
            expect(values).toEqual(Array.from({ length: next }, (_, i) => i));
            expect(site.store.stats().recordsApplied).toBe(next);
            await site.store.close();
          },
        ),
        { seed, numRuns: 20 },
      );
    });

    it("R4: refuses a batch that begins beyond what it has, and keeps nothing of it", async () => {
      const site = await openSite();
      await site.store.apply(foreignBatch(0, ["a"]));
      await expect(site.store.apply(foreignBatch(2, ["c"]))).rejects.toEqual(refusedWith("SEQ_GAP"));
      await site.reopen();
      expect(site.store.vector(CONTAINERS)).toEqual({ [FOREIGN]: 1 });
    });

    it("R4: batches that are handed over without waiting are kept in order", async () => {
      const { store } = await openSite();
      await Promise.all([0, 1, 2, 3, 4].map((i) => store.apply(foreignBatch(i, [`${i}`]))));
      expect(store.vector(CONTAINERS)).toEqual({ [FOREIGN]: 5 });
    });
  });
}

async function readAll(
  read: (stream: typeof CONTAINERS, cursor: undefined, limit: number) => Promise<{ records: { value: Uint8Array }[] }>,
): Promise<{ value: Uint8Array }[]> {
  return (await read(CONTAINERS, undefined, 10_000)).records;
}
