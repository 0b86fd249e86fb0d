import { Command, InvalidArgumentError, Option } from "commander";

/** `landfall status` and `landfall tail` work against any node, over its HTTP API alone; `landfall verify` on a folder. */
export function operatorCommands(): Command[] {
  return [statusCommand(), tailCommand(), verifyCommand()];
}

function statusCommand(): Command {
  return withTarget(new Command("status"))
    .description("links, backlog and peers of a node; of every node of the demo when none is named")
    .option("--json", "print what the node answers, as JSON")
    .action(async (options) => {
      const { status } = await import("./status.js");
      process.exitCode = await status(options);
    });
}

function tailCommand(): Command {
  return withTarget(new Command("tail"))
    .description("follow a stream, or one topic of it, as JSON lines")
    .argument("<stream>", "e.g. duckworks.alerts")
    .argument("[topic]", "e.g. a container number")
    .option("--from-beginning", "everything that the node holds, then what comes")
    .addOption(new Option("--cursor <cursor>", "go on where another reader stopped").conflicts("fromBeginning"))
    .option("--no-follow", "stop at the end instead of waiting for more")
    .option("--values", "print the values alone, as they were sent")
    .addOption(new Option("--limit <n>", "stop after so many records").argParser(wholeNumber))
    .action(async (stream: string, topic: string | undefined, options) => {
      const { tail } = await import("./tail.js");
      process.exitCode = await tail(stream, topic, options);
    });
}

function verifyCommand(): Command {
  return new Command("verify")
    .description("check a data folder that no node has open: what is wrong, where")
    .argument("<folder>", "e.g. data/demo/tokyo")
    .option("--repair", "remove what a crash left, and mark damaged runs so that peers are asked for them")
    .option("--json", "print the report as JSON")
    .action(async (folder: string, options) => {
      const { verify } = await import("./verify.js");
      process.exitCode = await verify(folder, options);
    });
}

function withTarget(command: Command): Command {
  return command
    .option("--url <url>", "the node's HTTP address, e.g. http://127.0.0.1:8101")
    .option("--token <token>", "a bearer token of that node's settings")
    .option("--site <site>", "a site of the running demo instead: address and token come from its data folder")
    .option("--data <folder>", "the demo's data folder", "data/demo");
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("Want a whole number of 1 or more.");
  return value;
}
