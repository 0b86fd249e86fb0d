/** Bounds of the library, each with its unit last and its reason. */

/** Kafka's own limit for topic names is 249; a stream must be able to become a Kafka topic. */
export const STREAM_NAME_CHARS_MAX = 249;
/** A topic name is stored with every record until it is sealed. */
export const TOPIC_NAME_BYTES_MAX = 255;
/** The MQTT contract allows 64 KiB of payload; records written by services may be a little larger. */
export const VALUE_BYTES_MAX = 256 * 1024;
/** Headers are for a few short words (booking version, content type), not for data. */
export const HEADERS_BYTES_MAX = 4 * 1024;
/** One append call: bounded so that one caller cannot hold the group commit for the others. */
export const APPEND_RECORDS_MAX = 10_000;
/** Bytes waiting for the next group commit before appends are refused with OVERLOADED. */
export const COMMIT_PENDING_BYTES_MAX = 64 * 1024 * 1024;
/** Bytes of one append or apply: it is kept whole or not at all, so it must fit one group commit. */
export const APPEND_BYTES_MAX = 16 * 1024 * 1024;
/** With so much, a group commit does not wait for others who append in the same turn: its write costs more than another sync. */
export const COMMIT_AT_ONCE_BYTES = 128 * 1024;
/** A group commit stops collecting here, so that the first in line does not wait for the last. */
export const COMMIT_BYTES_MAX = 8 * 1024 * 1024;
/** Records returned by one read call. */
export const READ_RECORDS_MAX = 10_000;
/** Bytes of values returned by one read call, from the second record on: large values must not exhaust the memory. */
export const READ_BYTES_MAX = 32 * 1024 * 1024;
/** Blocks kept in memory after they were written or read, for whoever follows closely. */
export const BLOCK_CACHE_BYTES_MAX = 32 * 1024 * 1024;
/** Blocks in the journal are cut here: to read one record, the whole block is read and its checksum verified. */
export const JOURNAL_BLOCK_BYTES = 64 * 1024;
/** The journal begins a new file when the current one has grown beyond this: what the sealing worker holds in memory. */
export const JOURNAL_FILE_BYTES = 32 * 1024 * 1024;
/** The next file is made when so much of the current one is full: it has to be written once before, gently, so that no commit waits for it. */
export const JOURNAL_AHEAD_SHARE = 1 / 4;
/** While the next file is not ready, the current one may grow beyond its size by so much: nobody waits at the change. */
export const JOURNAL_OVER_SHARE = 1 / 4;
/** Files of sealed journals kept to be overwritten: as many as are filled while one is sealed, at full speed. */
export const SPARE_JOURNALS_MAX = 4;
/** Journal files open for reading; others are closed when idle. */
export const JOURNAL_FILES_OPEN_MAX = 64;
/** One read from disk: neighbouring blocks are fetched together up to this. */
export const READ_RUN_BYTES_MAX = 1024 * 1024;
/** Fetching so many bytes that nobody asked for is cheaper than another read. */
export const READ_RUN_GAP_BYTES_MAX = 16 * 1024;
/** Reads from disk under way at once for one call; the thread pool has four threads by default. */
export const READ_PARALLEL_MAX = 4;
/** Damaged places that the identity file remembers; with more, every open takes a new incarnation. */
export const DAMAGE_LIST_MAX = 1000;
/** Block of records on disk and on the wire: one unit of checksum and of credit. */
export const BLOCK_BYTES_MAX = 1024 * 1024;
/** Records in one block: a topic index of 16 bits suffices, and a lying count allocates little. */
export const BLOCK_RECORDS_MAX = 10_000;
/** The hybrid logical clock lives in a safe integer of microseconds whose low 10 bits are the writer's slot. */
export const OFFSET_SLOT_COUNT = 1024;
/**
 * A stream's next offsets are above all that it holds, unless that is further ahead of the clock than this: clocks that
 * NTP keeps differ by less, and one that is wrong by hours must not carry a whole stream away.
 */
