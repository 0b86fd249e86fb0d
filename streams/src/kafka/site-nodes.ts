import { streamName } from "../model/names.js";
import type { StreamName } from "../model/names.js";
import type { Retention } from "../store/store.js";

/** What the nodes of a site say to each other has a topic of its own, of which the first partition is used. No store holds it. */
export const NODES: StreamName = streamName("local.kafka-nodes");
/** A node that was away for longer than a moment begins anew anyway. */
export const NODES_RETENTION: Retention = { ageMs: 60 * 60 * 1_000 };
