// Which vitest projects there are, by what they need: each group is one lane of `npm test`.

/** One package each. */
export const PACKAGES = ["proto", "streams", "edge", "shore", "hq", "web", "simulator"];
/** What starts Kafka's brokers. */
export const ON_KAFKA = ["brokers", "streams-kafka", "system-kafka"];
/** Whole fleets of processes. */
export const FLEETS = ["system"];
