/** Bounds of a node's HTTP server, each with its unit last and its reason. */

/** Bodies of the contract are cursors and small forms. */
export const HTTP_BODY_BYTES_MAX = 1024 * 1024;
/** Tokens and cookies fit many times over; more is an attack. */
export const HTTP_HEADER_BYTES_MAX = 16 * 1024;
/** A client that needs longer to send its request holds a socket for nothing. */
export const HTTP_REQUEST_MS_MAX = 30_000;
/** A connection on which nothing is asked. Longer than the usual 60 s of proxies, so that they close first. */
export const HTTP_KEEP_ALIVE_MS = 72_000;
/** Sockets at once; a live feed holds one each. */
export const HTTP_CONNECTIONS_MAX = 8_192;
/** Characters of one part of a path: a stream or topic name, percent-encoded throughout. */
export const HTTP_PARAM_CHARS_MAX = 1_024;
/** Requests under way may finish this long when the node closes. */
export const HTTP_CLOSE_MS_MAX = 2_000;
/** Records of one page: about what a page of 1 MiB holds of telemetry. */
export const PAGE_RECORDS_MAX = 5_000;
export const PAGE_RECORDS_DEFAULT = 100;
/** Topic names of one page. */
export const PAGE_TOPICS_MAX = 10_000;
export const PAGE_TOPICS_DEFAULT = 1_000;
/** A page ends with the record that passes this, so that large values cannot fill the memory. */
export const PAGE_BYTES_MAX = 8 * 1024 * 1024;
/** Records asked of the store at once while a page is filled; bounds what is read beyond PAGE_BYTES_MAX. */
export const PAGE_CHUNK_RECORDS = 64;
/** A cursor names every origin of its stream, about 40 characters each. */
export const CURSOR_CHARS_MAX = 512 * 1024;
export const CURSOR_ORIGINS_MAX = 10_000;
/** Streams of one page of holdings; a page also ends with the stream whose gaps pass the second bound. */
export const HOLDINGS_STREAMS_MAX = 1_000;
export const HOLDINGS_GAPS_MAX = 20_000;
/** Ranges of one request for digests or for repair. */
export const DIGEST_RANGES_MAX = 256;
/** Digests in one reply, about 30 bytes each; and records that are named one by one, about 80. */
export const DIGEST_CELLS_MAX = 65_536;
export const DIGEST_NAMED_MAX = 16_384;
/** Requests that read records for digests or repair, at once: one more is told to come again (429). */
export const DIGEST_REQUESTS_MAX = 4;
