/** Bounds of a headquarters, each with its unit last and its reason. */

/** Records taken from a stream at a time when the view follows it: a pause for requests after each. */
export const VIEW_BATCH_RECORDS = 2_000;
/** Loading, discharge and gate events kept per container and stream; a box of 15 years sees some 2,000. */
export const CONTAINER_EVENTS_MAX = 2_048;
/** Arrivals and departures kept per ship and stream: twenty years of a call a day. */
export const SHIP_EVENTS_MAX = 16_384;
/** Alerts kept per stream; the oldest closed ones go first. */
export const ALERTS_PER_STREAM_MAX = 50_000;
/** Bookings kept per container. */
export const BOOKINGS_PER_CONTAINER_MAX = 1_024;
/** Merged views kept, one for each set of streams that somebody may read. */
export const PERSPECTIVES_MAX = 64;

/** Point index of a perspective: rebuilt at most this often, and never for more than a tenth of the time. */
export const INDEX_REBUILD_MS_MIN = 1_000;
export const INDEX_REBUILD_SHARE_MAX = 0.1;
/** Cluster radius in pixels of the map, of tiles of 512. */
export const CLUSTER_RADIUS_PX = 48;
/** Containers at the same place never fall apart; beyond the deepest zoom of a map there is no use in trying. */
export const ZOOM_MAX = 22;
/** Features in one answer with `zoom`; clusters are taken coarser until they fit. */
export const CLUSTERS_MAX = 5_000;
/** Containers in one page. */
export const CONTAINERS_LIMIT_MAX = 5_000;
export const CONTAINERS_LIMIT_DEFAULT = 1_000;
export const ALERTS_LIMIT_MAX = 1_000;
export const ALERTS_LIMIT_DEFAULT = 200;

/** Readings that one history may take from the store: three years of one every 15 minutes, some 40 MB while it is made. */
export const HISTORY_RECORDS_MAX = 100_000;
/** Records on either side of a history's part that may say when a gap at its edge was. */
export const GAP_EVIDENCE_RECORDS = 1_000;
/** Times of records beside gaps that are remembered, some 100 bytes each. */
export const ORIGIN_TIMES_KEPT_MAX = 10_000;
/** Histories made at the same time, and requests for one that wait. */
export const HISTORIES_AT_ONCE = 4;
export const HISTORIES_WAITING_MAX = 64;
/** Fewer could not keep the highest and lowest of every measurement. */
export const HISTORY_POINTS_MIN = 50;
export const HISTORY_POINTS_DEFAULT = 2_000;
export const HISTORY_POINTS_MAX = HISTORY_RECORDS_MAX;

/** Longest password taken: argon2 hashes all of it. */
export const PASSWORD_CHARS_MAX = 1_024;
export const USERNAME_CHARS_MAX = 255;
/** Password checks at the same time: each holds a thread of the pool that the store writes with, and tens of MB. */
export const PASSWORD_CHECKS_AT_ONCE = 2;
/** Password checks that wait for a turn before the next is told to come back. */
export const PASSWORD_CHECKS_WAITING_MAX = 64;
/** Failed attempts that cost nothing, and the longest wait after more, per user and address. */
export const ATTEMPTS_FREE = 3;
export const ATTEMPT_WAIT_MS_MIN = 1_000;
export const ATTEMPT_WAIT_MS_MAX = 30_000;
/** Pairs of user and address remembered; the longest untouched is forgotten first. */
export const ATTEMPTS_REMEMBERED_MAX = 10_000;
/** Sign-ins per address and minute, right or wrong. */
export const SIGN_INS_PER_MINUTE_MAX = 120;
/** Sessions signed out before their time, remembered until it. */
export const REVOKED_SESSIONS_MAX = 100_000;

/** Live connections of one node, and of one person. */
export const LIVE_CONNECTIONS_MAX = 1_000;
export const LIVE_CONNECTIONS_PER_USER_MAX = 20;
/** Updates go out this often; container states are the newest of each. */
export const LIVE_TICK_MS = 1_000;
/** Container states in one message, and messages of them in one tick; what is left goes with the next tick. */
export const LIVE_CONTAINERS_PER_MESSAGE_MAX = 500;
export const LIVE_MESSAGES_PER_TICK_MAX = 4;
/** Numbers of containers in one message that says which are gone, of a dozen bytes each. */
export const LIVE_GONE_PER_MESSAGE_MAX = 5_000;
/** Alerts and ships sent in one tick. */
export const LIVE_ALERTS_PER_TICK_MAX = 100;
export const LIVE_SHIPS_PER_TICK_MAX = 500;
/** Bytes that may wait for a slow reader before its connection is closed; it comes back with Last-Event-ID. */
export const LIVE_BUFFER_BYTES_MAX = 4 * 1024 * 1024;
/** A word at least this often, so that proxies and browsers keep the connection. */
export const LIVE_KEEPALIVE_MS = 15_000;
/** Bookings are small; so is everything else that is posted here. */
export const BODY_BYTES_MAX = 16 * 1024;

/** Patience with the simulator, and how often it is asked while somebody looks. */
export const SIMULATION_TIMEOUT_MS = 5_000;
export const SIMULATION_POLL_MS = 1_000;
export const SIMULATION_REPLY_BYTES_MAX = 4 * 1024 * 1024;
