import type { SimulationLink } from "@landfall/proto/api";
import { createServer, Socket, type Server } from "node:net";
import { LINK_CONNECTIONS_MAX, LINK_DIAL_MS_MAX } from "../limits.js";
import { SimulatorError } from "../errors.js";
import { uniform } from "../random.js";
import { Pipe } from "./pipe.js";
import { lossDelayMs, type Shape } from "./shaper.js";

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

/**
 * A link between two sites as a TCP proxy: who dials the one end is connected to the other, through a line of a
 * certain latency, bandwidth and loss. A link that is down destroys its connections and refuses new ones at once; one
 * that is half-open keeps and accepts connections and swallows every byte, as a path does whose far end has gone.
 */
export class LinkProxy {
  private readonly server: Server;
  private readonly pairs = new Set<Pair>();
  private current: LinkState = "down";
  private drawn = 0;
  private bytesCount = 0;

  constructor(
    private readonly listenAt: HostPort,
    private readonly target: HostPort,
    private shape: Shape,
    /** Losses are the same every time for the same seed. */
    private readonly seed = 0,
  ) {
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.accept(socket));
  }

  /** @throws SimulatorError PORT_IN_USE */
  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(this.listenAt.port, this.listenAt.host, resolve);
    }).catch((error: NodeJS.ErrnoException) => {
      const where = `${this.listenAt.host}:${this.listenAt.port}`;
      throw new SimulatorError("PORT_IN_USE", `a link cannot listen on ${where}: ${error.message}`, { cause: error });
    });
    const address = this.server.address();
    return typeof address === "object" && address !== null ? address.port : this.listenAt.port;
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

  /** Bytes that came out at either end since the start. */
  get bytes(): number {
    return this.bytesCount;
  }

  private readonly random = (): number => uniform(this.seed, this.drawn++);

  private accept(near: Socket): void {
    // Handlers first: a reset socket reports an error that nobody else would hear.
    near.on("error", () => undefined);
    if (this.current === "down" || this.pairs.size >= LINK_CONNECTIONS_MAX) {
      near.resetAndDestroy();
      return;
    }
    const far = new Socket({ allowHalfOpen: true });
    for (const socket of [near, far]) socket.setNoDelay(true);
    const shape = (): Shape => this.shape;
    const count = (bytes: number): void => void (this.bytesCount += bytes);
    const pair: Pair = {
      sockets: [near, far],
      pipes: [new Pipe(near, far, shape, this.random, count), new Pipe(far, near, shape, this.random, count)],
    };
    this.pairs.add(pair);
    if (this.current === "half-open") {
      for (const pipe of pair.pipes) pipe.swallow();
      near.on("close", () => this.drop(pair));
      return;
    }
    // The first packet of a connection may be lost as well: one that was dialled later may be there earlier.
    near.pause();
    const dial = (): void => {
      far.connect(this.target);
      near.resume();
    };
    const lateMs = lossDelayMs(0, this.shape, this.random);
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
