import { systemEnv } from "@landfall/streams/env";
import type { KafkaStore } from "@landfall/streams/kafka/kafka-store";
import { openKafkaStore } from "@landfall/streams/kafka/open-kafka-store";
import { streamName } from "@landfall/streams/model/names";

export type Figures = Record<string, number>;

export const STREAM = streamName("bigblue.containers");
export const PARTITIONS = 3;
/** Not the small machine of the tests. */
export const JVM = ["-Xmx1g"];

export function openSite(folder: string, brokers: readonly string[], site = "port-a"): Promise<KafkaStore> {
  const kafka = { brokers, topicPrefix: `${site}.`, partitions: PARTITIONS };
  return openKafkaStore({ folder, site, node: "a", env: systemEnv, kafka });
}
