import { createServer, Socket, type Server } from "node:net";
import type { SimulationLink } from "../api.js";
import { LINK_BUFFER_BYTES_MAX, LINK_CONNECTIONS_MAX, LINK_DIAL_MS_MAX } from "./link-proxy-limits.js";
import { Pipe, type PipeOptions } from "./pipe.js";
import { jitterDelayMs, lossDelayMs, type Shape } from "./shaper.js";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

interface Pair {
  readonly sockets: readonly [Socket, Socket];
  readonly pipes: readonly [Pipe, Pipe];
  dial?: NodeJS.Timeout;
}

export type LinkState = SimulationLink["state"];

/** The way to who dialled, or to who listens at the far end. */
export type LinkDirection = "to-dialler" | "to-listener";

export interface LinkProxyOptions {
  readonly listen: HostPort;
  readonly target: HostPort;
  readonly shape: Shape;
  /** Uniform in [0, 1): which packets are lost, and how late others are. Seeded, so that it can be repeated. */
  readonly random: () => number;
  /** Bytes under way in one direction of a connection before its sender is paused; by default LINK_BUFFER_BYTES_MAX. */
  readonly bufferBytesMax?: number;
  /** At a time; by default LINK_CONNECTIONS_MAX, which is more than two sites have. */
  readonly connectionsMax?: number;
}

/**
 * A link between two sites as a TCP proxy, for the demo and for tests: who dials the one end is connected to the other, through a line of a
 * certain latency, bandwidth, loss and jitter. A link that is down destroys its connections and refuses new ones at once; one
 * that is half-open keeps and accepts connections and swallows every byte, as a path does whose far end has gone.
 */
export class LinkProxy {
  private readonly server: Server;
  private readonly pairs = new Set<Pair>();
  private readonly held = new Set<LinkDirection>();
  private current: LinkState = "down";
  private shape: Shape;
  private readonly inBytes = { "to-dialler": 0, "to-listener": 0 };
  private readonly outBytes = { "to-dialler": 0, "to-listener": 0 };

  constructor(private readonly options: LinkProxyOptions) {
    this.shape = options.shape;
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.accept(socket));
  }

  /** Returns the port, which the system chose where 0 was asked for. @throws Error when it cannot listen there */
  async listen(): Promise<number> {
    const { host, port } = this.options.listen;
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(port, host, resolve);
    });
    const address = this.server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  async close(): Promise<void> {
    this.setState("down");
    if (!this.server.listening) return;
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  setState(state: LinkState): void {
    if (state === this.current) return;
    const wasHalfOpen = this.current === "half-open";
    this.current = state;
    for (const pair of Array.from(this.pairs)) {
      if (state === "half-open") for (const pipe of pair.pipes) pipe.swallow();
      // Of what was swallowed nothing can be sent again: such a connection is of no use any more.
      else if (state === "down" || wasHalfOpen) this.drop(pair);
    }
  }

  setShape(shape: Shape): void {
    this.shape = shape;
  }

  get state(): LinkState {
    return this.current;
  }

  get connections(): number {
    return this.pairs.size;
  }

  /** From now on what is sent in this direction is lost, over all connections; what was under way arrives. */
  hold(direction: LinkDirection): void {
    this.held.add(direction);
  }

  /** Ends every `hold`, for what comes from now on. */
  release(): void {
    this.held.clear();
  }

  /** Destroys what is connected; new connections are treated as before. */
  cut(): void {
    for (const pair of Array.from(this.pairs)) this.drop(pair);
  }

  /** Bytes that came out at either end since the start. */
  get bytes(): number {
    return this.bytesOut("to-dialler") + this.bytesOut("to-listener");
  }

  bytesOut(direction: LinkDirection): number {
    return this.outBytes[direction];
  }

  /** Bytes that went in, whatever became of them. */
  bytesIn(direction: LinkDirection): number {
    return this.inBytes[direction];
  }

  private pipeOptions(direction: LinkDirection): PipeOptions {
    return {
      shape: () => this.shape,
      random: this.options.random,
      bufferBytesMax: this.options.bufferBytesMax ?? LINK_BUFFER_BYTES_MAX,
      tookIn: (bytes) => void (this.inBytes[direction] += bytes),
      letOut: (bytes) => void (this.outBytes[direction] += bytes),
      isHeld: () => this.held.has(direction),
    };
  }

  private accept(near: Socket): void {
    // Handlers first: a reset socket reports an error that nobody else would hear.
    near.on("error", () => undefined);
    const { connectionsMax = LINK_CONNECTIONS_MAX } = this.options;
    if (this.current === "down" || this.pairs.size >= connectionsMax) {
      near.resetAndDestroy();
      return;
    }
    const far = new Socket({ allowHalfOpen: true });
    for (const socket of [near, far]) socket.setNoDelay(true);
    const pair: Pair = {
      sockets: [near, far],
      pipes: [
        new Pipe(near, far, this.pipeOptions("to-listener")),
        new Pipe(far, near, this.pipeOptions("to-dialler")),
      ],
    };
    this.pairs.add(pair);
    if (this.current === "half-open") {
      for (const pipe of pair.pipes) pipe.swallow();
      near.on("close", () => this.drop(pair));
      return;
    }
    // The first packet of a connection may be lost as well: one that was dialled later may be there earlier.
    near.pause();
    const { random, target } = this.options;
    const dial = (): void => {
      far.connect(target);
      near.resume();
    };
    const lateMs = lossDelayMs(0, this.shape, random) + jitterDelayMs(this.shape, random);
    if (lateMs > 0) pair.dial = setTimeout(dial, lateMs);
    else dial();
    far.setTimeout(LINK_DIAL_MS_MAX, () => this.drop(pair));
    far.once("connect", () => far.setTimeout(0));
    far.on("error", () => this.drop(pair));
    near.on("error", () => this.drop(pair));
    // One side may still be flushing into the other after it has closed; but it gets no longer than a dial.
    const closed = (other: Socket): void => {
      if (other.destroyed || near.errored !== null || far.errored !== null) this.drop(pair);
      else other.setTimeout(LINK_DIAL_MS_MAX, () => this.drop(pair));
    };
    near.on("close", () => closed(far));
    far.on("close", () => closed(near));
  }

  private drop(pair: Pair): void {
    if (!this.pairs.delete(pair)) return;
    clearTimeout(pair.dial);
    for (const pipe of pair.pipes) pipe.stop();
    for (const socket of pair.sockets) {
      // One that was never connected has nothing to reset.
      if (socket.pending) socket.destroy();
      else if (!socket.destroyed) socket.resetAndDestroy();
    }
  }
}
