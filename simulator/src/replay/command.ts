import { Command, InvalidArgumentError, Option } from "commander";
import { orSay } from "../or-say.js";
import type { ReplayWishes } from "./run-replay.js";

/** `landfall replay`. What it needs is loaded when it runs. */
export function replayCommand(): Command {
  return new Command("replay")
    .description("sail the ships of an AIS file (NOAA MarineCadastre, Danish Maritime Authority) over MQTT")
    .requiredOption("--csv <file>", "the file, as its publisher gives it")
    .option("--mqtt <url>", "broker of a ship or yard, e.g. mqtt://127.0.0.1:1883")
    .option("--site <site>", "a ship or yard of the demo instead, e.g. tokyo-yard")
    .option("--data <folder>", "the demo's data folder", "data/demo")
    .option("--now", "move the times so that the last report is now (needed for files from before 2020)")
    .addOption(
      new Option(
        "--speed <factor>",
        "seconds of the file in one (default: as fast as the broker takes them)",
      ).argParser(factor),
    )
    .option("--ship <mmsi=imo...>", "IMO numbers that the file does not say")
    .option("--user <name>", "sensor's name, where the broker asks for one")
    .option("--password-file <file>", "its password")
    .option("--report <file>", "write every damaged row's line and reason as CSV")
    .option("--again", "from the beginning, whatever was sent before")
    .option("--state <folder>", "where it keeps how far it is", "data/replay")
    .action(async (wishes: ReplayWishes) => {
      await orSay("landfall replay", async () => {
        const { runReplay } = await import("./run-replay.js");
        const stop = new AbortController();
        const onSignal = (): void => stop.abort();
        process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
        await runReplay(wishes, stop.signal);
      });
    });
}

function factor(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1e6)) throw new InvalidArgumentError("Want a number above 0, up to 1000000.");
  return value;
}
