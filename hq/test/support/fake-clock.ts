import { systemEnv, type Env } from "@landfall/streams/env";

/** The system's clock, put forward by a test; timers stay the system's. */
export class FakeClock implements Env {
  private aheadMs = 0;
  forward(ms: number): void {
    this.aheadMs += ms;
  }
  now(): number {
    return systemEnv.now() + this.aheadMs;
  }
  monotonic(): number {
    return systemEnv.monotonic() + this.aheadMs;
  }
  random(): number {
    return systemEnv.random();
  }
  setTimer(ms: number, fn: () => void) {
    return systemEnv.setTimer(ms, fn);
  }
}
