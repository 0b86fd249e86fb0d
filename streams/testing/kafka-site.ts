import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemEnv } from "../src/env.js";
import { openKafkaStore, type KafkaSiteOptions } from "../src/kafka/open-kafka-store.js";
import type { KafkaStore } from "../src/kafka/kafka-store.js";
import type { StoreFixtureOptions } from "./store-fixture.js";

let sites = 0;

/** A node of a Kafka site, with a folder of its own; what it waits for, it waits for by the real clock. */
export class KafkaSite {
  private constructor(
    private readonly options: Omit<KafkaSiteOptions, "folder">,
    public folder: string,
  ) {}

  /** @param over `kafka.topicPrefix` of nodes that are one site is the same; by default each is a site of its own */
  static async make(
    brokers: readonly string[],
    fixture: StoreFixtureOptions,
    over: Partial<KafkaSiteOptions> = {},
  ): Promise<KafkaSite> {
    const folder = await mkdtemp(join(tmpdir(), "landfall-kafka-site-"));
    const topicPrefix = `${fixture.site}-${process.pid}-${++sites}.`;
    const kafka = { brokers, topicPrefix, partitions: 1, ...over.kafka };
    return new KafkaSite({ ...fixture, timers: systemEnv, ...over, kafka }, folder);
  }

  get topicPrefix(): string {
    return this.options.kafka.topicPrefix ?? "";
  }

  open(over: Partial<KafkaSiteOptions> = {}): Promise<KafkaStore> {
    return openKafkaStore({ ...this.options, folder: this.folder, ...over });
  }

  async dispose(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
