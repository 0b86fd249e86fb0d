/** The oldest and the newest version of Apache Kafka that Landfall supports; docs/kafka.md says what runs on which. */
export const KAFKA_OLDEST = "3.9.2";
export const KAFKA_NEWEST = "4.4.0";
/** For `describe.each(KAFKA_VERSIONS)`: of the contract of the store, and of the brokers themselves. */
export const KAFKA_VERSIONS = [KAFKA_OLDEST, KAFKA_NEWEST] as const;

/** The same of a fleet that unloads while brokers and nodes fail, unless `KAFKA_VERSION` names one. */
export const KAFKA_FLEETS: readonly string[] =
  process.env["KAFKA_VERSION"] === undefined ? KAFKA_VERSIONS : [process.env["KAFKA_VERSION"]];

/** What tests run on that are for no version in particular: the newest, unless `KAFKA_VERSION` names another one. */
export const KAFKA_DEFAULT: string = process.env["KAFKA_VERSION"] ?? KAFKA_NEWEST;

/** And those that ask much the same of one node as others of a fleet: the oldest, so that both are met by each kind of fault. */
export const KAFKA_OTHER: string = process.env["KAFKA_VERSION"] ?? KAFKA_OLDEST;

export type KafkaVersion = (typeof KAFKA_VERSIONS)[number];

/** Both demand it: Kafka 4's brokers run on nothing older. */
export const JAVA_MIN = 17;
