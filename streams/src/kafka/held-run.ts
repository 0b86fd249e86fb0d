import type { OriginId } from "../model/names.js";
import type { SealedRun } from "../store/store.js";

/**
 * A sealed run that is handed on to Kafka, and whose records the local store does not take from there one by one: once Kafka has
 * acknowledged all of them, it takes the run itself, as its origin sealed it. Until then no position behind its first record is
 * written down: after a crash, or when this is given up, its records are read from Kafka like anybody's.
 */
export class HeldRun {
  /** Kafka's offset from which on its records may stand; undefined while none of them has been passed. */
  from: number | undefined;
  /** Whether the local store has the run; false when it will take its records from Kafka after all. */
  readonly ended: Promise<boolean>;
  /** Its records are in the local store one way or the other, or nobody waits any more. */
  readonly settled: Promise<void>;
  private outcome: boolean | undefined;
  private resolveEnded: (isInstalled: boolean) => void = () => undefined;
  private resolveSettled: () => void = () => undefined;

  /** @param term of what this node brings, see `SiteLog.term` */
  constructor(
    readonly run: SealedRun,
    readonly term: number,
  ) {
    this.ended = new Promise((resolve) => (this.resolveEnded = resolve));
    this.settled = new Promise((resolve) => (this.resolveSettled = resolve));
  }

  get isOpen(): boolean {
    return this.outcome === undefined;
  }

  get isGivenUp(): boolean {
    return this.outcome === false;
  }

  isOf(origin: OriginId): boolean {
    return this.run.origin === origin;
  }

  /** Whether the origin's seqs [from, to) are among the run's. */
  covers(from: number, to: number): boolean {
    return from >= this.run.from && to <= this.run.to;
  }

  end(isInstalled: boolean): void {
    this.outcome ??= isInstalled;
    this.resolveEnded(this.outcome);
  }

  settle(): void {
    this.resolveSettled();
  }
}
