import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  write,
  writeFileSync,
  writeSync,
} from "node:fs";
import { cp, unlink } from "node:fs/promises";
import { join } from "node:path";
import { systemEnv } from "@landfall/streams/env";
import { streamName } from "@landfall/streams/model/names";
import { openEmbeddedStore } from "@landfall/streams/store/embedded-store";
import { PEER_KINDS, comparePeer } from "./peer-comparison.js";
import { BATCH, Topics, VALUE_BYTES, randomValues } from "./workload.js";
import { simulateTelemetry } from "@landfall/streams/testing/telemetry";
import type { NewRecord, Seq, TimestampMs } from "@landfall/streams/model/record";
import type { StreamName, TopicName } from "@landfall/streams/model/names";
import type { EmbeddedStore, EmbeddedStoreOptions } from "@landfall/streams/store/embedded-store";

export type Figures = Record<string, number>;
export interface Sizes {
  readonly records: number;
  readonly history: number;
}

const STREAM = streamName("bigblue.containers");
const HISTORY_RECORDS = 10_000;
/** Appended before the clock starts. */
const WARM_UP_RECORDS = 600_000;
/** Files, as the store does it. */
const REMOVED_AT_ONCE = 3;
/** Read one by one, of however many there are. */
const SCAN_RECORDS = 2_000_000;

const SCENARIOS: Record<string, (folder: string, sizes: Sizes) => Promise<Figures>> = {
  raw: (folder) => raw(folder),
  "append-1k": (folder) => append(folder, 1_000, 2_000_000),
  "append-100k": (folder) => append(folder, 100_000, 2_000_000),
  "append-1m": (folder) => append(folder, 1_000_000, 2_000_000),
  "streams-one": (folder) => manyStreams(folder, 1),
  "streams-many": (folder) => manyStreams(folder, 1_000),
  "streams-open": (folder) => reopen(folder, "streams"),
  sustained: (folder, { records }) => sustained(folder, records),
  "reopen-killed": (folder) => reopen(folder, "store"),
  scan,
  copy: (folder) => copy(folder),
  drop: (folder) => drop(folder, "store"),
  "drop-cold": (folder) => dropCold(folder),
  "history-fill": (folder, sizes) => historyFill(folder, sizes.history),
  history: (folder, sizes) => history(folder, sizes.history),
  "history-telemetry": historyTelemetry,
  "telemetry-in-turn": (folder) => telemetry(folder, false),
  "telemetry-own-times": (folder) => telemetry(folder, true),
  ...Object.fromEntries(
    PEER_KINDS.map((kind) => [kind.scenario, (folder: string) => comparePeer(kind, join(folder, kind.scenario))]),
  ),
};

export function runScenario(name: string, folder: string, sizes: Sizes): Promise<Figures> {
  const scenario = SCENARIOS[name];
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  return scenario(folder, sizes);
}

function open(folder: string, over: Partial<EmbeddedStoreOptions> = {}): Promise<EmbeddedStore> {
  return openEmbeddedStore({ folder, site: "tokyo", node: "a", env: systemEnv, ...over });
}

/** What the disk itself does with a file that grows by one batch at a time. */
async function raw(folder: string): Promise<Figures> {
  const commits = 400;
  const bytes = Buffer.alloc(BATCH * 164, 7);
  const path = join(folder, "raw");
  const file = openSync(path, "w");
  const start = performance.now();
  for (let i = 0; i < commits; i++) {
    await new Promise<void>((resolve, reject) => {
      write(file, bytes, 0, bytes.byteLength, i * bytes.byteLength, (error) => {
        if (error !== null) reject(error);
        else fdatasync(file, (failed) => (failed === null ? resolve() : reject(failed)));
      });
    });
  }
  const rate = commits / ((performance.now() - start) / 1000);
  closeSync(file);
  rmSync(path);
  return { rate: Math.round(rate) };
}

interface Filling {
  readonly seconds: number;
  readonly cpuMs: number;
  /** Of each append, ms. */
  readonly pauses: number[];
}

/** What a caller hands over: names and records are made when they are handed over, as if they had just arrived. */
function batchOf(topics: Topics, values: readonly Uint8Array[], from: number, count: number): NewRecord[] {
  const timestamp = systemEnv.now() as TimestampMs;
  return topics
    .batch(from, count)
    .map((topic, i) => ({ topic, timestamp, value: values[(from + i) % values.length] as Uint8Array }));
}

