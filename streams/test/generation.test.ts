import * as fc from "fast-check";
import { expect, it } from "vitest";
import { Generation } from "../src/store/generation.js";

type Step =
  | { readonly do: "add"; readonly stream: number; readonly topic: string; readonly times: number }
  | { readonly do: "rollBack"; readonly share: number }
  | { readonly do: "index" };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant("add" as const),
      stream: fc.nat({ max: 2 }),
      topic: fc.constantFrom("a", "b", "MSKU9070323", "9321483.environment", "x".repeat(255)),
      times: fc.nat({ max: 700 }),
    }),
    fc.record({ do: fc.constant("rollBack" as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ do: fc.constant("index" as const) }),
  ),
  { maxLength: 30 },
);

it("S2, S4: finds what was added, newest first, whenever it was indexed, and nothing that was rolled back", () => {
  fc.assert(
    fc.property(steps, (steps) => {
      const generation = new Generation(1);
      let added: string[] = [];
      for (const step of steps) {
        if (step.do === "index") generation.indexAll();
        if (step.do === "rollBack") {
          added = added.slice(0, Math.floor(added.length * step.share));
          generation.rollBack(added.length, 0);
        }
        if (step.do !== "add") continue;
        const name = Buffer.from(step.topic);
        for (let i = 0; i < step.times; i++) {
          generation.add(step.stream, name, 0, name.byteLength, added.length, 0, 0);
          added.push(`${step.stream} ${step.topic}`);
        }
      }
      generation.visible = generation.count;
      expect(generation.count).toBe(added.length);
      const topics = generation.indexAll();
      for (const key of new Set(added)) {
        const [stream, topic] = key.split(" ") as [string, string];
        const found: number[] = [];
        generation.walk(topics.find(Number(stream), topic), (record) => found.push(record) > 0);
        expect(found.reverse()).toEqual(added.flatMap((one, i) => (one === key ? [i] : [])));
      }
      const held = [0, 1, 2].flatMap((stream) => generation.topicsOf(stream).map((topic) => `${stream} ${topic}`));
      expect(held.sort()).toEqual([...new Set(added)].sort());
    }),
  );
});
