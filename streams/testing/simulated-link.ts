import { CONNECTION_BYTES } from "../src/replication/budget/wire-bytes.js";
import { METERED_BLOCK_BYTES } from "../src/replication/link-classes.js";
import type { LinkTuning } from "../src/replication/machine-state.js";
import type { SimulatedBudget } from "./simulated-budget.js";
import { RECORD_BYTES, SimConnection, type Direction } from "./simulated-connection.js";
import type { SimSite } from "./simulated-site.js";
import type { SimulatedFleet } from "./simulated-fleet.js";

const RECORDS_PER_BLOCK = 64;
/** A dialler that does not know yet whether its last connection is over looks again after so long. */
const RETRY_MS = 50;
/** An echo of a connection is heard for this long at most. */
const ECHO_MS_MAX = 4_000;

const TUNING: LinkTuning = {
  cost: 1,
  stallMs: 600,
  claimMs: 10_000,
  stopMs: 4_000,
  windowBytes: 64 * 1024,
  windowBytesMin: 16 * 1024,
  windowBytesMax: 1024 * 1024,
  blockBytes: RECORDS_PER_BLOCK * RECORD_BYTES,
  announceMs: 1_000,
  gapMs: 300,
};

/** What the network does to frames within a connection, which TCP never does: how likely each is for one frame. */
export interface Mangling {
  readonly doubled: number;
  /** Others overtake it. */
  readonly late: number;
}

/** The way between two sites: `a` dials, and there is one connection after the other. */
export class SimLink {
  /** Records that crossed it. */
  records = 0;
  wanted = true;
  /** While the network is out of order here. */
  mangling: Mangling | undefined;
  /** The last one that the dialler opened, and that the listener has: not always the same. */
  #dialled: SimConnection | undefined;
  #accepted: SimConnection | undefined;

  constructor(
    readonly fleet: SimulatedFleet,
    readonly a: SimSite,
    readonly b: SimSite,
    readonly latencyMs: number,
    readonly bytesPerMs: number,
    /** What `a` pays for both ways from. */
    readonly budget?: SimulatedBudget,
    /** Does not carry the stream: each side only tells the other how far it has what that one wrote. */
    readonly isNarrow = false,
  ) {}

  get up(): boolean {
    return this.#dialled?.isUp === true;
  }

  /** Whether the connection is one that has lost, doubled or mixed up what it carried. */
  get isSpoilt(): boolean {
    return this.#dialled?.isHalfOpen === true || this.#dialled?.isMangled === true;
  }

  /** Dials, once the dialler knows that its last connection is over. The listener need not know. */
  open(): void {
    if (this.up || !this.wanted || !this.a.up || !this.b.up) return;
    const isOver = this.#dialled?.isOpenAtDialler !== true;
    const asleepMs = Math.max(this.a.sleepsUntil, this.b.sleepsUntil) - this.fleet.time.now;
    if (asleepMs > 0) {
      this.fleet.time.after(asleepMs + RETRY_MS, () => this.open());
      return;
    }
    if (!isOver || this.budget?.ledger.hold(CONNECTION_BYTES, "urgent") === false) {
      this.fleet.time.after(isOver ? 200 : RETRY_MS, () => this.open());
      return;
    }
    this.budget?.cross(CONNECTION_BYTES);
    this.budget?.ledger.settle(CONNECTION_BYTES, CONNECTION_BYTES);
    this.#dialled = new SimConnection(this.fleet.nextConn++, this);
    this.#accept(this.#dialled);
  }

  /** Somebody in between says to the listener again what the dialler has said, over a connection of which that knows nothing. */
  replay(): void {
    const heard = this.#dialled;
    if (heard === undefined || !this.up || this.budget !== undefined) return;
    const echo = new SimConnection(this.fleet.nextConn++, this, true);
    this.#accept(echo);
    heard.replayOver(echo);
    this.fleet.time.after(this.fleet.random() * ECHO_MS_MAX, () => echo.end(this.b));
    this.reopenSoon();
  }

  /** From now on one direction is silent. */
  goHalfOpen(direction: Direction): void {
    this.#dialled?.goHalfOpen(direction);
  }

  cut(): void {
    if (this.up) this.#dialled?.cut();
  }

  reopenSoon(): void {
    this.fleet.time.after(60 + this.fleet.random() * 200, () => this.open());
  }

  /** A listener that is dialled again takes the old connection for lost, whether or not it has noticed. */
  #accept(connection: SimConnection): void {
    this.#accepted?.close(this.b);
    this.#accepted = connection;
    const blockBytes = this.budget === undefined ? TUNING.blockBytes : METERED_BLOCK_BYTES;
    // Whoever pays may have nothing left for today.
    const claimMs = this.budget === undefined ? TUNING.claimMs : Infinity;
    connection.begin({ ...TUNING, blockBytes, claimMs });
  }
}
