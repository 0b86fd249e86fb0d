import type { NodeSettings } from "@landfall/streams/settings/node-settings";
import {
  loadNodeSettings,
  NodeSettingsSchema,
  type NodeSettingsSource,
} from "@landfall/streams/settings/node-settings-schema";

/** A port needs what every node needs, and must be listed as a port in its fleet. @throws LandfallError INVALID_SETTINGS */
export function loadShoreSettings(source: NodeSettingsSource): NodeSettings {
  return loadNodeSettings(NodeSettingsSchema, {
    ...source,
    check(settings, report) {
      const kind = settings.sites.find(({ site }) => site === settings.site)?.kind;
      if (kind !== undefined && kind !== "port") {
        report(["site"], `site ${settings.site} is a ${kind}; landfall shore serves a port`);
      }
    },
  });
}
