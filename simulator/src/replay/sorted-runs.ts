import { createReadStream, createWriteStream, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { SimulatorError } from "../errors.js";
import type { AisReport } from "./ais-row.js";
import { RUN_REPORTS, RUNS_MAX } from "./limits.js";

/** In order of time; of the same second by ship, so that repetitions stand side by side. */
export function compareReports(a: AisReport, b: AisReport): number {
  return a.timeMs - b.timeMs || (a.mmsi < b.mmsi ? -1 : a.mmsi > b.mmsi ? 1 : 0);
}

/**
 * Puts any number of reports in order with bounded memory: sorted runs on disk, merged when they are read. A day of AIS has
 * gigabytes, and its publishers promise no order.
 */
export class RunWriter {
  private pending: AisReport[] = [];
  private runs = 0;

  constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true });
  }

  /** @throws SimulatorError INVALID_ARGUMENT when there are too many for one replay */
  async push(report: AisReport): Promise<void> {
    this.pending.push(report);
    if (this.pending.length >= RUN_REPORTS) await this.flush();
  }

  async close(): Promise<void> {
    if (this.pending.length > 0) await this.flush();
  }

  private async flush(): Promise<void> {
    if (this.runs >= RUNS_MAX) {
      const most = RUN_REPORTS * RUNS_MAX;
      throw new SimulatorError("INVALID_ARGUMENT", `more than ${most} reports of ships: give it a shorter file`);
    }
    const sorted = this.pending.sort(compareReports);
    this.pending = [];
    const file = join(this.folder, `run-${String(this.runs++).padStart(4, "0")}.jsonl`);
    await pipeline(Readable.from(lines(sorted)), createWriteStream(file));
  }
}

/** Lines in pieces that are worth a write. */
function* lines(reports: readonly AisReport[]): Generator<string> {
  let piece = "";
  for (const report of reports) {
    piece += `${JSON.stringify(report)}\n`;
    if (piece.length < 64 * 1024) continue;
    yield piece;
    piece = "";
  }
  yield piece;
}

/** The reports of all runs of a folder, in order. */
export async function* readRuns(folder: string): AsyncGenerator<AisReport> {
  const files = readdirSync(folder).filter((name) => name.startsWith("run-"));
  const open = files.map((name) => readRun(join(folder, name)));
  const heads: { report: AisReport; run: AsyncGenerator<AisReport> }[] = [];
  try {
    for (const run of open) {
      const { value, done } = await run.next();
      if (done !== true) heads.push({ report: value, run });
    }
    for (;;) {
      // Few runs: looking at all of their heads is as fast as a heap up to some dozens, and never matters beside MQTT.
      let least = heads[0];
      for (const head of heads) if (least && compareReports(head.report, least.report) < 0) least = head;
      if (!least) return;
      yield least.report;
      const { value, done } = await least.run.next();
      if (done === true) heads.splice(heads.indexOf(least), 1);
      else least.report = value;
    }
  } finally {
    await Promise.all(open.map((run) => run.return(undefined)));
  }
}

async function* readRun(file: string): AsyncGenerator<AisReport> {
  const source = createReadStream(file);
  try {
    for await (const line of createInterface({ input: source, crlfDelay: Infinity }))
      yield JSON.parse(line) as AisReport;
  } finally {
    source.destroy();
  }
}
