import { NodeSettingsSchema, PortNumber } from "@landfall/streams/settings/node-settings-schema";
import { Type, type Static } from "typebox";
import { PAYLOAD_BYTES_MAX } from "./limits.js";
import { RulesSettingsSchema } from "@landfall/streams/settings/onboard-rules";

const MIB = 1024 * 1024;

/** The MQTT listener and what it takes from any one client and from all together. */
export const MqttSettingsSchema = Type.Object({
  host: Type.String({ minLength: 1, default: "127.0.0.1" }),
  port: PortNumber,
  /** A packet that announces more is refused before it is read, and its connection closed. */
  packetBytesMax: Type.Integer({ minimum: 2 * PAYLOAD_BYTES_MAX, maximum: 64 * MIB, default: MIB }),
  /** Packets beyond the payload limit that may be under way at once, in bytes: they are read only to be refused. */
  largePacketsBytesMax: Type.Integer({ minimum: MIB, default: 16 * MIB }),
  connectionsMax: Type.Integer({ minimum: 1, default: 2_000 }),
  /** A connection that has not sent CONNECT by then is closed. */
  connectSeconds: Type.Number({ minimum: 0.1, maximum: 300, default: 10 }),
  /** A packet that was begun and has not come to its end by then closes its connection. */
  packetSeconds: Type.Number({ minimum: 0.1, maximum: 600, default: 60 }),
  /** What one client may send, on the average and at once; beyond that it is read no faster. */
  packetsPerSecond: Type.Integer({ minimum: 1, default: 5_000 }),
  packetsAtOnce: Type.Integer({ minimum: 1, default: 10_000 }),
  /** Payload bytes of all clients not yet on disk; beyond that nobody is read until the disk has caught up. */
  inflightBytesMax: Type.Integer({ minimum: MIB, default: 32 * MIB }),
});
export type MqttSettings = Readonly<Static<typeof MqttSettingsSchema>>;

/** What `landfall edge --config` reads: a node's settings, its MQTT listener and, if wanted, other thresholds. */
export const EdgeSettingsSchema = Type.Object({
  ...NodeSettingsSchema.properties,
  mqtt: MqttSettingsSchema,
  rules: RulesSettingsSchema,
  /** Between two thinned copies of a container's state in `<owner>.latest`; left out: there are none. */
  latestSeconds: Type.Optional(Type.Number({ minimum: 0.1, maximum: 86_400 })),
});
export type EdgeSettings = Readonly<Static<typeof EdgeSettingsSchema>>;
