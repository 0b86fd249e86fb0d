import { setTimeout as sleep } from "node:timers/promises";
import type { Admin } from "kafkajs";

const WITHIN_MS = 60_000;
const LOOK_MS = 50;

/**
 * Makes a topic and waits until each partition has its leader. With `waitForLeaders`, kafkajs would throw where the broker that it asks
 * has not heard of the new topic yet, which with several brokers happens.
 * @throws Error when a partition has no leader after a minute, or what kafkajs throws when it cannot be made
 */
export async function createTopic(admin: Admin, topic: string, partitions = 1): Promise<void> {
  await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions: partitions }] });
  const end = performance.now() + WITHIN_MS;
  let last: unknown;
  while (performance.now() < end) {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const led = topics[0]?.partitions.filter(({ leader }) => leader >= 0);
      if (led?.length === partitions) return;
    } catch (error) {
      last = error;
    }
    await sleep(LOOK_MS);
  }
  throw new Error(`topic ${topic} has no leaders after ${WITHIN_MS / 1_000} s`, { cause: last });
}
