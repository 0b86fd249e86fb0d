import { PathText, PortNumber } from "@landfall/streams/settings/node-settings-schema";
import { Type, type Static } from "typebox";
import { PAYLOAD_BYTES_MAX } from "../limits.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const count = (value: number, minimum = 1) => Type.Integer({ minimum, default: value });

/** MQTT over TLS. The files are followed while the node runs. */
const MqttTlsSchema = Type.Object({
  port: PortNumber,
  cert: PathText,
  key: PathText,
  /** Who may issue certificates of sensors; left out: sensors bring none. */
  ca: Type.Optional(PathText),
  /** Fingerprints of sensors' certificates that are good no longer, one a line. */
  revoked: Type.Optional(PathText),
});

/** Where sensors are heard, who they are, and what is taken from any one of them and from all together. */
export const MqttSettingsSchema = Type.Object({
  host: Type.String({ minLength: 1, default: "127.0.0.1" }),
  /** Of MQTT in plain text; left out: there is only TLS. */
  port: Type.Optional(PortNumber),
  tls: Type.Optional(MqttTlsSchema),
  /** The sensors' credentials, see `landfall device`; followed while the node runs. */
  devices: Type.Optional(PathText),
  /** Whether sensors that say no name are heard: they may then report for any container and ship. */
  anonymous: Type.Boolean({ default: false }),

  // Before a sensor has said who it is.
  /** A CONNECT packet that announces more closes its connection: room for a will with the largest payload. */
  connectBytesMax: Type.Integer({ minimum: 256, maximum: 256 * KIB, default: PAYLOAD_BYTES_MAX + 16 * KIB }),
  /** A connection that has not sent CONNECT by then (and finished TLS before) is closed. */
  connectSeconds: Type.Number({ minimum: 0.1, maximum: 300, default: 10 }),
  connectionsMax: count(2_000),
  connectionsPerAddressMax: count(500),
  /** Connections that have not signed in yet; beyond that the one that has waited longest makes room. */
  waitingMax: count(500),
  waitingPerAddressMax: count(200),
  /** Wrong passwords that one address may try at once, and per minute; beyond that they are refused unseen. */
  wrongPasswordsPerMinute: count(10),

  // After that.
  /** A packet that announces more is refused before it is read, and its connection closed. */
  packetBytesMax: Type.Integer({ minimum: 2 * PAYLOAD_BYTES_MAX, maximum: 64 * MIB, default: MIB }),
  /** Packets beyond the payload limit that may be under way at once, in bytes: they are read only to be refused. */
  largePacketsBytesMax: Type.Integer({ minimum: MIB, default: 16 * MIB }),
  /** A packet that was begun and has not come to its end by then closes its connection. */
  packetSeconds: Type.Number({ minimum: 0.1, maximum: 600, default: 60 }),
  /** What one client may send, on the average and at once; beyond that it is read no faster. */
  packetsPerSecond: count(5_000),
  packetsAtOnce: count(10_000),
  /** The same in bytes; a second's worth at once. */
  bytesPerSecond: Type.Integer({ minimum: PAYLOAD_BYTES_MAX, default: 16 * MIB }),
  /** Publishes of one client not yet answered, and their bytes; beyond that it is read no further. */
  inflightPerClientMax: count(2_000),
  inflightBytesPerClientMax: Type.Integer({ minimum: PAYLOAD_BYTES_MAX, default: 4 * MIB }),
  /** Payload bytes of all clients not yet on disk; beyond that nobody is read until the disk has caught up. */
  inflightBytesMax: Type.Integer({ minimum: MIB, default: 32 * MIB }),
  /** A client that does not read what it is sent is left after so long. */
  slowReaderSeconds: Type.Number({ minimum: 0.1, maximum: 600, default: 20 }),
  subscriptionsPerClientMax: count(100),
  /** Sessions that outlive their connection; beyond that the oldest is forgotten. */
  sessionsMax: count(2_000),
  /** Commands that wait for one client that is away, and their bytes; beyond that newer ones are left out. */
  queuedPerClientMax: count(1_000),
  queuedBytesPerClientMax: Type.Integer({ minimum: PAYLOAD_BYTES_MAX, default: MIB }),
});
export type MqttSettings = Readonly<Static<typeof MqttSettingsSchema>>;
export type MqttTlsSettings = NonNullable<MqttSettings["tls"]>;
