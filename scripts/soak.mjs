// `npm run soak -- [--minutes N] [--seed S]`: four sites in a mesh as real processes, under load, with cuts, half-open links and
// kill -9, for N minutes (10). Prints the seed and every trouble; exit code 1 when a record was lost or is there twice.
// `npm run soak -- --sensors …`: one ship, 500 honest sensors and 2,000 clients that misbehave; exit code 1 when a reading was
// lost, is there twice or was not taken, an honest connection was cut, a PUBACK took too long, or memory grew or was not measured.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { prepare } from "./prepare.mjs";

prepare();
const words = process.argv.slice(2);
const file = join("test", "dist", "soak", words.includes("--sensors") ? "sensors.js" : "soak.js");
const others = words.filter((word) => word !== "--sensors");
const { status } = spawnSync(process.execPath, [file, ...others], { stdio: "inherit" });
process.exit(status ?? 1);
