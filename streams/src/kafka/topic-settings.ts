import { TOPIC_MESSAGE_BYTES_MAX } from "./kafka-limits.js";
import type { Retention } from "../store/store.js";
import type { TopicSettings } from "./kafka-client.js";

const FOR_EVER = "-1";
/** Of three replicas two must have a record before it counts; with fewer there is no choice. */
const REPLICAS_FOR_TWO = 3;

/** What follows from how long a stream is kept; applied again whenever that changes. No other setting of a topic is touched. */
export function retentionSettings(retention: Retention | undefined, partitions: number): TopicSettings {
  const { ageMs, bytes, compact } = retention ?? {};
  const isLimited = ageMs !== undefined || bytes !== undefined;
  return {
    "cleanup.policy": compact === true ? (isLimited ? "compact,delete" : "compact") : "delete",
    "retention.ms": ageMs === undefined ? FOR_EVER : String(Math.ceil(ageMs)),
    "retention.bytes": bytes === undefined ? FOR_EVER : String(Math.ceil(bytes / partitions)),
  };
}

/** The same without an end: for a topic that is made before all rules are known. */
export function unlimited({ compact }: Retention = {}): Retention {
  return compact === undefined ? {} : { compact };
}

/** What a new topic is made with besides. Records' own times say when they expire, and those of a ship may be weeks old. */
export function newTopicSettings(replicas: number): TopicSettings {
  return {
    "message.timestamp.type": "CreateTime",
    "message.timestamp.after.max.ms": "9223372036854775807",
    "max.message.bytes": String(TOPIC_MESSAGE_BYTES_MAX),
    "compression.type": "producer",
    "unclean.leader.election.enable": "false",
    ...(replicas >= REPLICAS_FOR_TWO && { "min.insync.replicas": "2" }),
  };
}
