import { createServer } from "node:net";
import { SimulatorError } from "../errors.js";
import type { Service } from "./plan.js";

/** More would only hide the first. */
const TOLD_MAX = 5;

/**
 * Tries every port of the plan before anything starts.
 * @throws SimulatorError PORT_IN_USE that names each taken port, what it is for, and the option that moves it
 */
export async function checkPorts(services: readonly Pick<Service, "listens">[], host: string): Promise<void> {
  const taken: string[] = [];
  for (const { port, what, option } of services.flatMap(({ listens }) => listens)) {
    if (port < 1 || port > 65_535) {
      taken.push(`port ${port} for ${what} does not exist: choose a smaller ${option}`);
      continue;
    }
    const why = await whyNot(host, port);
    if (why !== undefined) taken.push(`port ${port} for ${what} ${why}: free it, or move it with ${option}`);
  }
  if (taken.length === 0) return;
  const more = taken.length > TOLD_MAX ? [`and ${taken.length - TOLD_MAX} more`] : [];
  throw new SimulatorError("PORT_IN_USE", [...taken.slice(0, TOLD_MAX), ...more].join("\n"));
}

function whyNot(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code === "EADDRINUSE" ? "is in use" : `cannot be opened (${error.code ?? error.message})`);
    });
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(undefined)));
  });
}
