import { NodeSettingsSchema } from "@landfall/streams/settings/node-settings-schema";
import { RulesSettingsSchema } from "@landfall/streams/settings/onboard-rules";
import type { Path } from "@landfall/streams/settings/settings-schema";
import { Type, type Static } from "typebox";
import { MqttSettingsSchema } from "./mqtt/mqtt-settings.js";

export { MqttSettingsSchema, type MqttSettings } from "./mqtt/mqtt-settings.js";

/** What `landfall edge --config` reads: a node's settings, its MQTT listener and, if wanted, other thresholds. */
export const EdgeSettingsSchema = Type.Object({
  ...NodeSettingsSchema.properties,
  mqtt: MqttSettingsSchema,
  rules: RulesSettingsSchema,
  /** Between two thinned copies of a container's state in `<owner>.latest`; left out: there are none. */
  latestSeconds: Type.Optional(Type.Number({ minimum: 0.1, maximum: 86_400 })),
});
export type EdgeSettings = Readonly<Static<typeof EdgeSettingsSchema>>;

/** What a schema cannot say. */
export function checkEdgeSettings(
  { mqtt }: Pick<EdgeSettings, "mqtt">,
  report: (path: Path, message: string) => void,
): void {
  const { port, tls, devices, anonymous } = mqtt;
  if (port === undefined && tls === undefined) {
    report(
      ["mqtt", "port"],
      "mqtt.port is missing, want a port for sensors, or mqtt.tls for those that speak TLS, or both",
    );
  }
  if (devices === undefined && !anonymous) {
    const wanted =
      "want the file of the sensors' credentials (landfall device), or mqtt.anonymous: true to take in what anybody says";
    report(["mqtt", "devices"], `mqtt.devices is missing, ${wanted}`);
  }
  if (tls?.revoked !== undefined && tls.ca === undefined) {
    report(
      ["mqtt", "tls", "revoked"],
      "mqtt.tls.revoked stands without mqtt.tls.ca, want the authority of the sensors' certificates",
    );
  }
}
