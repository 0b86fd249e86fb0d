import type { Socket } from "node:net";
import { LINK_BUFFER_BYTES_MIN, LINK_PIECE_BYTES_MAX } from "./link-proxy-limits.js";
import { bufferBytes, Line, pieceBytes, type Shape } from "./shaper.js";

/** What a pipe is told by the link that it is part of. */
export interface PipeOptions {
  readonly shape: () => Shape;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly bufferBytesMax: number;
  /** Bytes that came in, whether or not they come out. */
  readonly tookIn: (bytes: number) => void;
  readonly letOut: (bytes: number) => void;
  /** While true, what comes in is lost. */
  readonly isHeld: () => boolean;
}

interface Piece {
  readonly data: Buffer;
  readonly outMs: number;
}

/** One direction of one connection: reads from a socket, writes to the other as the line lets bytes out. */
export class Pipe {
  private readonly line: Line;
  private pieces: Piece[] = [];
  private head = 0;
  private bufferedBytes = 0;
  private timer: NodeJS.Timeout | undefined;
  private ended = false;
  private blocked = false;
  private swallowing = false;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    private readonly options: PipeOptions,
  ) {
    this.line = new Line(options.random);
    from.on("data", (data: Buffer) => {
      options.tookIn(data.length);
      if (!this.swallowing && !options.isHeld()) this.take(data);
    });
    from.on("end", () => {
      this.ended = true;
      if (!this.swallowing) this.flush();
    });
    to.on("drain", () => {
      this.blocked = false;
      this.flush();
    });
  }

  /** From now on nothing comes out any more, not even the end; the sender is none the wiser. */
  swallow(): void {
    this.swallowing = true;
    this.stop();
    this.from.resume();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.pieces = [];
    this.head = 0;
  }

  private take(data: Buffer): void {
    const shape = this.options.shape();
    const size = pieceBytes(shape.kbps, LINK_PIECE_BYTES_MAX);
    const now = performance.now();
    for (let at = 0; at < data.length; at += size) {
      const piece = data.subarray(at, at + size);
      this.pieces.push({ data: piece, outMs: this.line.send(piece.length, now, shape) });
    }
    this.bufferedBytes += data.length;
    if (this.isFull()) this.from.pause();
    this.flush();
  }

  private flush(): void {
    clearTimeout(this.timer);
    const now = performance.now();
    for (let next = this.pieces[this.head]; next !== undefined && !this.blocked; next = this.pieces[this.head]) {
      if (next.outMs > now) {
        // Whole milliseconds: a timer is no finer, and rounding up keeps the promise of the latency.
        this.timer = setTimeout(() => this.flush(), Math.ceil(next.outMs - now));
        return;
      }
      this.head++;
      this.bufferedBytes -= next.data.length;
      this.options.letOut(next.data.length);
      if (!this.to.destroyed && !this.to.write(next.data)) this.blocked = true;
    }
    if (this.head > 512) {
      this.pieces = this.pieces.slice(this.head);
      this.head = 0;
    }
    if (!this.isFull() && this.from.isPaused()) this.from.resume();
    if (this.ended && this.head === this.pieces.length && !this.to.destroyed) this.to.end();
  }

  private isFull(): boolean {
    return this.bufferedBytes >= bufferBytes(this.options.shape(), LINK_BUFFER_BYTES_MIN, this.options.bufferBytesMax);
  }
}
