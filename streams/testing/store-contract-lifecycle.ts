import { describe, expect, it } from "vitest";
import { isLandfallError } from "../src/model/errors.js";
import { CONTAINERS, FOREIGN, SHIPS, foreignBatch, reading } from "./store-fixture.js";
import type { Seq } from "../src/model/record.js";
import type { TopicName } from "../src/model/names.js";
import type { StreamStore } from "../src/store/store.js";
import type { OpenSite } from "./store-contract.js";

type Method = Exclude<keyof StreamStore, "origin" | "close">;

/** One call of every method: a method that is added to the port does not compile until it is here. */
const CALLS: Record<Method, (store: StreamStore) => unknown> = {
  append: (store) => store.append(CONTAINERS, [reading("a", "")]),
  apply: (store) => store.apply(foreignBatch(0, ["a"])),
  streams: (store) => store.streams(),
  vector: (store) => store.vector(CONTAINERS),
  topics: (store) => store.topics(CONTAINERS, { limit: 1 }),
  readTopic: (store) => store.readTopic(CONTAINERS, "a" as TopicName, { limit: 1 }),
  readStream: (store) => store.readStream(CONTAINERS, undefined, 1),
  readOrigin: (store) => store.readOrigin(CONTAINERS, FOREIGN, 0 as Seq, 1),
  noteGap: (store) => store.noteGap(CONTAINERS, FOREIGN, { from: 0 as Seq, to: 1 as Seq, reason: "missed" }),
  gaps: (store) => store.gaps(CONTAINERS),
  holeAt: (store) => store.holeAt(CONTAINERS, FOREIGN, 0 as Seq),
  onGaps: (store) => store.onGaps(() => undefined),
  onCommit: (store) => store.onCommit(() => undefined),
  stats: (store) => store.stats(),
};

export function describeLifecycle(openSite: OpenSite): void {
  describe("life", () => {
    it.each(Object.keys(CALLS) as Method[])("%s is refused with CLOSED from the moment of closing", async (method) => {
      const { store } = await openSite();
      await store.append(CONTAINERS, [reading("a", "")]);
      // An async function, so that a method that throws and one that rejects look the same.
      const call = async (): Promise<unknown> => CALLS[method](store);
      const closing = store.close();
      await expect(call()).rejects.toEqual(expect.objectContaining({ code: "CLOSED" }));
      await closing;
      await expect(call()).rejects.toEqual(expect.objectContaining({ code: "CLOSED" }));
      await store.close();
    });

    it("S1: an append that closing overtakes is either kept and acknowledged, or refused and not there", async () => {
      const site = await openSite();
      const outcomes: Promise<boolean>[] = [];
      for (let i = 0; i < 50; i++) {
        outcomes.push(
          site.store.append(CONTAINERS, [reading("a", `${i}`)]).then(
            () => true,
            (error: unknown) => {
              if (!isLandfallError(error, "CLOSED")) throw error;
              return false;
            },
          ),
        );
        if (i === 20) await outcomes[0];
      }
      await site.store.close();
      const kept = (await Promise.all(outcomes)).filter((acknowledged) => acknowledged).length;
      const store = await site.reopen();
      expect(store.vector(CONTAINERS)[store.origin] ?? 0).toBe(kept);
      expect(kept).toBeGreaterThan(20);
    });

    it("finishes the reads under way before it is closed", async () => {
      const site = await openSite();
      await site.store.append(
        CONTAINERS,
        Array.from({ length: 500 }, (_, i) => reading("a", `${i}`)),
      );
      const store = await site.reopen();
      const reads = Array.from({ length: 8 }, () => store.readTopic(CONTAINERS, "a" as TopicName, { limit: 500 }));
      await store.close();
      for (const read of reads) expect((await read).length).toBe(500);
    });

    it("S2: tells listeners of every commit in order, whatever one of them does, until they leave", async () => {
      const { store } = await openSite();
      const told: number[] = [];
      store.onCommit(() => {
        throw new Error("a listener's own trouble");
      });
      const leave = store.onCommit((committed) => {
        for (const { firstSeq, nextSeq } of committed) {
          expect(firstSeq).toBe(told.at(-1) ?? 0);
          told.push(nextSeq);
        }
      });
      for (let i = 0; i < 3; i++) {
        await Promise.all([1, 2].map((n) => store.append(CONTAINERS, [reading("a", `${n}`)])));
      }
      expect(told.at(-1)).toBe(6);
      leave();
      await store.append(CONTAINERS, [reading("a", "")]);
      expect(told.at(-1)).toBe(6);
    });

    it("counts what it does", async () => {
      const site = await openSite();
      await site.store.append(CONTAINERS, [reading("a", "1"), reading("b", "2")]);
      await site.store.append(SHIPS, [reading("a", "1")]);
      await site.store.apply(foreignBatch(0, ["x", "y"]));
      const stats = site.store.stats();
      expect(stats).toMatchObject({ recordsAppended: 3, recordsApplied: 2, topics: 4, streams: 2 });
      expect(stats.commits).toBeGreaterThanOrEqual(1);
      expect(stats.bytesWritten).toBeGreaterThan(0);
      expect(stats.bytesOnDisk).toBeGreaterThanOrEqual(stats.bytesWritten);
      expect(stats.failed).toBeUndefined();
      const reopened = await site.reopen();
      expect(reopened.stats()).toMatchObject({ topics: 4, streams: 2, recordsAppended: 0, commits: 0 });
    });
  });
}
