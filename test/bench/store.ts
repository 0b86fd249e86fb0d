import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { systemEnv } from "@landfall/streams/env";
import { streamName, topicName, type TopicName } from "@landfall/streams/model/names";
import { decodeBlock, encodeBlock } from "@landfall/streams/store/block";
import { openEmbeddedStore } from "@landfall/streams/store/embedded-store";
import { result, writeReport, type Result } from "./report.js";
import type { Cursor, NewRecord, Seq, TimestampMs } from "@landfall/streams/model/record";
import type { StreamStore } from "@landfall/streams/store/store";

/**
 * `node test/dist/bench/store.js [--out FILE] [--runs N] [--records N] [--topics N]`: the embedded store on the real disk,
 * every append durable. Opening is measured in a process of its own, which this program starts with `--open FOLDER`.
 */

const STREAM = streamName("bigblue.containers");
const BATCH_RECORDS = 2_000;
const CALLERS = 100;
const HISTORIES = 200;
const START_MS = Date.UTC(2026, 0, 1);

type Measured = Map<string, number>;

/** What each measurement is called, what it should reach on 2 cores, and whether more is better. */
const TARGETS: readonly [name: string, unit: string, target: number, higherIsBetter: boolean][] = [
  ["append, durable, batches of 2000", "records/s", 300_000, true],
  ["append, durable, 100 callers with one record at a time", "records/s", 30_000, true],
  ["apply, durable, blocks of another origin", "records/s", 300_000, true],
  ["read a stream from the beginning", "records/s", 500_000, true],
  ["read an origin in blocks, encoded", "records/s", 300_000, true],
  ["read a whole history (median of 200)", "ms", 10, false],
  ["read the newest record of a topic (median of 200)", "ms", 1, false],
  ["reopen", "ms", 3_000, false],
  ["resident memory of a process that opened it", "MB", 500, false],
  ["disk, 164 bytes of value in a record", "bytes/record", 260, false],
];

function open(folder: string, site: string): Promise<StreamStore> {
  return openEmbeddedStore({ folder, site, node: "a", env: systemEnv });
}

/** Readings of so many containers, in turn, as an edge writes them. */
function* batches(records: number, topics: readonly TopicName[]): Generator<NewRecord[]> {
  const reading = { temperatureC: -18.2, latitude: 1.26549, longitude: 103.82012, humidityPct: 54.5, powered: true };
  const value = new TextEncoder().encode(
    JSON.stringify({ ...reading, batteryPct: 87, time: "2026-01-01T00:00:00Z" }).padEnd(164),
  );
  for (let first = 0; first < records; first += BATCH_RECORDS) {
    yield Array.from({ length: Math.min(BATCH_RECORDS, records - first) }, (_, i) => ({
      topic: topics[(first + i) % topics.length] as TopicName,
      timestamp: (START_MS + first + i) as TimestampMs,
      value,
      headers: { kind: "telemetry", booking: "1767225600001024" },
    }));
  }
}

/** Records per second of `work`, which returns how many it did. */
async function rate(work: () => Promise<number>): Promise<number> {
  const start = performance.now();
  const done = await work();
  return Math.round((done / (performance.now() - start)) * 1_000);
}

async function medianMs(topics: readonly TopicName[], read: (topic: TopicName) => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < HISTORIES; i++) {
    const start = performance.now();
    await read(topics[(i * 7_919) % topics.length] as TopicName);
    times.push(performance.now() - start);
  }
  return Number((times.toSorted((a, b) => a - b)[HISTORIES / 2] ?? 0).toFixed(2));
}

async function appendBatches(store: StreamStore, records: number, topics: readonly TopicName[]): Promise<number> {
  for (const batch of batches(records, topics)) await store.append(STREAM, batch);
  return records;
}

