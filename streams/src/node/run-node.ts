import { systemEnv } from "../env.js";
import { isLandfallError, type LandfallError } from "../model/errors.js";
import { whenParentDies } from "./parent.js";

/** A clean close that takes longer is given up: what is acknowledged is on disk already. */
export const CLOSE_MS_MAX = 10_000;

/** What a service's main hands over: usually a node with the service's own parts around it. */
export interface Runnable {
  start(): Promise<void>;
  close(): Promise<void>;
  /** Resolves with the reason when it can do nothing more. */
  readonly failed?: Promise<LandfallError>;
}

/**
 * Runs a service as this process: builds and starts it, closes it on SIGINT, SIGTERM or when the parent dies,
 * and ends the process. A LandfallError on the way up is one message without a stack and exit code 1; so is,
 * with a stack, whatever nobody foresaw.
 * @param name for messages, e.g. `landfall shore`
 * @returns when the service is up; the process ends by itself
 */
export async function runNode(
  name: string,
  build: () => Promise<Runnable>,
  { closeMsMax = CLOSE_MS_MAX }: { readonly closeMsMax?: number } = {},
): Promise<void> {
  let running: Runnable | undefined;
  let isStopping = false;
  const say = (text: string): void => {
    process.stderr.write(`${name}: ${text}\n`);
  };
  const stop = async (code: number, why: string): Promise<void> => {
    if (isStopping) {
      // The second Ctrl-C of an impatient person; a parent's death after a signal is not one.
      if (why.startsWith("SIG")) process.exit(code === 0 ? 130 : code);
      return;
    }
    isStopping = true;
    systemEnv.setTimer(closeMsMax, () => {
      say(`not closed within ${closeMsMax / 1000} s after ${why}, ending anyway; nothing acknowledged is lost`);
      process.exit(1);
    });
    // While it is still being built there is nothing to close yet; `build` below sees that we are stopping.
    const started = running;
    await started?.close();
    if (started || code !== 0) process.exit(code);
  };
  const crash = (error: unknown): void => {
    say(`unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    void stop(1, "an unexpected error").catch(() => process.exit(1));
  };
  // Whoever read our output may go first.
  for (const output of [process.stdout, process.stderr]) output.on("error", () => undefined);
  process.on("unhandledRejection", crash);
  process.on("uncaughtException", crash);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => void stop(0, signal).catch(crash));
  }
  whenParentDies(() => void stop(0, "the end of the program that started this one").catch(crash));

  try {
    const built = await build();
    running = built;
    void built.failed?.then((error) => {
      say(`${error.message} (${error.code})`);
      return stop(1, error.code).catch(() => process.exit(1));
    });
    if (!isStopping) await built.start();
    if (isStopping) {
      await built.close();
      process.exit(0);
    }
  } catch (error) {
    if (isLandfallError(error)) say(`${error.message} (${error.code})`);
    else say(`cannot start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    await running?.close().catch(() => undefined);
    process.exit(1);
  }
}
