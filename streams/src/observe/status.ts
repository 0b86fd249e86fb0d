import type { StatusLink, StatusValue } from "@landfall/proto/api";
import type { Env } from "../env.js";
import type { LinkView, Replication } from "../node/node.js";
import type { Readiness } from "../node/readiness.js";
import type { StreamStore } from "../store/store.js";

export interface StatusParts {
  readonly site: string;
  readonly node: string;
  readonly version: string;
  readonly env: Env;
  readonly store: Pick<StreamStore, "stats">;
  readonly replication: Pick<Replication, "links" | "notHandedOver" | "certificateExpires" | "shared">;
  readonly readiness: Readiness;
}

/** Returns how to ask a node for its status. Uptime counts from this call. */
export function createStatus(parts: StatusParts): () => StatusValue {
  const { site, node, version, env, store, replication, readiness } = parts;
  const startedAt = env.monotonic();
  return () => {
    const stats = store.stats();
    const expires = replication.certificateExpires();
    const shared = replication.shared();
    return {
      kind: "status",
      time: new Date(env.now()).toISOString(),
      site,
      node,
      version,
      uptimeSeconds: Math.round((env.monotonic() - startedAt) / 1000),
      links: replication.links().map(toStatusLink),
      ...(expires !== undefined && { certificateExpires: new Date(expires).toISOString() }),
      ...(shared !== undefined && { shared }),
      notHandedOver: replication.notHandedOver().reduce((sum, { records }) => sum + records, 0),
      store: {
        recordsAppended: stats.recordsAppended,
        recordsApplied: stats.recordsApplied,
        bytesOnDisk: stats.bytesOnDisk,
        topics: stats.topics,
        streams: stats.streams,
        ...(stats.failed !== undefined && { failed: stats.failed }),
      },
      rssBytes: process.memoryUsage.rss(),
      notReady: readiness.reasons().map(({ name, reason }) => `${name}: ${reason}`),
    };
  };
}

/** A link as records and replies tell it: times as text. */
export function toStatusLink({ lastContact, certificateExpires, ...link }: LinkView): StatusLink {
  const time = (ms: number): string => new Date(ms).toISOString();
  return {
    ...link,
    ...(certificateExpires !== undefined && { certificateExpires: time(certificateExpires) }),
    ...(lastContact !== undefined && { lastContact: time(lastContact) }),
  };
}
