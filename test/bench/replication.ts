import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { commit, machine, median } from "./support/report.js";
import { findPeer, PEER_WAYS } from "./support/replication-peers.js";
import { runScenario, type Figures } from "./support/replication-scenarios.js";

/**
 * `npm run bench -- --suite replication [--out FILE] [--runs N] [--only SCENARIO[,SCENARIO]] [--records N] [--voyage N]`: what crosses between
 * sites, over real gRPC and sockets of this machine, real stores at both ends, on disk before it counts. Each scenario in a
 * process of its own. The voyage of the target is `--voyage 13440000`: 14 days of 10,000 containers, every 15 minutes.
 */
const { values: args } = parseArgs({
  options: {
    out: { type: "string" },
    runs: { type: "string", default: "3" },
    only: { type: "string" },
    records: { type: "string", default: "1000000" },
    voyage: { type: "string", default: "1340000" },
    scenario: { type: "string" },
    folder: { type: "string" },
    port: { type: "string", default: "0" },
  },
});
const SELF = fileURLToPath(import.meta.url);
const VOYAGE_RECORDS = 13_440_000;
const VOYAGE_SECONDS_MAX = 150;

interface Spec {
  readonly name: string;
  readonly unit: string;
  /** 0: none. */
  readonly target: number;
  readonly higherIsBetter: boolean;
  /** Which figure of which scenario. */
  readonly figure: string;
  /** Another system; none for this one. */
  readonly peer?: string;
}

interface Group {
  /** Run once, before all runs, in the folder that they share. */
  readonly prepare?: string;
  readonly scenarios: readonly string[];
  readonly rows: readonly Spec[];
  /** Counts are exact, and need no median. */
  readonly once?: boolean;
}

const GROUPS: readonly Group[] = [
  {
    prepare: "fill-sealed",
    scenarios: ["sealed", "long"],
    rows: [
      row("sealed backlog, ship to port, loopback", "records/s", 1_500_000, true, "sealed.rate"),
      row("the same, on the wire", "bytes/record", 12, false, "sealed.bytes"),
      row("sealed, at 600 ms round trip", "records/s", 800_000, true, "long.rate"),
    ],
  },
  {
    scenarios: ["unsealed"],
    rows: [
      row("backlog of which nothing is sealed, loopback", "records/s", 250_000, true, "unsealed.rate"),
      row("the same, on the wire", "bytes/record", 12, false, "unsealed.bytes"),
    ],
  },
  {
    scenarios: ["live-bytes"],
    rows: [
      row(
        "live, one record a second, on the wire, everything included",
        "bytes/record",
        250,
        false,
        "live-bytes.bytes",
      ),
      row("of which the value itself", "bytes/record", 0, false, "live-bytes.value"),
    ],
  },
  {
    scenarios: ["hops"],
    rows: [
      row("live record, port to port, 3 hops, idle, p99", "ms", 100, false, "hops.p99"),
      row("the same, median", "ms", 0, false, "hops.p50"),
    ],
  },
  {
    prepare: "fill-voyage",
    scenarios: ["raw-link", "voyage", "memory", "alert"],
    rows: [
      row("the 10 Mbit/s link itself, plain TCP", "Mbit/s", 0, true, "raw-link.mbps"),
      row("records of the voyage", "records", 0, true, "voyage.records"),
      row("the voyage over 10 Mbit/s", "s", voyageTarget(), false, "voyage.seconds"),
      row("the same, on the wire", "bytes/record", 12, false, "voyage.bytes"),
      row("memory of a port that takes the voyage in", "MB", 400, false, "memory.rss"),
      row("the same, before anything comes", "MB", 0, false, "memory.before"),
      row("alert in front of the voyage on 1 Mbit/s, slowest of 8", "ms", 2_000, false, "alert.slowest"),
    ],
  },
  {
    scenarios: ["mesh", "simulated"],
    once: true,
    rows: [
      row("full mesh of 5 sites: changes of source", "changes", 1_000, true, "mesh.changes"),
      row("the same: records written", "records", 0, true, "mesh.records"),
      row("the same: records that came to a site twice", "records", 0, false, "mesh.twice"),
      row("the same: sent again, having been lost at a cut", "records", 0, false, "mesh.sentAgain"),
      row("simulated, with crashes: records that came twice", "records", 0, false, "simulated.twice"),
      row("the same: records that came", "records", 0, true, "simulated.delivered"),
    ],
  },
  {
    prepare: "fill-sealed",
    scenarios: ["cuts"],
    once: true,
    rows: [
      row("100 random cuts of a backlog: records that came twice", "records", 0, false, "cuts.twice"),
      row("the same: records that came", "records", 0, true, "cuts.records"),
      row("the same: most that was sent again after a cut, of the credit window", "%", 100, false, "cuts.percent"),
    ],
  },
];

