// `npm run sim -- [--seeds N] [--seed S]`: N fleets of each kind under faults in virtual time, of protocol machines (also of nodes
// that share a log, and of ships that carry what others wrote) and of real stores, or the one fleet of a seed again, alone.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { prepare } from "./prepare.mjs";

const { values } = parseArgs({ options: { seeds: { type: "string", default: "1000" }, seed: { type: "string" } } });
prepare();
const env = {
  ...process.env,
  LANDFALL_SIM_SEEDS: values.seeds,
  ...(values.seed !== undefined && { LANDFALL_SEED: values.seed }),
};
const vitest = join("node_modules", "vitest", "vitest.mjs");
const names = ["replication", "shared-site", "data-mule", "store"];
const tests = names.map((name) => `streams/test/${name}-simulation.test.ts`);
const args = [vitest, "run", "--project", "streams", ...tests];
const { status } = spawnSync(process.execPath, args, { stdio: "inherit", env });
process.exit(status ?? 1);
