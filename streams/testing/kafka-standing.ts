import { Kafka, logLevel } from "kafkajs";
import { randomUUID } from "node:crypto";

/** A record as docs/kafka.md says: of layout 1, kind 1. */
const RECORD = [1, 1];
const ORIGIN_AT = 35;

/** What a consumer of plain kafkajs finds in a topic, up to its present end: how often each record stands there, by `origin seq`. */
export async function standingIn(brokers: readonly string[], topic: string): Promise<Map<string, number>> {
  const kafka = new Kafka({ clientId: "stranger", brokers: [...brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const ends = new Map<number, number>();
  for (const { partition, high, low } of await admin.fetchTopicOffsets(topic)) {
    if (Number(high) > Number(low)) ends.set(partition, Number(high));
  }
  await admin.disconnect();
  const standing = new Map<string, number>();
  const consumer = kafka.consumer({ groupId: `stranger-${randomUUID()}` });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      if (ends.size === 0) resolve();
      // What it tries again by itself is nothing to speak of.
      consumer.on("consumer.crash", ({ payload: { error, restart } }) => void (restart || reject(error)));
      const eachMessage = async (read: { partition: number; message: { offset: string; headers?: Headers } }) => {
        const { partition, message } = read;
        const record = recordIn(message.headers?.["landfall"]);
        if (record !== undefined) standing.set(record, (standing.get(record) ?? 0) + 1);
        if (Number(message.offset) + 1 >= (ends.get(partition) ?? Infinity)) ends.delete(partition);
        if (ends.size === 0) resolve();
      };
      consumer.run({ eachMessage }).catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
  return standing;
}

type Headers = Record<string, Buffer | string | (Buffer | string)[] | undefined>;

function recordIn(header: Headers[string]): string | undefined {
  if (!Buffer.isBuffer(header) || header[0] !== RECORD[0] || header[1] !== RECORD[1]) return undefined;
  const origin = header.toString("latin1", ORIGIN_AT, ORIGIN_AT + (header[ORIGIN_AT - 1] as number));
  return `${origin} ${header.readBigInt64LE(2)}`;
}
