import { Counter, Gauge, type Registry } from "prom-client";
import type { LinkView } from "../node/node.js";

/** Gauges of all links for `/metrics`, read when they are asked for. */
export function countLinks(registry: Registry, links: () => LinkView[]): void {
  const labelNames = ["link", "peer", "peer_node", "class"] as const;
  const gauge = (name: string, help: string, value: (link: LinkView) => number) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const link of links()) {
          const { id, peer, node = "", class: linkClass } = link;
          this.set({ link: id, peer, peer_node: node, class: linkClass }, value(link));
        }
      },
    });
  gauge("landfall_link_up", "1 while the link is up", (link) => (link.state === "up" ? 1 : 0));
  gauge("landfall_link_to_send_records", "Records that this site holds and the peer lacks", (link) => link.toSend);
  gauge(
    "landfall_link_to_receive_records",
    "Records that the peer holds and this site lacks",
    (link) => link.toReceive,
  );
  gauge("landfall_link_bytes_per_second", "Bytes per second over the link, both ways", (link) => link.bytesPerSecond);
  gauge("landfall_link_round_trip_seconds", "Round trip over the link", (link) => (link.roundTripMs ?? 0) / 1_000);
}

/**
 * Counter of records that came over links. Those that `landfall_store_applied_records_total` does not count were here already,
 * or are not on disk yet.
 */
export function receivedRecords(registry: Registry): Counter {
  return new Counter({
    name: "landfall_replication_received_records_total",
    help: "Records that came over links, those that were here already included",
    registers: [registry],
  });
}

/** Gauges of the nodes of a site that share its log. */
export function countShared(
  registry: Registry,
  shared: () => { readonly nodes: readonly string[]; readonly asksFor: number },
): void {
  const gauge = (name: string, help: string, value: () => number): void =>
    void new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  gauge(
    "landfall_shared_log_nodes",
    "Other nodes of this site that live, of those that share its log",
    () => shared().nodes.length,
  );
  gauge("landfall_shared_log_asks", "Histories for which this node asks other sites", () => shared().asksFor);
}

/** Gauge of how long this site's own certificate is good. */
export function countCertificate(registry: Registry, seconds: () => number): void {
  void new Gauge({
    name: "landfall_certificate_expires_seconds",
    help: "Seconds until this site's certificate expires; negative when it has",
    registers: [registry],
    collect() {
      this.set(Math.round(seconds()));
    },
  });
}
