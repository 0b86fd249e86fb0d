import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { LinkClass } from "@landfall/proto/api";
import { streamName, topicName } from "@landfall/streams/model/names";
import type { NewRecord, TimestampMs } from "@landfall/streams/model/record";
import { simulateTelemetry } from "@landfall/streams/testing/telemetry";
import { startTestNode, testSite } from "@landfall/streams/testing/test-node";
import { testProxy } from "@landfall/streams/testing/test-proxy";
import { until } from "@landfall/streams/testing/until";
import { commit, machine, median } from "./support/report.js";

/**
 * `npm run bench -- --suite replication [--out FILE] [--runs N] [--records N]`: a ship's backlog of telemetry into a port, two
 * real stores and gRPC in one process on loopback, every record durable at the port before it counts.
 */
const STREAM = streamName("bigblue.containers");
const APPEND_RECORDS = 2_000;

interface Case {
  readonly name: string;
  readonly linkClass: LinkClass;
  readonly oneWayMs: number;
  readonly sealed: boolean;
  readonly target: number;
}

const CASES: readonly Case[] = [
  { name: "sealed backlog, ship to port, loopback", linkClass: "wan", oneWayMs: 0, sealed: true, target: 1_500_000 },
  { name: "the same, not sealed yet", linkClass: "wan", oneWayMs: 0, sealed: false, target: 250_000 },
  { name: "sealed, at 600 ms round trip", linkClass: "wan", oneWayMs: 300, sealed: true, target: 800_000 },
];

interface Measured {
  readonly recordsPerSecond: number;
  readonly wireBytesPerRecord: number;
}

async function measure(records: readonly NewRecord[], { linkClass, oneWayMs, sealed }: Case): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), "landfall-replication-"));
  const sites = [testSite("tokyo"), testSite("ship")];
  const port = await startTestNode({ site: "tokyo", folder: join(folder, "tokyo"), sites });
  const proxy = await testProxy(port.replicator.port ?? 0, oneWayMs);
  try {
    const loaded = await startTestNode({ site: "ship", folder: join(folder, "ship"), sites, wants: ["*.settings"] });
    for (let i = 0; i < records.length; i += APPEND_RECORDS) {
      await loaded.store.append(STREAM, records.slice(i, i + APPEND_RECORDS));
    }
    if (sealed) await loaded.store.sealNow();
    await loaded.close();
    const link = {
      id: "ship~tokyo",
      to: "tokyo",
      class: linkClass,
      address: `127.0.0.1:${proxy.port}`,
      carries: ["*"],
    };
    const ship = await startTestNode({
      site: "ship",
      folder: join(folder, "ship"),
      sites,
      wants: ["*.settings"],
      links: [link],
    });
    // From the moment at which both sides have said hello: dialling takes as long whatever there is to send.
    await until(() => port.replicator.links().some(({ state }) => state === "up"));
    const started = performance.now();
    await until(() => Object.values(port.store.vector(STREAM)).reduce((sum, next) => sum + next, 0) >= records.length);
    const seconds = (performance.now() - started) / 1_000;
    await ship.close();
    return {
      recordsPerSecond: Math.round(records.length / seconds),
      wireBytesPerRecord: Math.round((proxy.bytes / records.length) * 10) / 10,
    };
  } finally {
    await port.close();
    await proxy.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const { values: options } = parseArgs({
  options: {
    out: { type: "string" },
    runs: { type: "string", default: "3" },
    records: { type: "string", default: "300000" },
  },
});
const containers = 1_000;
const telemetry = simulateTelemetry({
  containers,
  reports: Math.ceil(Number(options.records) / containers),
  seed: 20261120,
  ownTimes: true,
});
const records = telemetry.map(({ container, timestamp, value }) => ({
  topic: topicName(container),
  timestamp: timestamp as TimestampMs,
  value: Buffer.from(value),
}));

const results: object[] = [];
for (const one of CASES) {
  const runs: Measured[] = [];
  for (let run = 0; run < Number(options.runs); run++) runs.push(await measure(records, one));
  const rates = runs.map(({ recordsPerSecond }) => recordsPerSecond);
  const bytes = runs.map(({ wireBytesPerRecord }) => wireBytesPerRecord);
  results.push(
    {
      name: `${one.name}, durable`,
      value: median(rates),
      unit: "records/s",
      target: one.target,
      higherIsBetter: true,
      runs: rates,
    },
    {
      name: `${one.name}, on the wire`,
      value: median(bytes),
      unit: "bytes/record",
      target: 12,
      higherIsBetter: false,
      runs: bytes,
    },
  );
}
const report = { suite: "replication", machine: machine(), commit: commit(), records: records.length, results };
const text = `${JSON.stringify(report, undefined, 2)}\n`;
if (options.out === undefined) process.stdout.write(text);
else writeFileSync(options.out, text);
