import { expect, it } from "vitest";
import { SizedCache } from "../src/store/sized-cache.js";
import { Slots } from "../src/store/slots.js";

it("So many are at it at once, in the order in which they came, whether they succeed or fail", async () => {
  const slots = new Slots(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const results = Array.from({ length: 9 }, (_, i) =>
    slots.run(async () => {
      begun.push(i);
      await new Promise<void>((resolve) => ends.push(resolve));
      if (i % 3 === 0) throw new Error(`${i}`);
      return i;
    }),
  );
  const settled = Promise.allSettled(results);
  for (let i = 0; i < 9; i++) {
    await expect.poll(() => begun.length).toBe(Math.min(i + 2, 9));
    (ends[i] as () => void)();
  }
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect((await settled).map(({ status }) => status === "fulfilled")).toEqual(
    Array.from({ length: 9 }, (_, i) => i % 3 !== 0),
  );
  // All of them are free again.
  expect(await Promise.all([slots.run(() => Promise.resolve(1)), slots.run(() => Promise.resolve(2))])).toEqual([1, 2]);
});

it("What is put into a cache again counts with what it takes now", () => {
  const cache = new SizedCache<string>(100);
  cache.add("a", "A", 10);
  cache.add("b", "B", 60);
  cache.add("a", "A", 30);
  expect([cache.get("a"), cache.get("b")]).toEqual(["A", "B"]);
  cache.add("a", "A", 50);
  expect([cache.get("a"), cache.get("b")]).toEqual(["A", undefined]);
  cache.add("a", "A", 101);
  expect(cache.get("a")).toBeUndefined();
  cache.add("c", "C", 100);
  expect(cache.get("c")).toBe("C");
});