/** Many callers that each wait for their record before the next, as sensors on many connections do. */
async function appendSingly(store: StreamStore, records: number, topics: readonly TopicName[]): Promise<number> {
  const stream = streamName("bigblue.ships");
  const all = [...batches(records, topics)].flat();
  let next = 0;
  const call = async (): Promise<void> => {
    while (next < all.length) await store.append(stream, [all[next++] as NewRecord]);
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
  return records;
}

async function readStream(store: StreamStore): Promise<number> {
  let count = 0;
  let cursor: Cursor | undefined;
  for (;;) {
    const read = await store.readStream(STREAM, cursor, 10_000);
    if (read.records.length === 0) return count;
    count += read.records.length;
    cursor = read.cursor;
  }
}

async function readBlocks(store: StreamStore): Promise<Uint8Array[]> {
  const blocks: Uint8Array[] = [];
  for (let from = 0; ;) {
    const records = await store.readOrigin(STREAM, store.origin, from as Seq, 1 << 20);
    if (records.length === 0) return blocks;
    blocks.push(encodeBlock({ stream: STREAM, origin: store.origin, firstSeq: from as Seq, records }));
    from += records.length;
  }
}

async function applyBlocks(folder: string, blocks: readonly Uint8Array[]): Promise<number> {
  const store = await open(folder, "sydney");
  try {
    for (const block of blocks) await store.apply(decodeBlock(block));
    return store.stats().recordsApplied;
  } finally {
    await store.close();
  }
}

interface Opened {
  readonly ms: number;
  readonly residentMb: number;
}

async function openHere(folder: string): Promise<Opened> {
  const start = performance.now();
  const store = await open(folder, "tokyo");
  const opened = { ms: Math.round(performance.now() - start), residentMb: Math.round(process.memoryUsage.rss() / 1e6) };
  await store.close();
  return opened;
}

function openElsewhere(folder: string): Opened {
  const program = fileURLToPath(import.meta.url);
  return JSON.parse(execFileSync(process.execPath, [program, "--open", folder], { encoding: "utf8" })) as Opened;
}

async function run(folder: string, records: number, topicCount: number): Promise<Measured> {
  const measured: Measured = new Map();
  const topics = Array.from({ length: topicCount }, (_, i) => topicName(`CSQU${String(i).padStart(7, "0")}`));
  let store = await open(join(folder, "tokyo"), "tokyo");
  const set = (name: string, value: number): void => void measured.set(name, value);
  set("append, durable, batches of 2000", await rate(() => appendBatches(store, records, topics)));
  set("disk, 164 bytes of value in a record", Math.round(store.stats().bytesOnDisk / records));
  set("read a stream from the beginning", await rate(() => readStream(store)));
  let blocks: Uint8Array[] = [];
  const encode = async (): Promise<number> => {
    blocks = await readBlocks(store);
    return records;
  };
  set("read an origin in blocks, encoded", await rate(encode));
  set("apply, durable, blocks of another origin", await rate(() => applyBlocks(join(folder, "sydney"), blocks)));
  blocks = [];
  const single = Math.min(records, 100_000);
  set("append, durable, 100 callers with one record at a time", await rate(() => appendSingly(store, single, topics)));
  await store.close();
  const opened = openElsewhere(join(folder, "tokyo"));
  set("reopen", opened.ms);
  set("resident memory of a process that opened it", opened.residentMb);
  store = await open(join(folder, "tokyo"), "tokyo");
  const newest = (topic: TopicName): Promise<unknown> => store.readTopic(STREAM, topic, { limit: 1, reverse: true });
  set("read the newest record of a topic (median of 200)", await medianMs(topics, newest));
  const history = (topic: TopicName): Promise<unknown> => store.readTopic(STREAM, topic, { limit: 10_000 });
  set("read a whole history (median of 200)", await medianMs(topics, history));
  await store.close();
  return measured;
}

async function measure(runs: number, records: number, topics: number): Promise<Result[]> {
  const all: Measured[] = [];
  for (let i = 0; i < runs; i++) {
    const folder = await mkdtemp(join(tmpdir(), "landfall-bench-"));
    try {
      all.push(await run(folder, records, topics));
    } finally {
      await rm(folder, { recursive: true });
    }
  }
  const size = `${records} records, ${topics} topics`;
  return TARGETS.map(([name, unit, target, higherIsBetter]) =>
    result({
      name: `${name}; ${size}`,
      unit,
      target,
      higherIsBetter,
      runs: all.map((measured) => measured.get(name) ?? Number.NaN),
    }),
  );
}

const { values } = parseArgs({
  options: {
    out: { type: "string" },
    open: { type: "string" },
    runs: { type: "string", default: "3" },
    records: { type: "string", default: "1000000" },
    topics: { type: "string", default: "5000" },
  },
});
if (values.open !== undefined) process.stdout.write(JSON.stringify(await openHere(values.open)));
else
  writeReport("store", await measure(Number(values.runs), Number(values.records), Number(values.topics)), values.out);
