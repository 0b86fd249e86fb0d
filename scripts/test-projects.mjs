// Which vitest projects there are, by what they need: `npm test` runs these groups.

/** One package each. */
export const PACKAGES = ["proto", "streams", "edge", "shore", "hq", "web", "simulator"];
/** Packages' tests that start Kafka's brokers. */
export const ON_KAFKA = ["brokers", "streams-kafka"];
/** Whole fleets of processes. */
export const FLEETS = ["system", "system-kafka"];
