// Makes a checkout ready to run, with nothing but Node and npm: installs what the lock file names, then builds.
// Does nothing where nothing is to be done. Plain JavaScript without dependencies, because it runs before there are any.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const NODE_MIN = [20, 19];
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const mark = join(root, "node_modules", ".landfall-installed");

export function prepare() {
  checkNode();
  process.chdir(root);
  install();
  build();
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])) return;
  fail(`Landfall needs Node ${NODE_MIN.join(".")} or later; this is ${process.versions.node}.`);
}

function install() {
  const lock = createHash("sha256").update(readFileSync("package-lock.json")).digest("hex");
  if (existsSync(mark) && readFileSync(mark, "utf8") === lock) return;
  say("Installing packages (about 20 s the first time) …");
  // No install scripts: every package that is used here works without, and strangers' scripts need not run.
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  run(npm, args, "npm could not install the packages; what it said is above.", process.platform === "win32");
  writeFileSync(mark, lock);
}

function build() {
  const started = performance.now();
  const first = !existsSync(join(root, "hq", "dist"));
  if (first) say("Building …");
  // Through Node, so that it is the same on every system; quiet unless something fails.
  const turbo = join(root, "node_modules", "turbo", "bin", "turbo");
  run(
    process.execPath,
    [turbo, "run", "build", "--output-logs=errors-only", "--log-order=grouped"],
    "The build failed; what it said is above.",
  );
  if (first) say(`Built in ${((performance.now() - started) / 1000).toFixed(0)} s.`);
}

function run(command, args, complaint, shell = false) {
  const result = spawnSync(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    shell,
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1", TURBO_NO_UPDATE_NOTIFIER: "1", DO_NOT_TRACK: "1" },
  });
  if (result.status === 0) return;
  process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? ""}`);
  if (result.error) process.stderr.write(`${result.error.message}\n`);
  fail(complaint);
}

function say(text) {
  process.stdout.write(`${text}\n`);
}

function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) prepare();
