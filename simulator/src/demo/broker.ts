import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BrokersError } from "@landfall/brokers/errors";
import { startKafka, type KafkaCluster } from "@landfall/brokers/kafka";
import { KAFKA_NEWEST } from "@landfall/brokers/versions";
import { requireKafka } from "@landfall/brokers/ways";
import { messageOf, SimulatorError } from "../errors.js";
import type { Progress } from "./progress.js";

/** Three ports' logs and a small machine. */
const HEAP = ["-Xmx512m"];
/** Before a broker that died is started again. */
const RESTART_MS = 1_000;

/** The demo's own Kafka broker: starts with it, is started again when it dies, and ends with it. */
export class DemoBroker {
  private cluster: Promise<KafkaCluster> | undefined;
  private stopping = false;

  /** @param folder the demo's; the broker's data is kept in it */
  constructor(
    private readonly folder: string,
    private readonly port: number,
    private readonly progress: Progress,
  ) {}

  /** @throws SimulatorError UNREACHABLE with what Kafka said */
  async start(): Promise<void> {
    this.progress.step(`Starting a broker of Kafka ${KAFKA_NEWEST}`);
    this.cluster = startKafka({ folder: join(this.folder, "kafka"), ports: [this.port], jvm: HEAP });
    const cluster = await this.cluster.catch((error: unknown) => {
      throw unreachable(error);
    });
    void this.keep(cluster);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    const cluster = await this.cluster?.catch(() => undefined);
    await cluster?.close();
  }

  /** At once. What is acknowledged is in its log. */
  kill(): void {
    this.stopping = true;
    void this.cluster?.then(
      (cluster) => cluster.kill(0),
      () => undefined,
    );
  }

  private async keep(cluster: KafkaCluster): Promise<void> {
    while (!this.stopping) {
      if (cluster.isRunning(0)) await cluster.ended(0);
      if (this.stopping) return;
      this.progress.tell("Kafka's broker ended; starting it again");
      await sleep(RESTART_MS);
      if (this.stopping) return;
      await cluster.start().catch((error: unknown) => this.progress.tell(messageOf(error)));
    }
  }
}

/**
 * Whose brokers the demo uses.
 * @returns those that KAFKA_BROKERS names, or undefined when it has to start one
 * @throws SimulatorError UNREACHABLE where there is no way to a broker, with what to do about it
 */
export async function brokersGiven(): Promise<readonly string[] | undefined> {
  const way = await requireKafka().catch((error: unknown) => {
    throw unreachable(error);
  });
  return way.kind === "given" ? way.brokers : undefined;
}

function unreachable(error: unknown): unknown {
  return error instanceof BrokersError ? new SimulatorError("UNREACHABLE", error.message, { cause: error }) : error;
}
