import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { SitesReply } from "@landfall/proto/api";
import type { Principal } from "@landfall/streams/access/policy";
import type { Env } from "@landfall/streams/env";
import { streamName } from "@landfall/streams/model/names";
import { createNode } from "@landfall/streams/node/create-node";
import type { LandfallNode } from "@landfall/streams/node/node";
import { Attempts } from "./auth/attempts.js";
import { mayControl } from "./auth/controls.js";
import { PasswordChecker } from "./auth/password-checker.js";
import { Revocations } from "./auth/revocations.js";
import { sessionSecret } from "./auth/secret.js";
import { Sessions } from "./auth/sessions.js";
import { Bookings } from "./bookings/bookings.js";
import { OriginTimes } from "./history/origin-times.js";
import { addHqRoutes } from "./http/server.js";
import { LiveHub } from "./live/hub.js";
import { HISTORIES_AT_ONCE, HISTORIES_WAITING_MAX } from "./limits.js";
import { ContainerFinder } from "./map/container-search.js";
import { registerHqMetrics } from "./metrics.js";
import { RulesDesk } from "./rules/rules-desk.js";
import type { HqSettings } from "./settings.js";
import { SimulatorClient } from "./simulation/client.js";
import { SimulationFeed } from "./simulation/feed.js";
import { describeSites } from "./sites/sites.js";
import { readStatuses } from "./sites/statuses.js";
import { Gate } from "./util/gate.js";
import { FleetSync } from "./view/fleet-sync.js";
import { FleetView } from "./view/fleet-view.js";
import { Perspectives } from "./view/perspectives.js";

export interface Hq {
  readonly node: LandfallNode;
  readonly view: FleetView;
  readonly sync: FleetSync;
  start(): Promise<void>;
  close(): Promise<void>;
}

export interface HqOptions {
  readonly env?: Env;
  /** Milliseconds between two updates of the live feed; tests want it faster. */
  readonly liveTickMs?: number;
}

/**
 * A headquarters: a node, the fleet view over its streams, people and the map.
 * @throws LandfallError what `createNode` throws
 */
export async function createHq(settings: HqSettings, options: HqOptions = {}): Promise<Hq> {
  const node = await createNode(settings, options.env ? { env: options.env } : {});
  try {
    return await furnish(node, settings, options);
  } catch (error) {
    await node.close();
    throw error;
  }
}

async function furnish(node: LandfallNode, settings: HqSettings, { liveTickMs }: HqOptions): Promise<Hq> {
  const { env, store, policy, replication, log } = node;
  const view = new FleetView();
  const sync = new FleetSync(store, view, (stream, error) => {
    log.error({ err: error, stream }, "a stream of the fleet view cannot be read");
    const message = error instanceof Error ? error.message : String(error);
    node.exceptions.report({ code: "VIEW_STREAM_UNREADABLE", source: "hq", message, detail: { stream } });
  });
  const shipNames = new Map(settings.sites.map(({ imo, name }) => [imo, name]));
  const perspectives = new Perspectives(
    view,
    policy,
    {
      shipName: (imo) => shipNames.get(imo),
      lastLink: (stream, origin) => replication.arrivedOver(stream, origin),
    },
    Math.floor(env.random() * 2 ** 48).toString(36),
  );
  const imos = new Map(settings.sites.map(({ site, imo }) => [site, imo]));
  const owners = new Map(settings.sites.map(({ site, owner }) => [site, owner]));

  const sitesFor = (principal: Principal): SitesReply => {
    const perspective = perspectives.of(principal);
    // Streams that are not part of the fleet view are held and handed on as well.
    const readable = new Set(
      [...store.streams(), ...replication.peers().flatMap(({ holdings }) => [...holdings.keys()])].filter((stream) =>
        policy.allows(principal, "read", stream),
      ),
    );
    return describeSites({
      self: node.self,
      node: settings.node,
      sites: settings.sites,
      readable,
      statuses: readStatuses(view, readable, (site) => owners.get(site)),
      readsMetricsOf: (owner) => policy.allows(principal, "read", streamName(`${owner}.metrics`)),
      peers: replication.peers(),
      links: replication.links(),
      vectorOf: (stream) => store.vector(stream),
      ship: (imo) => perspective.ship(imo)?.state,
      now: env.now(),
    });
  };

  const folder = join(settings.data, "hq");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const secret = await sessionSecret(folder);
  const sessions = new Sessions({
    jwt: () => node.http.jwt,
    revocations: await Revocations.load(folder, env.now()),
    env,
    users: settings.users,
    hours: settings.sessionHours,
  });
  const simulator = settings.simulation && new SimulatorClient(settings.simulation.url);
  const simulation = simulator && new SimulationFeed(simulator, env, log);
  const hub = new LiveHub({
    view,
    perspectives,
    sitesFor,
    simulation,
    mayControl: (principal) => mayControl(principal, settings),
    env,
    onRules: (listener) => node.rules.onChange(listener),
    ...(liveTickMs !== undefined && { tickMs: liveTickMs }),
  });
  await addHqRoutes(
    {
      node,
      settings,
      view,
      sync,
      perspectives,
      finder: new ContainerFinder(env),
      bookings: new Bookings({ store, policy, env, view, sync }),
      rulesDesk: new RulesDesk({
        store,
        policy,
        env,
        settings,
        rules: node.rules,
        streams: () => store.streams(),
        site: settings.site,
      }),
      sessions,
      passwords: new PasswordChecker(settings.users),
      attempts: new Attempts(),
      hub,
      histories: new Gate(HISTORIES_AT_ONCE, HISTORIES_WAITING_MAX, "too many histories are asked for"),
      historyParts: { store, times: new OriginTimes(store), imoOf: (site) => imos.get(site) },
      simulator,
      sitesFor,
    },
    secret,
  );
  node.readiness.add("fleet view", () => {
    if (!sync.isRebuilt) return `being rebuilt from the streams: ${sync.records} records so far`;
    // This is open to everybody: which streams there are is not.
    return sync.failing.size === 0 ? undefined : `cannot read ${sync.failing.size} of the streams; the log says which`;
  });
  registerHqMetrics(node.registry, { view, sync, hub });

  return {
    node,
    view,
    sync,
    async start() {
      const rebuilding = sync.start();
      await node.start();
      const begun = env.monotonic();
      rebuilding
        .then(() =>
          log.info({ records: sync.records, ms: Math.round(env.monotonic() - begun) }, "fleet view is rebuilt"),
        )
        .catch((error: unknown) => log.error({ err: error }, "the fleet view cannot be rebuilt"));
    },
    async close() {
      hub.close();
      await sync.stop();
      await node.close();
    },
  };
}
