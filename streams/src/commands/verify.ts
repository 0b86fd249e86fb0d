import { nodeDisk } from "../store/node-disk.js";
import { verifyFolder } from "../store/verify-folder.js";
import { isLandfallError } from "../model/errors.js";
import { CommandError, withErrors } from "./command-error.js";
import { formatBytes, formatCount } from "./table.js";
import type { FolderReport } from "../store/verify-folder.js";

export interface VerifyOptions {
  readonly repair?: boolean;
  readonly json?: boolean;
}

/** Checks a data folder. @returns the exit code: 1 when something is wrong that was not repaired */
export function verify(folder: string, options: VerifyOptions): Promise<number> {
  return withErrors("verify", async () => {
    const report = await verifyFolder(nodeDisk, folder, options.repair === true).catch((error: unknown) => {
      throw isLandfallError(error) ? new CommandError(error.message) : error;
    });
    process.stdout.write(options.json === true ? `${JSON.stringify(report)}\n` : formatReport(folder, report));
    return report.findings.some(({ repaired, harmless }) => repaired === undefined && !harmless) ? 1 : 0;
  });
}

function formatReport(folder: string, report: FolderReport): string {
  const { journals, segments, runs, records, bytes, findings } = report;
  const head = `${folder}: ${formatCount(records)} records in ${journals} journals and ${runs} runs of ${segments} segments, ${formatBytes(bytes)}`;
  const lines = findings.map(({ file, at, what, harmless, repaired }) => {
    const done = repaired === undefined ? "" : ` (${repaired})`;
    return `  ${file} at byte ${at}: ${what}${harmless ? "; harmless" : ""}${done}`;
  });
  return [head, ...(lines.length === 0 ? ["  nothing is wrong"] : lines)].map((line) => `${line}\n`).join("");
}
