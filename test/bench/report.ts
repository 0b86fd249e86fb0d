import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** One measurement: the median of its runs, and what it should be. */
export interface Result {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target: number;
  readonly higherIsBetter: boolean;
  readonly runs: readonly number[];
}

export function result(measured: Omit<Result, "value">): Result {
  const sorted = measured.runs.toSorted((a, b) => a - b);
  return { ...measured, value: sorted[Math.floor(sorted.length / 2)] ?? 0 };
}

/** Writes what `npm run bench` promises, to a file or to the standard output. */
export function writeReport(suite: string, results: readonly Result[], out: string | undefined): void {
  const commit = execFileSync("git", ["rev-parse", "HEAD"], { cwd: ROOT, encoding: "utf8" }).trim();
  const machine = {
    cpu: cpus()[0]?.model ?? "?",
    cores: cpus().length,
    memoryBytes: totalmem(),
    node: process.version,
  };
  const text = `${JSON.stringify({ suite, machine, commit, results }, undefined, 2)}\n`;
  if (out === undefined) process.stdout.write(text);
  else writeFileSync(out, text);
}
