import * as fc from "fast-check";
import { expect, it } from "vitest";
import { openEmbeddedStore } from "../src/store/embedded-store.js";
import { ManualEnv } from "../testing/manual-env.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { testSeed } from "../testing/seeded-random.js";
import { CONTAINERS, FOREIGN, SHIPS, START_MS, reading } from "../testing/store-fixture.js";
import type { TopicName } from "../src/model/names.js";
import type { Offset, OriginRecord, Seq, TimestampMs } from "../src/model/record.js";

const seed = testSeed();

// What sorting by radix may get wrong: names that share beginnings of any length, also longer than what is sorted by ranks, that end
// where others go on, and few or many different characters at one place.
const beginning = fc.constantFrom("", "MSKU", "9321483.position", "a".repeat(31), "a".repeat(32), "b".repeat(40));
const rest = fc.oneof(fc.stringMatching(/^[0-9]{1,7}$/), fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._@=+-]{0,60}$/));
const name = fc.tuple(beginning, rest).map(([first, then]) => (first + then) as TopicName);
const names = fc
  .array(name, { minLength: 1, maxLength: 40 })
  .chain((pool) => fc.array(fc.constantFrom(...pool), { minLength: 1, maxLength: 120 }));

it(`O1: sealed topics are found and read in order, whatever their names (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(names, names, async (own, foreign) => {
      const env = new ManualEnv(START_MS);
      const store = await openEmbeddedStore({ folder: "/data", site: "tokyo", node: "a", env, disk: new MemoryDisk() });
      const expected = new Map<string, string[]>();
      for (const [i, topic] of own.entries()) {
        const stream = i % 3 === 0 ? SHIPS : CONTAINERS;
        await store.append(stream, [reading(topic, `own ${i}`)]);
        expected.set(`${stream} ${topic}`, [...(expected.get(`${stream} ${topic}`) ?? []), `own ${i}`]);
      }
      // Of another origin, behind what is here.
      const records = foreign.map((topic, i): OriginRecord => {
        const offset = ((START_MS + 60_000) * 1000 + i * 1024) as Offset;
        const [timestamp, received] = [START_MS as TimestampMs, START_MS as TimestampMs];
        return { topic, seq: i as Seq, offset, timestamp, received, headers: {}, value: Buffer.from(`foreign ${i}`) };
      });
      await store.apply({ stream: CONTAINERS, origin: FOREIGN, firstSeq: 0 as Seq, records });
      for (const { topic, value } of records) {
        const key = `${CONTAINERS} ${topic}`;
        expected.set(key, [...(expected.get(key) ?? []), Buffer.from(value).toString()]);
      }
      await store.sealNow();
      for (const stream of [CONTAINERS, SHIPS]) {
        const topics = [...expected.keys()]
          .filter((key) => key.startsWith(`${stream} `))
          .map((key) => key.split(" ")[1] as TopicName)
          .sort((a, b) => (a < b ? -1 : 1));
        expect(store.topics(stream, { limit: 1000 })).toEqual(topics);
      }
      for (const [key, values] of expected) {
        const [stream, topic] = key.split(" ") as [typeof CONTAINERS, TopicName];
        const found = await store.readTopic(stream, topic, { limit: 1000 });
        expect(found.map(({ value }) => Buffer.from(value).toString())).toEqual(values);
      }
      await store.close();
    }),
    { seed, numRuns: 150 },
  );
}, 60_000);
