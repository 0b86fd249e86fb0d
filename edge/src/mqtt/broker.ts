import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { callbackify } from "node:util";
import { Aedes, type AuthenticateError, type Client, type PublishPacket } from "aedes";
import type { Env, TimerHandle } from "@landfall/streams/env";
import type { FollowedFiles } from "@landfall/streams/identity/followed-files";
import type { Exceptions } from "@landfall/streams/node/node";
import type { Logger } from "pino";
import type { Command, CommandLog } from "../commands/command-log.js";
import { DeviceList } from "../devices/device-list.js";
import type { IngestOutcome, Publish } from "../ingest/ingest.js";
import { CLOSE_MS_MAX } from "../limits.js";
import { Admission, type Ticket } from "./admission.js";
import { clientOf, flushed, forwardOnly, isProtocolError, remoteOf, unregister } from "./aedes-parts.js";
import { ByteGate } from "./byte-gate.js";
import { Complainer } from "./complaints.js";
import { Door } from "./door.js";
import { GuardedConnection, type ConnectionComplaint } from "./guarded-connection.js";
import { Listeners } from "./listeners.js";
import type { MqttSettings } from "./mqtt-settings.js";
import { Publishing } from "./publishing.js";
import type { SensorAudit, SensorDeed } from "./sensor-audit.js";
import { Sessions } from "./sessions.js";
import { Subscribing } from "./subscribing.js";
import { DeviceRules, type TopicRules } from "./topic-rules.js";
import { UnderWay } from "./under-way.js";

export interface BrokerOptions {
  readonly settings: MqttSettings;
  readonly env: Env;
  readonly log: Logger;
  readonly exceptions: Exceptions;
  /** Whoever has credentials; absent where settings name no file of them. Followed, and stopped, by the broker. */
  readonly devices?: FollowedFiles<"devices", DeviceList>;
  /** Who may publish and be sent what; by default as the devices' entries say. */
  readonly rules?: TopicRules;
  /** Resolves when the publish may be acknowledged; rejects when it must not be. */
  readonly publish: (publish: Publish) => Promise<IngestOutcome>;
  /** Where commands are kept; without it there are none. */
  readonly commands?: Pick<CommandLog, "problemOf" | "store">;
  /** A client came or went. */
  readonly onClient: (client: string, isConnected: boolean) => void;
  /** A publish was acknowledged and has no effect. */
  readonly onRefused?: (code: string) => void;
  /** Where it is told who did what, and was refused what. */
  readonly audit?: Pick<SensorAudit, "tell">;
}

/** How often packets that take too long, and clients that may stay no longer, are looked for. */
const CHECK_MS = 1_000;

/**
 * The MQTT 3.1.1 broker on board: sensors publish readings and are sent commands. It puts together who may come in
 * (`Listeners`, `SignIn`), what they may do (`TopicRules`), what becomes of what they say (`Publishing`) and what is kept
 * for them (`Sessions`); aedes speaks the protocol.
 *
 * A message that can never be stored (wrong topic, bad JSON, impossible value) is acknowledged and reported, or its sender
 * would repeat it for ever; one that may be stored later (disk full, node closing) ends the connection unacknowledged,
 * and the sender repeats it.
 */
export class MqttBroker {
  readonly #options: BrokerOptions;
  readonly #aedes: Aedes;
  readonly #listeners: Listeners;
  readonly #admission: Admission;
  readonly #sessions: Sessions;
  readonly #publishing: Publishing;
  readonly #subscribing: Subscribing;
  readonly #door: Door;
  readonly #gate: ByteGate;
  readonly #largePackets: ByteGate;
  readonly #connections = new Map<GuardedConnection, Ticket>();
  readonly #complainer: Complainer;
  readonly #underWay = new UnderWay();
  #timer: TimerHandle | undefined;

