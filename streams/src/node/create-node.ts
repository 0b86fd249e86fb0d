import { createPolicy } from "../access/policy.js";
import { addAuditHook } from "../audit/audit-hook.js";
import { AuditTrail } from "../audit/audit-trail.js";
import { systemEnv, type Env } from "../env.js";
import { HTTP_CLOSE_MS_MAX } from "../http/http-limits.js";
import { addIdentification } from "../http/identification.js";
import { listen } from "../http/listen.js";
import { bearerToken, createPrincipalResolvers } from "../http/principals.js";
import { addCompareRoutes } from "../http/routes/compare.js";
import { addHealthRoutes } from "../http/routes/health.js";
import { addRulesRoute } from "../http/routes/rules.js";
import { addStatusRoute } from "../http/routes/status.js";
import { addStreamRoutes } from "../http/routes/streams.js";
import { createHttpServer } from "../http/server.js";
import { LandfallError } from "../model/errors.js";
import { ownerOfStream, type StreamName } from "../model/names.js";
import { createExceptions } from "../observe/exceptions.js";
import { measureHttp } from "../observe/http-metrics.js";
import { createLog } from "../observe/log.js";
import { createRegistry, registerNodeMetrics } from "../observe/metrics.js";
import { startStatusWriter } from "../observe/status-writer.js";
import { createStatus } from "../observe/status.js";
import { createReplicator } from "../replication/replicator.js";
import { ownAppends, Producers } from "../replication/producers.js";
import { FleetGrants } from "../settings/fleet/fleet-grants.js";
import { FleetRules } from "../settings/fleet/fleet-rules.js";
import { putInForce } from "../settings/fleet/put-in-force.js";
import type { NodeSettings } from "../settings/node-settings.js";
import type { Exceptions, LandfallNode, Replication } from "./node.js";
import { openStore } from "./open-store.js";
import { createReadiness, openReason } from "./readiness.js";
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
  const policy = createPolicy(settings.access, () => env.now());
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
    let isRead = false;
    const isRetentionKnown = (stream: StreamName) => isRead && travelled?.isUnread(ownerOfStream(stream)) === false;
    const retention = retentionOf(settings.retention, { of: (owner) => travelled?.rules(owner, "retention"), self });
    // Until they can be recorded, the log says it.
    let report: Exceptions["report"] = () => undefined;
    const { store, failed, warning } = await openStore(settings, {
      env,
      log,
      retention,
      handedOver: (stream, origin) => handedOver(stream, origin),
      mayAppend: ownAppends(policy, self),
      onRefused: (code, message) => report({ code, source: "kafka", message }),
      isRetentionKnown,
    });
    teardown.add("store", () => store.close());
    const exceptions = createExceptions({ store, env, log, registry, owner: self.owner, site, node: nodeName });
    teardown.add("exceptions", () => exceptions.close());
    report = (exception) => exceptions.report(exception);
    const audit = new AuditTrail({
      store,
      env,
      owner: self.owner,
      site,
      node: nodeName,
      onLost: (count, error) => log.error({ err: error, count }, "records of the audit are lost"),
    });
    teardown.add("audit", () => audit.close());
    // Settings follow the base alone, which does not change.
    const producers = new Producers(policy, settings.sites);
    const maySet = (name: string, stream: StreamName) => producers.maySiteProduce(name, stream);
    const rules = (travelled = new FleetRules({ store, env, exceptions, maySet }));
    putInForce(rules, policy, retention);
    teardown.add("rules", () => rules.close());
    // Before anybody is answered or connected.
    await rules.start();
    isRead = true;
    const grants = new FleetGrants({ store, env, exceptions, policy, maySet });
    teardown.add("grants", () => grants.close());
    await grants.start();
    principals.add(({ headers: { authorization } }) => {
      const token = typeof authorization === "string" ? bearerToken(authorization) : undefined;
      return Promise.resolve(token === undefined ? undefined : grants.holderOf(token));
    });
    const replication = createReplicator({ store, env, settings, policy, log, exceptions, registry });
    handedOver = (stream, origin) => replication.handedOver(stream, origin);
    teardown.add("replication", () => replication.close());
    const http = await createHttpServer({
      log,
      title: `Landfall, ${self.name}`,
      version,
      ...(settings.http.trustedProxies && { trustedProxies: settings.http.trustedProxies }),
    });
    measureHttp(http, registry);
    addIdentification(http, principals);
    addAuditHook(http, {
      trail: audit,
      owner: self.owner,
      onUnwritten: (deed, error) => log.error({ err: error, deed }, "the audit cannot be written"),
    });
    teardown.add("http", async () => {
      // A live feed never ends by itself.
      const cut = env.setTimer(HTTP_CLOSE_MS_MAX, () => http.server.closeAllConnections());
      await http.close().finally(() => cut.cancel());
    });

    const status = createStatus({ site, node: nodeName, version, env, store, replication, readiness });
    registerNodeMetrics(registry, { version, store, replication, readiness });
    let phase: "starting" | "up" | "closing" = "starting";
    readiness.add("node", () => (phase === "up" ? undefined : phase));
    readiness.add("store", () => openReason(store.stats().failed));
    readiness.warn("store", warning);
    addHealthRoutes(http, { self, policy, principals, readiness, registry });
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
      grants,
      replication,
      http,
      registry,
      log,
      exceptions,
      audit,
      principals,
      readiness,
      failed,
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
