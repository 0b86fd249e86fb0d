import { serviceCommand, type ServiceOptions } from "@landfall/streams/commands/service";
import type { Command } from "commander";

/** `landfall shore`: a port's node, which takes ships in and replicates with other sites. */
export function shoreCommand(): Command {
  return serviceCommand("shore", "a port: takes ships in and replicates with other sites").action(
    async (options: ServiceOptions) => {
      // Only now: `landfall --help` must not load a database.
      const { main } = await import("./main.js");
      await main(options);
    },
  );
}
