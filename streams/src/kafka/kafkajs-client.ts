import { createRequire } from "node:module";
import { LandfallError } from "../model/errors.js";
import { ACK_TIMEOUT_MS, CONNECT_TIMEOUT_MS, FETCH_PARTITION_BYTES_MAX, REQUEST_TIMEOUT_MS } from "./kafka-limits.js";
import { KafkaError } from "./kafka-client.js";
import type { Bounds, KafkaClient, PartitionPlace, TopicPartition, TopicSettings, Topology } from "./kafka-client.js";
import type {
  ConnectionOptions,
  KafkaJsBroker,
  KafkaJsParts,
  KafkaJsPool,
  KafkaJsQueue,
  KafkaJsRequest,
  KafkaJsResource,
} from "./kafkajs-parts.js";
import { FETCH_VERSION, PRODUCE_VERSION, decodeFetch, decodeProduce, encodeFetch, encodeProduce } from "./wire.js";

/*
 * The one file that imports kafkajs, pinned to 2.2.4. It takes the library's connections, with their TLS, SASL, time limits and
 * throttling, and its requests; not its producer, consumer and cluster, and why not, says docs/adr/0021.
 */
const require = createRequire(import.meta.url);
const parts: KafkaJsParts = {
  Broker: require("kafkajs/src/broker/index.js"),
  ConnectionPool: require("kafkajs/src/network/connectionPool.js"),
  Encoder: require("kafkajs/src/protocol/encoder.js"),
  createLogger: require("kafkajs/src/loggers/index.js").createLogger,
  socketFactory: require("kafkajs/src/network/socketFactory.js"),
  requests: require("kafkajs/src/protocol/requests/index.js").requests,
  apiKeys: require("kafkajs/src/protocol/requests/apiKeys.js"),
  errorCodes: require("kafkajs/src/protocol/error.js").errorCodes,
};

const TRANSACTION_COORDINATOR = 1;
/** Never begun: the name is taken for its epoch alone. */
const TRANSACTION_TIMEOUT_MS = 60_000;
const CREATE_TIMEOUT_MS = 8_000;
const TOPIC_RESOURCE = 2;
/** In what a broker says of a setting's source. */
const OF_TOPIC = 1;
const EARLIEST = -2;
const LATEST = -1;
/** InitProducerId 3 came with Kafka 2.5: since then a broker that has forgotten a producer takes its next batch. */
const NEEDED = { Produce: PRODUCE_VERSION, Fetch: FETCH_VERSION, InitProducerId: 3 } as const;
/** Younger than kafkajs. */
const LATER_ERRORS: Readonly<Record<number, string>> = { 90: "PRODUCER_FENCED", 100: "UNKNOWN_TOPIC_ID" };

export interface KafkaJsOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly ssl?: ConnectionOptions["ssl"];
  readonly sasl?: ConnectionOptions["sasl"];
}

/** Connections to one broker: what it holds back must not hold up what is urgent. */
interface Lines {
  readonly main: KafkaJsBroker;
  readonly urgent: KafkaJsBroker;
}

export function kafkaJsClient(options: KafkaJsOptions): KafkaClient {
  return new KafkaJsClient(options);
}

class KafkaJsClient implements KafkaClient {
  private readonly lines = new Map<string, Lines>();
  /** Addresses by the number of the broker. */
  private readonly addresses = new Map<number, string>();
  private readonly logger = parts.createLogger({ level: 0, logCreator: () => () => undefined });
  private controller: number | undefined;
  private isClosed = false;

  constructor(private readonly options: KafkaJsOptions) {}

  async topology(prefix: string): Promise<Topology> {
    const answer = await this.askAny((broker) => {
      const made = broker.lookupRequest(
        parts.apiKeys.Metadata,
        parts.requests.Metadata,
      )({
        topics: [],
        allowAutoTopicCreation: false,
      });
      // As it was decoded: kafkajs throws all of it away when one partition has no leader.
      return broker.connectionPool.send({ ...made, response: { ...made.response, parse: (data) => data } });
    });
    const { brokers, controllerId, topicMetadata } = answer as MetadataAnswer;
    this.controller = controllerId;
    for (const { nodeId, host, port } of brokers) this.addresses.set(nodeId, `${host}:${port}`);
    const topics = new Map<string, PartitionPlace[]>();
    for (const { topic, partitionMetadata } of topicMetadata) {
      if (!topic.startsWith(prefix)) continue;
      const places: PartitionPlace[] = [];
      for (const { partitionId, leader, replicas } of partitionMetadata) {
        places[partitionId] = { leader: leader < 0 ? undefined : leader, replicas: replicas.length };
      }
      topics.set(topic, places);
    }
    return { brokers: brokers.length, topics };
  }

