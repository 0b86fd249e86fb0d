import { createServer, type Server, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Env, TimerHandle } from "@landfall/streams/env";
import { networkOf } from "@landfall/streams/identity/network";
import type { Admission, NotAdmitted, Ticket } from "./admission.js";
import { listen } from "./listen.js";
import type { MqttSettings } from "./mqtt-settings.js";
import { TlsListener } from "./tls-listener.js";

export interface ListenersOptions {
  readonly settings: MqttSettings;
  readonly env: Env;
  readonly admission: Admission;
  /** A connection that may say who it is; over TLS, when the handshake is done. */
  readonly onSocket: (socket: Socket, ticket: Ticket) => void;
  /** A connection that was not let in, had to make room, or whose TLS came to nothing. */
  readonly onRefused: (code: NotAdmitted | "TOO_MANY_WAITING" | "TLS_FAILED", remote: string, message: string) => void;
  readonly onFailed: (error: Error) => void;
  /** Files of TLS that changed and are not good. */
  readonly trouble: (message: string) => void;
}

/** Where sensors connect: MQTT in plain text, over TLS, or both. Counts every connection before anything is read from it. */
export class Listeners {
  readonly #options: ListenersOptions;
  readonly #plain: Server | undefined;
  readonly #secure: Server | undefined;
  readonly tls: TlsListener | undefined;
  /** Connections whose handshake is under way, by where they come from. */
  readonly #handshakes = new Map<
    string,
    { readonly socket: Socket; readonly ticket: Ticket; readonly deadline: TimerHandle }
  >();
  #port: number | undefined;
  #tlsPort: number | undefined;

  /** @throws LandfallError INVALID_SETTINGS for files of TLS that are not good */
  constructor(options: ListenersOptions) {
    const { settings, env, trouble } = options;
    this.#options = options;
    if (settings.port !== undefined) {
      this.#plain = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
        const ticket = this.#admit(socket);
        if (ticket) options.onSocket(socket, ticket);
      });
    }
    if (settings.tls === undefined) return;
    const tls = new TlsListener(settings.tls, {
      env,
      trouble,
      onSocket: (socket) => this.#secured(socket),
    });
    this.tls = tls;
    tls.server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
      this.#handshakeFailed(remoteOf(socket), error.message);
      socket.destroy();
    });
    this.#secure = createServer((socket) => this.#shakeHands(socket, tls));
  }

  /** The ports taken; undefined before `start`, after `close`, and for what settings do not name. */
  get port(): number | undefined {
    return this.#port;
  }

  get tlsPort(): number | undefined {
    return this.#tlsPort;
  }

  get isListening(): boolean {
    return (this.#port ?? this.#tlsPort) !== undefined;
  }

  /** @throws LandfallError PORT_IN_USE, INVALID_SETTINGS */
  async start(): Promise<void> {
    const { settings, onFailed } = this.#options;
    try {
      if (this.#plain) this.#port = await listen(this.#plain, settings.host, settings.port ?? 0);
      if (this.#secure) this.#tlsPort = await listen(this.#secure, settings.host, settings.tls?.port ?? 0, "mqtt.tls");
    } catch (error) {
      await this.close();
      throw error;
    }
    for (const server of [this.#plain, this.#secure]) server?.on("error", onFailed);
    this.tls?.start();
  }

  /** Lets nobody in any more; resolves when those who are in are gone. */
  async close(): Promise<void> {
    const servers = [
      ...(this.#port !== undefined && this.#plain ? [this.#plain] : []),
      ...(this.#tlsPort !== undefined && this.#secure ? [this.#secure] : []),
    ];
    this.#port = undefined;
    this.#tlsPort = undefined;
    this.tls?.stop();
    await Promise.all(servers.map(closed));
  }

  #admit(socket: Socket): Ticket | undefined {
    const { admission, onRefused, settings } = this.#options;
    const address = socket.remoteAddress ?? "";
    const remote = remoteOf(socket);
    const drop = () => {
      onRefused(
        "TOO_MANY_WAITING",
        remote,
        `too many connections wait to sign in (mqtt.waitingMax): the one that has waited longest makes room`,
      );
      if (typeof ticket !== "string") ticket.leave();
      socket.destroy();
    };
    const ticket = admission.enter(networkOf(address), drop);
    if (typeof ticket !== "string") {
      socket.on("close", () => ticket.leave());
      return ticket;
    }
    const { connectionsMax, connectionsPerAddressMax, waitingPerAddressMax } = settings;
    onRefused(
      ticket,
      remote,
      ticket === "TOO_MANY_CONNECTIONS"
        ? `no more than ${connectionsMax} connections are taken (mqtt.connectionsMax)`
        : `no more than ${connectionsPerAddressMax} connections of one address are taken (mqtt.connectionsPerAddressMax), nor more than ${waitingPerAddressMax} that have not signed in (mqtt.waitingPerAddressMax)`,
    );
    socket.destroy();
    return undefined;
  }

  #shakeHands(socket: Socket, tls: TlsListener): void {
    const { env, settings } = this.#options;
    socket.on("error", () => undefined);
    const remote = remoteOf(socket);
    const ticket = this.#admit(socket);
    if (!ticket) return;
    const late = () => this.#handshakeFailed(remote, `no handshake within ${settings.connectSeconds} s`);
    const deadline = env.setTimer(settings.connectSeconds * 1_000, late);
    this.#handshakes.set(remote, { socket, ticket, deadline });
    socket.on("close", () => {
      deadline.cancel();
      if (this.#handshakes.get(remote)?.socket === socket) this.#handshakes.delete(remote);
    });
    tls.server.emit("connection", socket);
  }

  #handshakeFailed(remote: string, why: string): void {
    const handshake = this.#handshakes.get(remote);
    // Who left in the middle, or is told already.
    if (handshake === undefined) return;
    this.#options.onRefused("TLS_FAILED", remote, `TLS came to nothing: ${why}`);
    handshake.socket.destroy();
  }

  #secured(socket: TLSSocket): void {
    const remote = remoteOf(socket);
    const handshake = this.#handshakes.get(remote);
    this.#handshakes.delete(remote);
    handshake?.deadline.cancel();
    if (handshake) this.#options.onSocket(socket, handshake.ticket);
    else socket.destroy();
  }
}

async function closed(server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

function remoteOf(socket: Socket): string {
  return `${socket.remoteAddress ?? ""}:${socket.remotePort ?? 0}`;
}
