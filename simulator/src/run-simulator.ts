import { messageOf } from "./errors.js";
import { loadSimulatorSettings } from "./settings/simulator-settings.js";
import { Simulator } from "./simulator.js";

/** A close that takes longer is given up: the last snapshot is seconds old, and what follows from it comes again. */
const CLOSE_MS_MAX = 8_000;

/** Runs the simulation as this process until it is told to stop, or until whoever started it is gone. */
export async function runSimulator(config: string): Promise<void> {
  const log = {
    info: (text: string): void => write(30, text),
    warn: (text: string): void => write(40, text),
  };
  let isStopping = false;
  let simulator: Simulator | undefined;
  const stop = async (code: number): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    setTimeout(() => process.exit(1), CLOSE_MS_MAX).unref();
    await simulator?.close();
    process.exit(code);
  };
  const crash = (error: unknown): void => {
    process.stderr.write(`landfall simulate: unexpected: ${error instanceof Error ? error.stack : String(error)}\n`);
    // A world that is wrong in memory must not be saved: the last snapshot is good.
    process.exit(1);
  };
  process.on("unhandledRejection", crash);
  process.on("uncaughtException", crash);
  for (const output of [process.stdout, process.stderr]) output.on("error", () => undefined);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void stop(0).catch(crash));
  if (process.channel) {
    process.once("disconnect", () => void stop(0).catch(crash));
    process.channel.unref();
  }
  try {
    const settings = loadSimulatorSettings(config);
    const built = new Simulator(settings, log);
    const address = await built.start();
    simulator = built;
    if (isStopping) await built.close();
    log.info(`controls at ${address}, ${settings.brokers.length} brokers, ${settings.links.length} links`);
  } catch (error) {
    process.stderr.write(`landfall simulate: ${messageOf(error)}\n`);
    process.exit(1);
  }
}

/** One line of JSON, as the services' logs are. */
function write(level: number, msg: string): void {
  process.stdout.write(`${JSON.stringify({ level, time: Date.now(), name: "simulator", msg })}\n`);
}
