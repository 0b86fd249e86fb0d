// `npm run bench -- --suite store|codec|ingest|replication|verify|access|kafka|map [--out FILE] [--runs N]`: measures, and writes the figures as JSON.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { prepare } from "./prepare.mjs";

const SUITES = ["store", "codec", "ingest", "replication", "verify", "access", "kafka", "map"];

prepare();
const folder = join("test", "dist", "bench");
const args = process.argv.slice(2);
const at = args.indexOf("--suite");
const suite = at < 0 ? "" : (args[at + 1] ?? "");
const file = join(folder, `${suite}.js`);
if (!SUITES.includes(suite) || !existsSync(file)) {
  const suites = SUITES.filter((name) => existsSync(join(folder, `${name}.js`)));
  process.stderr.write(`--suite is one of: ${suites.join(", ")}\n`);
  process.exit(1);
}
args.splice(at, 2);
const { status } = spawnSync(process.execPath, [file, ...args], { stdio: "inherit" });
process.exit(status ?? 1);