/** Two callers, so that one batch is made while the other is on its way to the disk. */
async function fill(
  store: EmbeddedStore,
  topics: Topics,
  records: number,
  names: readonly StreamName[] = [STREAM],
  batch = BATCH,
): Promise<Filling> {
  const values = randomValues();
  const pauses: number[] = [];
  let next = 0;
  const call = async (): Promise<void> => {
    while (next < records) {
      const from = next;
      next += batch;
      const given = batchOf(topics, values, from, Math.min(batch, records - from));
      const start = performance.now();
      await store.append(names[(from / batch) % names.length] as StreamName, given);
      pauses.push(performance.now() - start);
    }
  };
  const [start, cpu] = [performance.now(), cpuMs()];
  await Promise.all([call(), call()]);
  return { seconds: (performance.now() - start) / 1000, cpuMs: cpuMs() - cpu, pauses: pauses.sort((a, b) => a - b) };
}

/** In a store of its own: what is measured is a node that has been up for a second, as its code is once it was compiled. */
async function warmUp(folder: string, topics: Topics): Promise<void> {
  const home = join(folder, "warm");
  const store = await open(home);
  await fill(store, topics, WARM_UP_RECORDS);
  await store.close();
  rmSync(home, { recursive: true });
}

async function append(folder: string, topicCount: number, records: number): Promise<Figures> {
  await warmUp(folder, new Topics(topicCount));
  const store = await open(join(folder, "store"));
  const topics = new Topics(topicCount);
  const { seconds, cpuMs: cpu } = await fill(store, topics, records);
  const rss = process.memoryUsage().rss;
  await store.close();
  rmSync(join(folder, "store"), { recursive: true });
  const own = callerMs(topics, records);
  return { rate: Math.round(records / seconds), rss: mega(rss), cpu: micros(cpu, records), own: micros(own, records) };
}

/** Processor time of making the records alone, which counts in the rate and is the caller's, not the store's. */
function callerMs(topics: Topics, records: number): number {
  const values = randomValues();
  const start = cpuMs();
  let bytes = 0;
  for (let from = 0; from < records; from += BATCH) {
    for (const { value } of batchOf(topics, values, from, BATCH)) bytes += value.byteLength;
  }
  if (bytes !== records * VALUE_BYTES) throw new Error(`${bytes} bytes of ${records} records`);
  return cpuMs() - start;
}

async function manyStreams(folder: string, written: number): Promise<Figures> {
  const records = 1_000_000;
  const home = join(folder, written === 1 ? "one" : "streams");
  const store = await open(home);
  const names = Array.from({ length: written === 1 ? 1 : 10_000 }, (_, i) => streamName(`customer-${i}.containers`));
  const one = [{ topic: "a" as TopicName, timestamp: 0 as TimestampMs, value: new Uint8Array(VALUE_BYTES) }];
  await Promise.all(names.map((name) => store.append(name, one)));
  const groups = names.slice(0, written);
  const topics = new Topics(20_000);
  const warm = await open(join(folder, "warm"));
  await appendInTurn(warm, groups, topics, WARM_UP_RECORDS / 2);
  await warm.close();
  const start = performance.now();
  await appendInTurn(store, groups, topics, records);
  const rate = records / ((performance.now() - start) / 1000);
  const files = openFiles();
  await store.settled();
  await store.close();
  return { rate: Math.round(rate), files };
}

/** Twenty records of each stream in turn, a hundred appends at a time: batches of 2,000 records. */
async function appendInTurn(
  store: EmbeddedStore,
  streams: readonly StreamName[],
  topics: Topics,
  records: number,
): Promise<void> {
  const values = randomValues();
  for (let done = 0; done < records;) {
    const appends: Promise<unknown>[] = [];
    for (let n = 0; n < BATCH / 20; n++, done += 20) {
      const given: NewRecord[] = [];
      for (let i = 0; i < 20; i++) {
        const value = values[(done + i) % values.length] as Uint8Array;
        given.push({ topic: topics.at(done + i), timestamp: 0 as TimestampMs, value });
      }
      appends.push(store.append(streams[(done / 20) % streams.length] as StreamName, given));
    }
    await Promise.all(appends);
  }
}

