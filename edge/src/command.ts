import { runNode } from "@landfall/streams/node/run-node";
import { loadNodeSettings } from "@landfall/streams/settings/node-settings-schema";
import { Command } from "commander";
import { createEdgeNode } from "./edge-node.js";
import { checkEdgeSettings, EdgeSettingsSchema } from "./settings.js";

/** `landfall edge`: runs the node of a ship or of a port's yard until it is told to stop. */
export function edgeCommand(): Command {
  return new Command("edge")
    .description("run the node of a ship or of a port's yard: MQTT broker, store, on-board rules, uplink")
    .requiredOption("-c, --config <file>", "settings (YAML); every key also as LANDFALL_…")
    .action(async ({ config }: { config: string }) => {
      await runNode("landfall edge", async () => {
        const warnings: string[] = [];
        const settings = loadNodeSettings(EdgeSettingsSchema, {
          file: config,
          env: process.env,
          check: checkEdgeSettings,
          warn: (message) => warnings.push(message),
        });
        const edge = await createEdgeNode(settings);
        for (const warning of warnings) edge.node.log.warn(warning);
        return edge;
      });
    });
}
