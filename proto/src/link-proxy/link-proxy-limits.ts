/** Bounds of a link proxy, each with its unit and its reason. */

/** Bytes on their way through one direction of a link before the sender is paused. */
export const LINK_BUFFER_BYTES_MAX = 4 * 1024 * 1024;
/** Least buffer of a link, so that a slow one still carries whole frames. */
export const LINK_BUFFER_BYTES_MIN = 32 * 1024;
/** Piece in which a limited link hands bytes on, so that bandwidth is smooth and latency of small frames small. */
export const LINK_PIECE_BYTES_MAX = 16 * 1024;
/** Connections through one link at a time; sites keep one, a reconnect may overlap. */
export const LINK_CONNECTIONS_MAX = 16;
/** A link that cannot be dialled within this gives up the connection. */
export const LINK_DIAL_MS_MAX = 10_000;
