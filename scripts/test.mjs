// `npm test`: makes the checkout ready, runs every test, and closes with one plain line of counts.
// Arguments are vitest's: `npm test -- streams` runs what has "streams" in its path.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { prepare } from "./prepare.mjs";
import { FLEETS, ON_KAFKA, PACKAGES } from "./test-projects.mjs";

// Side by side, one file at a time each: fleets, which mostly wait for their own processes, and all the rest. Otherwise vitest would
// begin with the fleets, which it does not run side by side, when all else is done. Three at once are too many for two cores.
const ALL = [FLEETS, [...ON_KAFKA, ...PACKAGES]].map((names) => [
  ...names.map((name) => `--project=${name}`),
  "--maxWorkers=1",
]);

prepare();
const folder = mkdtempSync(join(tmpdir(), "landfall-test-"));
const selections = process.argv.length > 2 ? [process.argv.slice(2)] : ALL;
const results = await Promise.all(selections.map((selection, i) => run(selection, join(folder, `report-${i}.json`))));
rmSync(folder, { recursive: true, force: true });

const sum = (count) => results.reduce((total, { counts }) => total + counts[count], 0);
const [passed, failed, pending] = ["numPassedTests", "numFailedTests", "numPendingTests"].map(sum);
for (const { counts } of results) process.stdout.write(failuresOf(counts));
process.stdout.write(`\n${passed} passed, ${failed} failed${pending > 0 ? `, ${pending} skipped` : ""}\n`);
process.exit(results.every(({ isGreen }) => isGreen) ? 0 : 1);

/** Once more, at the end: what one of the runs side by side says is far up by then. */
function failuresOf({ testResults = [] }) {
  return testResults
    .flatMap(({ name, message, assertionResults }) => {
      const failed = assertionResults.filter(({ status }) => status === "failed");
      const failures = failed.map((test) => ({ title: test.fullName, text: test.failureMessages.join("\n") }));
      if (message) failures.push({ title: "the file as a whole", text: message });
      return failures.map(({ title, text }) => `\n✗ ${relative(".", name)} > ${title}\n${text}\n`);
    })
    .join("");
}

async function run(selection, report) {
  const vitest = join("node_modules", "vitest", "vitest.mjs");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const child = spawn(process.execPath, [vitest, "run", ...reporters, ...selection], { stdio: "inherit" });
  const status = await new Promise((resolve) => child.once("close", resolve));
  let counts = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 };
  try {
    counts = JSON.parse(readFileSync(report, "utf8"));
  } catch {
    process.stderr.write("vitest wrote no report\n");
  }
  return { isGreen: status === 0 && counts.numPassedTests > 0, counts };
}
