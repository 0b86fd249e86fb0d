import { createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Aedes, type AuthenticateError, type Client, type PublishPacket } from "aedes";
import type { Env, TimerHandle } from "@landfall/streams/env";
import type { Exceptions } from "@landfall/streams/node/node";
import type { Logger } from "pino";
import type { IngestOutcome, Publish } from "../ingest/ingest.js";
import { CLOSE_MS_MAX } from "../limits.js";
import type { MqttSettings } from "../settings.js";
import { ByteGate } from "./byte-gate.js";
import { Complaints } from "./complaints.js";
import { GuardedConnection, type ConnectionComplaint } from "./guarded-connection.js";
import { InOrder } from "./in-order.js";
import { listen } from "./listen.js";
import { TokenBucket } from "./token-bucket.js";
import { UnderWay } from "./under-way.js";

export interface BrokerOptions {
  readonly settings: MqttSettings;
  readonly env: Env;
  readonly log: Logger;
  readonly exceptions: Exceptions;
  /** Resolves when the publish may be acknowledged; rejects when it must not be. */
  readonly publish: (publish: Publish) => Promise<IngestOutcome>;
  /** A client came or went. */
  readonly onClient: (client: string, isConnected: boolean) => void;
}

/** How often packets that take too long are looked for. */
const PACKET_CHECK_MS = 1_000;
const IDENTIFIER_REJECTED = 2;

/**
 * The MQTT 3.1.1 broker on board: sensors publish, nobody subscribes.
 *
 * Acknowledging: `authorizePublish` is the only hook of aedes that holds the PUBACK, so that is where a message is stored.
 * A message that can never be stored (wrong topic, bad JSON, impossible value) is acknowledged and reported, or its sender
 * would repeat it for ever; one that may be stored later (disk full, node closing) ends the connection unacknowledged,
 * and the sender repeats it. Retained messages and wills are stored like others and not kept by the broker.
 * Subscriptions are denied: nothing on board needs them, and what is not needed is not open.
 */
export class MqttBroker {
  readonly #options: BrokerOptions;
  readonly #aedes: Aedes;
  readonly #server: Server;
  readonly #gate: ByteGate;
  readonly #largePackets: ByteGate;
  readonly #connections = new Set<GuardedConnection>();
  readonly #orders = new WeakMap<Client, InOrder>();
  readonly #rejectedIds = new WeakSet<Client>();
  readonly #complaints: Complaints;
  readonly #underWay = new UnderWay();
  #timer: TimerHandle | undefined;
  #port: number | undefined;

