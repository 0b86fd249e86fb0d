import type { SimulationState } from "@landfall/proto/api";
import type { Env, TimerHandle } from "@landfall/streams/env";
import type { LandfallNode } from "@landfall/streams/node/node";
import { SIMULATION_POLL_MS } from "../limits.js";
import type { SimulatorClient } from "./client.js";

/** What somebody may see of it who has no business with the controls: the clock. */
export function withoutControls({ time, speed, waiting }: SimulationState): SimulationState {
  return { time, speed, waiting, ships: [], links: [], story: [] };
}

/** Follows the simulator while somebody looks at the map, and lets it know that somebody does. */
export class SimulationFeed {
  private state: SimulationState | undefined;
  private timer: TimerHandle | undefined;
  private isWatched = false;
  private isGreeted = false;
  private isAnswering = true;

  constructor(
    private readonly client: Pick<SimulatorClient, "state" | "viewer">,
    private readonly env: Pick<Env, "setTimer">,
    private readonly log: Pick<LandfallNode["log"], "warn" | "info">,
    private readonly pollMs: number = SIMULATION_POLL_MS,
  ) {}

  /** The newest answer while watched; undefined before the first and while the simulator does not answer. */
  get current(): SimulationState | undefined {
    return this.state;
  }

  watch(): void {
    if (this.isWatched) return;
    this.isWatched = true;
    void this.poll();
  }

  unwatch(): void {
    this.isWatched = false;
    this.timer?.cancel();
    this.state = undefined;
  }

  private async poll(): Promise<void> {
    try {
      // Also after a simulator's restart, which waits again.
      if (!this.isGreeted || this.state?.waiting === true) {
        await this.client.viewer();
        this.isGreeted = true;
      }
      const state = await this.client.state();
      if (this.isWatched) this.state = state;
      if (!this.isAnswering) this.log.info("the simulator answers again");
      this.isAnswering = true;
    } catch (error) {
      this.state = undefined;
      if (this.isAnswering) this.log.warn({ err: error }, "the simulator does not answer");
      this.isAnswering = false;
    }
    this.timer?.cancel();
    if (this.isWatched) this.timer = this.env.setTimer(this.pollMs, () => void this.poll());
  }
}
