import { connect, createServer, type Server, type Socket } from "node:net";
import { LINK_CONNECTIONS_MAX, LINK_DIAL_MS_MAX } from "../limits.js";
import { SimulatorError } from "../errors.js";
import { Pipe } from "./pipe.js";
import type { Shape } from "./shaper.js";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

interface Pair {
  readonly sockets: readonly [Socket, Socket];
  readonly pipes: readonly [Pipe, Pipe];
}

/**
 * A link between two sites as a TCP proxy: who dials the one end is connected to the other, through a line of a
 * certain latency and bandwidth. A link that is down destroys its connections and refuses new ones at once.
 */
export class LinkProxy {
  private readonly server: Server;
  private readonly pairs = new Set<Pair>();
  private isUp = false;
  private bytesCount = 0;

  constructor(
    private readonly listenAt: HostPort,
    private readonly target: HostPort,
    private shape: Shape,
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
    this.setUp(false);
    if (!this.server.listening) return;
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  setUp(up: boolean): void {
    this.isUp = up;
    if (!up) for (const pair of Array.from(this.pairs)) this.drop(pair);
  }

  setShape(shape: Shape): void {
    this.shape = shape;
  }

  get up(): boolean {
    return this.isUp;
  }

  get connections(): number {
    return this.pairs.size;
  }

  /** Bytes that came out at either end since the start. */
  get bytes(): number {
    return this.bytesCount;
  }

  private accept(near: Socket): void {
    // Handlers first: a reset socket reports an error that nobody else would hear.
    near.on("error", () => undefined);
    if (!this.isUp || this.pairs.size >= LINK_CONNECTIONS_MAX) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ ...this.target, allowHalfOpen: true });
    for (const socket of [near, far]) socket.setNoDelay(true);
    const shape = (): Shape => this.shape;
    const count = (bytes: number): void => void (this.bytesCount += bytes);
    const pair: Pair = {
      sockets: [near, far],
      pipes: [new Pipe(near, far, shape, count), new Pipe(far, near, shape, count)],
    };
    this.pairs.add(pair);
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
    for (const pipe of pair.pipes) pipe.stop();
    for (const socket of pair.sockets) if (!socket.destroyed) socket.resetAndDestroy();
  }
}
