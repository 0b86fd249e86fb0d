import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { diskAtRest } from "./support/disk-at-rest.js";
import { machine, commit, median } from "./support/report.js";
import { PEER_KINDS } from "./support/peer-comparison.js";
import { runScenario } from "./support/store-scenarios.js";
import type { Figures } from "./support/store-scenarios.js";

/**
 * `node test/dist/bench/store.js [--out FILE] [--runs N] [--only NAME [--folder DIR]] [--records N] [--history N]`: what the store can do
 * on this machine, now; each scenario in a process of its own. The raw disk is measured in the same run: on a machine that
 * others use, look at the ratios.
 */
const { values: args } = parseArgs({
  options: {
    out: { type: "string" },
    runs: { type: "string", default: "3" },
    only: { type: "string" },
    /** Records of the large store. */
    records: { type: "string", default: "20000000" },
    /** Records of the store in which one container's history is looked for, 10,000 records each. */
    history: { type: "string", default: "20000000" },
    scenario: { type: "string" },
    /** Where to work, instead of a new folder each time. It is kept, and a store for histories that is there is not filled again. */
    folder: { type: "string" },
  },
});
if (args.folder !== undefined && args.only === undefined && args.scenario === undefined)
  throw new Error("--folder needs --only: each group fills its own");

interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target: number;
  readonly higherIsBetter: boolean;
  readonly peer?: string;
  readonly runs: readonly number[];
}

interface Spec {
  /** Which figure of which scenario; `extra` scenarios run before, in the same folder. */
  readonly name: string;
  readonly unit: string;
  readonly target: number;
  readonly higherIsBetter: boolean;
  readonly figure: string;
  /** Another store; none for this one. */
  readonly peer?: string;
}

interface Group {
  readonly scenarios: readonly string[];
  readonly rows: readonly Spec[];
}

/** Scenarios in order; those of one group share a folder, which is removed behind the last. */
const GROUPS: readonly Group[] = [
  {
    scenarios: ["raw", "append-100k"],
    rows: [
      row("raw disk: write + fdatasync of 330 kB", "commits/s", 0, true, "raw.rate"),
      row("durable append, 100 k topics", "records/s", 2_000_000, true, "append-100k.rate"),
      row("durable append, 100 k topics, processor time of its thread", "µs/record", 0, false, "append-100k.cpu"),
      row("of which the caller's own: names and records made", "µs/record", 0, false, "append-100k.own"),
    ],
  },
  {
    scenarios: ["append-1k"],
    rows: [row("durable append, 1 k topics", "records/s", 0, true, "append-1k.rate")],
  },
  {
    scenarios: ["append-1m"],
    rows: [
      row("durable append, 1 M topics, 2 M records", "records/s", 1_500_000, true, "append-1m.rate"),
      row("the same, processor time of its thread", "µs/record", 0, false, "append-1m.cpu"),
      row("the same, resident memory", "MB", 400, false, "append-1m.rss"),
    ],
  },
  {
    scenarios: ["streams-one", "streams-many", "streams-open"],
    rows: [
      row("one stream, appends of 20 records", "records/s", 0, true, "streams-one.rate"),
      row("1,000 of 10,000 streams, appends of 20 records", "records/s", 0, true, "streams-many.rate"),
      row("the same, open files", "files", 500, false, "streams-many.files"),
      row("the same, opening the node", "ms", 2_000, false, "streams-open.open"),
    ],
  },
  {
    scenarios: ["sustained", "reopen-killed", "scan", "copy", "drop", "drop-cold"],
    rows: [
      row("sustained, 1 M topics, sealing and merging included", "records/s", 800_000, true, "sustained.rate"),
      row("the same, append pause p99.9", "ms", 20, false, "sustained.p999"),
      row("the same, until everything is sealed and merged", "ms", 0, false, "sustained.settle"),
      row("the same, resident memory", "MB", 0, false, "sustained.rss"),
      row("random values, sealed", "% of the bytes sent", 125, false, "sustained.percent"),
      row("reopen after kill -9", "ms", 1_000, false, "reopen-killed.open"),
      row("log scan for replication: sealed blocks, verified", "records/s", 3_000_000, true, "scan.sealed"),
      row("log scan, record by record", "records/s", 0, true, "scan.rate"),
      row("drop half, written a moment ago and still in memory", "ms", 300, false, "drop.ms"),
      row("the same bytes in plain files, removed without a store", "ms", 0, false, "drop.rawMs"),
      row("drop half, not in memory, as after weeks", "ms", 300, false, "drop-cold.ms"),
    ],
  },
  {
    scenarios: ["history-fill", "history"],
    rows: [
      row("history of 10,000 records, cold", "ms", 20, false, "history.cold"),
      row("the same, processor time of its thread", "ms", 0, false, "history.cpu"),
      row("history of 10,000 records, warm", "ms", 6, false, "history.warm"),
      row("runs that a topic is spread over", "runs", 0, false, "history.runs"),
    ],
  },
  {
    scenarios: ["history-telemetry"],
    rows: [
      row("history of 10,000 packed records, cold", "ms", 20, false, "history-telemetry.cold"),
      row("the same, processor time of its thread", "ms", 0, false, "history-telemetry.cpu"),
      row("history of 10,000 packed records, warm", "ms", 6, false, "history-telemetry.warm"),
      row("runs that its topic is spread over", "runs", 0, false, "history-telemetry.runs"),
    ],
  },
  {
    scenarios: ["telemetry-in-turn"],
    rows: [row("telemetry of containers in turn, sealed", "bytes/record", 9, false, "telemetry-in-turn.bytes")],
  },
  {
    scenarios: ["telemetry-own-times"],
    rows: [
      row("telemetry of containers at their own times, sealed", "bytes/record", 12, false, "telemetry-own-times.bytes"),
    ],
  },
];

