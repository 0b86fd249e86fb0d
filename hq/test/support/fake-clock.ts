import { systemEnv, type Env } from "@landfall/streams/env";

/** The system's clock, put forward or stopped by a test; timers stay the system's. */
export class FakeClock implements Env {
  private aheadMs = 0;
  private stoppedAt: Pick<Env, "now" | "monotonic"> = systemEnv;
  forward(ms: number): void {
    this.aheadMs += ms;
  }
  /** From here on it goes only as far as it is put forward. */
  stop(): void {
    const [now, monotonic] = [systemEnv.now(), systemEnv.monotonic()];
    this.stoppedAt = { now: () => now, monotonic: () => monotonic };
  }
  now(): number {
    return this.stoppedAt.now() + this.aheadMs;
  }
  monotonic(): number {
    return this.stoppedAt.monotonic() + this.aheadMs;
  }
  random(): number {
    return systemEnv.random();
  }
  setTimer(ms: number, fn: () => void) {
    return systemEnv.setTimer(ms, fn);
  }
}
