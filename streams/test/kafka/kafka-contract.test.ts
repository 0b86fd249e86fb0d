import { forBrokers, skipWithoutKafka } from "@landfall/brokers/for-tests";
import { START_MS_MAX } from "@landfall/brokers/kafka";
import { KAFKA_VERSIONS } from "@landfall/brokers/versions";
import { afterAll, beforeAll, describe } from "vitest";
import { KafkaSite } from "../../testing/kafka-site.js";
import { describeStoreContract } from "../../testing/store-contract.js";

const skip = await skipWithoutKafka({ control: false });

describe.skipIf(skip).each(KAFKA_VERSIONS)("on Kafka %s", (version) => {
  let kafka: Awaited<ReturnType<typeof forBrokers>>;
  beforeAll(async () => void (kafka = await forBrokers(version)), START_MS_MAX);
  afterAll(() => kafka?.close());

  describeStoreContract("The store of a Kafka site", async (options) => {
    const site = await KafkaSite.make(kafka.brokers, options);
    return { open: () => site.open(), dispose: () => site.dispose() };
  });
});