  /** @throws LandfallError INVALID_SETTINGS for files of TLS that are not good */
  constructor(options: BrokerOptions) {
    const { settings, env, exceptions, devices } = options;
    const rules = options.rules ?? new DeviceRules(() => devices?.value ?? new DeviceList([]));
    this.#options = options;
    this.#gate = new ByteGate(settings.inflightBytesMax);
    this.#largePackets = new ByteGate(settings.largePacketsBytesMax);
    this.#complainer = new Complainer({ env, exceptions, max: settings.connectionsMax * 2 });
    this.#admission = new Admission(settings);
    this.#listeners = new Listeners({
      settings,
      env,
      admission: this.#admission,
      onSocket: (socket, ticket) => this.#accept(socket, ticket),
      onRefused: (code, remote, message) => this.#complainer.complain({ id: "", remote }, code, message),
      onFailed: (error) => options.log.error({ err: error }, "mqtt listener failed"),
      trouble: (message) => exceptions.report({ code: "INVALID_SETTINGS", source: "mqtt.tls", message }),
    });
    const complain = (client: Client, code: string, message: string, id?: string) =>
      this.#complain(client, code, message, id);
    const audit = options.audit ?? { tell: () => undefined };
    this.#door = new Door({
      settings,
      env,
      devices,
      rules,
      listeners: this.#listeners,
      onSignedIn: (connection) => this.#connections.get(connection)?.signedIn(),
      complain,
      audit,
    });
    const sensorOf = (client: Client) => this.#door.sensorOf(client);
    const tell = (client: Client, action: SensorDeed["action"], status: SensorDeed["status"], subject: string) =>
      audit.tell({ action, status, sensor: sensorOf(client), remote: remoteOf(client), subject });
    const { subscriptionsPerClientMax } = settings;
    this.#subscribing = new Subscribing({
      rules,
      sensorOf,
      subscriptionsPerClientMax,
      complain,
      tell: (client, status, filter) => tell(client, "device.subscribe", status, filter),
    });
    this.#sessions = new Sessions({
      ...settings,
      isConnected: (id) => clientOf(this.#aedes, id) !== undefined,
      mayKeep: (id, filter) => this.#subscribing.may(clientOf(this.#aedes, id), filter),
      onFull: (id, code, message) => this.#complainer.complain({ id, remote: "" }, code, message),
    });
    this.#publishing = new Publishing({
      rules,
      sensorOf,
      publish: options.publish,
      commands: options.commands,
      isRepeated: (client, packet) => this.#sessions.hasTaken(client.id, packet.messageId),
      gate: this.#gate,
      underWay: this.#underWay,
      complain: (client, code, message, detail) => {
        this.#complainer.complain({ id: client.id, remote: remoteOf(client) }, code, message, detail);
      },
      onRefused: options.onRefused ?? (() => undefined),
      tell: (client, action, topic) => tell(client, action, action === "device.command" ? 200 : 403, topic),
    });
    this.#aedes = this.#createAedes();
  }

  /** The ports it listens on, in plain text and over TLS; undefined before `start`, after `close` and where there is none. */
  get port(): number | undefined {
    return this.#listeners.port;
  }

  get tlsPort(): number | undefined {
    return this.#listeners.tlsPort;
  }

  get isListening(): boolean {
    return this.#listeners.isListening;
  }

  get clients(): number {
    return this.#aedes.connectedClients ?? 0;
  }

  /** Connections that have not signed in. */
  get waiting(): number {
    return this.#admission.waiting;
  }

  get connections(): number {
    return this.#admission.connections;
  }

  get inflightBytes(): number {
    return this.#gate.bytes;
  }

  /** Clients for which something is kept in memory. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** @throws LandfallError PORT_IN_USE, INVALID_SETTINGS */
  async start(): Promise<void> {
    const { settings, log, devices } = this.#options;
    await this.#aedes.listen();
    try {
      await this.#listeners.start();
    } catch (error) {
      await this.#closeAedes();
      throw error;
    }
    devices?.start();
    this.#check();
    const { host } = settings;
    log.info({ host, port: this.port, tlsPort: this.tlsPort }, "mqtt listens (3.1 and 3.1.1)");
    if (settings.anonymous) log.warn("mqtt.anonymous: whoever reaches this broker may report for any container");
  }

  /** Sends a command to whoever has subscribed to it, or keeps it for those who will; one that is old is kept at most. */
  deliver({ topic, payload, qos, retain }: Command, isOld: boolean): void {
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    const packet: PublishPacket = { cmd: "publish", topic, payload: bytes, qos, retain, dup: false };
    if (!isOld && this.isListening) {
      this.#publishing.pass(packet);
      this.#aedes.publish(packet, () => undefined);
    } else if (retain) void this.#sessions.storeRetained(packet);
  }

  /** Takes nothing new, acknowledges what is under way, stores the wills of those still connected, ends. */
  async close(): Promise<void> {
    if (!this.isListening) return;
    this.#timer?.cancel();
    this.#options.devices?.stop();
    const closed = this.#listeners.close();
    for (const connection of this.#connections.keys()) connection.stopReading();
    await this.#underWay.settled(CLOSE_MS_MAX);
    await Promise.race([
      Promise.all([...this.#connections.keys()].map(flushed)),
      delay(CLOSE_MS_MAX, undefined, { ref: false }),
    ]);
    await this.#closeAedes();
    await this.#underWay.settled(CLOSE_MS_MAX);
    for (const connection of this.#connections.keys()) connection.destroy();
    await closed;
  }

  #createAedes(): Aedes {
    const { settings, onClient } = this.#options;
    const authenticate = callbackify((client: Client) => this.#door.authenticate(client));
    const aedes = new Aedes({
      persistence: this.#sessions,
      connectTimeout: settings.connectSeconds * 1000,
      drainTimeout: settings.slowReaderSeconds * 1000,
      // A stock client may send its first publishes right behind CONNECT, a whole read of them.
      queueLimit: settings.packetsAtOnce,
      maxInflightInbound: settings.inflightPerClientMax,
      preConnect: (client, packet, done) => {
        this.#door.knocked(client, packet);
        done(null, true);
      },
      authenticate: (client, _user, _password, done) => {
        authenticate(client, (error: Error | null, refused) => {
          if (error) done(error as AuthenticateError, false);
          else if (refused) done(refused, false);
          else done(null, true);
        });
      },
      authorizePublish: (client, packet, done) => this.#publishing.authorize(client, packet, done),
      authorizeSubscribe: (client, sub, done) => done(null, this.#subscribing.authorize(client, sub)),
      authorizeForward: (client, packet) => this.#subscribing.forward(client, packet),
    });
    // Whatever was not authorized here goes to nobody.
    forwardOnly(aedes, (packet) => this.#publishing.isPassed(packet));
    aedes.on("client", (client) => {
      onClient(client.id, true);
      if (client.closed) setImmediate(() => unregister(aedes, client));
    });
    aedes.on("clientDisconnect", (client) => onClient(client.id, false));
    aedes.on("clientError", (client, error) => this.#connectionFailed(client, error));
    aedes.on("connectionError", (client, error) => this.#connectionFailed(client, error));
    return aedes;
  }

  #accept(socket: Socket, ticket: Ticket): void {
    const { settings, env } = this.#options;
    const connection: GuardedConnection = new GuardedConnection(socket, {
      env,
      settings,
      gate: this.#gate,
      largePackets: this.#largePackets,
      complain: (complaint: ConnectionComplaint) => this.#complain(client, complaint.code, complaint.message),
    });
    this.#connections.set(connection, ticket);
    connection.on("close", () => this.#connections.delete(connection));
    const client = this.#aedes.handle(connection);
  }

  #connectionFailed(client: Client, error: Error): void {
    const { log, settings } = this.#options;
    log.debug({ client: client.id ?? "", remote: remoteOf(client), err: error }, "mqtt connection ended");
    if (error.message === "connect did not arrive in time") {
      this.#complain(client, "CONNECT_TOO_LATE", `no CONNECT within ${settings.connectSeconds} s`);
    } else if (error.message === "drain timeout") {
      this.#complain(
        client,
        "SLOW_READER",
        `read nothing for ${settings.slowReaderSeconds} s (mqtt.slowReaderSeconds)`,
      );
    } else if (isProtocolError(error)) {
      this.#complain(client, "NOT_MQTT", `the connection broke MQTT's rules: ${error.message}`);
    }
  }

  #complain(client: Client, code: string, message: string, id: string = client.id ?? ""): void {
    this.#complainer.complain({ id, remote: remoteOf(client) }, code, message);
  }

  #check(): void {
    for (const connection of this.#connections.keys()) connection.checkPacketTime();
    this.#door.dismissStrangers();
    this.#timer = this.#options.env.setTimer(CHECK_MS, () => this.#check());
  }

  #closeAedes(): Promise<void> {
    return new Promise((resolve) => this.#aedes.close(() => resolve()));
  }
}
