import type { Client, PublishPacket } from "aedes";
import type { Command, CommandLog } from "../commands/command-log.js";
import type { IngestOutcome, Publish } from "../ingest/ingest.js";
import type { ByteGate } from "./byte-gate.js";
import { GuardedConnection } from "./guarded-connection.js";
import { InOrder } from "./in-order.js";
import type { Sensor, TopicRules } from "./topic-rules.js";
import type { UnderWay } from "./under-way.js";

export interface PublishingOptions {
  readonly rules: TopicRules;
  readonly sensorOf: (client: Client) => Sensor | undefined;
  /** Resolves when a reading may be acknowledged; rejects when it must not be. */
  readonly publish: (publish: Publish) => Promise<IngestOutcome>;
  readonly commands: Pick<CommandLog, "problemOf" | "store"> | undefined;
  /** Whether this QoS 2 publish was taken in before. */
  readonly isRepeated: (client: Client, packet: PublishPacket) => boolean;
  readonly gate: ByteGate;
  readonly underWay: UnderWay;
  readonly complain: (
    client: Client,
    code: string,
    message: string,
    detail?: Readonly<Record<string, unknown>>,
  ) => void;
  /** A publish was acknowledged and has no effect: the sender may not, or it can never be stored. */
  readonly onRefused: (code: string) => void;
  /** A command was stored, or a topic was none of theirs. */
  readonly tell: (client: Client, action: "device.publish" | "device.command", topic: string) => void;
}

/** Characters of a topic that a complaint shows. */
const TOPIC_CHARS_SHOWN = 200;

/**
 * What happens with a publish, or a will, before its acknowledgement: `authorizePublish` is the only hook of aedes that holds
 * it. What a client may not publish is acknowledged and told: MQTT 3.1.1 has no other answer but to end the
 * connection (3.3.5-2), and one wrong topic of a gateway must not keep all its other readings from arriving.
 */
export class Publishing {
  readonly #options: PublishingOptions;
  readonly #orders = new WeakMap<Client, InOrder>();
  /** Packets that go on to subscribers. */
  readonly #passed = new WeakSet<PublishPacket>();

  constructor(options: PublishingOptions) {
    this.#options = options;
  }

  /** Whether a packet may go to subscribers: it was authorized here, and is of a kind that does. */
  isPassed(packet: PublishPacket): boolean {
    return this.#passed.has(packet);
  }

  pass(packet: PublishPacket): void {
    this.#passed.add(packet);
  }

  authorize(client: Client | null, packet: PublishPacket, done: (error?: Error | null) => void): void {
    const { gate, underWay, complain } = this.#options;
    const sensor = client === null ? undefined : this.#options.sensorOf(client);
    // A will without a client is that of another broker, and there is none.
    if (client === null || sensor === undefined) return done(new Error("nobody who has signed in"));
    const payload =
      typeof packet.payload === "string" ? Buffer.from(packet.payload) : (packet.payload ?? Buffer.alloc(0));
    const work = this.#begin(client, sensor, packet, payload);
    if (work instanceof Error) return done(work);
    const connection = client.conn instanceof GuardedConnection ? client.conn : undefined;
    gate.add(payload.byteLength);
    connection?.took(payload.byteLength);
    underWay.enter();
    const answered = () => {
      gate.remove(payload.byteLength);
      connection?.answered(payload.byteLength);
      underWay.leave();
    };
    this.#orderOf(client).enter(
      work,
      () => {
        answered();
        done(null);
      },
      (error) => {
        answered();
        const cause = error instanceof Error ? error : new Error(String(error));
        complain(
          client,
          "NOT_STORED",
          `a publish could not be stored for now and is not acknowledged: ${cause.message}`,
        );
        done(cause);
      },
    );
  }

  /** The work after which it is acknowledged, or why a will is not published. */
  #begin(client: Client, sensor: Sensor, packet: PublishPacket, payload: Buffer): Promise<unknown> | Error {
    const { rules, publish, isRepeated } = this.#options;
    const { topic, qos } = packet;
    if (!rules.mayPublish(sensor, topic)) return this.#refuse(client, packet);
    if (qos === 2 && isRepeated(client, packet)) return Promise.resolve();
    const kind = rules.kindOf(topic);
    if (kind === "forwarded") {
      this.#passed.add(packet);
      return Promise.resolve();
    }
    const { retain } = packet;
    // Stored for ever is more than retained, and what commands leave to later subscribers comes from their stream.
    packet.retain = false;
    if (kind === "command") return this.#command(client, { topic, payload, qos, retain });
    return publish({ client: client.id, topic, payload });
  }

  #refuse(client: Client, packet: PublishPacket): Promise<unknown> | Error {
    const { rules, complain, onRefused, tell } = this.#options;
    const isWill = packet.cmd !== "publish";
    const isReserved = rules.kindOf(packet.topic) === "reserved";
    const topic = packet.topic.slice(0, TOPIC_CHARS_SHOWN);
    const code = isReserved ? "RESERVED_TOPIC" : "FOREIGN_TOPIC";
    const why = isReserved ? "nobody writes there but the broker" : "the client may not publish there";
    complain(client, code, `${isWill ? "a will on" : "a publish on"} ${topic} is refused: ${why}`, { topic });
    onRefused(code);
    tell(client, "device.publish", topic);
    packet.retain = false;
    return isWill ? new Error(why) : Promise.resolve();
  }

  async #command(client: Client, command: Command): Promise<void> {
    const { commands, complain, onRefused, tell } = this.#options;
    const problem = commands === undefined ? "no commands are taken here" : commands.problemOf(command);
    if (commands !== undefined && problem === undefined) {
      await commands.store(command);
      tell(client, "device.command", command.topic);
      return;
    }
    complain(client, "BAD_COMMAND", `${command.topic.slice(0, TOPIC_CHARS_SHOWN)}: ${problem}`);
    onRefused("BAD_COMMAND");
  }

  #orderOf(client: Client): InOrder {
    const known = this.#orders.get(client) ?? new InOrder();
    this.#orders.set(client, known);
    return known;
  }
}
