/** Bounds of a replay, each with its unit last and its reason. */

/** A report of AIS has some 200 bytes; what is longer is no line of such a file. */
export const ROW_CHARS_MAX = 16 * 1024;
/** Reports that are put in order in memory at a time, some 200 bytes each; a file has as many runs as it needs. */
export const RUN_REPORTS = 200_000;
/** Runs that are read at the same time, one open file each: 100 million reports of ships. */
export const RUNS_MAX = 500;
/** Different MMSIs whose IMO number is remembered: the world has some 300,000 with AIS. */
export const VESSELS_MAX = 1_000_000;
/** Ships without an IMO number that are named at the end; the others are counted. */
export const UNNUMBERED_TOLD_MAX = 10;
/** Damaged rows that the terminal shows; a report file has all. */
export const DAMAGES_TOLD_MAX = 20;

/** Messages that wait for the broker. A broker that is away holds the replay, and memory stays as it is. */
export const WAITING_MESSAGES_MAX = 1_000;
/** How often progress is kept: after a crash so much is sent again, which the edge recognises. */
export const KEEP_EVERY_MS = 1_000;
/** How often is looked whether the broker has room, or it is time for the next report. */
export const LOOK_EVERY_MS = 20;
/** Patience with a broker at the start; later it is waited for. */
export const FIRST_ANSWER_MS_MAX = 15_000;

/** Records with an older time are refused by an edge: 1 January 2020. */
export const EDGE_TIME_MS_MIN = Date.UTC(2020, 0, 1);
/** The fastest that an edge believes of a ship. */
export const SPEED_KN_MAX = 70;
