import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { messageOf, SimulatorError } from "../errors.js";
import { AUTHORITY } from "./plan.js";
import { ROOT } from "./root.js";

const run = promisify(execFile);

/**
 * Makes the demo's own authority on the first start, and a certificate for every site that has none or whose
 * certificate expires within a month. It is the command that real fleets try out certificates with.
 * @throws SimulatorError CONFLICT with what the command said
 */
export async function completeCertificates(folder: string, sites: readonly string[]): Promise<void> {
  const authority = join(folder, AUTHORITY);
  const landfall = (...words: string[]) =>
    run(process.execPath, ["bin/landfall.mjs", "authority", ...words, "--if-needed"], { cwd: ROOT });
  try {
    await landfall("create", authority, "--name", "Landfall demo");
    await landfall("issue", authority, ...sites);
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() ?? "";
    throw new SimulatorError("CONFLICT", `no certificates for the sites: ${said === "" ? messageOf(error) : said}`);
  }
}