  async initProducer(name: string) {
    const found = await this.askAny((broker) =>
      broker.findGroupCoordinator({ groupId: name, coordinatorType: TRANSACTION_COORDINATOR }),
    );
    const { coordinator } = found as { coordinator: { nodeId: number; host: string; port: number } };
    this.addresses.set(coordinator.nodeId, `${coordinator.host}:${coordinator.port}`);
    const answer = await this.ask(coordinator.nodeId, (broker) =>
      broker.initProducerId({ transactionalId: name, transactionTimeout: TRANSACTION_TIMEOUT_MS }),
    );
    const { producerId, producerEpoch } = answer as { producerId: string; producerEpoch: number };
    return { id: BigInt(producerId), epoch: producerEpoch };
  }

  async produce(broker: number, batches: Parameters<KafkaClient["produce"]>[1]) {
    const answer = await this.ask(broker, ({ connectionPool }) => produceOver(connectionPool, batches));
    return (answer as ReturnType<typeof decodeProduce>).results.map(({ code, result }) => ({
      ...result,
      error: errorType(code),
    }));
  }

  async fetch(broker: number, from: Parameters<KafkaClient["fetch"]>[1], options: Parameters<KafkaClient["fetch"]>[2]) {
    const { waitMs, bytesMax, isUrgent } = options;
    const limits = { waitMs, bytesMax, partitionBytesMax: FETCH_PARTITION_BYTES_MAX };
    const answer = await this.ask(
      broker,
      ({ connectionPool }) => connectionPool.send(rawFetch(() => encodeFetch(from, limits))),
      isUrgent,
    );
    return (answer as ReturnType<typeof decodeFetch>).results.map(({ code, result }) => ({
      ...result,
      error: errorType(code),
    }));
  }

  async bounds(broker: number, partitions: readonly TopicPartition[]): Promise<Bounds[]> {
    const at = async (timestamp: number): Promise<Map<string, number>> => {
      const topics = partitions.map(({ topic, partition }) => ({ topic, partitions: [{ partition, timestamp }] }));
      const answer = await this.ask(broker, (line) => line.listOffsets({ replicaId: -1, isolationLevel: 0, topics }));
      const { responses } = answer as {
        responses: { topic: string; partitions: { partition: number; offset: string }[] }[];
      };
      return new Map(
        responses.flatMap(({ topic, partitions }) =>
          partitions.map(({ partition, offset }) => [`${topic} ${partition}`, Number(offset)] as const),
        ),
      );
    };
    const [first, next] = [await at(EARLIEST), await at(LATEST)];
    return partitions.map(({ topic, partition }) => {
      const key = `${topic} ${partition}`;
      return { topic, partition, first: first.get(key) ?? 0, next: next.get(key) ?? 0 };
    });
  }

  async createTopic(name: string, partitions: number, replication: number, settings: TopicSettings): Promise<void> {
    const topics = [
      { topic: name, numPartitions: partitions, replicationFactor: replication, configEntries: entriesOf(settings) },
    ];
    await this.askController((broker) => broker.createTopics({ topics, timeout: CREATE_TIMEOUT_MS }));
  }

  async topicSettings(name: string, names: readonly string[]) {
    const resources: KafkaJsResource[] = [{ type: TOPIC_RESOURCE, name }];
    const answer = await this.askAny((broker) => broker.describeConfigs({ resources }));
    const entries = (answer as SettingsAnswer).resources[0]?.configEntries ?? [];
    const own: Record<string, string> = {};
    const effective: Record<string, string> = {};
    for (const { configName, configValue, configSource } of entries) {
      if (configSource === OF_TOPIC) own[configName] = configValue;
      if (names.includes(configName)) effective[configName] = configValue;
    }
    return { own, effective };
  }

  async setTopicSettings(name: string, settings: TopicSettings): Promise<void> {
    const resources = [{ type: TOPIC_RESOURCE, name, configEntries: entriesOf(settings) }];
    await this.askController((broker) => broker.alterConfigs({ resources }));
  }

  async close(): Promise<void> {
    this.isClosed = true;
    for (const address of this.lines.keys()) this.drop(address);
  }

