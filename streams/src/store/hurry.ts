import type { Env, TimerHandle } from "../env.js";

/** Between two blocks of a backlog that goes over a slow link, less than this passes. */
const HURRY_MS = 10_000;

/** Whether a peer is being sent sealed runs, or was a moment ago: what it waits for goes first, what can wait, waits. */
export class Hurry {
  private until = -Infinity;
  private timer: TimerHandle | undefined;

  /** @param over called when it is over */
  constructor(
    private readonly env: Env,
    private readonly over: () => void,
  ) {}

  get isOn(): boolean {
    return this.env.monotonic() < this.until;
  }

  /** Somebody asks. */
  extend(): void {
    this.until = this.env.monotonic() + HURRY_MS;
    this.timer ??= this.env.setTimer(HURRY_MS, () => this.look());
  }

  close(): void {
    this.timer?.cancel();
    this.until = -Infinity;
  }

  private look(): void {
    this.timer = undefined;
    const rest = this.until - this.env.monotonic();
    if (rest > 0) this.timer = this.env.setTimer(rest, () => this.look());
    else this.over();
  }
}
