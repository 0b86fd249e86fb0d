/** First byte of a column on disk: how its texts are stored. */
export const KINDS = { constant: 0, fixed: 1, shortest: 2, padded: 3, clock: 4, dictionary: 5, text: 6 } as const;
/** What stands before all numbers, or after all times, of a column. */
export const AFFIX_BYTES_MAX = 64;
