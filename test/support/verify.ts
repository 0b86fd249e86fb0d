import { spawn } from "node:child_process";
import type { SiteComparison } from "@landfall/streams/verify/comparison";
import { CLI } from "./cli.js";
import { OPS_TOKEN } from "./small-fleet.js";
import type { Service } from "./service.js";

export interface Verified {
  readonly code: number | null;
  readonly output: string;
  readonly problem: string;
}

/** `landfall verify --sites`, as a person would type it. */
export function verifySites(a: Service, b: Service, ...options: string[]): Promise<Verified> {
  return runVerify("--sites", a.url, b.url, "--token", OPS_TOKEN, ...options);
}

/** `landfall verify` with these arguments. */
export async function runVerify(...args: string[]): Promise<Verified> {
  const child = spawn(process.execPath, [CLI, "verify", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [output, problem] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (problem += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => {
    child.once("close", resolve);
  });
  return { code, output, problem };
}

/** The same, and what it found as JSON. */
export async function compareServices(
  a: Service,
  b: Service,
  ...options: string[]
): Promise<{ code: number | null; found: SiteComparison & { found?: SiteComparison } }> {
  const { code, output, problem } = await verifySites(a, b, "--json", ...options);
  if (output === "") throw new Error(`verify: ${code}, ${problem}`);
  return { code, found: JSON.parse(output) as SiteComparison };
}
