// `npm run soak -- [--minutes N] [--seed S]`: four sites in a mesh as real processes, under load, with cuts, half-open links and
// kill -9, for N minutes (10). Prints the seed and every trouble; exit code 1 when a record was lost or is there twice.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { prepare } from "./prepare.mjs";

prepare();
const file = join("test", "dist", "soak", "soak.js");
const { status } = spawnSync(process.execPath, [file, ...process.argv.slice(2)], { stdio: "inherit" });
process.exit(status ?? 1);
