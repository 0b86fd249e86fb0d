import * as fc from "fast-check";
import { beforeEach, expect, it } from "vitest";
import { originId, streamName } from "../src/model/names.js";
import { BatchOffsets } from "../src/store/batch-offsets.js";
import { BlockCache } from "../src/store/block-cache.js";
import { Catalog } from "../src/store/catalog.js";
import { FilePool } from "../src/store/file-pool.js";
import { Group } from "../src/store/group.js";
import { FILE_HEAD_BYTES } from "../src/store/journal-format.js";
import { JournalIndex } from "../src/store/journal-index.js";
import { JournalReader } from "../src/store/journal-reader.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { testSeed } from "../testing/seeded-random.js";
import { START_MS } from "../testing/store-fixture.js";
import type { LandfallError } from "../src/model/errors.js";
import type { NewRecord } from "../src/model/record.js";
import type { DiskFile } from "../src/store/disk.js";
import type { Generation } from "../src/store/generation.js";
import type { OriginLog } from "../src/store/origin-log.js";

const seed = testSeed();
const FILE = "/data/journal-00000001.log";
const TOPICS = ["a", "b", "MSKU9070323", "9321483.environment", "x".repeat(255)];
const STREAMS = ["bigblue.containers", "duckworks.containers", "bigblue.ships"].map(streamName);
const ORIGIN = originId("tokyo.a~1");

type Step =
  | { readonly do: "append"; readonly stream: number; readonly topic: string; readonly times: number }
  | { readonly do: "refuse" | "commit" | "fail" | "index" | "indexInSteps" };

const append: fc.Arbitrary<Step> = fc.record({
  do: fc.constant("append" as const),
  stream: fc.nat({ max: 2 }),
  topic: fc.constantFrom(...TOPICS),
  times: fc.integer({ min: 1, max: 400 }),
});
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: append },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom(...(["refuse", "commit", "fail", "index", "indexInSteps"] as const)),
      }),
    },
  ),
  { maxLength: 40 },
);

/** A journal file, the group that is being made for it, and the index of what was committed. */
class Journal {
  readonly catalog = new Catalog();
  readonly generation: Generation;
  readonly index: JournalIndex;
  readonly corrupt: LandfallError[] = [];
  group: Group;
  private end = FILE_HEAD_BYTES;
  private readonly offsets = new BatchOffsets();

  constructor(
    readonly disk: MemoryDisk,
    private readonly file: DiskFile,
  ) {
    this.generation = this.catalog.beginGeneration(1);
    const files = new FilePool(disk, "/data");
    const reader = new JournalReader(files, new BlockCache(0), (error) => this.corrupt.push(error));
    this.index = new JournalIndex(this.catalog, reader);
    this.group = this.newGroup();
    // In this order, so that each has its place among them as its number.
    for (const name of STREAMS) this.catalog.streams.forWriting(name);
  }

  log(stream: number): OriginLog {
    return this.catalog.streams.forWriting(STREAMS[stream] as (typeof STREAMS)[number]).log(ORIGIN);
  }

  append(stream: number, topics: readonly string[]): number | undefined {
    const log = this.log(stream);
    this.offsets.begin(topics.length, START_MS, 0, log.stream.highestEver);
    const records = topics.map((topic) => ({ topic, timestamp: START_MS, value: Buffer.from(topic) }));
    const highest = this.group.append(log, log.planned, records as unknown as NewRecord[], START_MS, this.offsets);
    if (highest === undefined) return undefined;
    log.planned += topics.length;
    log.saw(highest);
    return highest;
  }

  async commit(): Promise<void> {
    const bytes = this.group.close();
    await this.file.write(this.group.frame(1, new Uint8Array(8), START_MS), this.end);
    this.end += bytes;
    this.generation.show(this.group.endBlock);
    this.group = this.newGroup();
  }

  fail(): void {
    this.group.close();
    this.generation.rollBack(this.group.firstRecord, this.group.firstBlock);
    this.group = this.newGroup();
  }

  private newGroup(): Group {
    return new Group(this.generation, this.end, new Uint8Array(64));
  }
}

let disk: MemoryDisk;
beforeEach(() => {
  disk = new MemoryDisk();
});

