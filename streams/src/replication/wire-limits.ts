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
