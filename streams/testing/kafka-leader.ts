import { crc32 } from "node:zlib";
import { Kafka, logLevel } from "kafkajs";

/** Which of `brokers`, counted from 0, leads the partition that has the records of this origin (docs/kafka.md says which that is). */
export async function leaderOf(brokers: readonly string[], topic: string, origin: string): Promise<number> {
  const admin = new Kafka({ clientId: "operator", brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    const partitions = topics[0]?.partitions ?? [];
    const own = partitions.find(({ partitionId }) => partitionId === crc32(origin) % partitions.length);
    if (own === undefined) throw new Error(`${topic} has no partition for ${origin}`);
    // Nodes are numbered from 1.
    return own.leader - 1;
  } finally {
    await admin.disconnect();
  }
}
