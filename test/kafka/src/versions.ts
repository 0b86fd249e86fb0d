/** Versions of Apache Kafka that Landfall supports: each of these is what its tests run on. */
export const KAFKA_OLDEST = "3.9.2";
export const KAFKA_NEWEST = "4.4.0";
/** For `describe.each(KAFKA_VERSIONS)`. */
export const KAFKA_VERSIONS = [KAFKA_OLDEST, KAFKA_NEWEST] as const;

/** What tests run on that are for no version in particular: the newest, unless `KAFKA_VERSION` names another one. */
export const KAFKA_DEFAULT: string = process.env["KAFKA_VERSION"] ?? KAFKA_NEWEST;

export type KafkaVersion = (typeof KAFKA_VERSIONS)[number];

/** Both demand it: Kafka 4's brokers run on nothing older. */
export const JAVA_MIN = 17;
