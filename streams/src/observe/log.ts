import { pino, type DestinationStream, type Logger } from "pino";
import type { NodeSettings } from "../settings/node-settings.js";

/** Output that waits while nobody reads it; beyond that lines are given up, not the node. */
const LOG_PENDING_BYTES_MAX = 4 * 1024 * 1024;

/**
 * The node's log: one JSON line per event on standard output, or a line for people when that is a terminal.
 * A reader that is slow or goes away does not stop the node.
 */
export function createLog(level: NodeSettings["logLevel"], site: string, node: string): Logger {
  const options = {
    level,
    base: { site, node },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (process.stdout.isTTY)
    return pino(
      options,
      forPeople((line) => process.stdout.write(line)),
    );
  const destination = pino.destination({ dest: 1, sync: false, maxLength: LOG_PENDING_BYTES_MAX });
  destination.on("error", () => {
    // Whoever read our output is gone; the work goes on.
  });
  return pino(options, destination);
}

/** Turns pino's JSON lines into `12:03:44 warn  message  key=value …`. */
export function forPeople(write: (line: string) => void): DestinationStream {
  return {
    write(json) {
      const { time, level, msg, site, node, err, ...rest } = JSON.parse(json) as Record<string, unknown>;
      const error = err as { message?: string; stack?: string } | undefined;
      const fields = Object.entries(rest).map(([key, value]) => `${key}=${show(value)}`);
      const parts = [String(time).slice(11, 19), String(level).padEnd(5), `${show(site)}.${show(node)}`];
      if (msg !== undefined) parts.push(show(msg));
      if (error?.message !== undefined && error.message !== msg) parts.push(error.message);
      write(`${[...parts, ...fields].join(" ")}\n`);
    },
  };
}

function show(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
