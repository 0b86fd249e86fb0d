/** Bounds of a headquarters, each with its unit last and its reason. */

/** Records taken from a stream at a time when the view follows it: a pause for requests after each. */
export const VIEW_BATCH_RECORDS = 2_000;
/** The view is kept on disk this often, and never for more than a fiftieth of the time: what was not, is read again after a crash. */
export const CHECKPOINT_MS_MIN = 10 * 60_000;
export const CHECKPOINT_SHARE_MAX = 0.02;
/** Of it that are written, or read, at a time: some milliseconds. */
export const CHECKPOINT_PIECE_CHARS = 256 * 1024;
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
/** An index that took no longer is made at once when somebody asks; a larger one beside requests, so many milliseconds at a time. */
export const INDEX_AT_ONCE_MS = 10;
export const INDEX_SLICE_MS = 4;
/** Containers between two looks at the clock while an index is made: some tenths of a millisecond. */
export const INDEX_STRIDE = 2_048;
/** Containers at the same place never fall apart; beyond the deepest zoom of a map there is no use in trying. */
export const ZOOM_MAX = 22;
/** From this zoom on (tiles of 512 pixels) squares are a quarter as wide: containers in a terminal stand metres apart. */
export const CELLS_APART_FROM_ZOOM = 15;
/** Features in one answer with `zoom`: what a person and a browser can take; clusters are coarser until they fit. */
export const CLUSTERS_MAX = 2_000;
/** Containers in one page. */
export const CONTAINERS_LIMIT_MAX = 5_000;
export const CONTAINERS_LIMIT_DEFAULT = 1_000;
export const ALERTS_LIMIT_MAX = 1_000;
export const ALERTS_LIMIT_DEFAULT = 200;
/** What people said on one alert: the newest stay. */
export const ACKNOWLEDGEMENTS_PER_ALERT_MAX = 20;
export { ACKNOWLEDGEMENT_CHARS_MAX, OVERBOARD_MAX } from "@landfall/proto/bounds";
/** Readings are shown from so long before an alert's cause to so long after its end. */
export const AROUND_ALERT_MS = 3 * 3_600_000;
export const ALERT_READINGS_MAX = 200;

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

/** Of an export that are made and sent at a time: a hundred lines or so. */
export const EXPORT_PIECE_CHARS = 32 * 1024;
/** Times beyond a limit in one answer, some 250 bytes each: more than anybody reads. */
export const EXCURSIONS_MAX = 500;

/** Longest password taken: argon2 hashes all of it. */
export const PASSWORD_CHARS_MAX = 1_024;
/** Shortest password taken of a new one: those that are leaked and guessed are shorter. */
export const PASSWORD_CHARS_MIN = 12;
export const USERNAME_CHARS_MAX = 255;
/** People kept in the data folder, some 300 bytes each, all written at every change. */
export const PEOPLE_MAX = 10_000;
export const GROUPS_PER_PERSON_MAX = 100;
/** Bearer tokens for programs. */
export const TOKENS_MAX = 10_000;
export const TOKENS_PER_USER_MAX = 50;
export const TOKEN_DAYS_MAX = 3_650;
export const TOKEN_DAYS_DEFAULT = 90;
export const LABEL_CHARS_MAX = 100;
/** The token of the first start is for who is setting up now. */
export const SETUP_MS_MAX = 60 * 60 * 1_000;
/** Password checks at the same time: each holds a thread of the pool that the store writes with, and tens of MB. */
export const PASSWORD_CHECKS_AT_ONCE = 2;
/** Password checks that wait for a turn before somebody is told to come back: some seconds, with one of each network in each round. */
export const PASSWORD_CHECKS_WAITING_MAX = 256;
/** Failed attempts that cost nothing, and the longest wait after more, per user and address. */
export const ATTEMPTS_FREE = 3;
export const ATTEMPT_WAIT_MS_MIN = 1_000;
export const ATTEMPT_WAIT_MS_MAX = 30_000;
/** Pairs of user and address remembered; the longest untouched is forgotten first. */
export const ATTEMPTS_REMEMBERED_MAX = 10_000;
/** Sessions of one person; the oldest ends when there are more. Programs that sign in each time leave many. */
export const SESSIONS_PER_USER_MAX = 200;
/** Sessions before those that are over are looked for, some 300 bytes each. */
export const SESSIONS_MAX = 50_000;
/** A sign-in at the identity provider comes back within this, and so many may be under way. */
export const OIDC_MS_MAX = 10 * 60 * 1_000;
export const OIDC_PENDING_MAX = 10_000;
/** Patience with the identity provider. */
export const OIDC_TIMEOUT_SECONDS = 5;

/** Live connections of one node, and of one person. */
export const LIVE_CONNECTIONS_MAX = 1_000;
export const LIVE_CONNECTIONS_PER_USER_MAX = 20;
/** Updates go out this often; container states are the newest of each. */
export const LIVE_TICK_MS = 1_000;
/**
 * Container states in one message, and messages of them in one tick; what is left goes with the next tick. Together more than
 * the 5,000 that a large fleet changes in a second, or its readers would fall behind for ever; some 3 MB, less than may wait.
 */
export const LIVE_CONTAINERS_PER_MESSAGE_MAX = 500;
export const LIVE_MESSAGES_PER_TICK_MAX = 12;
/** Numbers of containers in one message that says which are gone, of a dozen bytes each. */
export const LIVE_GONE_PER_MESSAGE_MAX = 5_000;
/** Alerts and ships sent in one tick. */
export const LIVE_ALERTS_PER_TICK_MAX = 100;
export const LIVE_SHIPS_PER_TICK_MAX = 500;
/** Bytes that may wait for a slow reader before its connection is closed; it comes back with Last-Event-ID. */
export const LIVE_BUFFER_BYTES_MAX = 4 * 1024 * 1024;
/** A word at least this often, so that proxies and browsers keep the connection. */
export const LIVE_KEEPALIVE_MS = 15_000;
/** Parts of streams that the view keeps for grants: each is one container's latest state and moves, a few kilobytes. */
export const EXCERPTS_MAX = 50_000;
/** Grants of one owner that are in force at once, and days that a link may last. */
export const GRANTS_IN_FORCE_MAX = 10_000;
export const LINK_DAYS_MAX = 366;
/** Grants in one answer. */
export const GRANTS_LISTED_MAX = 10_000;
/** Bookings are small; so is everything else that is posted here. */
export const BODY_BYTES_MAX = 16 * 1024;

/** Of a site's health: hours that are looked at, records of each node, points of its charts, exceptions that are listed. */
export const HEALTH_HOURS_MAX = 24;
export const HEALTH_HOURS_DEFAULT = 1;
export const HEALTH_RECORDS_MAX = 2_000;
export const HEALTH_POINTS_MAX = 240;
export const HEALTH_NODES_MAX = 8;
export const HEALTH_EXCEPTIONS_MAX = 100;

/** Patience with the simulator, and how often it is asked while somebody looks. */
export const SIMULATION_TIMEOUT_MS = 5_000;
export const SIMULATION_POLL_MS = 1_000;
export const SIMULATION_REPLY_BYTES_MAX = 4 * 1024 * 1024;

/** Entries in one answer. */
export const AUDIT_LIMIT_MAX = 1_000;
export const AUDIT_LIMIT_DEFAULT = 100;
/** Records that one list may look at. */
export const AUDIT_SCANNED_MAX = 20_000;
