#!/usr/bin/env node
// One command line for everything. A package is loaded only when one of its commands is asked for: they bring
// databases and brokers along, and `landfall --help` must not wait for those.

import { readFileSync } from "node:fs";
import { Command } from "commander";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Node ${process.versions.node} is too old: want 20.19 or later.`);
}

const simulator = async () => (await import("@landfall/simulator/command")).simulatorCommands();
const operator = async () => (await import("@landfall/streams/commands/operator")).operatorCommands();

/** In the order of the help. `load` gives the commands of a package, this one among them. */
const COMMANDS = [
  { name: "demo", about: "the whole fleet on this machine: ports, ships, headquarters, a voyage", load: simulator },
  {
    name: "edge",
    about: "a ship or a port's yard: takes in what sensors publish",
    load: async () => [(await import("@landfall/edge/command")).edgeCommand()],
  },
  {
    name: "shore",
    about: "a port: takes ships in, replicates with other sites",
    load: async () => [(await import("@landfall/shore/command")).shoreCommand()],
  },
  {
    name: "hq",
    about: "a headquarters: people, the map, the HTTP API",
    load: async () => [(await import("@landfall/hq/command")).hqCommand()],
  },
  { name: "simulate", about: "ships, containers, weather and links that fail", load: simulator },
  { name: "arrive", about: "bring a ship of the demo into port", load: simulator },
  { name: "depart", about: "send a ship of the demo to sea", load: simulator },
  { name: "overboard", about: "throw containers of a ship of the demo over the side", load: simulator },
  { name: "kill", about: "kill -9 a node of the demo", load: simulator },
  { name: "revive", about: "start a node of the demo that was killed", load: simulator },
  { name: "link", about: "cut, slow down or restore a link of the demo", load: simulator },
  { name: "replay", about: "sail the ships of an AIS file over MQTT", load: simulator },
  { name: "status", about: "links, backlog and peers of a node", load: operator },
  { name: "tail", about: "follow a stream, or one topic of it", load: operator },
  { name: "rules", about: "rules that travel: show, set, unset", load: operator },
  { name: "grant", about: "who sees a container for one voyage: grants and links", load: operator },
  { name: "user", about: "people of a headquarters: add, change, disable", load: operator },
  { name: "token", about: "bearer tokens of programs: create, list, revoke", load: operator },
  { name: "verify", about: "check a data folder, or whether two sites hold the same records", load: operator },
  {
    name: "device",
    about: "credentials of a ship's or yard's sensors: add, remove, list",
    load: async () => [(await import("@landfall/edge/devices/command")).deviceCommand()],
  },
  { name: "authority", about: "certificates with which sites prove who they are", load: operator },
];

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const program = new Command("landfall")
  .description("Telemetry of shipping containers: from a sensor at sea to a map on shore, complete, in order, once.")
  .version(version)
  .showHelpAfterError("(see landfall --help)");

const words = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const asked = COMMANDS.find(({ name }) => name === (words[0] === "help" ? words[1] : words[0]));
if (asked) {
  for (const command of await loadCommands(asked)) program.addCommand(command);
} else {
  for (const { name, about } of COMMANDS) program.command(name).description(about);
}
await program.parseAsync();

async function loadCommands({ name, load }) {
  try {
    return await load();
  } catch (error) {
    // A package of ours whose dist, or whose link in node_modules, is not there.
    const isMissing = error?.code === "ERR_MODULE_NOT_FOUND" || error?.code === "ERR_PACKAGE_PATH_NOT_EXPORTED";
    if (!isMissing || !/@landfall|[\\/]dist[\\/]/.test(error.message)) throw error;
    return fail(`${name} is not built yet: run npm run build`);
  }
}

function fail(message) {
  process.stderr.write(`landfall: ${message}\n`);
  process.exit(1);
}