  constructor(options: BrokerOptions) {
    const { settings } = options;
    this.#options = options;
    this.#gate = new ByteGate(settings.inflightBytesMax);
    this.#largePackets = new ByteGate(settings.largePacketsBytesMax);
    this.#complaints = new Complaints(settings.connectionsMax * 2);
    this.#aedes = new Aedes({
      connectTimeout: settings.connectSeconds * 1000,
      // A stock client may send its first publishes right behind CONNECT, a whole read of them.
      queueLimit: settings.packetsAtOnce,
      preConnect: (client, packet, done) => {
        if (packet.protocolVersion === 5) this.#refuseVersion(client, packet.clientId);
        if (packet.clientId === "" && packet.clean === false) this.#rejectedIds.add(client);
        done(null, true);
      },
      authenticate: (client, _user, _password, done) => {
        // aedes would take an empty id with a session to keep (3.1.3-8 forbids it): nobody could ever find that session again.
        if (!this.#rejectedIds.has(client)) return done(null, true);
        this.#complain(
          client,
          "CLIENT_ID_MISSING",
          "an empty client id with clean session off: want an id, or a clean session",
        );
        const rejected = new Error("identifier rejected") as AuthenticateError;
        // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- aedes exports this enum as a type only
        rejected.returnCode = IDENTIFIER_REJECTED;
        done(rejected, false);
      },
      authorizePublish: (client, packet, done) => this.#authorizePublish(client, packet, done),
      authorizeSubscribe: (client, subscription, done) => {
        this.#complain(
          client,
          "SUBSCRIPTION_DENIED",
          `nothing can be subscribed to here, so not ${JSON.stringify(subscription.topic)}`,
        );
        done(null, null);
      },
    });
    this.#skipForwarding();
    this.#aedes.on("client", (client) => options.onClient(client.id, true));
    this.#aedes.on("clientDisconnect", (client) => options.onClient(client.id, false));
    this.#aedes.on("clientError", (client, error) => this.#connectionFailed(client, error));
    this.#aedes.on("connectionError", (client, error) => this.#connectionFailed(client, error));
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = settings.connectionsMax;
    this.#server.on("drop", (from) => {
      const message = `no more than ${settings.connectionsMax} connections are taken (mqtt.connectionsMax)`;
      this.#report("TOO_MANY_CONNECTIONS", from?.remoteAddress ?? "mqtt", message);
    });
  }

  /** The port it listens on; undefined before `start` and after `close`. */
  get port(): number | undefined {
    return this.#port;
  }

  get clients(): number {
    return this.#aedes.connectedClients ?? 0;
  }

  get inflightBytes(): number {
    return this.#gate.bytes;
  }

  /** @throws LandfallError PORT_IN_USE, INVALID_SETTINGS */
  async start(): Promise<void> {
    const { settings, log } = this.#options;
    await this.#aedes.listen();
    try {
      this.#port = await listen(this.#server, settings.host, settings.port);
    } catch (error) {
      await this.#closeAedes();
      throw error;
    }
    this.#server.on("error", (error) => log.error({ err: error }, "mqtt listener failed"));
    this.#checkPacketTimes();
    log.info({ host: settings.host, port: this.#port }, "mqtt listens (3.1 and 3.1.1, QoS 0 and 1)");
  }

  /** Takes nothing new, acknowledges what is under way, stores the wills of those still connected, ends. */
  async close(): Promise<void> {
    if (this.#port === undefined) return;
    this.#port = undefined;
    this.#timer?.cancel();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.stopReading();
    await this.#underWay.settled(CLOSE_MS_MAX);
    await Promise.race([
      Promise.all([...this.#connections].map(flushed)),
      delay(CLOSE_MS_MAX, undefined, { ref: false }),
    ]);
    await this.#closeAedes();
    await this.#underWay.settled(CLOSE_MS_MAX);
    for (const connection of this.#connections) connection.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    const { settings, env } = this.#options;
    const connection: GuardedConnection = new GuardedConnection(socket, {
      env,
      packetBytesMax: settings.packetBytesMax,
      packetSeconds: settings.packetSeconds,
      bucket: new TokenBucket(settings.packetsPerSecond, settings.packetsAtOnce, env.monotonic()),
      gate: this.#gate,
      largePackets: this.#largePackets,
      complain: (complaint: ConnectionComplaint) => this.#complain(client, complaint.code, complaint.message),
    });
    this.#connections.add(connection);
    connection.on("close", () => this.#connections.delete(connection));
    const client = this.#aedes.handle(connection);
  }

  #authorizePublish(client: Client | null, packet: PublishPacket, done: (error?: Error | null) => void): void {
    const id = client?.id ?? "mqtt";
    const isWill = packet.cmd !== "publish";
    if (packet.qos === 2 && !isWill) {
      this.#complain(
        client,
        "QOS_2_REFUSED",
        "QoS 2 is not offered: publish with QoS 1; a repeated reading is stored once all the same",
      );
      return done(new Error("QoS 2 is not offered"));
    }
    // Stored for ever is more than retained; the broker need not keep a copy in memory.
    packet.retain = false;
    const payload =
      typeof packet.payload === "string" ? Buffer.from(packet.payload) : (packet.payload ?? Buffer.alloc(0));
    this.#gate.add(payload.byteLength);
    this.#underWay.enter();
    const work = this.#options.publish({ client: id, topic: packet.topic, payload });
    this.#orderOf(client).enter(
      work,
      () => {
        this.#answered(payload);
        done(null);
      },
      (error) => {
        this.#answered(payload);
        const cause = error instanceof Error ? error : new Error(String(error));
        const message = `a publish could not be stored for now and is not acknowledged: ${cause.message}`;
        this.#complain(client, "NOT_STORED", message);
        done(cause);
      },
    );
  }

  #answered(payload: Uint8Array): void {
    this.#gate.remove(payload.byteLength);
    this.#underWay.leave();
  }

  #orderOf(client: Client | null): InOrder {
    if (client === null) return new InOrder();
    const known = this.#orders.get(client) ?? new InOrder();
    this.#orders.set(client, known);
    return known;
  }

  /** Nobody may subscribe, so looking for subscribers of each message would only cost time. aedes' own `$SYS` goes on. */
  #skipForwarding(): void {
    type Done = (error?: Error) => void;
    const broker = this.#aedes as unknown as {
      publish(packet: PublishPacket, client: Client | Done, done?: Done): void;
    };
    const publish = broker.publish.bind(this.#aedes);
    broker.publish = (packet, client, done) => {
      if (packet.topic.startsWith("$SYS/")) return publish(packet, client, done);
      (typeof client === "function" ? client : done)?.();
    };
  }

  #refuseVersion(client: Client, id: string): void {
    this.#complain(
      client,
      "MQTT_5_REFUSED",
      `${JSON.stringify(id)} speaks MQTT 5: want MQTT 3.1.1 (protocol version 4)`,
      id,
    );
  }

  #connectionFailed(client: Client, error: Error): void {
    const { log } = this.#options;
    log.debug({ client: client.id ?? "", remote: remoteOf(client), err: error }, "mqtt connection ended");
    if (error.message === "connect did not arrive in time") {
      this.#complain(client, "CONNECT_TOO_LATE", `no CONNECT within ${this.#options.settings.connectSeconds} s`);
    } else if (isProtocolError(error)) {
      this.#complain(client, "NOT_MQTT", `the connection broke MQTT's rules: ${error.message}`);
    }
  }

  #complain(client: Client | null, code: string, message: string, id = client?.id ?? ""): void {
    const remote = remoteOf(client);
    const source = id === "" ? remote.replace(/:\d+$/, "") || "mqtt" : id;
    if (!this.#complaints.isNew(source, code, this.#options.env.monotonic())) return;
    this.#report(code, source, message, { client: id, remote });
  }

  #report(code: string, source: string, message: string, detail?: Readonly<Record<string, unknown>>): void {
    this.#options.exceptions.report({ code, source, message, ...(detail && { detail }) });
  }

  #checkPacketTimes(): void {
    for (const connection of this.#connections) connection.checkPacketTime();
    this.#timer = this.#options.env.setTimer(PACKET_CHECK_MS, () => this.#checkPacketTimes());
  }

  #closeAedes(): Promise<void> {
    return new Promise((resolve) => this.#aedes.close(() => resolve()));
  }
}

function flushed(connection: GuardedConnection): Promise<void> {
  // aedes writes acknowledgements in a later turn of the event loop; end() then waits for all that is written.
  return new Promise((resolve) => {
    connection.once("close", resolve);
    setImmediate(() => setImmediate(() => connection.end(() => resolve())));
  });
}

function remoteOf(client: Client | null): string {
  return client?.conn instanceof GuardedConnection ? client.conn.remote : "";
}

/** What mqtt-packet and aedes say of packets that make no sense; a connection that was merely cut is no such thing. */
function isProtocolError(error: Error & { code?: string }): boolean {
  return (
    error.code === undefined && /invalid|must|not allowed|cannot|expected|parse|malformed|illegal/i.test(error.message)
  );
}
