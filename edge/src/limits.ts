import { availableParallelism } from "node:os";

/** Bounds of the edge node, each with its unit last and its reason. What an operator may change is in settings.ts. */

/** The contract's largest payload: a reading is some hundreds of bytes, a batch of them does not belong in one message. */
export const PAYLOAD_BYTES_MAX = 64 * 1024;
/** Bytes of a refused payload that its exception record keeps: enough to recognise the sender's mistake. */
export const EXCERPT_BYTES_MAX = 256;
/** Problems listed for one refused publish; the first ones say what is wrong. */
export const PROBLEMS_MAX = 10;
/** Characters of a wrong value that are shown. */
export const SHOWN_CHARS_MAX = 60;
/** DCSA voyage numbers have at most 50 characters. */
export const VOYAGE_CHARS_MAX = 50;

/** A sensor's clock may be this much ahead of ours. */
export const TIME_AHEAD_MS_MAX = 5 * 60_000;
/** 2020-01-01 UTC. Earlier than any sensor of this fleet: a clock that lost its battery starts at 1970 or 2000. */
export const TIME_MS_MIN = 1_577_836_800_000;

/** Parsed topics kept, so that a check digit is computed once per sensor and not once per message. */
export const PARSED_TOPICS_MAX = 200_000;

/** Topics whose newest times are kept in memory; the store is asked about the others. */
export const SEEN_TOPICS_MAX = 200_000;
/** Newest times kept per topic: covers several sensors of one container whose clocks differ a little. */
export const SEEN_TIMES_MAX = 16;
/** Of each topic the last reading is kept when it has at most so many bytes, as nearly all have. */
export const LAST_BYTES_MAX = 512;
/** Records of one topic and one time read at once when a repetition is looked up. */
export const LOOKUP_RECORDS = 256;

/** Records handed to the store in one append; several follow each other when more wait. */
export const BATCH_RECORDS_MAX = 2_000;
/** Bytes handed to the store in one append. */
export const BATCH_BYTES_MAX = 1024 * 1024;

/** MQTT's own limit of the remaining-length field. */
export const LENGTH_FIELD_BYTES_MAX = 4;
/** Closing waits this long for acknowledgements that are under way. */
export const CLOSE_MS_MAX = 3_000;
/** Clients with one complaint each remembered, so that a flooding client is reported once and not per packet. */
export const COMPLAINT_INTERVAL_MS = 60_000;
/** Complaints of one code in that time, whoever they are about. */
export const COMPLAINTS_PER_CODE_MAX = 200;

/** Bookings of one container: a container changes hands some times a month, and old ones are compacted away. */
export const BOOKINGS_PER_CONTAINER_MAX = 1_000;
/** Records read at once when streams are followed or replayed. */
export const REPLAY_RECORDS = 2_000;

/** Gaps between readings from which a container's usual interval is told: enough to see past one odd gap. */
export const INTERVAL_GAPS = 5;
/** Containers that the rules know; the largest ships carry 24,000. */
export const RULES_BOXES_MAX = 100_000;
/** How often what the rules know is kept, so that a start reads only what came since. */
export const CHECKPOINT_MS = 30_000;
/** How often the rules look for silence, by our clock. */
export const RULES_TICK_MS = 500;
/** A gateway that came back hands over what it kept; for so long late readings mean that it is still at it. */
export const FLUSH_MS_MAX = 60_000;
/** Readings that go with an alert over the satellite, and records that are looked through for them. */
export const BEFORE_READINGS = 6;
export const BEFORE_RECORDS = 12;
/** Pause before an alert that the store refused is tried again. */
export const ALERT_RETRY_MS = 1_000;

/** Messages that wait so long for a second node are worth a record. */
export const ALONE_MS = 5_000;
export const ALONE_TICK_MS = 500;
/** After a start, sisters have so long to come up: they dial every second at the latest. */
export const SISTERS_MS_MAX = 5_000;
export const CATCH_UP_TICK_MS = 50;
/** A transfer from a sister that stands still for so long is not waited for. */
export const CATCH_UP_IDLE_MS = 30_000;
/** A node that stands in for another waits so long: a link that only flickers is no reason to raise an alert twice. */
export const TAKE_OVER_MS = 5_000;
/** Records of a sister that are read at once. */
export const FEED_PAGE_BYTES = 256 * 1024;
/** A publish waits so long at most for what a sister is known to have: a stalled source is left within 2 s. */
export const LEVEL_MS_MAX = 4_000;
export const LEVEL_TICK_MS = 250;
/** Of a client's id, as other nodes learn it. */
export const VIA_CHARS_MAX = 64;

/** Devices in one file: what its 4 MiB hold. */
export const DEVICES_MAX = 20_000;
export const DEVICE_NAME_CHARS_MAX = 63;
/** Passwords hashed at the same time: half of the processors, so that the other half goes on taking in readings. */
export const PASSWORD_CHECKS_AT_ONCE = Math.max(1, Math.min(2, Math.floor(availableParallelism() / 2)));
/** Connections that wait for it; the others are told to come back. */
export const PASSWORD_CHECKS_WAITING_MAX = 1_000;
/** Addresses whose wrong passwords are remembered. */
export const ADDRESSES_REMEMBERED_MAX = 10_000;
/** Retained commands, in memory for who subscribes later: some for each container of the largest ship. */
export const RETAINED_BYTES_MAX = 16 * 1024 * 1024;
/** Pause before a stream of another node that could not be read is tried again. */
export const FEED_RETRY_MS = 1_000;
/** What a sensor does again and again is told when it is done first, and once more, counted, when this is over. */
export const SENSOR_AUDIT_FOLD_MS = 60 * 60 * 1_000;
