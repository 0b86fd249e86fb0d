import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { topicName } from "@landfall/streams/model/names";
import type { TimestampMs } from "@landfall/streams/model/record";
import { simulateTelemetry } from "@landfall/streams/testing/telemetry";
import { commit, machine, median } from "./support/report.js";
import { comparedPair, type Compared } from "./support/verify-scenario.js";

/**
 * `npm run bench -- --suite verify [--out FILE] [--runs N] [--records N]`: two sites that hold the same telemetry are compared
 * over their HTTP APIs, as `landfall verify --sites` does; two whole nodes in one process on loopback.
 */
const CONTAINERS = 1_000;
const { values: options } = parseArgs({
  options: {
    out: { type: "string" },
    runs: { type: "string", default: "3" },
    records: { type: "string", default: "1000000" },
  },
});
const telemetry = simulateTelemetry({
  containers: CONTAINERS,
  reports: Math.ceil(Number(options.records) / CONTAINERS),
  seed: 20261128,
  ownTimes: true,
});
const records = telemetry.map(({ container, timestamp, value }) => ({
  topic: topicName(container),
  timestamp: timestamp as TimestampMs,
  value: Buffer.from(value),
}));

const folder = mkdtempSync(join(tmpdir(), "landfall-verify-"));
const found: Record<"first" | "stored" | "deep", Compared[]> = { first: [], stored: [], deep: [] };
try {
  const pair = await comparedPair(folder, records);
  for (let run = 0; run < Number(options.runs); run++) {
    await pair.forget();
    found.first.push(await pair.compare(false));
    found.stored.push(await pair.compare(false));
    found.deep.push(await pair.compare(true));
  }
  await pair.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const { found: compared } of Object.values(found).flat()) {
  const same = compared.origins.reduce((sum, origin) => sum + origin.same, 0);
  if (compared.verdict === "equal" && same === records.length) continue;
  throw new Error(`${compared.verdict}, ${same} of ${records.length} the same: this measured nothing`);
}

const NAMES = {
  first: "two equal sites, of which one has not made its digests yet",
  stored: "two equal sites, stored digests",
  deep: "two equal sites, --deep",
} as const;
const results = (["first", "stored", "deep"] as const).flatMap((which) => {
  const times = found[which].map(({ ms }) => ms);
  const bytes = found[which].map(({ wireBytes }) => wireBytes);
  const name = NAMES[which];
  return [
    { name, value: median(times), unit: "ms", higherIsBetter: false, runs: times },
    { name: `${name}, on the wire`, value: median(bytes), unit: "bytes", higherIsBetter: false, runs: bytes },
  ];
});
const report = { suite: "verify", machine: machine(), commit: commit(), records: records.length, results };
const text = `${JSON.stringify(report, undefined, 2)}\n`;
if (options.out === undefined) process.stdout.write(text);
else writeFileSync(options.out, text);
