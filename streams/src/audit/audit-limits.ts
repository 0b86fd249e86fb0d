/** Bounds of the audit, each with its unit last and its reason. */

/** Reads wait so long for the record that tells of them; others that come meanwhile go with it. */
export const AUDIT_FLUSH_MS = 1_000;
/** The same by the same is told once, and what came after it once more when this is over. */
export const AUDIT_FOLD_MS = 10 * 60 * 1_000;
/** Different things that are folded at the same time, some 400 bytes each; the oldest is told first when there are more. */
export const AUDIT_FOLDED_MAX = 20_000;
/** Different things that one address, or one principal, is refused in a fold; beyond, their subjects are not told apart. */
export const AUDIT_REFUSALS_MAX = 100;
/**
 * Different refusals, and deeds of strangers, in a fold, whoever they are: beyond, not even their addresses are told apart. Two records of
 * some 300 bytes each: whoever comes from any number of addresses makes a node write some 40 MB a day at most, before it is packed.
 */
export const AUDIT_STRANGERS_MAX = 500;
export const AUDIT_SUBJECT_CHARS_MAX = 200;
export const AUDIT_DETAIL_CHARS_MAX = 4_096;
/** Records of reads that wait for a store that refuses; older ones are given up, and the log says so. */
export const AUDIT_WAITING_MAX = 10_000;
/** Companies that are told of one request. */
export const AUDIT_OWNERS_MAX = 16;
