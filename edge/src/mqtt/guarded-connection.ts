import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Env, TimerHandle } from "@landfall/streams/env";
import { PAYLOAD_BYTES_MAX } from "../limits.js";
import type { ByteGate } from "./byte-gate.js";
import { FrameScanner } from "./frame-scanner.js";
import type { TokenBucket } from "./token-bucket.js";

export type ConnectionComplaint =
  | {
      readonly code: "NOT_MQTT" | "PACKET_TOO_LARGE" | "TOO_MANY_LARGE_PACKETS" | "PACKET_TOO_SLOW";
      readonly message: string;
    }
  | { readonly code: "CLIENT_SLOWED"; readonly message: string };

export interface GuardOptions {
  readonly env: Env;
  readonly packetBytesMax: number;
  readonly packetSeconds: number;
  readonly bucket: TokenBucket;
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
 * over its rate or the disk is behind (so TCP slows the sender down), and ends the connection at a packet that
 * announces too much or never ends.
 */
export class GuardedConnection extends Duplex {
  readonly #socket: Socket;
  readonly #options: GuardOptions;
  readonly #scanner: FrameScanner;
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
    this.#scanner = new FrameScanner(options.packetBytesMax);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
    socket.pause();
  }

  get remote(): string {
    return `${this.#socket.remoteAddress ?? "?"}:${this.#socket.remotePort ?? 0}`;
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
    } else if (now - this.#packetBegan.at > this.#options.packetSeconds * 1000) {
      const message = `a packet was begun and did not end within ${this.#options.packetSeconds} s`;
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
    return !this.#isWanted || this.#rateTimer !== undefined || this.#stopWaiting !== undefined;
  }

  #receive(chunk: Buffer): void {
    const { bucket, env, largePackets } = this.#options;
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
    const wait = bucket.take(this.#scanner.packets - before, env.monotonic());
    if (wait > 0) this.#holdFor(wait);
    this.#isWanted = this.push(chunk);
    this.#flow();
  }

  #holdFor(ms: number): void {
    this.#options.complain({
      code: "CLIENT_SLOWED",
      message: "the client sends more packets than it may (mqtt.packetsPerSecond): it is read more slowly",
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
