import { connect, type Socket } from "node:net";
import { generate, parser, type Packet } from "mqtt-packet";
import { until } from "@landfall/streams/testing/until";

/** A client that sends exactly what it is told and acknowledges nothing by itself. */
export class RawClient {
  readonly socket: Socket;
  readonly received: Packet[] = [];
  readonly #closed: Promise<void>;
  isClosed = false;

  constructor(port: number, localAddress = "127.0.0.1") {
    this.socket = connect({ port, host: "127.0.0.1", localAddress });
    const packets = parser();
    packets.on("packet", (packet: Packet) => this.received.push(packet));
    packets.on("error", () => undefined);
    this.socket.on("data", (chunk: Buffer) => packets.parse(chunk));
    this.socket.on("error", () => undefined);
    this.#closed = new Promise((resolve) =>
      this.socket.once("close", () => {
        this.isClosed = true;
        resolve();
      }),
    );
  }

  send(packet: Packet): void {
    this.bytes(generate(packet));
  }

  bytes(bytes: Uint8Array): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** Sends CONNECT and waits for what comes of it. @returns the return code, or undefined when the connection ends */
  async connect(more: Partial<Extract<Packet, { cmd: "connect" }>> = {}): Promise<number | undefined> {
    const before = this.received.length;
    this.send({
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: 4,
      clientId: "raw",
      clean: true,
      keepalive: 0,
      ...more,
    });
    await until(() => this.isClosed || this.received.length > before);
    const connack = this.received[before];
    return connack?.cmd === "connack" ? connack.returnCode : undefined;
  }

  /** Packets of a kind that have come. */
  of<C extends Packet["cmd"]>(cmd: C): Extract<Packet, { cmd: C }>[] {
    return this.received.filter((packet): packet is Extract<Packet, { cmd: C }> => packet.cmd === cmd);
  }

  /** Goes without a word. */
  cut(): void {
    this.socket.destroy();
  }

  closed(): Promise<void> {
    return this.#closed;
  }
}
