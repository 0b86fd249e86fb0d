import { FRAME_BYTES_MAX } from "./wire-limits.js";

/** What bounds the window of one link, bytes. */
export interface WindowBounds {
  readonly windowBytesMin: number;
  /** Where it begins, before anything is known of the link. */
  readonly windowBytes: number;
  readonly windowBytesMax: number;
  /** Rate that such a link is taken to have until it is measured; a long link begins with more than `windowBytes` then. */
  readonly startBytesPerMs?: number;
}

/** How much of the product of rate and delay may be under way: a little more than what fills the link. */
const FILL = 1.5;
/** The fastest of so many measurements counts. */
const RATES_KEPT = 8;
/** Shorter measurements say little. */
const MEASURE_MS_MIN = 20;
/** The smallest of so many round trips counts: the others waited behind data. */
const ROUND_TRIPS_KEPT = 30;
/** When all of them are so much longer than the shortest ever, either the link is longer now or all of them waited. */
const SUSPICIOUS = 1.25;
/** To tell, the window is at its narrowest until what was given before has come, and so many more are measured then. */
const ROUND_TRIPS_OF_PROBE = 3;
/** Longer than this no link is taken to be before it is measured: whoever answered so late was busy. */
const START_ROUND_TRIP_MS_MAX = 750;

/**
 * How many bytes may be under way to this site over one link and not be on disk yet: about one and a half times its
 * rate × delay, as both are measured. Less would leave the link idle; more only makes what is urgent wait behind what is
 * not (16 KiB on 1 Mbit/s are 134 ms, 1 MiB is 9 s). While the window itself is the limit, each measurement finds the rate
 * that it allows, and it grows by half.
 */
export class CreditWindow {
  /** Bytes that may be under way. */
  bytes: number;
  /** Credit that was given and has not come back as committed bytes. */
  private given = 0;
  /** Bytes that arrived and are not committed yet. */
  private pending = 0;
  private readonly rates: number[] = [];
  private readonly roundTrips: number[] = [];
  private shortestEver = Infinity;
  /** Round trips that are still to come with the window at its narrowest. */
  private probing = 0;
  /** Since when no more is under way than the narrowest window: what was asked before may have waited. */
  private narrowSince: number | undefined;
  private commitMs = 0;
  private measuredFrom: number | undefined;
  private measuredBytes = 0;

  /** @param roundTripMs about how long, where something is known of it */
  constructor(
    private readonly bounds: WindowBounds,
    roundTripMs = 0,
  ) {
    this.bytes = bounds.windowBytes;
    this.beginWith(roundTripMs);
  }

  /** Everything that arrived is on disk: the peer has all the credit that there is. */
  get isOpen(): boolean {
    return this.pending === 0;
  }

  /** @returns bytes of credit to begin with */
  begin(): number {
    return this.give();
  }

  /** @param ms from a ping to its answer, which came at `now` (ms of any monotonic clock) */
  roundTrip(ms: number, now: number): void {
    this.roundTrips.push(ms);
    if (this.roundTrips.length > ROUND_TRIPS_KEPT) this.roundTrips.shift();
    this.shortestEver = Math.min(this.shortestEver, ms);
    if (this.rates.length === 0) this.beginWith(this.shortestEver);
    if (this.probing > 0) {
      const isNarrow = this.narrowSince !== undefined && now - ms >= this.narrowSince;
      const isIdle = this.measuredFrom === undefined;
      if (!isNarrow && !isIdle) return;
      this.probing--;
      if (this.probing > 0) return;
      this.roundTrips.splice(0, this.roundTrips.length - ROUND_TRIPS_OF_PROBE);
      this.shortestEver = Math.min(...this.roundTrips);
      this.follow();
    } else if (
      this.roundTrips.length === ROUND_TRIPS_KEPT &&
      Math.min(...this.roundTrips) > this.shortestEver * SUSPICIOUS
    ) {
      this.probing = ROUND_TRIPS_OF_PROBE;
      this.narrowSince = undefined;
      this.bytes = this.bounds.windowBytesMin;
    }
  }

  /**
   * Bytes arrived. Whoever had credit for a part of a block may have sent all of it.
   * @returns false when the peer had no credit for them
   */
  took(bytes: number): boolean {
    this.pending += bytes;
    return this.pending <= this.given + FRAME_BYTES_MAX;
  }

  /**
   * Bytes arrived at `now` (ms of any monotonic clock).
   * @param more whether the sender has more: an idle link says nothing about its rate
   */
  arrived(bytes: number, now: number, more: boolean): void {
    if (this.measuredFrom === undefined) {
      // Before these bytes, nothing was under way: the clock starts when they are here.
      if (more) this.measuredFrom = now;
      return;
    }
    this.measuredBytes += bytes;
    const took = now - this.measuredFrom;
    if (took >= Math.max(MEASURE_MS_MIN, this.delayMs)) this.measured(this.measuredBytes / took, now);
    if (!more) this.measuredFrom = undefined;
  }

  /**
   * Bytes that had arrived are on disk at `now`, `tookMs` later.
   * @returns bytes of credit to give for them, 0 for none
   */
  committed(bytes: number, tookMs: number, now: number): number {
    this.commitMs += (tookMs - this.commitMs) / 8;
    this.given -= bytes;
    this.pending -= bytes;
    if (this.probing > 0 && this.given <= this.bytes) this.narrowSince ??= now;
    return this.give();
  }

  /**
   * Bytes that had arrived are not wanted any more.
   * @returns bytes of credit to give for them
   */
  dropped(bytes: number): number {
    this.given -= bytes;
    this.pending -= bytes;
    return this.give();
  }

  private get delayMs(): number {
    return (this.roundTrips.length === 0 ? 0 : Math.min(...this.roundTrips)) + this.commitMs;
  }

  private measured(bytesPerMs: number, now: number): void {
    this.measuredFrom = now;
    this.measuredBytes = 0;
    // What comes through the narrowest window says nothing about the link.
    if (this.probing > 0) return;
    this.rates.push(bytesPerMs);
    if (this.rates.length > RATES_KEPT) this.rates.shift();
    this.follow();
  }

  private beginWith(roundTripMs: number): void {
    const { windowBytes, windowBytesMax, startBytesPerMs = 0 } = this.bounds;
    const wanted = FILL * startBytesPerMs * Math.min(roundTripMs, START_ROUND_TRIP_MS_MAX);
    this.bytes = Math.round(Math.min(Math.max(wanted, windowBytes), windowBytesMax));
  }

  private follow(): void {
    const { windowBytesMin, windowBytesMax } = this.bounds;
    if (this.roundTrips.length === 0 || this.rates.length === 0) return;
    const wanted = FILL * Math.max(...this.rates) * this.delayMs;
    this.bytes = Math.round(Math.min(Math.max(wanted, windowBytesMin), windowBytesMax));
  }

  private give(): number {
    const credit = Math.max(0, this.bytes - this.given);
    this.given += credit;
    return credit;
  }
}
