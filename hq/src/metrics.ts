import { Gauge, type Registry } from "prom-client";
import type { LiveHub } from "./live/hub.js";
import type { FleetSync } from "./view/fleet-sync.js";
import type { FleetView } from "./view/fleet-view.js";

/** What a headquarters adds to its node's `/metrics`. No number of anybody's containers: who reads the metrics need not see those. */
export function registerHqMetrics(
  registry: Registry,
  { view, sync, hub }: { readonly view: FleetView; readonly sync: FleetSync; readonly hub: LiveHub },
): void {
  const gauge = (name: string, help: string, read: () => number): void => {
    const made = new Gauge({
      name,
      help,
      registers: [],
      collect() {
        this.set(read());
      },
    });
    registry.registerMetric(made);
  };
  gauge("landfall_view_records", "Records taken into the fleet view since the start", () => sync.records);
  gauge("landfall_view_skipped", "Records that the fleet view could make nothing of", () => view.skipped);
  gauge("landfall_live_connections", "Readers of the live feed", () => hub.size);
}
