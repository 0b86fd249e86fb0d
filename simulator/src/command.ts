import { Command, InvalidArgumentError, Option } from "commander";
import { CONTAINERS_MAX, CONTAINERS_MIN, OVERBOARD_MAX, SHIPS_MAX, SHIPS_MIN, SPEED_MAX, SPEED_MIN } from "./limits.js";
import { orSay } from "./or-say.js";
import { replayCommand } from "./replay/command.js";

/** `landfall demo`, `simulate`, `arrive`, `depart`, `overboard`, `link`, `kill`, `revive` and `replay`. What they need is loaded when they run. */
export function simulatorCommands(): Command[] {
  return [
    demoCommand(),
    simulateCommand(),
    arriveCommand(),
    departCommand(),
    overboardCommand(),
    linkCommand(),
    killCommand(),
    reviveCommand(),
    replayCommand(),
  ];
}

function demoCommand(): Command {
  return new Command("demo")
    .description("run the whole fleet on this machine: ports, headquarters, ships, and the voyage of the ducks")
    .option("--data <folder>", "data folder; one that is there goes on where it stopped", "data/demo")
    .addOption(new Option("--port <n>", "port of the map (default: 8080)").argParser(within(1, 65_535)))
    .addOption(new Option("--port-base <n>", "added to every other port (default: 0)").argParser(within(0, 60_000)))
    .addOption(
      new Option("--speed <n>", "simulated seconds in one (default: 1000)").argParser(within(SPEED_MIN, SPEED_MAX)),
    )
    .addOption(new Option("--seed <n>", "another world (default: 1883)").argParser(within(0, 0xffff_ffff)))
    .addOption(new Option("--ships <n>", "number of ships (default: 4)").argParser(within(SHIPS_MIN, SHIPS_MAX)))
    .addOption(
      new Option("--containers <n>", "number of containers (default: 300)").argParser(
        within(CONTAINERS_MIN, CONTAINERS_MAX),
      ),
    )
    .option("--kafka", "the ports keep their records in Kafka: a broker of our own, or those of KAFKA_BROKERS")
    .option("--no-wait", "do not wait for somebody to open the map")
    .option("--no-open", "do not open a browser")
    .addOption(
      new Option("--write-compose <folder>", "only write the settings of docker-compose.yml's services").conflicts([
        "port",
        "portBase",
        "kafka",
      ]),
    )
    .action(async (options: DemoArguments) => {
      const { port, portBase, writeCompose, ...rest } = options;
      const wishes = {
        ...rest,
        ...(port !== undefined && { web: port }),
        ...(portBase !== undefined && { base: portBase }),
      };
      await orSay("landfall demo", async () => {
        if (writeCompose !== undefined) {
          const { writeComposeSettings } = await import("./demo/compose.js");
          await writeComposeSettings(writeCompose, wishes);
          return;
        }
        const { runDemo } = await import("./demo/run.js");
        await runDemo(wishes);
      });
    });
}

interface DemoArguments {
  readonly data: string;
  readonly port?: number;
  readonly portBase?: number;
  readonly speed?: number;
  readonly seed?: number;
  readonly ships?: number;
  readonly containers?: number;
  readonly kafka?: boolean;
  readonly wait: boolean;
  readonly open: boolean;
  readonly writeCompose?: string;
}

function simulateCommand(): Command {
  return new Command("simulate")
    .description("run the simulated world against given brokers: ships, containers, weather, links")
    .requiredOption("-c, --config <file>", "settings (YAML): brokers, links, seed, pace")
    .action(async ({ config }: { config: string }) => {
      const { runSimulator } = await import("./run-simulator.js");
      await runSimulator(config);
    });
}

function arriveCommand(): Command {
  return withTarget(new Command("arrive"))
    .description("have a ship of the demo arrive in a port within seconds")
    .argument("<imo>", "IMO number, e.g. 9321483")
    .argument("<port>", "UN/LOCODE, e.g. SGSIN")
    .action(async (imo: string, port: string, target: Target) => {
      await steer("arrive", target, "POST", `/ships/${encodeURIComponent(imo)}/arrive`, { port });
    });
}

