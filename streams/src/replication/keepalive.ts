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

/** With more than this heard since the last ping, the link's length matters: it is measured at the class's rhythm. */
const BUSY_BYTES = 4 * 1024;
/** On a quiet link where something is heard anyway, it is measured so often. */
const QUIET_PINGS = 10;

/** When a link is to be pinged, and when it counts as dead. Times in ms of a monotonic clock. */
export class Keepalive {
  private heardAt: number;
  private pingAt: number;
  /** The ping that is due whatever is heard. */
  private measureAt: number;
  private heardBytes = 0;
  /** Since when an answer is waited for. */
  private asking: number | undefined;

  constructor(
    private readonly tuning: KeepaliveTuning,
    private readonly dialled: boolean,
    now: number,
  ) {
    this.heardAt = now;
    this.pingAt = now;
    this.measureAt = now;
  }

  heard(now: number, bytes: number): void {
    this.heardAt = now;
    this.heardBytes += bytes;
    this.asking = undefined;
    if (this.tuning.idlePingMs !== undefined) this.pingAt = now + this.tuning.idlePingMs;
  }

  sent({ $case }: Message, now: number): void {
    const { idlePingMs, pingMs } = this.tuning;
    if ($case === "ping") {
      this.pingAt = now + (idlePingMs ?? pingMs);
      this.measureAt = now + QUIET_PINGS * pingMs;
      this.heardBytes = 0;
    }
    const isAnswered = $case === "ping" || $case === "request" || $case === "data" || $case === "sealed";
    if (!isAnswered || this.asking !== undefined) return;
    this.asking = now;
    if (idlePingMs !== undefined && $case !== "ping") this.pingAt = now + pingMs;
  }

  isPingDue(now: number): boolean {
    const { idlePingMs, pingMs } = this.tuning;
    if (now < this.pingAt) return false;
    if (idlePingMs !== undefined) return this.dialled || this.asking !== undefined;
    return now - this.heardAt >= pingMs || this.heardBytes >= BUSY_BYTES || now >= this.measureAt;
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
