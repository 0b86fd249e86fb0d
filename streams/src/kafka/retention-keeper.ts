import { Backoff } from "./backoff.js";
import { isLandfallError } from "../model/errors.js";
import { RETENTION_MS } from "./kafka-limits.js";
import { retentionSettings } from "./topic-settings.js";
import type { Env } from "../env.js";
import type { StreamName } from "../model/names.js";
import type { StoreLog } from "../store/open-folder.js";
import type { Retention } from "../store/store.js";
import type { KafkaClient, TopicSettings } from "./kafka-client.js";
import type { Topics } from "./topics.js";

export interface RetentionKeeperOptions {
  readonly client: Pick<KafkaClient, "topicSettings" | "setTopicSettings">;
  readonly topics: Pick<Topics, "byStream">;
  readonly partitions: number;
  readonly timers: Env;
  readonly log: StoreLog;
  readonly retention: (stream: StreamName) => Retention | undefined;
  /** Whether that is all there is to know: rules that travelled may say that a stream is kept longer than this site's own. */
  readonly isRetentionKnown: (stream: StreamName) => boolean;
}

/**
 * Keeps the Kafka topics' expiry as the streams' is, once that is known: before, a topic is left as it is, because Kafka would not give
 * back what it deleted by the wrong rule. Every node of the site does so, each with the same result. What others have set of a topic
 * is sent along as it is, because Kafka forgets what an AlterConfigs request (all that kafkajs knows) leaves out.
 */
export class RetentionKeeper {
  /** As it was last found or made, by topic. */
  private readonly known = new Map<string, string>();
  private readonly backoff: Backoff;
  private work: Promise<void> = Promise.resolve();
  private isClosed = false;

  constructor(private readonly options: RetentionKeeperOptions) {
    this.backoff = new Backoff(options.timers);
  }

  start(): void {
    this.work = this.keep();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.backoff.end();
    await this.work;
  }

  private async keep(): Promise<void> {
    while (!this.isClosed) {
      for (const [stream, [partition]] of this.options.topics.byStream) {
        if (partition !== undefined && !this.isClosed) await this.look(stream, partition.topic);
      }
      await this.backoff.pause(RETENTION_MS);
    }
  }

  private async look(stream: StreamName, topic: string): Promise<void> {
    const { client, retention, isRetentionKnown, partitions, log } = this.options;
    if (!isRetentionKnown(stream)) return;
    const wanted = retentionSettings(retention(stream), partitions);
    const text = JSON.stringify(wanted);
    if (this.known.get(topic) === text) return;
    try {
      const { own, effective } = await client.topicSettings(topic, Object.keys(wanted));
      if (!isAsWanted(effective, wanted)) {
        await client.setTopicSettings(topic, { ...own, ...wanted });
        log.info({ topic, ...wanted }, "how long Kafka keeps a topic follows its stream's rules");
      }
      this.known.set(topic, text);
    } catch (error) {
      if (this.isClosed || isLandfallError(error, "CLOSED")) return;
      log.warn({ err: error, topic }, "how long Kafka keeps a topic could not be set; it is tried again");
    }
  }
}

function isAsWanted(effective: TopicSettings, wanted: TopicSettings): boolean {
  return Object.entries(wanted).every(([name, value]) => sorted(effective[name]) === sorted(value));
}

/** Policies are a list in any order. */
function sorted(value: string | undefined): string | undefined {
  return value?.split(",").sort().join(",");
}