export const OFFSET_AHEAD_MS_MAX = 60_000;
/** 2020-01-01 and 2200-01-01 UTC: a clock outside is wrong, and offsets near 2^53 could never be followed. */
export const CLOCK_MS_MIN = 1_577_836_800_000;
export const CLOCK_MS_MAX = 7_258_118_400_000;
/** What JavaScript's dates can say, and with them every API: a time of measuring lies within. */
export const TIMESTAMP_MS_MAX = 8_640_000_000_000_000;
/** No offset lies beyond what that clock gives, ours or another origin's. */
export const OFFSET_MAX = CLOCK_MS_MAX * 1000;
/** An access control expression is written by hand; longer ones are a mistake or an attack. */
export const EXPRESSION_CHARS_MAX = 4096;
/** Levels of parentheses and negations in one. */
export const EXPRESSION_DEPTH_MAX = 64;
/** Buffers of group commits are used again if they are not larger than this. */
export const COMMIT_BUFFERS_KEPT_BYTES_MAX = 8 * 1024 * 1024;
/** Commits up to this size stay in memory for whoever follows closely; larger ones are read back, which costs little. */
export const COMMIT_CACHED_BYTES_MAX = 64 * 1024;
/** The same while somebody reads along: to read them back and verify them costs more than to copy them. */
export const COMMIT_FOLLOWED_BYTES_MAX = 1024 * 1024;
/** A block of a sealed run is cut here, before compression: what one look at one topic has to unpack. */
export const RUN_BLOCK_BYTES = 64 * 1024;
/** Entries of a run's block index that are read at once. */
export const RUN_INDEX_PAGE_ENTRIES = 64;
/** A stream whose part of a journal is at least this large gets segment files of its own. */
export const SEGMENT_OWN_BYTES = 4 * 1024 * 1024;
/** To read a run in order of seq, so many bytes of its records are unpacked at once. */
export const RUN_WINDOW_BYTES = 96 * 1024 * 1024;
/** Runs of about the same size that are merged into one. */
export const MERGE_FAN_IN = 16;
/** Runs of a stream from which on merging is no longer put off while journals wait to be sealed. */
export const UNMERGED_RUNS_MAX = 64;
/**
 * Merged runs do not span more seqs than this, and no run that does is taken in: one is read in windows when it is read in
 * order of seq, and each seq has its place in one, be it superseded.
 */
export const RUN_RECORDS_MAX = 4_000_000;
/** Journals that wait to be sealed before appends have to wait, too. */
export const UNSEALED_JOURNALS_MAX = 15;
/** Of a burst of appends, so many journals wait before any of them is sealed: more than two million, about a second of what two processors can take. */
export const BURST_JOURNALS = 11;
/** When no further journal is full for so long, the burst is over. */
export const BURST_REST_MS = 500;
/** Topics of a stream are counted name by name up to this many; beyond, the count is an estimate. */
export const TOPICS_COUNTED_MAX = 50_000;
/** Records that a follower is handed at once, unless it says otherwise. */
export const FOLLOW_RECORDS = 1000;
/** Topics looked up at once for a page of latest records. */
export const LATEST_PARALLEL = 16;
/** How often expiry looks for runs that are too old. */
export const EXPIRY_INTERVAL_MS = 60_000;
/** Seqs of one chunk of which a digest is kept; the same at every site, so that digests can be compared. */
export const DIGEST_CHUNK_RECORDS = 65_536;
/** Read by one call for digests, about: a call ends after a run or block with which it has read so much, and is gone on with. */
export const DIGEST_RECORDS_READ_MAX = 1_000_000;
/** Digests of one span at most: what a chunk of single records needs, or 4 billion records chunk by chunk. */
export const DIGEST_CELLS_MAX = 65_536;
/** Read at once to digest a stretch of records. */
export const DIGEST_READ_BYTES = 1024 * 1024;
/** Sealed runs with fewer records travel record by record: a run costs a file at the receiver. */
export const SEALED_RECORDS_MIN = 256;
/** Links with a narrower window get records instead of sealed runs, whose blocks would each fill the window. */
export const SEALED_WINDOW_BYTES_MIN = 128 * 1024;
/** Sealed runs open for sending; those that waited longest are closed first. */
export const SEALED_RUNS_OPEN_MAX = 64;
/** What came of a sealed run is made durable so often, if there is so much of it: on 1 Mbit/s, a second's worth is lost with the process. */
export const STAGED_SYNC_MS = 1_000;
export const STAGED_SYNC_BYTES_MIN = 32 * 1024;
/** Runs of which parts are kept over a restart; those that began last. */
export const STAGED_RUNS_MAX = 16;
/** And for so long: until then, some source may be met that has the same run. */
export const STAGED_MS_MAX = 7 * 86_400_000;
/** A block that is longer never came over the wire: with its envelope, it is in one frame. */
export const STAGED_BLOCK_BYTES_MAX = 4 * 1024 * 1024;
/** A sealed run whose transfer was cut stays open so long for the peer to come back. */
export const SEALED_RUN_IDLE_MS = 600_000;
/** Backlog of so many records that lies in journals, or within a run, is sealed and cut into a run of its own to be sent. */
export const PREPARE_RECORDS_MIN = 20_000;
