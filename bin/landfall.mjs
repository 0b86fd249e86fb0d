#!/usr/bin/env node
// One command line for everything. Packages are loaded only when their command is asked for, so that it starts fast.

import { readFileSync } from "node:fs";
import { Command } from "commander";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Node ${process.versions.node} is too old: want 20.19 or later.`);
}

/** Which package brings which commands; in the order of the help. */
const PACKAGES = [
  {
    names: ["demo", "simulate", "arrive", "depart", "link"],
    load: async () => (await import("@landfall/simulator/command")).simulatorCommands(),
  },
  { names: ["edge"], load: async () => [(await import("@landfall/edge/command")).edgeCommand()] },
  { names: ["shore"], load: async () => [(await import("@landfall/shore/command")).shoreCommand()] },
  { names: ["hq"], load: async () => [(await import("@landfall/hq/command")).hqCommand()] },
  {
    names: ["status", "tail"],
    load: async () => (await import("@landfall/streams/commands/operator")).operatorCommands(),
  },
];
const ORDER = ["demo", "edge", "shore", "hq", "simulate", "arrive", "depart", "link", "status", "tail"];

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const program = new Command("landfall")
  .description("Telemetry of shipping containers: from a sensor at sea to a map on shore, complete, in order, once.")
  .version(version)
  .showHelpAfterError("(see landfall --help)");

const asked = process.argv.slice(2).find((word) => !word.startsWith("-"));
const owner = PACKAGES.find(({ names }) => names.includes(asked));
const missing = [];
const commands = [];
for (const { names, load } of owner ? [owner] : PACKAGES) {
  try {
    commands.push(...(await load()));
  } catch (error) {
    if (!isNotBuilt(error)) throw error;
    if (owner) fail(`${asked} is not built yet: run npm run build`);
    missing.push(...names);
  }
}
const rank = (command) => (ORDER.includes(command.name()) ? ORDER.indexOf(command.name()) : ORDER.length);
for (const command of commands.toSorted((a, b) => rank(a) - rank(b))) program.addCommand(command);
if (missing.length > 0) program.addHelpText("after", `\nNot built yet: ${missing.join(", ")}. Run npm run build.`);

await program.parseAsync();

/** A package of ours whose dist, or whose link in node_modules, is not there. */
function isNotBuilt(error) {
  const isMissing = error?.code === "ERR_MODULE_NOT_FOUND" || error?.code === "ERR_PACKAGE_PATH_NOT_EXPORTED";
  return isMissing && /@landfall|[\\/]dist[\\/]/.test(error.message);
}

function fail(message) {
  process.stderr.write(`landfall: ${message}\n`);
  process.exit(1);
}
