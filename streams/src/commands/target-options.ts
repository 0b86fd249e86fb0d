import { InvalidArgumentError, type Command } from "commander";

/** Options that name the node to talk to; see `findTargets`. */
export function withTarget(command: Command): Command {
  return command
    .option("--url <url>", "the node's HTTP address, e.g. http://127.0.0.1:8101")
    .option("--token <token>", "a bearer token of that node")
    .option("--site <site>", "a site of the running demo instead: address and token come from its data folder")
    .option("--data <folder>", "the demo's data folder", "data/demo");
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("Want a whole number of 1 or more.");
  return value;
}
