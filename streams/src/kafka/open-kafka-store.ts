import { readFile } from "node:fs/promises";
import { LandfallError } from "../model/errors.js";
import { openEmbeddedStore, type EmbeddedStoreOptions } from "../store/embedded-store.js";
import { Inbox } from "./inbox.js";
import { KafkaStore } from "./kafka-store.js";
import { kafkaJsClient, type KafkaJsOptions } from "./kafkajs-client.js";
import { POSITIONS } from "./positions.js";
import { NODES, NODES_RETENTION } from "./site-nodes.js";
import { SiteLog } from "./site-log.js";
import type { Env } from "../env.js";
import type { KafkaClient } from "./kafka-client.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { KafkaSettings } from "../settings/node-settings.js";
import { SILENT_LOG } from "../store/open-folder.js";

export interface KafkaSiteOptions extends EmbeddedStoreOptions {
  readonly kafka: KafkaSettings;
  /** For waiting; by default `env`. */
  readonly timers?: Env;
  /** For tests, like `pendingBytesMax`; see kafka-limits.ts for the defaults of both. */
  readonly arrivingBytesMax?: number;
  /** False while `retention` may still say less than all: until then, no topic of the stream is made to be kept shorter. By default true. */
  readonly isRetentionKnown?: (stream: StreamName) => boolean;
  /** For tests: what the node sees instead of its brokers, which looks on, and hands on. */
  readonly watched?: (client: KafkaClient) => KafkaClient;
  /** Something in Kafka was passed over. */
  readonly onRefused?: (code: string, message: string) => void;
  /** The store writes no more: FENCED, or Kafka has lost what it had acknowledged. */
  readonly onFatal?: (error: LandfallError) => void;
}

/**
 * Opens the store of a node whose site keeps its log in Kafka.
 * @throws LandfallError as `openEmbeddedStore`, and UNAVAILABLE, UNAUTHENTICATED, UNSUPPORTED_VERSION, UNSUPPORTED_FORMAT,
 *   INVALID_SETTINGS; what was opened is closed again
 */
export async function openKafkaStore(options: KafkaSiteOptions): Promise<KafkaStore> {
  const { kafka, timers = options.env, watched, isRetentionKnown, onRefused, onFatal, ...embedded } = options;
  const { pendingBytesMax, arrivingBytesMax, log = SILENT_LOG, mayAppend, retention, ...rest } = embedded;
  const { site, node, env } = rest;
  const clientOptions = await clientOptionsOf(kafka, `landfall-${site}.${node}`);
  const local = await openEmbeddedStore({
    ...rest,
    log,
    followsLog: true,
    retention: (stream) => (stream === POSITIONS ? { compact: true } : retention?.(stream)),
  });
  const direct = kafkaJsClient(clientOptions);
  const client = watched?.(direct) ?? direct;
  const isCompacted = (stream: StreamName): boolean => retention?.(stream)?.compact === true;
  let inbox: Inbox | undefined;
  try {
    const siteLog = new SiteLog({
      client,
      local,
      brokers: kafka.brokers,
      prefix: kafka.topicPrefix ?? `${site}.`,
      partitions: kafka.partitions,
      replication: kafka.replication,
      env,
      timers,
      log,
      retention: (stream) => (stream === NODES ? NODES_RETENTION : retention?.(stream)),
      isRetentionKnown: (stream) => stream === NODES || isRetentionKnown?.(stream) !== false,
      pendingBytesMax,
      arrivingBytesMax,
      onRefused: onRefused ?? (() => undefined),
      onFatal: onFatal ?? (() => undefined),
    });
    let store: KafkaStore | undefined;
    inbox = await Inbox.open(
      { folder: options.folder, site, node, env, log },
      {
        term: () => store?.term ?? 0,
        apply: async (batch, term) => store?.applyKept(batch, term),
        hold: (run, term) => store?.hold(run, term),
        putHeld: async (held, firstSeq, body) => store?.putHeld(held, firstSeq, body),
        install: async (held, reader) => store?.install(held, reader),
        giveUp: async (held) => store?.giveUp(held),
        next: (stream: StreamName, origin: OriginId) => local.vector(stream)[origin] ?? 0,
      },
    );
    await siteLog.open();
    store = new KafkaStore(local, siteLog, inbox, { site, slot: options.slot, env, mayAppend, isCompacted });
    inbox.start();
    return store;
  } catch (error) {
    await client.close();
    await inbox?.close();
    await local.close();
    throw error;
  }
}

/** @throws LandfallError INVALID_SETTINGS for a file that cannot be read */
async function clientOptionsOf({ brokers, tls, sasl }: KafkaSettings, clientId: string): Promise<KafkaJsOptions> {
  const ca = await textOf(tls?.ca);
  const cert = await textOf(tls?.cert);
  const key = await textOf(tls?.key);
  const password = sasl?.password ?? (await textOf(sasl?.passwordFile))?.trimEnd();
  const ssl = {
    ...(ca !== undefined && { ca: [ca] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
  return {
    brokers,
    clientId,
    ...(tls !== undefined && { ssl }),
    ...(sasl !== undefined && {
      sasl: { mechanism: sasl.mechanism, username: sasl.username, password: password ?? "" },
    }),
  };
}

async function textOf(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new LandfallError("INVALID_SETTINGS", `log.kafka: ${path} cannot be read: ${String(cause)}`, { cause });
  }
}
