import pino from "pino";
import { Registry } from "prom-client";
import { createPolicy, type ChangeablePolicy, type StreamRule } from "../src/access/policy.js";
import { systemEnv, type Env } from "../src/env.js";
import type { Exceptions } from "../src/node/node.js";
import { createExceptions } from "../src/observe/exceptions.js";
import { ownAppends } from "../src/replication/producers.js";
import { createReplicator, type Replicator } from "../src/replication/replicator.js";
import { tokenDigest } from "../src/replication/gate.js";
import type { Transport } from "../src/replication/transport.js";
import type { LinkSettings, NodeSettings, SiteEntry, TlsSettings } from "../src/settings/node-settings.js";
import type { Disk } from "../src/store/disk.js";
import { openEmbeddedStore, type EmbeddedStore, type EmbeddedStoreOptions } from "../src/store/embedded-store.js";
import type { LocalStore } from "../src/store/store.js";

/** A store with its replication, without the HTTP side: what tests of replication join together. */
export interface TestNode<Store extends LocalStore = EmbeddedStore> {
  readonly site: string;
  readonly node: string;
  readonly store: Store;
  readonly replicator: Replicator;
  /** Its rules, to be changed by a test. */
  readonly policy: ChangeablePolicy;
  readonly registry: Registry;
  readonly reported: { code: string; message: string }[];
  close(): Promise<void>;
}

export interface TestNodeOptions {
  readonly site: string;
  readonly node?: string;
  /** Nodes of the site, where it has several. */
  readonly nodes?: readonly string[];
  readonly folder: string;
  readonly sites: readonly SiteEntry[];
  readonly links?: readonly LinkSettings[];
  readonly wants?: readonly string[];
  readonly token?: string;
  /** Instead of the token. */
  readonly tls?: TlsSettings;
  /** gRPC by default. */
  readonly transport?: Transport;
  /** What is reported is written to `bigblue.exceptions`, too, as a service does it. */
  readonly writesExceptions?: boolean;
  readonly access?: readonly StreamRule[];
  /** The real ones by default. */
  readonly env?: Env;
  readonly disk?: Disk;
  /** How large journals are, and how long streams are kept. */
  readonly storing?: Pick<EmbeddedStoreOptions, "journalFileBytes" | "retention">;
  /** What replication sees instead of the store: it looks on, and hands everything on. */
  readonly watched?: (store: EmbeddedStore) => LocalStore;
}

const ACCESS: readonly StreamRule[] = [
  { stream: "bigblue.*", read: "g:bigblue-ops", replicate: "g:bigblue-sites" },
  { stream: "duckworks.*", read: "g:duckworks", replicate: "g:bigblue-sites | u:site.duckworks" },
];

export function testSite(site: string, groups: readonly string[] = ["bigblue-sites"]): SiteEntry {
  return { site, kind: "port", name: site, owner: "bigblue", groups, tokenSha256: tokenDigest(`token of ${site}`) };
}

export function startTestNode(options: TestNodeOptions): Promise<TestNode> {
  const { folder, site, node = "a", env = systemEnv, disk } = options;
  const storing = { ...(disk && { disk }), ...options.storing };
  return startTestNodeOn((mayAppend) => openEmbeddedStore({ folder, site, node, env, mayAppend, ...storing }), options);
}

/** The same on another store than one in a folder. */
export async function startTestNodeOn<Store extends LocalStore>(
  openStore: (mayAppend: ReturnType<typeof ownAppends>) => Promise<Store>,
  options: Omit<TestNodeOptions, "watched"> & { readonly watched?: (store: Store) => LocalStore },
): Promise<TestNode<Store>> {
  const { site, folder, node = "a", nodes, access = ACCESS } = options;
  const reported: { code: string; message: string }[] = [];
  const settings: NodeSettings = {
    site,
    node,
    ...(nodes !== undefined && { cluster: { nodes, ack: "quorum" } }),
    data: folder,
    http: { host: "127.0.0.1", port: 0 },
    replication: {
      listen: "127.0.0.1:0",
      wants: options.wants ?? ["*"],
      ...(options.tls === undefined ? { token: options.token ?? `token of ${site}` } : { tls: options.tls }),
    },
    links: options.links ?? [],
    // A site knows itself, also where nobody else does.
    sites: options.sites.some((entry) => entry.site === site) ? options.sites : [...options.sites, testSite(site)],
    access,
    tokens: [],
    retention: [],
    diskPercentMax: 100,
    metricsSeconds: 60,
    logLevel: "silent",
  };
  const policy = createPolicy(access);
  const mayAppend = ownAppends(policy, settings.sites.find((entry) => entry.site === site) as SiteEntry);
  const { env = systemEnv, disk, transport } = options;
  const store = await openStore(mayAppend);
  const log = pino({ level: "silent" });
  const registry = new Registry();
  const written =
    options.writesExceptions === true
      ? createExceptions({ store, env, log, registry, owner: "bigblue", site, node })
      : undefined;
  const exceptions: Exceptions = {
    report(exception) {
      reported.push({ code: exception.code, message: exception.message });
      written?.report(exception);
    },
  };
  const replicator = createReplicator({
    store: options.watched?.(store) ?? store,
    env,
    settings,
    policy,
    log,
    exceptions,
    registry,
    ...(disk && { disk }),
    ...(transport && { transport }),
  });
  await replicator.start();
  return {
    site,
    node,
    store,
    replicator,
    policy,
    registry,
    reported,
    async close() {
      await replicator.close();
      await written?.close();
      await store.close();
    },
  };
}
