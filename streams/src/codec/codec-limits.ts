/** Bounds of the telemetry codec, each with its unit last and its reason. */

/** All values of one block, unpacked: a damaged length must not exhaust the memory. */
export const UNPACKED_BYTES_MAX = 64 * 1024 * 1024;
/** Shapes of one block: a byte per record tells which; more kinds of message than these are rare, and go raw. */
export const SHAPES_MAX = 64;
/** Fewer records of one shape than this do not pay for its columns. */
export const SHAPE_RECORDS_MIN = 4;
/** Fields of one shape, nested ones included. */
export const SHAPE_FIELDS_MAX = 256;
/** Larger values are documents rather than readings, and go raw. */
export const SHAPED_VALUE_BYTES_MAX = 8 * 1024;
/** Distinct texts of a column that are worth a dictionary: an index fits one byte. */
export const DICTIONARY_ENTRIES_MAX = 255;
/** One in so many records of a column may fail to be a number like the others. */
export const MISFIT_SHARE = 8;
/** Whole numbers below 10^15 stay exact through every sum that the predictors make. */
export const INTEGER_DIGITS_MAX = 15;
export const INTEGER_LIMIT = 1e15;
/** Records of a column on which predictors are tried before one is chosen: with 512, a block is smaller by less than a hundredth. */
export const TRIED_RECORDS_MAX = 96;
