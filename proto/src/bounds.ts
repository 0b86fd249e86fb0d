/** Bounds that whoever asks and whoever answers keep both: a form ends where the other side would refuse. */

/** Containers that go over the side at once. */
export const OVERBOARD_MAX = 20;
/** Characters of one word on an alert. */
export const ACKNOWLEDGEMENT_CHARS_MAX = 500;
