import { RUN_WINDOW_BYTES } from "../limits.js";

/** Bounds of what a site does with its Kafka, each with its unit last and its reason. */

/** A batch collects records up to this size: more brings a broker nothing, and holds up those behind it. */
export const BATCH_BYTES = 1024 * 1024;
/** Records of one batch: what one group commit of the local store takes at once. */
export const BATCH_RECORDS_MAX = 10_000;
/** What all batches of one request to a broker hold together, about. */
export const REQUEST_BYTES = 8 * 1024 * 1024;
/** An append is one batch, kept whole or not at all: the largest one, and what Kafka adds to each of its records. */
export const TOPIC_MESSAGE_BYTES_MAX = 20 * 1024 * 1024;
/** Bytes of appends that wait for Kafka, or to come back from it, before more are refused with OVERLOADED. */
export const KAFKA_PENDING_BYTES_MAX = 64 * 1024 * 1024;
/**
 * The same of what comes over links, which is never refused: what does not fit waits where it is, and whoever sent it gets no credit
 * meanwhile. So, of each link, no more waits than its window (24 MiB at most between ports, 16 MiB of a ship in port, 64 KiB over a
 * satellite: replication/link-classes.ts) and one frame (2 MiB). Room of its own: a ship that unloads takes none from the sensors.
 */
export const KAFKA_ARRIVING_BYTES_MAX = 32 * 1024 * 1024;
/** Sealed runs that are handed on to Kafka at once, each with four pages of 1 MiB: as much as there is room for. */
export const RUNS_HANDED_ON_MAX = 8;
/** And so many bytes of them, unpacked, in memory; one that is larger goes alone. */
export const RUNS_HANDED_ON_BYTES_MAX = RUN_WINDOW_BYTES;
/** Memory of pages that Kafka has taken, kept for the next ones. */
export const SPARE_BATCHES_MAX = 8;
/** One answer to a request for records: what following holds in memory. */
export const FETCH_BYTES_MAX = 4 * 1024 * 1024;
/** And of one partition: so that none waits for another. */
export const FETCH_PARTITION_BYTES_MAX = 1024 * 1024;
/** Partitions that are read to their end at once, each with an answer of its own in memory. */
export const CATCH_UP_PARALLEL = 8;
/** A broker holds a request for records so long when there are none. */
export const FETCH_WAIT_MS = 500;
/** A broker that does not answer for so long is asked again, over a new connection. */
export const REQUEST_TIMEOUT_MS = 10_000;
/** How long a broker may wait for its replicas before it refuses. */
export const ACK_TIMEOUT_MS = 8_000;
export const CONNECT_TIMEOUT_MS = 3_000;
/** Between two attempts of anything that failed; doubled each time, up to the second. */
export const RETRY_MS_MIN = 20;
export const RETRY_MS_MAX = 1_000;
/** How often the list of topics is asked for: another node may have made one. */
export const TOPICS_REFRESH_MS = 2_000;
/** And at most so often when something failed. */
export const TOPICS_REFRESH_MS_MIN = 50;
/** How often the topics' expiry is held against the streams' rules. */
export const RETENTION_MS = 1_000;
/** A partition that this node writes to is not asked for meanwhile: what it wrote itself need not come back. */
export const OWN_WRITES_MS = 50;
/** Closing waits so long for what Kafka was sent; the rest is refused. */
export const CLOSE_KAFKA_MS_MAX = 5_000;
/** Before the first answer of a broker, a start gives up: a node is there, or it is not. */
export const START_KAFKA_MS_MAX = 15_000;
