import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createTopic } from "@landfall/brokers/create-topic";
import { startKafka, type KafkaCluster } from "@landfall/brokers/kafka";
import { systemEnv } from "@landfall/streams/env";
import type { TopicName } from "@landfall/streams/model/names";
import type { NewRecord, TimestampMs } from "@landfall/streams/model/record";
import { Kafka, Partitioners, logLevel, type Producer } from "kafkajs";
import { ports } from "./kafka-ports.js";
import { JVM, openSite, PARTITIONS, STREAM, type Figures } from "./kafka-site.js";
import { BATCH, Topics, randomValues } from "./workload.js";

/** As large as Landfall's own header of a record, for who sends the same bytes. */
const HEADER_BYTES = 47;
const WARM_UP_RECORDS = 60_000;
const LATENCY_BATCH = 100;
const LATENCY_MS = 10;
const LATENCY_BATCHES = 1_500;

const SCENARIOS: Record<string, (folder: string, records: number) => Promise<Figures>> = {
  append,
  latency: (folder) => latency(folder),
  topics: (folder) => topics(folder),
  // Long enough that neither is still warming up.
  ports: (folder, records) => ports(folder, 4 * records),
};

export function runScenario(name: string, folder: string, records: number): Promise<Figures> {
  const scenario = SCENARIOS[name];
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  return scenario(folder, records);
}

function batchOf(names: readonly TopicName[], values: readonly Uint8Array[], from: number): NewRecord[] {
  const timestamp = systemEnv.now() as TimestampMs;
  return names.map((topic, i) => ({ topic, timestamp, value: values[(from + i) % values.length] as Uint8Array }));
}

/** A producer as its documentation would have it for speed and safety, and a topic of its own. */
async function bareProducer(brokers: readonly string[]): Promise<{ producer: Producer; topic: string }> {
  const kafka = new Kafka({ clientId: "bare", brokers: [...brokers], logLevel: logLevel.ERROR });
  const admin = kafka.admin();
  await admin.connect();
  const topic = "bare.containers";
  await createTopic(admin, topic, PARTITIONS);
  await admin.disconnect();
  const producer = kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    idempotent: true,
    maxInFlightRequests: 1,
  });
  await producer.connect();
  return { producer, topic };
}

/** One partition, as an origin has it. */
function messagesOf(records: readonly NewRecord[], header: Buffer) {
  return records.map(({ topic, value }) => ({
    key: topic,
    value: Buffer.from(value.buffer, value.byteOffset, value.length),
    partition: 0,
    headers: { landfall: header },
  }));
}

/** Two callers, so that one batch is made while the other is on its way. @returns records a second */
async function fill(records: number, send: (batch: NewRecord[]) => Promise<unknown>): Promise<number> {
  const topics = new Topics(10_000);
  const values = randomValues();
  const run = async (count: number): Promise<number> => {
    let next = 0;
    const call = async (): Promise<void> => {
      while (next < count) {
        const from = next;
        next += BATCH;
        await send(batchOf(topics.batch(from, BATCH), values, from));
      }
    };
    const start = performance.now();
    await Promise.all([call(), call()]);
    return count / ((performance.now() - start) / 1_000);
  };
  await run(WARM_UP_RECORDS);
  return Math.round(await run(records));
}

async function withBroker<T>(work: (kafka: KafkaCluster) => Promise<T>): Promise<T> {
  const kafka = await startKafka({ jvm: JVM });
  try {
    return await work(kafka);
  } finally {
    await kafka.close();
  }
}

/** The bare producer first in one run and second in another would be no different: each has warmed up. */
async function append(folder: string, records: number): Promise<Figures> {
  return withBroker(async ({ brokers }) => {
    const { producer, topic } = await bareProducer(brokers);
    const header = Buffer.alloc(HEADER_BYTES, 1);
    const bare = await fill(records, (batch) =>
      producer.send({ topic, acks: -1, messages: messagesOf(batch, header) }),
    );
    await producer.disconnect();
    const store = await openSite(folder, brokers);
    const site = await fill(records, (batch) => store.append(STREAM, batch));
    await store.close();
    return { site, bare, percent: Math.round((100 * site) / bare) };
  });
}

/** @returns the 99th of a hundred of the times that 100 records took, sent every 10 ms */
async function paced(send: (batch: NewRecord[]) => Promise<unknown>): Promise<number> {
  const topics = new Topics(10_000);
  const values = randomValues();
  const times: number[] = [];
  const under: Promise<void>[] = [];
  const begun = performance.now();
  for (let i = 0; i < LATENCY_BATCHES; i++) {
    const due = begun + i * LATENCY_MS;
    if (performance.now() < due) await sleep(due - performance.now());
    const batch = batchOf(topics.batch(i * LATENCY_BATCH, LATENCY_BATCH), values, i);
    const start = performance.now();
    under.push(send(batch).then(() => void times.push(performance.now() - start)));
  }
  await Promise.all(under);
  // The first second is the compiler's.
  const counted = times.slice(100).sort((a, b) => a - b);
  return Math.round((counted[Math.floor(counted.length * 0.99)] ?? 0) * 10) / 10;
}

async function latency(folder: string): Promise<Figures> {
  return withBroker(async ({ brokers }) => {
    const { producer, topic } = await bareProducer(brokers);
    const header = Buffer.alloc(HEADER_BYTES, 1);
    const bare = await paced((batch) => producer.send({ topic, acks: -1, messages: messagesOf(batch, header) }));
    await producer.disconnect();
    const store = await openSite(folder, brokers);
    const site = await paced((batch) => store.append(STREAM, batch));
    await store.close();
    return { site, bare, added: Math.round((site - bare) * 10) / 10 };
  });
}

async function topics(folder: string): Promise<Figures> {
  return withBroker(async ({ brokers }) => {
    const count = 100_000;
    const names = new Topics(count);
    const values = randomValues();
    const store = await openSite(join(folder, "a"), brokers);
    const start = performance.now();
    for (let from = 0; from < 2 * count; from += BATCH) {
      await store.append(STREAM, batchOf(names.batch(from, BATCH), values, from));
    }
    const rate = Math.round((2 * count) / ((performance.now() - start) / 1_000));
    await store.close();
    const opened = performance.now();
    const again = await openSite(join(folder, "b"), brokers);
    const reopen = Math.round(performance.now() - opened);
    let found = 0;
    for (let after: string | undefined; ;) {
      const page = again.topics(STREAM, { limit: 10_000, ...(after !== undefined && { after }) });
      found += page.length;
      after = page.at(-1);
      if (after === undefined) break;
    }
    await again.close();
    return { rate, topics: found, reopen };
  });
}