async function newJournal(): Promise<Journal> {
  await disk.remove(FILE);
  const file = await disk.open(FILE, "create");
  return new Journal(disk, file);
}

it(`S2, S4: the index has what is durable, newest first, whenever it was made, and nothing that was refused or failed (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (steps) => {
      const journal = await newJournal();
      const { generation, index } = journal;
      const durable: string[] = [];
      let waiting: string[] = [];
      for (const step of steps) {
        if (step.do === "index") index.now(generation);
        if (step.do === "indexInSteps") await index.of(generation);
        if (step.do === "append") {
          const highest = journal.append(step.stream, Array<string>(step.times).fill(step.topic));
          expect(highest).toBeGreaterThan(0);
          for (let i = 0; i < step.times; i++) waiting.push(`${step.stream} ${step.topic}`);
        }
        // Enough to close blocks before the one that is wrong.
        if (step.do === "refuse")
          expect(journal.append(0, [...Array<string>(300).fill("x".repeat(200)), "no name"])).toBe(undefined);
        if (step.do === "commit") {
          await journal.commit();
          durable.push(...waiting);
          waiting = [];
        }
        if (step.do === "fail") {
          journal.fail();
          waiting = [];
        }
      }
      expect(generation.visible).toBe(durable.length);
      const made = await index.of(generation);
      expect(index.now(generation)).toBe(made);
      for (const key of new Set([...durable, ...waiting])) {
        const [stream, topic] = key.split(" ") as [string, string];
        const found: number[] = [];
        made.walk(made.topics.find(Number(stream), topic), (record) => found.push(record) > 0);
        expect(found.reverse()).toEqual(durable.flatMap((one, i) => (one === key ? [i] : [])));
      }
      const held = [0, 1, 2].flatMap((stream) => made.topicsOf(stream).map((topic) => `${stream} ${topic}`));
      expect(held.sort()).toEqual([...new Set(durable)].sort());
    }),
    { seed, numRuns: 40 },
  );
});

it("S4: whoever cannot wait and does not need all of a large index gets a part of it, each time a little more", async () => {
  const journal = await newJournal();
  const { generation, index } = journal;
  for (let i = 0; i < 12; i++) {
    journal.append(
      i % 2,
      Array.from({ length: 1_000 }, (_, n) => `t${i}-${n}`),
    );
    await journal.commit();
  }
  const stream = journal.log(0).stream.number;
  const counts: number[] = [];
  for (let isWhole = false; !isWhole;) {
    const part = index.soFar(generation);
    counts.push(part.index.topicCount(stream) + part.index.topicCount(stream + 1));
    isWhole = part.isWhole;
  }
  expect(counts.length).toBeGreaterThan(2);
  expect(counts.every((count, i) => count > (counts[i - 1] ?? 0))).toBe(true);
  expect(counts.at(-1)).toBe(12_000);
  expect(index.now(generation).topicCount(stream)).toBe(6_000);
});

it("S3: a block that is damaged when the index is made is reported once, and named to whoever asks", async () => {
  const journal = await newJournal();
  for (const topic of ["a", "b", "c"]) {
    journal.append(0, [topic]);
    await journal.commit();
  }
  const bytes = Buffer.from(disk.bytes(FILE));
  const { position } = journal.generation.block(1);
  bytes[position + 40] = (bytes[position + 40] as number) ^ 1;
  disk.replace(FILE, bytes);
  const made = await journal.index.of(journal.generation);
  expect(made.topicsOf(journal.log(0).stream.number).sort()).toEqual(["a", "c"]);
  expect(made.damaged.map(({ block }) => block)).toEqual([journal.generation.block(1)]);
  expect(journal.corrupt.map(({ code }) => code)).toEqual(["CORRUPT_BLOCK"]);
  journal.index.now(journal.generation);
  expect(journal.corrupt.length).toBe(1);
  // It may hold any topic of its stream, up to this offset.
  const { highest } = journal.generation.block(1);
  expect(await journal.index.lastOffset(journal.log(0).stream, "never heard of")).toBe(highest);
  expect(await journal.index.lastOffset(journal.log(1).stream, "a")).toBe(0);
});
