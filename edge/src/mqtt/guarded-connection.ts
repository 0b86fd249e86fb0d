import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Env, TimerHandle } from "@landfall/streams/env";
import { PAYLOAD_BYTES_MAX } from "../limits.js";
import type { ByteGate } from "./byte-gate.js";
import { FrameScanner } from "./frame-scanner.js";
import type { MqttSettings } from "./mqtt-settings.js";
import { TokenBucket } from "./token-bucket.js";

export type ConnectionComplaint =
  | {
      readonly code: "NOT_MQTT" | "PACKET_TOO_LARGE" | "TOO_MANY_LARGE_PACKETS" | "PACKET_TOO_SLOW";
      readonly message: string;
    }
  | { readonly code: "CLIENT_SLOWED"; readonly message: string };

export interface GuardOptions {
  readonly env: Env;
  readonly settings: MqttSettings;
  /** Shut while too much waits for the disk. */
  readonly gate: ByteGate;
  /** Shared by all connections: announced bytes of packets that are too large to be stored and read only to be refused. */
  readonly largePackets: ByteGate;
  readonly complain: (complaint: ConnectionComplaint) => void;
}

/** A packet with the largest payload allowed, its topic and header. */
const ORDINARY_PACKET_BYTES_MAX = PAYLOAD_BYTES_MAX + 1024;

/**
 * A client's socket as the broker sees it. It passes bytes on unchanged, but reads no further while the client is
 * over its rate, has too much unanswered, or the disk is behind (so TCP slows the sender down), and ends the connection
 * at a packet that announces too much or never ends.
 */
export class GuardedConnection extends Duplex {
  readonly #socket: Socket;
  readonly #options: GuardOptions;
  readonly #scanner: FrameScanner;
  readonly #packets: TokenBucket;
  readonly #bytes: TokenBucket;
  /** Where the connection comes from; kept, since a socket that is gone no longer says. */
  readonly address: string;
  readonly remote: string;
  #unanswered = 0;
  #unansweredBytes = 0;
  #isWanted = false;
  #isStopped = false;
  #rateTimer: TimerHandle | undefined;
  #stopWaiting: (() => void) | undefined;
  #largeBytes = 0;
  #packetBegan = { number: 0, at: 0 };

  constructor(socket: Socket, options: GuardOptions) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#options = options;
    const { env, settings } = options;
    this.#scanner = new FrameScanner(settings);
    this.#packets = new TokenBucket(settings.packetsPerSecond, settings.packetsAtOnce, env.monotonic());
    this.#bytes = new TokenBucket(settings.bytesPerSecond, settings.bytesPerSecond, env.monotonic());
    this.address = socket.remoteAddress ?? "?";
    this.remote = `${this.address}:${socket.remotePort ?? 0}`;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
    socket.pause();
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** A publish of this client is under way: with too many of them it is read no further. */
  took(bytes: number): void {
    this.#unanswered++;
    this.#unansweredBytes += bytes;
    if (this.#hasTooMuch) this.#flow();
  }

  /** One of them needs no answer any more. */
  answered(bytes: number): void {
    const hadTooMuch = this.#hasTooMuch;
    this.#unanswered--;
    this.#unansweredBytes -= bytes;
    if (hadTooMuch && !this.#hasTooMuch) this.#flow();
  }

  /** Reads nothing more from the client; what was read is still answered. */
  stopReading(): void {
    this.#isStopped = true;
    this.#flow();
  }

  /** To be called now and then: ends the connection when its packet under way takes too long. */
  checkPacketTime(): void {
    if (!this.#scanner.isInside || this.destroyed) return;
    const now = this.#options.env.monotonic();
    // Time in which we did not read is not the client's.
    if (this.#scanner.packets !== this.#packetBegan.number || this.#isHeld) {
      this.#packetBegan = { number: this.#scanner.packets, at: now };
    } else if (now - this.#packetBegan.at > this.#options.settings.packetSeconds * 1000) {
      const message = `a packet was begun and did not end within ${this.#options.settings.packetSeconds} s`;
      this.#refuse({ code: "PACKET_TOO_SLOW", message });
    }
  }

  override _read(): void {
    this.#isWanted = true;
    this.#flow();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: (error?: Error | null) => void): void {
    // Acknowledgements come in pieces of one to two bytes: one buffer, one system call.
    this.#socket.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#rateTimer?.cancel();
    this.#stopWaiting?.();
    this.#options.largePackets.remove(this.#largeBytes);
    this.#largeBytes = 0;
    this.#socket.destroy();
    done(error);
  }

  get #isHeld(): boolean {
    return !this.#isWanted || this.#rateTimer !== undefined || this.#stopWaiting !== undefined || this.#hasTooMuch;
  }

  get #hasTooMuch(): boolean {
    const { inflightPerClientMax, inflightBytesPerClientMax } = this.#options.settings;
    return this.#unanswered >= inflightPerClientMax || this.#unansweredBytes >= inflightBytesPerClientMax;
  }

  #receive(chunk: Buffer): void {
    const { env, largePackets } = this.#options;
    const before = this.#scanner.packets;
    const problem = this.#scanner.scan(chunk);
    if (problem) return this.#refuse(problem);
    const large = this.#scanner.announced > ORDINARY_PACKET_BYTES_MAX ? this.#scanner.announced : 0;
    if (large > this.#largeBytes && !largePackets.isOpen) {
      const message = `a packet announces ${large} bytes while too many others of that size are under way`;
      return this.#refuse({ code: "TOO_MANY_LARGE_PACKETS", message });
    }
    largePackets.add(large - this.#largeBytes);
    this.#largeBytes = large;
    const now = env.monotonic();
    const byPackets = this.#packets.take(this.#scanner.packets - before, now);
    const byBytes = this.#bytes.take(chunk.byteLength, now);
    if (byPackets > 0 || byBytes > 0) this.#holdFor(Math.max(byPackets, byBytes), byPackets >= byBytes);
    this.#isWanted = this.push(chunk);
    this.#flow();
  }

  #holdFor(ms: number, isByPackets: boolean): void {
    const what = isByPackets
      ? "packets than it may (mqtt.packetsPerSecond)"
      : "bytes than it may (mqtt.bytesPerSecond)";
    this.#options.complain({
      code: "CLIENT_SLOWED",
      message: `the client sends more ${what}: it is read more slowly`,
    });
    this.#rateTimer?.cancel();
    this.#rateTimer = this.#options.env.setTimer(ms, () => {
      this.#rateTimer = undefined;
      this.#flow();
    });
  }

  #flow(): void {
    const { gate } = this.#options;
    if (this.destroyed) return;
    if (!gate.isOpen && this.#stopWaiting === undefined) {
      this.#stopWaiting = gate.whenOpen(() => {
        this.#stopWaiting = undefined;
        this.#flow();
      });
    }
    if (this.#isStopped || this.#isHeld) this.#socket.pause();
    else this.#socket.resume();
  }

  #refuse(complaint: ConnectionComplaint): void {
    this.#options.complain(complaint);
    this.destroy(new Error(complaint.message));
  }
}