function row(name: string, unit: string, target: number, higherIsBetter: boolean, figure: string): Spec {
  return { name, unit, target, higherIsBetter, figure };
}

/** For so many records as are sent, as much of the time as they are of the whole voyage. */
function voyageTarget(): number {
  return Math.round((VOYAGE_SECONDS_MAX * Number(args.voyage) * 100) / VOYAGE_RECORDS) / 100;
}

/** What is not installed is left out, and said. */
function peerGroup(): Group {
  const rows = PEER_WAYS.flatMap((way) => {
    const found = findPeer(way);
    if ("missing" in found) {
      if (args.only === undefined || args.only === way.scenario)
        process.stderr.write(`${way.scenario} is left out: ${found.missing}\n`);
      return [];
    }
    const { scenario } = way;
    return [
      row("side by side: backlog, loopback", "records/s", 0, true, `${scenario}.rate`),
      row("side by side: the same, on the wire", "bytes/record", 0, false, `${scenario}.bytes`),
    ].map((spec) => ({ ...spec, peer: found.name }));
  });
  return { scenarios: [...new Set(rows.map(({ figure }) => figure.split(".")[0] ?? ""))], rows };
}

if (args.scenario !== undefined) {
  const [records, voyage, port] = [Number(args.records), Number(args.voyage), Number(args.port)];
  const figures = await runScenario(args.scenario, args.folder ?? "", { records, voyage, port, self: SELF });
  process.stdout.write(JSON.stringify(figures));
  process.exit(0);
}

const only = args.only?.split(",");
const results: object[] = [];
for (const { prepare, scenarios, rows, once = false } of [...GROUPS, peerGroup()]) {
  const wanted = scenarios.filter((name) => only?.includes(name) ?? true);
  if (wanted.length === 0) continue;
  const figures = new Map<string, number[]>();
  const shared = mkdtempSync(join(tmpdir(), "landfall-replication-"));
  try {
    if (prepare !== undefined) inChild(prepare, shared);
    for (let run = 0; run < (once ? 1 : Number(args.runs)); run++) {
      for (const scenario of wanted) {
        // What is not prepared begins with nothing.
        const folder = prepare === undefined ? mkdtempSync(join(shared, "run-")) : shared;
        for (const [key, value] of Object.entries(inChild(scenario, folder))) {
          const name = `${scenario}.${key}`;
          figures.set(name, [...(figures.get(name) ?? []), value]);
        }
        if (folder !== shared) rmSync(folder, { recursive: true });
      }
    }
  } finally {
    rmSync(shared, { recursive: true, force: true });
  }
  for (const { figure, ...spec } of rows) {
    const runs = figures.get(figure);
    if (runs === undefined) continue;
    const result = { ...spec, value: median(runs), runs };
    results.push(result);
    const target = spec.target === 0 ? "" : `  (target ${spec.higherIsBetter ? "≥" : "≤"} ${spec.target})`;
    const name = spec.peer === undefined ? spec.name : `${spec.name}, ${spec.peer}`;
    process.stdout.write(`${name}: ${result.value} ${spec.unit}${target}  ${JSON.stringify(runs)}\n`);
  }
}
if (args.out !== undefined) {
  const sizes = { records: Number(args.records), voyage: Number(args.voyage) };
  const report = { suite: "replication", machine: machine(), load: loadavg(), commit: commit(), ...sizes, results };
  writeFileSync(args.out, `${JSON.stringify(report, undefined, 2)}\n`);
}

function inChild(scenario: string, folder: string): Figures {
  const sizes = ["--records", args.records, "--voyage", args.voyage];
  const child = spawnSync(process.execPath, [SELF, "--scenario", scenario, "--folder", folder, ...sizes], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (child.status !== 0) throw new Error(`scenario ${scenario} failed`);
  return JSON.parse(child.stdout.toString()) as Figures;
}
