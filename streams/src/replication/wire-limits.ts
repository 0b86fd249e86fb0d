import { BLOCK_BYTES_MAX } from "../limits.js";

/** Bounds of a connection between sites, each with its unit last and its reason. */

/**
 * HTTP/2 flow-control window: the ceiling of what a link can carry (throughput is window ÷ (2 × round trip)). What
 * is under way is bounded by credit, not by this.
 */
export const HTTP2_WINDOW_BYTES = 32 * 1024 * 1024;
/** A block with its envelope; everything else is far smaller. */
export const FRAME_BYTES_MAX = 2 * BLOCK_BYTES_MAX + 64 * 1024;
/** A site that does not answer within this is not there. Over a satellite, TCP, TLS and the call take 4 round trips. */
export const DIAL_MS_MAX = 10_000;
/** TLS, and then the first call, must each be there within this time after the connection. */
export const HANDSHAKE_MS_MAX = 10_000;
/** A peer must have said hello within this time. */
export const HELLO_MS_MAX = 10_000;
/** Calls at a time over one connection: a site needs one, a reconnect may overlap. */
export const CALLS_PER_CONNECTION_MAX = 4;
/** Connections at a time to one listener: fifty ports, their ships and strangers fit. */
export const LISTENER_CONNECTIONS_MAX = 1_024;
/** What a peer may have waiting in this process while it does not read: all that its credit allows, and answers beside it. */
export const QUEUED_BYTES_MAX = 96 * 1024 * 1024;
/** Credit that is out at one time: more than twice the widest window of any class. */
export const CREDIT_BYTES_MAX = 64 * 1024 * 1024;
/** Allowance that is out at one time, on a metered link: 64 times of what is lent today. */
export const ALLOWANCE_BYTES_MAX = 1024 * 1024;
/** Frames without records that a peer may send at once, besides what it is answered with. */
export const TALK_FRAMES_MAX = 5_000;
/** And so many more each second: far more than anybody has to say, and not enough to keep a processor busy. */
export const TALK_FRAMES_PER_SECOND = 500;
/** Keys (stream and origin) that a peer may tell of: thousands of streams with tens of origins each. */
export const KEYS_PER_LINK_MAX = 50_000;
/** With more keys than this, those that nobody tells of any more, and of which nothing is here, are forgotten. */
export const KEYS_KEPT_MAX = 10_000;
/** Nodes of one site, and links of one site, that are remembered once they are gone. */
export const GONE_PER_SITE_MAX = 64;
/** Stream patterns in each list of a hello: settings name a handful. */
export const PATTERNS_MAX = 1_000;
/** As in the settings. */
export const LINK_NAME_CHARS_MAX = 200;
/** Holes of one key in one announcement: 32 are told today. */
export const HOLES_PER_HOLDING_MAX = 1_024;
/** One before and one behind what is asked for; a later version may want more. */
export const DIGESTS_PER_REQUEST_MAX = 64;
/** Ids are 22 characters today. */
export const RUN_ID_CHARS_MAX = 64;
/** A dialler that has said why it ends a call hangs up when the listener has answered, or after this time. */
export const CLOSING_MS_MAX = 5_000;
