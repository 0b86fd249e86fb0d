import { Counter, Gauge, type Registry } from "prom-client";
import type { IngestOutcome } from "../ingest/ingest.js";

export interface EdgeGauges {
  readonly clients: () => number;
  readonly waiting: () => number;
  readonly sessions: () => number;
  readonly inflightBytes: () => number;
  readonly lookups: () => number;
  readonly bookedContainers: () => number;
  readonly containersAboard: () => number;
  readonly openAlerts: () => number;
}

/** Counts what comes in; what is still to be sent is in the node's own metrics. */
export interface EdgeMetrics {
  outcome(outcome: IngestOutcome | "failed", refusal?: string): void;
}

/** How many other nodes are in reach, and what waits for them. */
export function registerClusterMetrics(
  registry: Registry,
  { connected, waiting }: { readonly connected: () => number; readonly waiting: () => number },
): void {
  const registers = [registry];
  void new Gauge({
    name: "landfall_cluster_nodes_in_reach",
    help: "Other nodes of this site that are connected",
    registers,
    collect() {
      this.set(connected());
    },
  });
  void new Gauge({
    name: "landfall_cluster_waiting_batches",
    help: "Batches of publishes that are on disk here, and not acknowledged before a second node holds them",
    registers,
    collect() {
      this.set(waiting());
    },
  });
}

export function registerEdgeMetrics(registry: Registry, gauges: EdgeGauges): EdgeMetrics {
  const registers = [registry];
  const publishes = new Counter({
    name: "landfall_edge_publishes_total",
    help: "MQTT publishes: stored, duplicate (acknowledged, not stored again), refused (acknowledged, reported), failed (not acknowledged)",
    labelNames: ["outcome"],
    registers,
  });
  const refused = new Counter({
    name: "landfall_edge_refused_total",
    help: "MQTT publishes that can never be stored, by reason",
    labelNames: ["reason"],
    registers,
  });
  const gauge = (name: string, help: string, value: () => number): void => {
    void new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  };
  gauge("landfall_edge_clients", "MQTT clients connected", gauges.clients);
  gauge("landfall_edge_waiting", "Connections that have not signed in", gauges.waiting);
  gauge("landfall_edge_sessions", "MQTT clients for which something is kept in memory", gauges.sessions);
  gauge("landfall_edge_inflight_bytes", "Payload bytes taken in and not yet on disk", gauges.inflightBytes);
  gauge("landfall_edge_lookups", "Times since the start that the store was asked about a repetition", gauges.lookups);
  gauge("landfall_edge_booked_containers", "Containers with a booking known here", gauges.bookedContainers);
  gauge("landfall_edge_containers_aboard", "Containers on the manifest", gauges.containersAboard);
  gauge("landfall_edge_open_alerts", "Alerts raised here and not cleared", gauges.openAlerts);
  const counts = new Map<string, Counter.Internal>();
  for (const outcome of ["stored", "duplicate", "refused", "failed"]) counts.set(outcome, publishes.labels(outcome));
  return {
    outcome(outcome, refusal) {
      counts.get(outcome)?.inc();
      if (refusal !== undefined) refused.inc({ reason: refusal });
    },
  };
}
