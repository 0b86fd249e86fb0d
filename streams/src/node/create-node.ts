import { createPolicy } from "../access/policy.js";
import { systemEnv, type Env } from "../env.js";
import { HTTP_CLOSE_MS_MAX } from "../http/http-limits.js";
import { listen } from "../http/listen.js";
import { createPrincipalResolvers } from "../http/principals.js";
import { addCompareRoutes } from "../http/routes/compare.js";
import { addHealthRoutes } from "../http/routes/health.js";
import { addRulesRoute } from "../http/routes/rules.js";
import { addStatusRoute } from "../http/routes/status.js";
import { addStreamRoutes } from "../http/routes/streams.js";
import { createHttpServer } from "../http/server.js";
import { LandfallError } from "../model/errors.js";
import type { StreamName } from "../model/names.js";
import { createExceptions } from "../observe/exceptions.js";
import { measureHttp } from "../observe/http-metrics.js";
import { createLog } from "../observe/log.js";
import { createRegistry, registerNodeMetrics } from "../observe/metrics.js";
import { startStatusWriter } from "../observe/status-writer.js";
import { createStatus } from "../observe/status.js";
import { createReplicator } from "../replication/replicator.js";
import { ownAppends, Producers } from "../replication/producers.js";
import { FleetRules } from "../settings/fleet/fleet-rules.js";
import { putInForce } from "../settings/fleet/put-in-force.js";
import type { NodeSettings } from "../settings/node-settings.js";
import { openEmbeddedStore } from "../store/embedded-store.js";
import type { LandfallNode, Replication } from "./node.js";
import { createReadiness } from "./readiness.js";
import { retentionOf } from "./retention.js";
import { Teardown } from "./teardown.js";
import { installedVersion } from "./version.js";

export interface NodeOptions {
  readonly env?: Env;
  /** Shown in the API and in the metrics; by default the installed package's. */
  readonly version?: string;
}

/**
 * Opens the data folder and puts a node together; it neither listens nor dials before `start`.
 * @throws LandfallError INVALID_SETTINGS, INVALID_EXPRESSION, FOLDER_IN_USE, UNSUPPORTED_FORMAT, DISK_FAILED;
 * `start` throws PORT_IN_USE. Whatever was opened is closed again.
 */
export async function createNode(settings: NodeSettings, options: NodeOptions = {}): Promise<LandfallNode> {
  const { env = systemEnv, version = installedVersion() } = options;
  const { site, node: nodeName } = settings;
  const self = settings.sites.find((entry) => entry.site === site);
  if (!self) throw new LandfallError("INVALID_SETTINGS", `site ${site} is not listed under sites`);
  const policy = createPolicy(settings.access);
  const log = createLog(settings.logLevel, site, nodeName);
  const registry = createRegistry(site, nodeName);
  const principals = createPrincipalResolvers(settings.tokens);
  const readiness = createReadiness();
  const teardown = new Teardown(log);
  try {
    // Until replication is there, nothing counts as handed over.
    let handedOver: Replication["handedOver"] = () => 0;
    // Until what travelled was read, only the base is known.
    let travelled: FleetRules | undefined;
    const retention = retentionOf(settings.retention, { of: (owner) => travelled?.rules(owner, "retention"), self });
    const store = await openEmbeddedStore({
      folder: settings.data,
      site,
      node: nodeName,
      ...(settings.slot !== undefined && { slot: settings.slot }),
      env,
      log,
      retention,
      handedOver: (stream, origin) => handedOver(stream, origin),
      diskPercentMax: settings.diskPercentMax,
      mayAppend: ownAppends(policy, self),
    });
    teardown.add("store", () => store.close());
    const exceptions = createExceptions({ store, env, log, registry, owner: self.owner, site, node: nodeName });
    teardown.add("exceptions", () => exceptions.close());
    // Settings follow the base alone, which does not change.
    const producers = new Producers(policy, settings.sites);
    const maySet = (name: string, stream: StreamName) => producers.maySiteProduce(name, stream);
    const rules = (travelled = new FleetRules({ store, env, exceptions, maySet }));
    putInForce(rules, policy, retention);
    teardown.add("rules", () => rules.close());
    // Before anybody is answered or connected.
    await rules.start();
    const replication = createReplicator({ store, env, settings, policy, log, exceptions, registry });
    handedOver = (stream, origin) => replication.handedOver(stream, origin);
    teardown.add("replication", () => replication.close());
    const http = await createHttpServer({ log, title: `Landfall, ${self.name}`, version });
    measureHttp(http, registry);
    teardown.add("http", async () => {
      // A live feed never ends by itself.
      const cut = env.setTimer(HTTP_CLOSE_MS_MAX, () => http.server.closeAllConnections());
      await http.close().finally(() => cut.cancel());
    });

    const status = createStatus({ site, node: nodeName, version, env, store, replication, readiness });
    registerNodeMetrics(registry, { version, store, replication, readiness });
    let phase: "starting" | "up" | "closing" = "starting";
    readiness.add("node", () => (phase === "up" ? undefined : phase));
    readiness.add("store", () => store.stats().failed);
    addHealthRoutes(http, readiness, registry);
    addStreamRoutes(http, { store, policy, principals });
    addCompareRoutes(http, { store, policy, principals, settings, retention });
    addStatusRoute(http, { principals, self, store, replication, policy, rules }, status);
    addRulesRoute(http, { principals, self }, { policy, rules, settings, streams: () => store.streams() });

    return {
      settings,
      self,
      env,
      store,
      policy,
      rules,
      replication,
      http,
      registry,
      log,
      exceptions,
      principals,
      readiness,
      async start() {
        await replication.start();
        const address = await listen(http, settings.http.host, settings.http.port);
        phase = "up";
        const { owner } = self;
        const writer = startStatusWriter({ store, env, log, owner, status, everySeconds: settings.metricsSeconds });
        teardown.add("status", () => writer.close());
        const replicationPort = replication.port;
        log.info({ http: address, replicationPort, origin: store.origin, version }, "node is up");
      },
      async close() {
        phase = "closing";
        await teardown.run();
      },
    };
  } catch (error) {
    await teardown.run();
    throw error;
  }
}