function departCommand(): Command {
  return withTarget(new Command("depart"))
    .description("have a ship of the demo leave the port where it lies")
    .argument("<imo>", "IMO number, e.g. 9321483")
    .requiredOption("--to <port>", "UN/LOCODE, e.g. AUSYD")
    .action(async (imo: string, { to, ...target }: Target & { to: string }) => {
      await steer("depart", target, "POST", `/ships/${encodeURIComponent(imo)}/depart`, { to });
    });
}

function overboardCommand(): Command {
  return withTarget(new Command("overboard"))
    .description("throw containers of a ship of the demo over the side, at sea")
    .argument("<imo>", "IMO number, e.g. 9321483")
    .addOption(new Option("--count <n>", "how many").default(3).argParser(within(1, OVERBOARD_MAX)))
    .action(async (imo: string, { count, ...target }: Target & { count: number }) => {
      await steer("overboard", target, "POST", `/ships/${encodeURIComponent(imo)}/overboard`, { count });
    });
}

function killCommand(): Command {
  return withTarget(new Command("kill"))
    .description("kill -9 a node of the demo; it is started again at once")
    .argument("<site>", "e.g. tokyo or ship-9321483")
    .option("--stay", "it stays down until `landfall revive`", false)
    .action(async (site: string, { stay, ...target }: Target & { stay: boolean }) => {
      await steer("kill", target, "POST", `/nodes/${encodeURIComponent(site)}/kill`, { stay });
    });
}

function reviveCommand(): Command {
  return withTarget(new Command("revive"))
    .description("start a node of the demo that was killed with --stay")
    .argument("<site>", "e.g. tokyo")
    .action(async (site: string, target: Target) => {
      await steer("revive", target, "POST", `/nodes/${encodeURIComponent(site)}/start`);
    });
}

function linkCommand(): Command {
  return withTarget(new Command("link"))
    .description("cut, degrade or restore a link of the demo")
    .argument("<id>", "e.g. tokyo~singapore or ship-9321483~singapore")
    .addOption(
      new Option("--state <state>", "restore it, cut it, or let it swallow every byte").choices([
        "up",
        "down",
        "half-open",
      ]),
    )
    .addOption(new Option("--latency <ms>", "one way").argParser(within(0, 60_000)))
    .addOption(
      new Option("--kbps <n>", "bandwidth in each direction; 0 is unlimited").argParser(within(0, 100_000_000)),
    )
    .addOption(new Option("--loss <percent>", "packets that are lost and sent again").argParser(within(0, 50)))
    .addOption(
      new Option("--jitter <ms>", "that what is under way may take longer, by chance").argParser(within(0, 10_000)),
    )
    .action(async (id: string, options: Target & LinkOptions) => {
      const { state, latency, kbps, loss, jitter, ...target } = options;
      const patch = {
        ...(state !== undefined && { state }),
        ...(latency !== undefined && { latencyMs: latency }),
        ...(kbps !== undefined && { kbps }),
        ...(loss !== undefined && { lossPct: loss }),
        ...(jitter !== undefined && { jitterMs: jitter }),
      };
      await steer("link", target, "PATCH", `/links/${encodeURIComponent(id)}`, patch);
    });
}

interface LinkOptions {
  readonly state?: string;
  readonly latency?: number;
  readonly kbps?: number;
  readonly loss?: number;
  readonly jitter?: number;
}

interface Target {
  readonly data: string;
  readonly url?: string;
}

function withTarget(command: Command): Command {
  return command
    .option("--data <folder>", "the demo's data folder", "data/demo")
    .option("--url <url>", "the simulator's controls instead, e.g. http://127.0.0.1:8099");
}

async function steer(name: string, target: Target, method: string, path: string, body?: object): Promise<void> {
  await orSay(`landfall ${name}`, async () => {
    const { control, controlOf } = await import("./control/client.js");
    const { outcome } = await import("./control/outcome.js");
    const answer = await control(target.url ?? controlOf(target.data), method, path, body);
    process.stdout.write(`${outcome(answer, name)}\n`);
  });
}

function within(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isInteger(value) || value < low || value > high) {
      throw new InvalidArgumentError(`Want a whole number from ${low} to ${high}.`);
    }
    return value;
  };
}
