import type { Message } from "./machine-state.js";

export interface KeepaliveTuning {
  /** Between two pings. */
  readonly pingMs: number;
  /** Without any frame for so long a link is half-open and closed. */
  readonly silenceMs: number;
  /**
   * On a link whose bytes are counted, between two pings of the dialler while nothing else is sent: what is sent and not
   * answered is asked after `pingMs`, and a link on which there is no answer to that is closed as any other.
   */
  readonly idlePingMs?: number;
}

/** When a link is to be pinged, and when it counts as dead. Times in ms of a monotonic clock. */
export class Keepalive {
  private heardAt: number;
  private pingAt: number;
  /** Since when an answer is waited for. */
  private asking: number | undefined;

  constructor(
    private readonly tuning: KeepaliveTuning,
    private readonly dialled: boolean,
    now: number,
  ) {
    this.heardAt = now;
    this.pingAt = now;
  }

  heard(now: number): void {
    this.heardAt = now;
    this.asking = undefined;
    if (this.tuning.idlePingMs !== undefined) this.pingAt = now + this.tuning.idlePingMs;
  }

  sent({ $case }: Message, now: number): void {
    const { idlePingMs, pingMs } = this.tuning;
    if ($case === "ping") this.pingAt = now + (idlePingMs ?? pingMs);
    const isAnswered = $case === "ping" || $case === "request" || $case === "data" || $case === "sealed";
    if (!isAnswered || this.asking !== undefined) return;
    this.asking = now;
    if (idlePingMs !== undefined && $case !== "ping") this.pingAt = now + pingMs;
  }

  isPingDue(now: number): boolean {
    const isOurs = this.tuning.idlePingMs === undefined || this.dialled || this.asking !== undefined;
    return isOurs && now >= this.pingAt;
  }

  /** For how long nothing was heard, when that is too long; in ms. */
  silence(now: number): number | undefined {
    const { silenceMs, idlePingMs } = this.tuning;
    const silent = now - this.heardAt;
    if (idlePingMs === undefined) return silent > silenceMs ? silent : undefined;
    const asked = this.asking === undefined ? 0 : now - this.asking;
    return asked > silenceMs || silent > 2 * idlePingMs ? silent : undefined;
  }
}
