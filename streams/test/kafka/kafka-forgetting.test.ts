import { skipWithoutKafka } from "@landfall/brokers/for-tests";
import { START_MS_MAX, startKafka, type KafkaCluster } from "@landfall/brokers/kafka";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemEnv } from "../../src/env.js";
import type { KafkaClient } from "../../src/kafka/kafka-client.js";
import { kafkaJsClient } from "../../src/kafka/kafkajs-client.js";
import { encodeBatch, type ProducerIdentity } from "../../src/kafka/record-batch.js";
import { originId } from "../../src/model/names.js";
import { KafkaSite } from "../../testing/kafka-site.js";
import { KAFKA_STREAM, heldIn, record } from "../../testing/kafka-writing.js";
import { until } from "../../testing/until.js";

const TOPIC = "witness";
const NOTHING = new Uint8Array(0);
const skip = await skipWithoutKafka();

describe.skipIf(skip)("a broker that soon forgets producers", () => {
  let kafka: KafkaCluster;
  beforeAll(async () => {
    const settings = { "producer.id.expiration.ms": "500", "producer.id.expiration.check.interval.ms": "100" };
    kafka = await startKafka({ settings });
  }, START_MS_MAX);
  afterAll(() => kafka?.close());

  it("S1, S2: takes the next batch of one that was silent for long", async () => {
    const site = await KafkaSite.make(kafka.brokers, { site: "tokyo", node: "a", slot: 1, env: systemEnv });
    const store = await site.open();
    await store.append(KAFKA_STREAM, [record(0)]);
    const witness = await Witness.make(kafka.brokers[0] as string);
    try {
      for (let i = 1; i <= 3; i++) {
        await witness.untilForgotten();
        const [next] = await store.append(KAFKA_STREAM, [record(i)]);
        expect(next?.seq).toBe(i);
      }
      expect(new Set((await heldIn(store)).keys())).toEqual(new Set([0, 1, 2, 3]));
    } finally {
      await witness.close();
      await store.close();
      await site.dispose();
    }
  });
});

/** Tells when a broker has forgotten producers that were last heard of before: it refuses an outdated epoch only while it knows the later. */
class Witness {
  private constructor(
    private readonly client: KafkaClient,
    private readonly earlier: ProducerIdentity,
    private readonly later: ProducerIdentity,
  ) {}

  static async make(broker: string): Promise<Witness> {
    const client = kafkaJsClient({ brokers: [broker], clientId: "witness" });
    await client.createTopic(TOPIC, 1, 1, {});
    await until(async () => (await client.topology(TOPIC)).topics.get(TOPIC)?.[0]?.leader !== undefined);
    return new Witness(client, await client.initProducer("witness"), await client.initProducer("witness"));
  }

  /** Twice: each partition is looked at in its own time. */
  async untilForgotten(): Promise<void> {
    for (let times = 0; times < 2; times++) {
      expect(await this.produce(this.later, 0)).toBeUndefined();
      await until(async () => (await this.produce(this.earlier, 0)) === undefined);
    }
  }

  close(): Promise<void> {
    return this.client.close();
  }

  private async produce(producer: ProducerIdentity, sequence: number): Promise<string | undefined> {
    const header = { kind: 1, seq: 0, offset: 0, timestamp: 0, received: Date.now(), rest: NOTHING } as const;
    const batch = encodeBatch(
      [{ key: "a", value: NOTHING, header: { ...header, origin: originId("a.a~a") } }],
      producer,
      sequence,
    );
    const [result] = await this.client.produce(1, [{ topic: TOPIC, partition: 0, batch }]);
    return result?.error;
  }
}
