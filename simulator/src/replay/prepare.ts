import { createWriteStream, rmSync, statSync, type WriteStream } from "node:fs";
import { once } from "node:events";
import { SimulatorError } from "../errors.js";
import { readRow } from "./ais-row.js";
import { VESSELS_MAX } from "./limits.js";
import { readCsv } from "./read-csv.js";
import { RunWriter } from "./sorted-runs.js";

/** What the file held, row by row. */
export interface FileCounts {
  readonly rows: number;
  readonly reports: number;
  readonly damaged: number;
  /** Rows whose position is used, but not everything else of them. */
  readonly partly: number;
  readonly withoutPosition: number;
  readonly noShips: number;
}

export interface Prepared {
  readonly layout: string;
  readonly counts: FileCounts;
  /** IMO number by MMSI, as the file says. */
  readonly imoOf: Readonly<Record<string, string>>;
  /** Of the reports; absent when there are none. */
  readonly firstMs?: number;
  readonly lastMs?: number;
}

export interface PrepareHooks {
  /** How much of the file is read, 0…1. */
  onShare(share: number): void;
  /** A row that is damaged, or of which something is left out. */
  onDamage(line: number, reason: string): void;
}

/**
 * Reads the whole file once, before anything is sent: which rows are of use, which ship has which IMO number (a file may say it
 * after its first positions), and the reports in order of time, in `folder`.
 * @throws SimulatorError INVALID_ARGUMENT when the file is not one of AIS
 */
export async function prepare(file: string, folder: string, hooks: PrepareHooks): Promise<Prepared> {
  const size = sizeOf(file);
  rmSync(folder, { recursive: true, force: true });
  const runs = new RunWriter(folder);
  const counts = { rows: 0, reports: 0, damaged: 0, partly: 0, withoutPosition: 0, noShips: 0 };
  const imoOf = new Map<string, string>();
  let [layout, firstMs, lastMs] = ["", Infinity, -Infinity];
  for await (const row of readCsv(file, (bytes) => hooks.onShare(size === 0 ? 1 : bytes / size))) {
    counts.rows++;
    if ("problem" in row) {
      counts.damaged++;
      hooks.onDamage(row.line, row.problem);
      continue;
    }
    layout = row.layout.name;
    const read = readRow(row.cells, row.layout);
    switch (read.kind) {
      case "damaged":
        counts.damaged++;
        hooks.onDamage(row.line, read.reason);
        break;
      case "no-ship":
        counts.noShips++;
        break;
      case "no-position":
        counts.withoutPosition++;
        learn(imoOf, read.mmsi, read.imo);
        break;
      case "report": {
        const { report, damages } = read;
        if (damages.length > 0) counts.partly++;
        for (const reason of damages) hooks.onDamage(row.line, reason);
        counts.reports++;
        learn(imoOf, report.mmsi, read.imo);
        firstMs = Math.min(firstMs, report.timeMs);
        lastMs = Math.max(lastMs, report.timeMs);
        await runs.push(report);
      }
    }
  }
  await runs.close();
  return {
    layout,
    counts,
    imoOf: Object.fromEntries(imoOf),
    ...(counts.reports > 0 && { firstMs, lastMs }),
  };
}

function learn(imoOf: Map<string, string>, mmsi: string, imo: string | undefined): void {
  if (imo !== undefined && imoOf.size < VESSELS_MAX) imoOf.set(mmsi, imo);
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch (error) {
    throw new SimulatorError("NOT_FOUND", `there is no file ${file}`, { cause: error });
  }
}

/** Every damaged row as a line of a CSV file, for who wants to mend them. */
export class DamageReport {
  private readonly stream: WriteStream | undefined;

  constructor(file: string | undefined) {
    if (file === undefined) return;
    this.stream = createWriteStream(file);
    this.stream.write("line,reason\n");
  }

  add(line: number, reason: string): void {
    this.stream?.write(`${line},"${reason.replaceAll('"', '""')}"\n`);
  }

  async close(): Promise<void> {
    if (!this.stream) return;
    this.stream.end();
    await once(this.stream, "close");
  }
}