  private askController(request: (broker: KafkaJsBroker) => Promise<unknown>): Promise<unknown> {
    const { controller } = this;
    return controller === undefined || !this.addresses.has(controller)
      ? this.askAny(request)
      : this.ask(controller, request);
  }

  private async ask(
    broker: number,
    request: (broker: KafkaJsBroker) => Promise<unknown>,
    isUrgent = false,
  ): Promise<unknown> {
    const address = this.addresses.get(broker);
    if (address === undefined) throw new KafkaError("UNREACHABLE", `broker ${broker} is not known`);
    return this.askAt(address, request, isUrgent);
  }

  /** The first that answers, of those that are known, and then those of the settings. */
  private async askAny(request: (broker: KafkaJsBroker) => Promise<unknown>): Promise<unknown> {
    const connected = [...this.lines].filter(([, { main }]) => main.isConnected()).map(([address]) => address);
    const known = [...this.addresses.values()];
    const failures: string[] = [];
    for (const address of new Set([...connected, ...known, ...this.options.brokers])) {
      try {
        return await this.askAt(address, request, false);
      } catch (error) {
        if (!(error instanceof KafkaError) || error.type !== "UNREACHABLE") throw error;
        failures.push(error.message);
      }
    }
    throw new KafkaError("UNREACHABLE", failures.join("; "));
  }

  private async askAt(
    address: string,
    request: (broker: KafkaJsBroker) => Promise<unknown>,
    isUrgent: boolean,
  ): Promise<unknown> {
    if (this.isClosed) throw new LandfallError("CLOSED", "the connection to Kafka was closed");
    const lines = this.linesTo(address);
    const broker = isUrgent ? lines.urgent : lines.main;
    try {
      if (!broker.isConnected()) {
        await broker.connect();
        checkVersions(broker.versions, address);
      }
      return await request(broker);
    } catch (error) {
      const failure = failureOf(error, address);
      // What comes late over this connection would only be in the way.
      if (failure instanceof KafkaError && failure.type === "UNREACHABLE" && this.lines.get(address) === lines)
        this.drop(address);
      throw failure;
    }
  }

  private linesTo(address: string): Lines {
    const known = this.lines.get(address);
    if (known !== undefined) return known;
    const colon = address.lastIndexOf(":");
    const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
    const line = (): KafkaJsBroker => {
      const { clientId, ssl, sasl } = this.options;
      const connectionPool = new parts.ConnectionPool({
        host,
        port: Number(address.slice(colon + 1)),
        clientId,
        ssl: ssl ?? null,
        sasl: sasl ?? null,
        logger: this.logger,
        socketFactory: parts.socketFactory(),
        connectionTimeout: CONNECT_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        enforceRequestTimeout: true,
      });
      for (const { requestQueue } of connectionPool.pool) rest(requestQueue);
      return new parts.Broker({ connectionPool, logger: this.logger, allowAutoTopicCreation: false });
    };
    const lines = { main: line(), urgent: line() };
    this.lines.set(address, lines);
    return lines;
  }

  /** At once: kafkajs would wait for what is never answered. */
  private drop(address: string): void {
    const lines = this.lines.get(address);
    this.lines.delete(address);
    if (lines === undefined) return;
    const givenUp = new KafkaError("UNREACHABLE", `the connection to ${address} was given up`);
    for (const { connectionPool } of [lines.main, lines.urgent]) {
      for (const connection of connectionPool.pool) {
        connection.rejectRequests(givenUp);
        connection.disconnect().catch(() => undefined);
        // With an error: of one that is still being made, kafkajs would not hear otherwise until its time is over.
        connection.socket?.destroy(givenUp);
      }
    }
  }
}

interface MetadataAnswer {
  readonly brokers: readonly { nodeId: number; host: string; port: number }[];
  readonly controllerId: number;
  readonly topicMetadata: readonly {
    topic: string;
    partitionMetadata: readonly { partitionId: number; leader: number; replicas: readonly number[] }[];
  }[];
}

interface SettingsAnswer {
  readonly resources: readonly {
    configEntries: readonly { configName: string; configValue: string; configSource: number }[];
  }[];
}

/** @throws KafkaError TOO_OLD */
export function checkVersions(
  versions: Readonly<Record<number, { readonly maxVersion: number }>> | undefined,
  address: string,
): void {
  for (const [name, needed] of Object.entries(NEEDED)) {
    if ((versions?.[parts.apiKeys[name] as number]?.maxVersion ?? -1) >= needed) continue;
    throw tooOld(address, `it has no ${name} ${needed}`);
  }
}

