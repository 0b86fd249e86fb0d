import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { systemEnv } from "@landfall/streams/env";
import { simulateTelemetry } from "@landfall/streams/testing/telemetry";
import { JETSTREAM, JETSTREAM_SYNCED } from "./peers/jetstream.js";
import { LANDFALL } from "./peers/landfall.js";
import { LEVELDB } from "./peers/leveldb.js";
import { median } from "./report.js";
import { BATCH, Topics, randomValues } from "./workload.js";
import type { Peer, PeerKind, PeerRecord } from "./peers/peer.js";
import type { Figures } from "./store-scenarios.js";

/** Landfall first: all are driven in the same way, in the same run. */
export const PEER_KINDS: readonly PeerKind[] = [LANDFALL, LEVELDB, JETSTREAM, JETSTREAM_SYNCED];

const TOPICS = 100_000;
const RECORDS = 2_000_000;
/** Appended before the clock starts. */
const WARM_UP_RECORDS = 300_000;
const WARM_UP_MS_MAX = 5_000;
/** No peer is waited for longer than this to append them; what it did until then counts. */
const APPEND_MS_MAX = 20_000;
const HISTORIES = 20;
const HISTORIES_READ = 5;
const HISTORY_RECORDS = 10_000;
const CONTAINERS = 1_000;
const REPORTS = 100;

/** Appends over many topics; then, in a folder of its own, long histories, of which some are read; then telemetry. */
export async function comparePeer(kind: PeerKind, folder: string): Promise<Figures> {
  return {
    ...(await using(kind, join(folder, "appends"), measureAppends)),
    ...(await using(kind, join(folder, "histories"), measureHistories)),
    ...(await using(kind, join(folder, "telemetry"), measureTelemetry)),
  };
}

async function using(kind: PeerKind, folder: string, measure: (peer: Peer) => Promise<Figures>): Promise<Figures> {
  mkdirSync(folder, { recursive: true });
  const peer = await kind.open(folder);
  try {
    return await measure(peer);
  } finally {
    await peer.close();
  }
}

async function measureAppends(peer: Peer): Promise<Figures> {
  const topics = new Topics(TOPICS);
  // Of every peer, the client here is JavaScript, which is compiled while it runs.
  await fill(peer, readings(WARM_UP_RECORDS, topics), WARM_UP_MS_MAX);
  const start = performance.now();
  const done = await fill(peer, readings(RECORDS, topics), APPEND_MS_MAX);
  return { rate: Math.round(done / ((performance.now() - start) / 1000)) };
}

async function measureHistories(peer: Peer): Promise<Figures> {
  const topics = new Topics(HISTORIES);
  await fill(peer, readings(HISTORIES * HISTORY_RECORDS, topics), Infinity);
  await peer.settle();
  const times: number[] = [];
  for (let i = 0; i < HISTORIES_READ; i++) {
    const topic = topics.at(i);
    const start = performance.now();
    const found = await peer.history(topic, HISTORY_RECORDS);
    times.push(performance.now() - start);
    if (found !== HISTORY_RECORDS) throw new Error(`${found} of ${HISTORY_RECORDS} records of ${topic} were read`);
  }
  return { history: median(times) };
}

async function measureTelemetry(peer: Peer): Promise<Figures> {
  const reports = simulateTelemetry({ seed: 7, containers: CONTAINERS, reports: REPORTS, ownTimes: true });
  const batch = (from: number): PeerRecord[] =>
    reports.slice(from, from + BATCH).map(({ container, timestamp, value }, i) => ({
      topic: container,
      offset: from + i,
      timestamp,
      value: Buffer.from(value),
    }));
  const done = await fill(peer, { count: reports.length, batch }, Infinity);
  await peer.settle();
  return { bytes: Math.round((peer.bytesOnDisk() / done) * 100) / 100 };
}

interface Load {
  readonly count: number;
  /** The records of the batch that begins with number `from`. */
  batch(from: number): PeerRecord[];
}

function readings(count: number, topics: Topics): Load {
  const values = randomValues();
  const batch = (from: number): PeerRecord[] => {
    const timestamp = systemEnv.now();
    return Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => ({
      topic: topics.at(from + i),
      offset: from + i,
      timestamp,
      value: values[(from + i) % values.length] as Uint8Array,
    }));
  };
  return { count, batch };
}

/** Two callers, so that one batch is made while the other is on its way to the disk. Returns how many records went. */
async function fill(peer: Peer, load: Load, msMax: number): Promise<number> {
  const end = performance.now() + msMax;
  let next = 0;
  let done = 0;
  const call = async (): Promise<void> => {
    while (next < load.count && performance.now() < end) {
      const records = load.batch(next);
      next += records.length;
      await peer.append(records);
      done += records.length;
    }
  };
  await Promise.all([call(), call()]);
  return done;
}
