import { LandfallError } from "../model/errors.js";
import type { KafkaError } from "./kafka-client.js";
import type { Partition } from "./partition.js";

/** What the site's log says when it cannot go on: what is wrong, where, and what to do about it. */

/** Kafka says so until somebody changes something. */
export function isSettled(type: string): boolean {
  return /^(AUTHENTICATION|TOO_OLD|POLICY_VIOLATION|INVALID_(CONFIG|REPLICATION_FACTOR|PARTITIONS|TOPIC_EXCEPTION))$|AUTHORIZATION/.test(
    type,
  );
}

/** @param prefix what names of topics begin with */
export function startError(error: KafkaError, prefix: string): LandfallError {
  const { type, message } = error;
  const options = { cause: error };
  if (type === "AUTHENTICATION") {
    return new LandfallError("UNAUTHENTICATED", `Kafka: ${message}: check log.kafka.sasl and log.kafka.tls`, options);
  }
  if (type.includes("AUTHORIZATION")) {
    const remedy = `allow this user to describe, create, alter, read and write topics ${prefix}*, and the transactional id landfall-${prefix}*`;
    return new LandfallError("UNAUTHENTICATED", `Kafka: ${message}: ${remedy}`, options);
  }
  if (type === "TOO_OLD") return new LandfallError("UNSUPPORTED_VERSION", `Kafka: ${message}`, options);
  if (type.startsWith("INVALID") || type === "POLICY_VIOLATION") {
    return new LandfallError(
      "INVALID_SETTINGS",
      `Kafka: ${message}: check log.kafka.replication and log.kafka.partitions`,
      options,
    );
  }
  const remedy = "check log.kafka.brokers, log.kafka.tls, and that the brokers run";
  return new LandfallError("UNAVAILABLE", `no Kafka broker answers: ${message}: ${remedy}`, options);
}

/** A topic that holds what Landfall never wrote. @param brokers as in the settings */
export function foreign({ topic }: Partition, brokers: readonly string[]): LandfallError {
  const what = `Kafka's topic ${topic} at ${brokers.join(", ")} holds records of another program`;
  const remedy = "choose another log.kafka.topicPrefix, or remove the topic";
  return new LandfallError("UNSUPPORTED_FORMAT", `${what}: ${remedy}`);
}

/** A topic that has lost its end. @param known the position up to which it was read here @param next the position behind its last record */
export function truncated(
  { topic, partition }: Partition,
  known: number,
  next: number,
  brokers: readonly string[],
): LandfallError {
  const where = `Kafka's topic ${topic} at ${brokers.join(", ")}, partition ${partition},`;
  const why = `ends at ${next}, and this node has read it up to ${known}`;
  const remedy =
    "the topic was deleted or restored: start this node with an empty data folder, or another log.kafka.topicPrefix";
  return new LandfallError("UNSUPPORTED_FORMAT", `${where} ${why}: ${remedy}`);
}

export function fenced(node: string): LandfallError {
  return new LandfallError(
    "FENCED",
    `another process writes as node ${node}: this one stops; give each node a name of its own`,
  );
}

export function takenOver(): LandfallError {
  return new LandfallError("TAKEN_OVER", "another node of this site brings what this one was bringing");
}

export function closed(): LandfallError {
  return new LandfallError("CLOSED", "the store was closed");
}