function tooOld(address: string, why: string, cause?: unknown): KafkaError {
  const remedy = "update it to 3.9 or 4.x, on which Landfall is tested";
  return new KafkaError("TOO_OLD", `the broker ${address} is older than Kafka 2.5 (${why}): ${remedy}`, { cause });
}

/** A request whose body and answer are bytes to kafkajs. */
function rawFetch(encode: () => Buffer): KafkaJsRequest {
  return {
    request: {
      apiKey: parts.apiKeys["Fetch"] as number,
      apiVersion: FETCH_VERSION,
      apiName: "Fetch",
      encode: async () => encoderOf(encode()),
    },
    response: {
      // By this name kafkajs takes it, and sends nothing more over the connection for so long: the broker would not read it, and what
      // waits there would be taken for a broker that does not answer.
      decode: async (payload) => {
        const answer = decodeFetch(payload);
        return { ...answer, clientSideThrottleTime: answer.throttleMs };
      },
      parse: async (data) => data,
    },
  };
}

/** Through kafkajs' queue, with its numbers, time limits and throttling, but not through its buffers: it copies a request twice. */
async function produceOver(
  pool: KafkaJsPool,
  batches: Parameters<KafkaClient["produce"]>[1],
): Promise<ReturnType<typeof decodeProduce>> {
  const apiKey = parts.apiKeys["Produce"] as number;
  const connection = await pool.getConnectionByRequest({ request: { apiKey } });
  connection.failIfNotConnected();
  const { socket, clientId, requestQueue } = connection;
  const correlationId = connection.nextCorrelationId();
  const pieces = encodeProduce(batches, { correlationId, clientId, waitMs: ACK_TIMEOUT_MS });
  const { payload } = await new Promise<{ payload: Uint8Array }>((resolve, reject) =>
    requestQueue.push({
      entry: { apiKey, apiName: "Produce", apiVersion: PRODUCE_VERSION, correlationId, resolve, reject },
      expectResponse: true,
      sendRequest: () => {
        socket?.cork();
        for (const piece of pieces) socket?.write(piece);
        socket?.uncork();
      },
    }),
  );
  const answer = decodeProduce(payload);
  requestQueue.maybeThrottle(answer.throttleMs);
  return answer;
}

/** kafkajs looks once a millisecond for what waits in a queue, also where nothing does, as long as there is the connection. */
function rest(queue: KafkaJsQueue): void {
  const look = queue.scheduleCheckPendingRequests.bind(queue);
  queue.scheduleCheckPendingRequests = () => {
    if (queue.pending.length > 0) look();
  };
}

/** The bytes as what kafkajs writes them from, without a copy. */
function encoderOf(body: Buffer): unknown {
  const encoder = new parts.Encoder(1);
  encoder.buf = body;
  encoder.offset = body.length;
  return encoder;
}

function entriesOf(settings: TopicSettings): { name: string; value: string }[] {
  return Object.entries(settings).map(([name, value]) => ({ name, value }));
}

/** Undefined for none. */
function errorType(code: number): string | undefined {
  if (code === 0) return undefined;
  return parts.errorCodes.find((known) => known.code === code)?.type ?? LATER_ERRORS[code] ?? `ERROR_${code}`;
}

function failureOf(error: unknown, address: string): KafkaError | LandfallError {
  if (error instanceof KafkaError || error instanceof LandfallError) return error;
  const { name, type, code, message } = error as { name?: string; type?: string; code?: number; message?: string };
  const said = message ?? String(error);
  if (name === "KafkaJSSASLAuthenticationError" || type === "SASL_AUTHENTICATION_FAILED") {
    return new KafkaError("AUTHENTICATION", `the broker ${address} refuses the credentials: ${said}`, { cause: error });
  }
  if (name === "KafkaJSServerDoesNotSupportApiKey") {
    return tooOld(address, said, error);
  }
  const failed = typeof code === "number" && code > 0 ? errorType(code) : undefined;
  const isAnswer = type !== undefined || failed !== undefined;
  const what = type === "UNKNOWN" ? (failed ?? type) : (type ?? failed ?? "UNREACHABLE");
  return new KafkaError(what, isAnswer ? `the broker ${address} says: ${said}` : `${address}: ${said}`, {
    cause: error,
  });
}
