import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { freePorts } from "../support/free-ports.js";
import { runLoad, type Load, type LoadResult } from "./mqtt-load.js";
import { commit, machine, median } from "./support/report.js";

/** `node test/dist/bench/ingest.js [--out FILE] [--runs N]`: MQTT QoS 1 into an edge node, every PUBACK after its fsync. */

interface Result {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target: number;
  readonly higherIsBetter: boolean;
  readonly runs: readonly number[];
}

/** What one client may send is not what is measured. */
const UNLIMITED = {
  packetsPerSecond: 100_000_000,
  packetsAtOnce: 100_000_000,
  bytesPerSecond: 100_000_000_000,
  inflightPerClientMax: 1_000_000,
  inflightBytesPerClientMax: 1_000_000_000,
};

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const TOPICS = 10_000;
interface Shape {
  readonly name: string;
  readonly target: number;
  readonly load: Pick<Load, "connections" | "chunk" | "window" | "messages">;
}

/** Of the shapes, the one that is measured with a second node, too. */
const QUORUM_CONNECTIONS = 10;
const QUORUM_TARGET = 50_000;
const SHAPES: readonly Shape[] = [
  {
    name: "1 connection, 500 x 2 in flight",
    target: 100_000,
    load: { connections: 1, chunk: 500, window: 2, messages: 200_000 },
  },
  {
    name: "10 connections, 50 x 2 in flight",
    target: 100_000,
    load: { connections: 10, chunk: 50, window: 2, messages: 300_000 },
  },
  {
    name: "100 connections, 5 x 2 in flight",
    target: 70_000,
    load: { connections: 100, chunk: 5, window: 2, messages: 200_000 },
  },
];

type Ack = "local" | "quorum";

/** Runs a ship's edge, and with `quorum` a second one without which nothing is acknowledged, in processes of their own. */
async function withEdge<T>(ack: Ack, use: (port: number) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "landfall-bench-"));
  const nodes = ack === "local" ? ["a"] : ["a", "b"];
  const listen = await freePorts(nodes.length);
  const edges = nodes.map((_, i) => startEdge(folder, nodes, i, listen));
  try {
    const [port] = await Promise.all(edges.map(({ mqttPort }) => mqttPort));
    return await use(port as number);
  } finally {
    for (const { child } of edges) child.kill("SIGTERM");
    await Promise.all(edges.map(({ ended }) => ended));
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param listen ports on which the nodes accept each other */
function startEdge(folder: string, nodes: readonly string[], i: number, listen: readonly number[]) {
  const site = "ship-9321483";
  const node = nodes[i] as string;
  const links = nodes.slice(0, i).map((other, at) => {
    const id = `${site}.${node}~${site}.${other}`;
    return { id, to: site, node: other, class: "lan", address: `127.0.0.1:${listen[at]}` };
  });
  const token = "only for this bench";
  const tokenSha256 = createHash("sha256").update(token).digest("hex");
  const config = join(folder, `${node}.yaml`);
  // JSON is YAML.
  writeFileSync(
    config,
    JSON.stringify({
      site,
      node,
      data: node,
      http: { port: 0 },
      replication: { token, listen: `127.0.0.1:${listen[i]}` },
      links,
      ...(nodes.length > 1 && { cluster: { nodes, ack: "quorum" } }),
      sites: [{ site, kind: "ship", name: "Bench", owner: "bigblue", imo: "9321483", tokenSha256 }],
      mqtt: { port: 0, anonymous: true, ...UNLIMITED },
    }),
  );
  const child = spawn(process.execPath, [join(ROOT, "bin/landfall.mjs"), "edge", "--config", config], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, LANDFALL_EXIT_WITH_PARENT: "1" },
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const mqttPort = new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const entry = JSON.parse(line) as { msg?: string; port?: number };
      if (entry.msg?.startsWith("mqtt listens") && entry.port !== undefined) resolve(entry.port);
    });
    void ended.then((code) => reject(new Error(`landfall edge ended with ${code}`)));
  });
  return { child, ended, mqttPort };
}

/** The same with a second node, for one of the shapes. */
function quorumOf(shape: Shape): (Shape & { readonly ack: Ack })[] {
  return shape.load.connections === QUORUM_CONNECTIONS ? [{ ...shape, target: QUORUM_TARGET, ack: "quorum" }] : [];
}

async function measure(runs: number): Promise<Result[]> {
  const results: Result[] = [];
  const shapes = SHAPES.flatMap((shape) => [{ ...shape, ack: "local" as const }, ...quorumOf(shape)]);
  for (const { name, target, load, ack } of shapes) {
    const seen = await withEdge(ack, async (port) => {
      const all: LoadResult[] = [];
      for (let run = 0; run < runs; run++) {
        // Every run is later than the one before: nothing is a repetition.
        const firstTime = Date.UTC(2026, 0, 1) + run * 1_000 * load.messages;
        all.push(await runLoad({ ...load, port, topics: TOPICS, firstTime }));
      }
      return all;
    });
    const rates = seen.map(({ messagesPerSecond }) => Math.round(messagesPerSecond));
    const p99 = seen.map(({ ackMs99 }) => Number(ackMs99.toFixed(1)));
    results.push({
      name: `QoS 1, fsynced${ack === "quorum" ? " at two nodes" : ""}: ${name}`,
      value: median(rates),
      unit: "messages/s",
      target,
      higherIsBetter: true,
      runs: rates,
    });
    results.push({
      name: `time to PUBACK, 99 %${ack === "quorum" ? ", two nodes" : ""}: ${name}`,
      value: median(p99),
      unit: "ms",
      target: 100,
      higherIsBetter: false,
      runs: p99,
    });
  }
  return results;
}

const { values } = parseArgs({ options: { out: { type: "string" }, runs: { type: "string", default: "3" } } });
const report = { suite: "ingest", machine: machine(), commit: commit(), results: await measure(Number(values.runs)) };
const text = `${JSON.stringify(report, undefined, 2)}\n`;
if (values.out === undefined) process.stdout.write(text);
else writeFileSync(values.out, text);