async function sustained(folder: string, records: number): Promise<Figures> {
  const topics = new Topics(1_000_000);
  await warmUp(folder, topics);
  const store = await open(join(folder, "store"));
  const { seconds, pauses } = await fill(store, topics, records);
  const rss = process.memoryUsage().rss;
  const start = performance.now();
  await store.settled();
  const settle = performance.now() - start;
  const { bytesOnDisk, bytesSpare } = store.stats();
  // Something in the journal, for the next scenario to replay; then killed.
  process.stdout.write(
    JSON.stringify({
      rate: Math.round(records / seconds),
      p999: round(pauses[Math.floor(pauses.length * 0.999)] ?? 0),
      settle: Math.round(settle),
      rss: mega(rss),
      percent: round(((bytesOnDisk - bytesSpare) / (records * VALUE_BYTES)) * 100),
    }),
    () => process.kill(process.pid, "SIGKILL"),
  );
  return new Promise(() => undefined);
}

async function reopen(folder: string, name: string): Promise<Figures> {
  const start = performance.now();
  const store = await open(join(folder, name));
  const ms = performance.now() - start;
  await store.close();
  return { open: Math.round(ms) };
}

async function scan(folder: string): Promise<Figures> {
  const store = await open(join(folder, "store"));
  const vector = store.vector(STREAM);
  let records = 0;
  const start = performance.now();
  for (const [origin, end] of Object.entries(vector)) {
    for (let seq = 0; seq < end && records < SCAN_RECORDS;) {
      const found = await store.readOrigin(STREAM, origin as typeof store.origin, seq as Seq, 1 << 20);
      if (found.length === 0) throw new Error(`nothing at ${seq} of ${end}`);
      seq += found.length;
      records += found.length;
    }
  }
  const seconds = (performance.now() - start) / 1000;
  const sealed = await scanSealed(store);
  await store.close();
  return { rate: Math.round(records / seconds), sealed };
}

/** As replication sends them: whole blocks, each verified. */
async function scanSealed(store: EmbeddedStore): Promise<number> {
  let records = 0;
  const start = performance.now();
  for (const [name, end] of Object.entries(store.vector(STREAM))) {
    const origin = name as typeof store.origin;
    for (let seq = 0; seq < end;) {
      const reader = await store.openSealed(STREAM, origin, seq as Seq);
      if (reader === undefined) break;
      const { run } = reader;
      for (let block = 0; block < run.blocks;) ({ next: block } = await reader.read(block, 1 << 20));
      await reader.close();
      records += run.count;
      seq = run.to;
    }
  }
  return Math.round(records / ((performance.now() - start) / 1000));
}

/** The same store once more, for what is dropped cold. */
async function copy(folder: string): Promise<Figures> {
  await cp(join(folder, "store"), join(folder, "copy"), { recursive: true });
  return {};
}

async function drop(folder: string, name: string): Promise<Figures> {
  const home = join(folder, name);
  const half = sizeOf(home) / 2;
  const sizes = new Map(readdirSync(home).map((file) => [file, statSync(join(home, file)).size]));
  const store = await open(home, { retention: () => ({ bytes: half }) });
  await store.settled();
  const start = performance.now();
  const records = await store.expire();
  const ms = performance.now() - start;
  await store.close();
  if (records === 0) throw new Error("nothing was dropped");
  const left = new Set(readdirSync(home));
  const gone = [...sizes].flatMap(([file, size]) => (left.has(file) || !file.endsWith(".lfs") ? [] : [size]));
  const rawMs = await dropRaw(join(folder, "raw"), gone);
  return { ms: Math.round(ms), records, left: mega(sizeOf(home)), dropped: mega(sum(gone)), rawMs: Math.round(rawMs) };
}

/** As many plain files of the same sizes, removed as the store removes its own: what the file system alone takes. */
async function dropRaw(folder: string, sizes: readonly number[]): Promise<number> {
  mkdirSync(folder);
  const piece = randomBytes(1 << 20);
  const paths = sizes.map((size, i) => {
    const path = join(folder, `${i}`);
    const file = openSync(path, "w");
    for (let at = 0; at < size; at += piece.length) writeSync(file, piece, 0, Math.min(piece.length, size - at));
    fdatasyncSync(file);
    closeSync(file);
    return path;
  });
  const start = performance.now();
  const next = paths.values();
  const remove = async (): Promise<void> => {
    for (const path of next) await unlink(path);
  };
  await Promise.all(Array.from({ length: REMOVED_AT_ONCE }, remove));
  const ms = performance.now() - start;
  rmSync(folder, { recursive: true });
  return ms;
}

