import type { Socket } from "node:net";

/** As much of kafkajs 2.2.4 as is used from within it: it has no types for these. */
export interface KafkaJsParts {
  readonly Broker: new (options: {
    connectionPool: KafkaJsPool;
    logger: unknown;
    allowAutoTopicCreation: boolean;
  }) => KafkaJsBroker;
  readonly ConnectionPool: new (options: ConnectionOptions) => KafkaJsPool;
  readonly Encoder: new (bytes: number) => { buf: Buffer; offset: number };
  readonly createLogger: (options: { level: number; logCreator: () => () => void }) => unknown;
  readonly socketFactory: () => unknown;
  readonly requests: Readonly<Record<string, unknown>>;
  readonly apiKeys: Readonly<Record<string, number>>;
  readonly errorCodes: readonly { readonly code: number; readonly type: string }[];
}

export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  readonly ssl: { readonly ca?: readonly string[]; readonly cert?: string; readonly key?: string } | null;
  readonly sasl: { readonly mechanism: string; readonly username: string; readonly password: string } | null;
  readonly logger: unknown;
  readonly socketFactory: unknown;
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly enforceRequestTimeout: boolean;
}

export interface KafkaJsRequest {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    encode(): Promise<unknown>;
  };
  readonly response: {
    decode(payload: Uint8Array): Promise<unknown>;
    parse(data: unknown): unknown;
  };
}

export interface KafkaJsQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
  /** Sent at once, or when the broker may be sent something again. */
  push(request: {
    readonly entry: {
      readonly apiKey: number;
      readonly apiName: string;
      readonly apiVersion: number;
      readonly correlationId: number;
      resolve(answer: { readonly payload: Uint8Array }): void;
      reject(error: Error): void;
    };
    readonly expectResponse: boolean;
    sendRequest(): void;
  }): void;
  maybeThrottle(ms: number): void;
}

export interface KafkaJsConnection {
  readonly clientId: string;
  readonly socket?: Socket;
  readonly requestQueue: KafkaJsQueue;
  nextCorrelationId(): number;
  /** @throws Error when the connection is gone */
  failIfNotConnected(): void;
  disconnect(): Promise<unknown>;
  rejectRequests(error: Error): void;
}

export interface KafkaJsPool {
  readonly pool: readonly KafkaJsConnection[];
  /** Connected, if need be. */
  getConnectionByRequest(request: { readonly request: { readonly apiKey: number } }): Promise<KafkaJsConnection>;
  send(request: KafkaJsRequest): Promise<unknown>;
}

export interface KafkaJsResource {
  readonly type: number;
  readonly name: string;
  readonly configEntries?: readonly { readonly name: string; readonly value: string }[];
}

export interface KafkaJsBroker {
  readonly connectionPool: KafkaJsPool;
  readonly versions: Readonly<Record<number, { readonly maxVersion: number }>> | undefined;
  isConnected(): boolean;
  connect(): Promise<void>;
  lookupRequest(apiKey: number | undefined, definition: unknown): (options: object) => KafkaJsRequest;
  findGroupCoordinator(options: { groupId: string; coordinatorType: number }): Promise<unknown>;
  initProducerId(options: { transactionalId: string; transactionTimeout: number }): Promise<unknown>;
  listOffsets(options: object): Promise<unknown>;
  createTopics(options: object): Promise<unknown>;
  describeConfigs(options: { resources: readonly KafkaJsResource[] }): Promise<unknown>;
  alterConfigs(options: { resources: readonly KafkaJsResource[] }): Promise<unknown>;
}
