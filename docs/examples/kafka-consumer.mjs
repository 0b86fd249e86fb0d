// Reads a Landfall stream from a site's Kafka, without Landfall: node kafka-consumer.mjs BROKERS TOPIC [GROUP]
// e.g. node kafka-consumer.mjs 127.0.0.1:9092 tokyo.bigblue.containers. Prints one line of JSON for each record; Ctrl-C ends it.
import { Kafka, logLevel } from "kafkajs";

const [brokers = "127.0.0.1:9092", topic = "tokyo.bigblue.containers", groupId = `example-${process.pid}`] =
  process.argv.slice(2);

/** The header that docs/kafka.md describes; undefined for what is no record of this layout. */
function readHeader(bytes) {
  if (bytes === undefined || bytes.length < 35 || bytes[0] !== 1 || bytes[1] !== 1) return undefined;
  let at = 35 + bytes[34];
  const origin = bytes.toString("latin1", 35, at);
  const text = () => {
    const end = at + 2 + bytes.readUInt16LE(at);
    const value = bytes.toString("utf8", at + 2, end);
    at = end;
    return value;
  };
  const headers = {};
  while (at < bytes.length) headers[text()] = text();
  const number = (position) => Number(bytes.readBigInt64LE(position));
  return { origin, seq: number(2), offset: number(10), timestamp: number(18), received: number(26), headers };
}

const kafka = new Kafka({ clientId: "landfall-example", brokers: brokers.split(","), logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId });
process.once("SIGINT", () => void consumer.disconnect());
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
await consumer.run({
  eachMessage: async ({ message: { key, value, headers } }) => {
    const header = readHeader(headers?.landfall);
    if (header === undefined || key === null || value === null) return;
    // In a compacted stream, the origin follows the topic.
    const container = key.toString().split("~")[0];
    console.log(JSON.stringify({ topic: container, ...header, value: value.toString() }));
  },
});
