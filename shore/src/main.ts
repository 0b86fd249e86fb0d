import { settingsSource, type ServiceOptions } from "@landfall/streams/commands/service";
import { createNode } from "@landfall/streams/node/create-node";
import { runNode } from "@landfall/streams/node/run-node";
import { loadShoreSettings } from "./settings.js";

/** Runs a port's node as this process. */
export async function main(options: ServiceOptions): Promise<void> {
  await runNode("landfall shore", () => createNode(loadShoreSettings(settingsSource(options))));
}
