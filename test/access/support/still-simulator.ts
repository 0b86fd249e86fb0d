import { controlServer } from "@landfall/simulator/control/server";
import type { SimulationState } from "@landfall/proto/api";
import { at } from "./world.js";

/** The simulator's own control interface before a world that stands still: what is asked is read as there, and changes nothing. */
export class StillSimulator {
  private constructor(
    readonly url: string,
    readonly close: () => Promise<void>,
  ) {}

  static async start(): Promise<StillSimulator> {
    const state: SimulationState = { time: at(3), speed: 1_000, waiting: false, ships: [], links: [], story: [] };
    const nothing = (): void => undefined;
    const soon = (): Promise<void> => Promise.resolve();
    const app = controlServer({
      state: () => state,
      notReady: () => undefined,
      command: nothing,
      settled: soon,
      arrivalMs: () => 0,
      patchLink: () => ({}),
      killNode: soon,
      startNode: soon,
      viewer: nothing,
      metrics: () => "",
      // Whoever asks is told, with a 500.
      failed: nothing,
    });
    return new StillSimulator(await app.listen({ host: "127.0.0.1", port: 0 }), () => app.close());
  }
}
