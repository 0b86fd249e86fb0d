/** What a link does to bytes: when each piece comes out at the other end. Pure; the clock is handed in. */

export interface Shape {
  /** One way, added to every byte. */
  readonly latencyMs: number;
  /** Kilobits per second in each direction; 0 is unlimited. */
  readonly kbps: number;
  /** Share of the packets that are lost, %. TCP sends them again, and what came after them waits. */
  readonly lossPct: number;
  /** What is under way takes up to so much longer, by chance: connections overtake each other, bytes of one never do. */
  readonly jitterMs?: number;
}

/** Payload of one packet on an ethernet. */
const PACKET_BYTES = 1_460;
/** TCP does not wait less than this for an acknowledgement (Linux: TCP_RTO_MIN). */
const RETRANSMIT_MS_MIN = 200;
/** In a row, of one packet: beyond this a real connection would soon be given up. */
const LOSSES_MAX = 6;

/**
 * What losses add to the way of so many bytes: a packet that is lost is sent again after a round trip, the second
 * time after two, then four; packets that are under way together are sent again together.
 */
export function lossDelayMs(bytes: number, { latencyMs, lossPct }: Shape, random: () => number): number {
  const packets = Math.max(1, Math.ceil(bytes / PACKET_BYTES));
  let share = 1 - (1 - lossPct / 100) ** packets;
  let wait = Math.max(RETRANSMIT_MS_MIN, 2 * latencyMs);
  let delay = 0;
  for (let losses = 0; losses < LOSSES_MAX && random() < share; losses++) {
    delay += wait;
    wait *= 2;
    share = lossPct / 100;
  }
  return delay;
}

/** Draws nothing where there is no jitter, so that the same seed then loses the same packets. */
export function jitterDelayMs({ jitterMs = 0 }: Shape, random: () => number): number {
  return jitterMs > 0 ? jitterMs * random() : 0;
}

/**
 * One direction of a link. The line sends one piece after the other at its bandwidth; each then takes the latency.
 * Pieces never overtake each other, also when the shape changes while they are under way.
 */
export class Line {
  private freeAtMs = 0;
  private lastOutMs = 0;

  /** @param random uniform in [0, 1), for losses and jitter */
  constructor(private readonly random: () => number) {}

  /** Takes a piece at `nowMs`; returns when it comes out. */
  send(bytes: number, nowMs: number, shape: Shape): number {
    const start = Math.max(nowMs, this.freeAtMs);
    this.freeAtMs = shape.kbps > 0 ? start + (bytes * 8) / shape.kbps : start;
    const lateMs = lossDelayMs(bytes, shape, this.random) + jitterDelayMs(shape, this.random);
    this.lastOutMs = Math.max(this.lastOutMs, this.freeAtMs + shape.latencyMs + lateMs);
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
