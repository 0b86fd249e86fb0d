import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { StatusParts } from "./status.js";

/** A registry with the process's own metrics, labelled with where they come from. */
export function createRegistry(site: string, node: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ site, node });
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** Store, backlog and readiness as Prometheus sees them, read when it asks. Links are counted by the replicator. */
export function registerNodeMetrics(
  registry: Registry,
  parts: Pick<StatusParts, "version" | "store" | "replication" | "readiness">,
): void {
  const { store, replication, readiness, version } = parts;
  const registers = [registry];
  const counter = (name: string, help: string, value: () => number): void => {
    void new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  };
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
  new Gauge({ name: "landfall_info", help: "Version of this node", labelNames: ["version"], registers }).set(
    { version },
    1,
  );

  counter("landfall_store_appended_records_total", "Records written by this node", () => store.stats().recordsAppended);
  counter("landfall_store_applied_records_total", "Records taken in from peers", () => store.stats().recordsApplied);
  counter("landfall_store_commits_total", "Group commits, one fsync each", () => store.stats().commits);
  counter("landfall_store_written_bytes_total", "Bytes written to disk", () => store.stats().bytesWritten);
  gauge("landfall_store_disk_bytes", "Size of the data folder", () => store.stats().bytesOnDisk);
  gauge(
    "landfall_store_topics",
    "Topics held; an estimate for streams of more than 50,000",
    () => store.stats().topics,
  );
  gauge("landfall_store_streams", "Streams held", () => store.stats().streams);
  gauge("landfall_store_failed", "1 when the store acknowledges nothing more", () =>
    store.stats().failed === undefined ? 0 : 1,
  );
  gauge("landfall_ready", "1 when the node is ready", () => (readiness.reasons().length === 0 ? 1 : 0));
  gauge(
    "landfall_replication_unsent_records",
    "Records of this site that are here and that no other site is known to hold",
    () => replication.notHandedOver().reduce((sum, { records }) => sum + records, 0),
  );
}
