import type { LandfallError } from "../model/errors.js";

interface Waiting {
  readonly of: string;
  readonly bytes: number;
  begin(): void;
  reject(error: LandfallError): void;
}

/**
 * Bytes under way, up to a bound; what is larger goes alone. What does not fit waits in one line, and each piece begins in the turn
 * in which those before it make room: nothing overtakes.
 */
export class Room {
  /** Of what is within. */
  bytes = 0;
  private readonly line: Waiting[] = [];
  private ended: LandfallError | undefined;

  constructor(private readonly bytesMax: number) {}

  /** Of what waits to be let in. */
  get waitingBytes(): number {
    return this.line.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Whether a piece of this size would begin at once. */
  isFree(bytes: number): boolean {
    return this.line.length === 0 && this.fits(bytes);
  }

  /**
   * Begins the work when there is room for it, at once if there is, and keeps the room until it is over.
   * @param of what belongs together: see `drop`
   * @throws LandfallError what the room ended with, or what was dropped was dropped with; and what the work throws
   */
  with<T>(of: string, bytes: number, work: () => Promise<T>): Promise<T> {
    if (this.ended !== undefined) return Promise.reject(this.ended);
    if (this.isFree(bytes)) return this.enter(bytes, work);
    return new Promise((resolve, reject) => {
      this.line.push({ of, bytes, begin: () => resolve(this.enter(bytes, work)), reject });
    });
  }

  /** What waits in the line of these will not begin: something before it has come to nothing. */
  drop(of: string, error: LandfallError): void {
    const dropped = this.line.filter((piece) => piece.of === of);
    if (dropped.length === 0) return;
    this.line.splice(0, Infinity, ...this.line.filter((piece) => piece.of !== of));
    for (const piece of dropped) piece.reject(error);
    this.admit();
  }

  /** Nothing that waits in the line will begin. */
  dropAll(error: LandfallError): void {
    for (const piece of this.line.splice(0)) piece.reject(error);
  }

  /** Nothing begins from now on. */
  end(error: LandfallError): void {
    this.ended ??= error;
    for (const piece of this.line.splice(0)) piece.reject(this.ended);
  }

  private async enter<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    this.bytes += bytes;
    try {
      return await work();
    } finally {
      this.bytes -= bytes;
      this.admit();
    }
  }

  private admit(): void {
    for (let next = this.line[0]; next !== undefined && this.fits(next.bytes); next = this.line[0]) {
      this.line.shift();
      next.begin();
    }
  }

  private fits(bytes: number): boolean {
    return this.bytes === 0 || this.bytes + bytes <= this.bytesMax;
  }
}
