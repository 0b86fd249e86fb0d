import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { KAFKA_DEFAULT } from "@landfall/brokers/versions";
import { runScenario } from "./support/kafka-scenarios.js";
import type { Figures } from "./support/kafka-site.js";
import { commit, machine, median } from "./support/report.js";

/**
 * `npm run bench -- --suite kafka [--out FILE] [--runs N] [--records N] [--only SCENARIO[,SCENARIO]]`: a site whose log is in Kafka, beside
 * a bare kafkajs producer and MirrorMaker 2, on real brokers of this machine. Each scenario is a process of its own, with brokers of its own.
 */
const { values: args } = parseArgs({
  options: {
    out: { type: "string" },
    runs: { type: "string", default: "3" },
    records: { type: "string", default: "400000" },
    only: { type: "string" },
    scenario: { type: "string" },
  },
});
const records = Number(args.records);

if (args.scenario !== undefined) {
  const folder = mkdtempSync(join(tmpdir(), "landfall-bench-kafka-"));
  const figures = await runScenario(args.scenario, folder, records);
  rmSync(folder, { recursive: true, force: true });
  process.stdout.write(JSON.stringify(figures));
  process.exit(0);
}

interface Row {
  readonly name: string;
  readonly figure: string;
  readonly unit: string;
  readonly target: number;
  readonly higherIsBetter: boolean;
}

const SCENARIOS = ["append", "latency", "topics", "ports"] as const;
const ROWS: readonly Row[] = [
  row("append.site", "append, batches of 2,000, one broker", "records/s", 0, true),
  row("append.bare", "the same, a bare kafkajs producer", "records/s", 0, true),
  row("append.percent", "of the bare producer", "%", 70, true),
  row("latency.site", "acknowledged at 10,000 records/s, p99", "ms", 0, false),
  row("latency.bare", "the same, a bare kafkajs producer", "ms", 0, false),
  row("latency.added", "added", "ms", 50, false),
  row("topics.rate", "100,000 topics in one stream, one broker", "records/s", 0, true),
  row("topics.topics", "of these, found again", "topics", 100_000, true),
  row("topics.reopen", "a new node has all of it from Kafka, in", "ms", 0, false),
  row("ports.rate", "port to port, Kafka at both", "records/s", 0, true),
  row("ports.wholeRate", "the same, from the first word over the link", "records/s", 0, true),
  row("ports.bytes", "on the wire between them", "bytes/record", 0, false),
  row("ports.mirrorRate", "the same by MirrorMaker 2, zstd", "records/s", 0, true),
  row("ports.mirrorBytes", "on the wire between them", "bytes/record", 0, false),
  row("ports.percent", "of the rate of MirrorMaker 2", "%", 100, true),
];

function row(figure: string, name: string, unit: string, target: number, higherIsBetter: boolean): Row {
  return { figure, name, unit, target, higherIsBetter };
}

const wanted = args.only?.split(",") ?? SCENARIOS;
const results = [];
for (const scenario of SCENARIOS.filter((name) => wanted.includes(name))) {
  const runs = Array.from({ length: Number(args.runs) }, () => inChild(scenario));
  for (const { figure, ...spec } of ROWS) {
    const [of, key = ""] = figure.split(".");
    if (of !== scenario) continue;
    const values = runs.map((run) => run[key] ?? NaN);
    results.push({ ...spec, value: median(values), runs: values });
    const target = spec.target === 0 ? "" : `  (target ${spec.higherIsBetter ? "≥" : "≤"} ${spec.target})`;
    process.stdout.write(`${spec.name}: ${median(values)} ${spec.unit}${target}  ${JSON.stringify(values)}\n`);
  }
}
if (args.out !== undefined) {
  const report = { suite: "kafka", machine: machine(), commit: commit(), kafka: KAFKA_DEFAULT, records, results };
  writeFileSync(args.out, `${JSON.stringify(report, undefined, 2)}\n`);
}

function inChild(scenario: string): Figures {
  const self = fileURLToPath(import.meta.url);
  const child = spawnSync(process.execPath, [self, "--scenario", scenario, "--records", args.records], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (child.status !== 0) throw new Error(`scenario ${scenario} failed`);
  return JSON.parse(child.stdout.toString()) as Figures;
}