/** What expires was written long ago, and is not in the system's memory any more; only root can bring that about. */
async function dropCold(folder: string): Promise<Figures> {
  try {
    execFileSync("sync");
    writeFileSync("/proc/sys/vm/drop_caches", "1");
  } catch {
    process.stderr.write("dropping what is not in memory is left out: the system's memory cannot be emptied here\n");
    return {};
  }
  return drop(folder, "copy");
}

async function historyFill(folder: string, records: number): Promise<Figures> {
  const store = await open(join(folder, "store"));
  await fill(store, new Topics(records / HISTORY_RECORDS), records);
  await store.settled();
  await store.close();
  return { records };
}

async function history(folder: string, records: number): Promise<Figures> {
  const topics = new Topics(records / HISTORY_RECORDS);
  return readHistories(
    folder,
    Array.from({ length: 40 }, (_, i) => topics.at(i * 47)),
  );
}

/** Each for the first time since the store was opened, then once more. */
async function readHistories(folder: string, topics: readonly TopicName[]): Promise<Figures> {
  const times = { cold: [] as number[], warm: [] as number[] };
  const cpu: number[] = [];
  const store = await open(join(folder, "store"));
  for (const topic of topics) {
    for (const kind of ["cold", "warm"] as const) {
      const [start, cpuStart] = [performance.now(), cpuMs()];
      const found = await store.readTopic(STREAM, topic, { limit: HISTORY_RECORDS });
      times[kind].push(performance.now() - start);
      if (kind === "cold") cpu.push(cpuMs() - cpuStart);
      if (found.length !== HISTORY_RECORDS) throw new Error(`${found.length} records of ${topic}`);
    }
  }
  const { runs } = store.spread(STREAM);
  await store.close();
  const middle = (list: number[]): number => round(list.sort((a, b) => a - b)[list.length >>> 1] ?? 0);
  return { cold: middle(times.cold), cpu: middle(cpu), warm: middle(times.warm), runs };
}

/** What a container sends, packed: journals so small that a topic is spread over about as many runs as among very many records. */
async function historyTelemetry(folder: string): Promise<Figures> {
  const reports = simulateTelemetry({ seed: 7, containers: 100, reports: HISTORY_RECORDS, ownTimes: true });
  const store = await appendTelemetry(folder, reports, 512 * 1024);
  await store.settled();
  await store.close();
  return readHistories(
    folder,
    [...new Set(reports.slice(0, 1_000).map(({ container }) => container as TopicName))].slice(0, 40),
  );
}

async function telemetry(folder: string, ownTimes: boolean): Promise<Figures> {
  const reports = simulateTelemetry({ seed: 7, containers: 1_000, reports: 500, ownTimes });
  const store = await appendTelemetry(folder, reports, 32 * 1024 * 1024);
  await store.sealNow();
  const { bytesOnDisk, bytesSpare } = store.stats();
  await store.close();
  return { bytes: round((bytesOnDisk - bytesSpare) / reports.length) };
}

async function appendTelemetry(
  folder: string,
  reports: ReturnType<typeof simulateTelemetry>,
  journalFileBytes: number,
): Promise<EmbeddedStore> {
  const clock = { nowMs: 0 };
  const env = { ...systemEnv, now: () => clock.nowMs };
  const store = await open(join(folder, "store"), { env, journalFileBytes });
  for (let i = 0; i < reports.length; i += 50) {
    const some = reports.slice(i, i + 50);
    // As they come in at the edge: received when they were measured, a little later.
    clock.nowMs = Math.max(clock.nowMs, (some.at(-1)?.timestamp ?? 0) + 40);
    await store.append(
      STREAM,
      some.map(({ container, timestamp, value }) => ({
        topic: container as TopicName,
        timestamp: timestamp as TimestampMs,
        value: Buffer.from(value),
      })),
    );
  }
  return store;
}

function cpuMs(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  } catch {
    return 0;
  }
}

function openFiles(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
}

function sizeOf(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function mega(bytes: number): number {
  return Math.round(bytes / 1e6);
}

function micros(ms: number, records: number): number {
  return round((ms * 1000) / records);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