function row(name: string, unit: string, target: number, higherIsBetter: boolean, figure: string): Spec {
  return { name, unit, target, higherIsBetter, figure };
}

/** Landfall and the stores that are installed beside it, each driven in the same way; says which are not there. */
function peerGroup(): Group {
  const scenarios: string[] = [];
  const rows: Spec[] = [];
  for (const kind of PEER_KINDS) {
    const { scenario } = kind;
    const found = kind.find();
    if ("missing" in found) {
      process.stderr.write(`${scenario} is left out: ${found.missing}\n`);
      continue;
    }
    scenarios.push(scenario);
    const isPeer = scenarios.length > 1;
    rows.push(
      ...[
        row("side by side: append, 100 k topics", "records/s", 0, true, `${scenario}.rate`),
        row("side by side: history of 10,000 records", "ms", 0, false, `${scenario}.history`),
        row("side by side: telemetry, everything included", "bytes/record", 0, false, `${scenario}.bytes`),
      ].map((spec) => (isPeer ? { ...spec, peer: found.name } : spec)),
    );
  }
  return { scenarios, rows };
}

if (args.scenario !== undefined) {
  const sizes = { records: Number(args.records), history: Number(args.history) };
  process.stdout.write(JSON.stringify(await runScenario(args.scenario, args.folder ?? "", sizes)));
  process.exit(0);
}

const results: Row[] = [];
for (const group of [...GROUPS, peerGroup()]) {
  if (args.only !== undefined && !group.scenarios.includes(args.only)) continue;
  const figures = new Map<string, number[]>();
  for (let run = 0; run < Number(args.runs); run++) {
    const folder = args.folder ?? mkdtempSync(join(tmpdir(), "landfall-bench-"));
    try {
      await diskAtRest();
      for (const scenario of group.scenarios) {
        if (scenario === "history-fill" && existsSync(join(folder, "store"))) continue;
        for (const [key, value] of Object.entries(inChild(scenario, folder))) {
          const name = `${scenario}.${key}`;
          figures.set(name, [...(figures.get(name) ?? []), value]);
        }
      }
    } finally {
      if (args.folder === undefined) rmSync(folder, { recursive: true, force: true });
    }
  }
  for (const spec of group.rows) {
    const runs = figures.get(spec.figure);
    if (runs === undefined) continue;
    const { figure: _figure, ...said } = spec;
    const result = { ...said, value: median(runs), runs };
    results.push(result);
    const target = spec.target === 0 ? "" : `  (target ${spec.higherIsBetter ? "≥" : "≤"} ${spec.target})`;
    const name = spec.peer === undefined ? spec.name : `${spec.name}, ${spec.peer}`;
    process.stdout.write(`${name}: ${result.value} ${spec.unit}${target}  ${JSON.stringify(runs)}\n`);
  }
}
ratio(
  "durable append, 1 k topics",
  "durable append, 1 M topics, 2 M records",
  "rate at 1 M topics, of that at 1 k",
  60,
);
const OF_MANY = "1,000 of 10,000 streams, appends of 20 records";
ratio("one stream, appends of 20 records", OF_MANY, "rate over 1,000 of 10,000 streams, of that of one", 50);
if (args.out !== undefined) {
  const report = { suite: "store", machine: machine(), commit: commit(), results };
  writeFileSync(args.out, `${JSON.stringify(report, undefined, 2)}\n`);
}

function ratio(of: string, value: string, name: string, target: number): void {
  const [one, many] = [find(of), find(value)];
  if (one === undefined || many === undefined) return;
  const percent = Math.round((many.value / one.value) * 100);
  results.push({ name, value: percent, unit: "%", target, higherIsBetter: true, runs: [percent] });
  process.stdout.write(`${name}: ${percent} %  (target ≥ ${target})\n`);
}

function find(name: string): Row | undefined {
  return results.find((result) => result.name === name);
}

function inChild(scenario: string, folder: string): Figures {
  const sizes = ["--records", args.records, "--history", args.history];
  const file = fileURLToPath(import.meta.url);
  const child = spawnSync(process.execPath, [file, "--scenario", scenario, "--folder", folder, ...sizes], {
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 20,
  });
  // The scenario whose end is a kill has said its figures before.
  if (child.status !== 0 && child.signal !== "SIGKILL") throw new Error(`scenario ${scenario} failed`);
  return JSON.parse(child.stdout.toString()) as Figures;
}
