// `npm test`: makes the checkout ready, runs every test, and closes with one plain line of counts.
// Arguments are vitest's: `npm test -- streams` runs what has "streams" in its path.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepare } from "./prepare.mjs";

prepare();
const folder = mkdtempSync(join(tmpdir(), "landfall-test-"));
const report = join(folder, "report.json");
const vitest = join("node_modules", "vitest", "vitest.mjs");
const args = [
  vitest,
  "run",
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${report}`,
  ...process.argv.slice(2),
];
const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
let counts = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 };
try {
  counts = JSON.parse(readFileSync(report, "utf8"));
} catch {
  process.stderr.write("vitest wrote no report\n");
}
rmSync(folder, { recursive: true, force: true });
const skipped = counts.numPendingTests > 0 ? `, ${counts.numPendingTests} skipped` : "";
process.stdout.write(`\n${counts.numPassedTests} passed, ${counts.numFailedTests} failed${skipped}\n`);
process.exit(status === 0 && counts.numPassedTests > 0 ? 0 : 1);
