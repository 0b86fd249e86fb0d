/** What a link does to bytes: when each piece comes out at the other end. Pure; the clock is handed in. */

export interface Shape {
  /** One way, added to every byte. */
  readonly latencyMs: number;
  /** Kilobits per second in each direction; 0 is unlimited. */
  readonly kbps: number;
}

/**
 * One direction of a link. The line sends one piece after the other at its bandwidth; each then takes the latency.
 * Pieces never overtake each other, also when the shape changes while they are under way.
 */
export class Line {
  private freeAtMs = 0;
  private lastOutMs = 0;

  /** Takes a piece at `nowMs`; returns when it comes out. */
  send(bytes: number, nowMs: number, shape: Shape): number {
    const start = Math.max(nowMs, this.freeAtMs);
    this.freeAtMs = shape.kbps > 0 ? start + (bytes * 8) / shape.kbps : start;
    this.lastOutMs = Math.max(this.lastOutMs, this.freeAtMs + shape.latencyMs);
    return this.lastOutMs;
  }
}

/** Largest piece that keeps a slow line smooth: 20 ms of it, within bounds. */
export function pieceBytes(kbps: number, bytesMax: number): number {
  if (kbps <= 0) return bytesMax;
  return Math.max(512, Math.min(bytesMax, Math.floor((kbps / 8) * 20)));
}

/** Bytes that may be under way before the sender is paused: what the line holds, and a quarter of a second more. */
export function bufferBytes(shape: Shape, bytesMin: number, bytesMax: number): number {
  if (shape.kbps <= 0) return bytesMax;
  return Math.max(bytesMin, Math.min(bytesMax, Math.ceil((shape.kbps / 8) * (shape.latencyMs + 250))));
}
